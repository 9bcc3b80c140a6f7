/* Any bytes as a value on a page. Promise: it cannot leave the place it stands in: text, attribute,
 * address, part of an address, JSON in a script; and in text and JSON it still says the same.
 *
 * Input: a value; for a catalogue's text "{a}" stands for it, too. */
#include "fuzz.h"
#include "base/json.h"
#include "html/escape.h"

static bool has_any(const struct buf *out, const char *letters)
{
    for (size_t i = 0; i < out->len; i++)
        if (out->at[i] && strchr(letters, out->at[i])) return true;
    return false;
}

/* Undoes the five references; any other '&' is a failure. */
static void check_text(struct str value, const struct buf *out)
{
    static const struct {
        struct str reference;
        char c;
    } known[] = {{STR("&amp;"), '&'},
                 {STR("&lt;"), '<'},
                 {STR("&gt;"), '>'},
                 {STR("&quot;"), '"'},
                 {STR("&#39;"), '\''}};
    struct str rest = buf_str(out);

    for (size_t i = 0; i < value.len; i++) {
        size_t taken = 1, k = 0;
        char c;

        ASSERT(rest.len > 0);
        c = rest.at[0];
        if (c == '&') {
            while (k < 5 && !str_starts(rest, known[k].reference))
                k++;
            ASSERT(k < 5);
            c = known[k].c;
            taken = known[k].reference.len;
        }
        ASSERT(c == value.at[i]);
        rest = (struct str){rest.at + taken, rest.len - taken};
    }
    ASSERT(rest.len == 0);
}

static void try_text(struct str value, struct buf *out)
{
    put_escaped(out, value);
    ASSERT(!has_any(out, "<>\"'"));
    check_text(value, out);
    buf_reset(out);
}

/* One of our own paths, or "#". */
static void try_address(struct str value, struct buf *out)
{
    put_address(out, value);
    ASSERT(!has_any(out, "<>\"'\\ \t\r\n"));
    ASSERT(str_eq(buf_str(out), STR("#")) || out->at[0] == '/');
    ASSERT(out->len < 2 || out->at[1] != '/');
    buf_reset(out);
    put_address_part(out, value);
    ASSERT(!has_any(out, "<>\"'\\/?#&=+:; \t\r\n"));
    buf_reset(out);
}

static void try_json(struct str value, struct buf *out)
{
    const struct json *json;
    struct str again;

    put_json(out, value);
    ASSERT(out->len >= 2 && out->at[0] == '"' && out->at[out->len - 1] == '"');
    ASSERT(!has_any(out, "<>&'\r\n") && !memchr(out->at + 1, '"', out->len - 2));
    ASSERT(!memmem(out->at, out->len, "\xe2\x80\xa8", 3));
    ASSERT(!memmem(out->at, out->len, "\xe2\x80\xa9", 3));
    if (str_is_utf8(value) && (value.len == 0 || !memchr(value.at, '\0', value.len))) {
        json = json_parsed(fuzz_arena(), buf_str(out));
        ASSERT(json_text(json, &again) && str_eq(again, value));
    }
    buf_reset(out);
}

static void try_message(struct str value, struct buf *out)
{
    struct message_value values[] = {{STR("a"), value}, {STR("b"), STR("<b>")}};

    put_message(out, STR("one {a}, two {b}, {c}."), values, 2);
    ASSERT(!has_any(out, "<>\"'"));
    buf_reset(out);
    put_message(out, value, values, 2); /* a catalogue with mistakes in it */
    buf_reset(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str value = fuzz_text(data, size);
    struct buf out;

    buf_init(&out, NULL, FUZZ_TEXT_MAX);
    try_text(value, &out);
    try_address(value, &out);
    try_json(value, &out);
    if (size < 1024) try_message(value, &out);
    ASSERT(!out.failed);
    buf_free(&out);
    return 0;
}
