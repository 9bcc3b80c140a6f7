/* Any bytes as a JSON body. Promise: what was read can be written, and what was written reads back
 * to the same text. */
#include "fuzz.h"
#include "base/json.h"

/* The members of an object cannot be listed (no code of ours needs that): those with the names that
 * bodies and events have are written. */
static const char *const names[] = {"a",     "id",    "email",  "password", "title",
                                    "price", "token", "ticket", "ticketId", "orderId"};

static void write_value(struct json_writer *writer, const struct json *value);

static void write_number(struct json_writer *writer, const struct json *value)
{
    int64_t whole;
    double real;

    ASSERT(json_double(value, &real));
    json_put_int(writer, json_int64(value, &whole) ? whole : 0);
}

static void write_text(struct json_writer *writer, const struct json *value)
{
    struct str text;

    ASSERT(json_text(value, &text));
    ASSERT(str_is_utf8(text) && (text.len == 0 || !memchr(text.at, 0, text.len)));
    json_put_text(writer, text);
}

static void write_array(struct json_writer *writer, const struct json *value)
{
    json_begin_array(writer);
    for (size_t i = 0; i < json_length(value); i++)
        write_value(writer, json_at(value, i));
    json_end_array(writer);
}

static void write_object(struct json_writer *writer, const struct json *value)
{
    json_begin_object(writer);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!json_get(value, names[i])) continue;
        json_key(writer, names[i]);
        write_value(writer, json_get(value, names[i]));
    }
    json_end_object(writer);
    (void)json_get_path(value, "ticket.price");
}

static void write_value(struct json_writer *writer, const struct json *value)
{
    bool truth = false;

    switch (json_type(value)) {
    case JSON_NULL:
        json_put_null(writer);
        break;
    case JSON_BOOL:
        ASSERT(json_bool(value, &truth));
        json_put_bool(writer, truth);
        break;
    case JSON_NUMBER:
        write_number(writer, value);
        break;
    case JSON_TEXT:
        write_text(writer, value);
        break;
    case JSON_ARRAY:
        write_array(writer, value);
        break;
    case JSON_OBJECT:
        write_object(writer, value);
        break;
    }
}

static void write_whole(struct buf *out, const struct json *value)
{
    struct json_writer writer = json_writer_to(out);

    write_value(&writer, value);
    ASSERT(!out->failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = fuzz_arena();
    const struct json *value = json_parsed(arena, fuzz_text(data, size));
    struct buf once, twice;

    if (!value) return 0;
    buf_init(&once, NULL, FUZZ_TEXT_MAX);
    buf_init(&twice, NULL, FUZZ_TEXT_MAX);
    write_whole(&once, value);
    value = json_parsed(arena, buf_str(&once));
    ASSERT(value);
    write_whole(&twice, value);
    ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
    buf_free(&once);
    buf_free(&twice);
    return 0;
}
