/* Any bytes as a page's form. Promise: what a field yields is text, whatever was sent; a value that
 * a browser encodes arrives as it was typed.
 *
 * Input: a body; and all of it as what somebody typed into a field. */
#include "fuzz.h"
#include "http/headers.h"
#include "http/request.h"

static const char *const names[] = {"title", "price", "email", "password", "token", "nonce", ""};

static struct header_table *form_header(void)
{
    static char text[] = "content-typeapplication/x-www-form-urlencoded; charset=utf-8";
    static struct header_table table = {.text = text, .len = sizeof text - 1, .count = 1};

    table.at[0].name_at = 0;
    table.at[0].name_len = 12;
    table.at[0].value_at = 12;
    table.at[0].value_len = sizeof text - 1 - 12;
    return &table;
}

static bool is_text(struct str value)
{
    return str_is_utf8(value) && (value.len == 0 || !memchr(value.at, '\0', value.len));
}

/* As a browser does (the URL standard's application/x-www-form-urlencoded serialiser). */
static void encode(struct buf *out, struct str typed)
{
    for (size_t i = 0; i < typed.len; i++) {
        unsigned char c = (unsigned char)typed.at[i];

        if (c == ' ')
            buf_char(out, '+');
        else if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
            buf_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static void try_typed(struct arena *arena, struct str typed)
{
    struct request rq;
    struct buf body;

    request_init(&rq, arena);
    rq.headers = form_header();
    buf_init(&body, NULL, FUZZ_TEXT_MAX);
    buf_append(&body, STR("first=1&title="));
    encode(&body, typed);
    buf_append(&body, STR("&title=second"));
    rq.body_bytes = buf_str(&body);
    ASSERT(str_eq(request_form(&rq, "title"), is_text(typed) ? typed : STR("")));
    buf_free(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = fuzz_arena();
    struct request rq;

    request_init(&rq, arena);
    rq.body_bytes = fuzz_text(data, size);
    ASSERT(request_form(&rq, "title").len == 0); /* no form without its content type */
    rq.headers = form_header();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ASSERT(is_text(request_form(&rq, names[i])));
    if (size < 4096) try_typed(arena, fuzz_text(data, size));
    return 0;
}
