/* base/json_writer.c: writing JSON straight into a buf. What comes out is always valid UTF-8 text
 * in JSON's grammar as long as begin and end pair up; a buf that ran full says so itself. */
#include "base/json.h"

#include "base/clock.h"
#include "base/money.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

#define EVERY_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Non-zero when one of eight bytes is a control character, a quote, a backslash or not ASCII.
 * Each term sets a byte's top bit when it holds what the term looks for; borrows can only raise
 * false alarms above a true one. */
static uint64_t not_plain(uint64_t eight)
{
    uint64_t quote = eight ^ EVERY_BYTE('"'), backslash = eight ^ EVERY_BYTE('\\');

    return ((eight - EVERY_BYTE(0x20)) | (quote - EVERY_BYTE(1)) | (backslash - EVERY_BYTE(1)) |
            eight) &
           EVERY_BYTE(0x80);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Bytes at the start of text that can stand in a JSON string as they are. */
static size_t plain_length(struct str text)
{
    size_t i = 0;

    while (i < text.len) {
        uint64_t eight;
        size_t length;

        if (text.len - i >= sizeof eight) {
            memcpy(&eight, text.at + i, sizeof eight);
            if (!not_plain(eight)) {
                i += sizeof eight;
                continue;
            }
        }
        if (is_plain((unsigned char)text.at[i])) {
            i++;
            continue;
        }
        if ((unsigned char)text.at[i] < 0x80) break;
        length = str_utf8_length((struct str){text.at + i, text.len - i});
        if (length == 0) break;
        i += length;
    }
    return i;
}

static void put_escape(struct buf *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

    if (c >= 0x80) {
        buf_append(out, STR(REPLACEMENT));
    } else if (c == '"' || c == '\\') {
        buf_append(out, (struct str){(const char[]){'\\', (char)c}, 2});
    } else if (letters[c]) {
        buf_append(out, (struct str){(const char[]){'\\', letters[c]}, 2});
    } else {
        buf_append(
            out,
            (struct str){(const char[]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]}, 6});
    }
}

/* before: the comma or 0; after: the colon of a key or 0. */
static void put_string(struct buf *out, char before, struct str text, char after)
{
    size_t plain = plain_length(text);

    if (plain == text.len) { /* the common case: one reservation for everything */
        size_t size = text.len + 2 + (before != 0) + (after != 0);
        char *at = text.len < out->max ? buf_reserve(out, size) : NULL;
        char *start = at;

        if (!at) {
            out->failed = true;
            return;
        }
        if (before) *at++ = before;
        *at++ = '"';
        if (text.len) memcpy(at, text.at, text.len);
        at += text.len;
        *at++ = '"';
        if (after) *at++ = after;
        out->len += (size_t)(at - start);
        return;
    }
    if (before) buf_char(out, before);
    buf_char(out, '"');
    for (;;) {
        buf_append(out, (struct str){text.at, plain});
        if (plain == text.len) break;
        put_escape(out, (unsigned char)text.at[plain]);
        text = (struct str){text.at + plain + 1, text.len - plain - 1};
        plain = plain_length(text);
    }
    buf_char(out, '"');
    if (after) buf_char(out, after);
}

static void bracket_begin(struct json_writer *writer, char bracket)
{
    if (writer->comma) buf_char(writer->out, ',');
    buf_char(writer->out, bracket);
    writer->comma = false;
}

static void bracket_end(struct json_writer *writer, char bracket)
{
    buf_char(writer->out, bracket);
    writer->comma = true;
}

/* Before a value that is not text. */
static struct buf *value_place(struct json_writer *writer)
{
    if (writer->comma) buf_char(writer->out, ',');
    writer->comma = true;
    return writer->out;
}

void json_begin_object(struct json_writer *writer)
{
    bracket_begin(writer, '{');
}

void json_end_object(struct json_writer *writer)
{
    bracket_end(writer, '}');
}

void json_begin_array(struct json_writer *writer)
{
    bracket_begin(writer, '[');
}

void json_end_array(struct json_writer *writer)
{
    bracket_end(writer, ']');
}

void json_key(struct json_writer *writer, const char *key)
{
    put_string(writer->out, writer->comma ? ',' : 0, str_of(key), ':');
    writer->comma = false;
}

void json_put_text(struct json_writer *writer, struct str text)
{
    put_string(writer->out, writer->comma ? ',' : 0, text, 0);
    writer->comma = true;
}

void json_put_int(struct json_writer *writer, int64_t number)
{
    buf_int(value_place(writer), number);
}

void json_put_money(struct json_writer *writer, int64_t cents)
{
    money_append(value_place(writer), cents);
}

void json_put_bool(struct json_writer *writer, bool value)
{
    buf_append(value_place(writer), value ? STR("true") : STR("false"));
}

void json_put_null(struct json_writer *writer)
{
    buf_append(value_place(writer), STR("null"));
}

void json_put_time(struct json_writer *writer, struct wall_ms time)
{
    char text[ISO8601_LEN + 1];

    iso8601_format(time, text);
    json_put_text(writer, (struct str){text, ISO8601_LEN});
}

void json_put_raw(struct json_writer *writer, struct str raw)
{
    buf_append(value_place(writer), raw);
}

void json_member_text(struct json_writer *writer, const char *key, struct str text)
{
    json_key(writer, key);
    json_put_text(writer, text);
}

void json_member_known(struct json_writer *writer, const char *key, struct str text)
{
    if (text.len) json_member_text(writer, key, text);
}

void json_member_int(struct json_writer *writer, const char *key, int64_t number)
{
    json_key(writer, key);
    json_put_int(writer, number);
}

void json_member_money(struct json_writer *writer, const char *key, int64_t cents)
{
    json_key(writer, key);
    json_put_money(writer, cents);
}

void json_member_time(struct json_writer *writer, const char *key, struct wall_ms time)
{
    json_key(writer, key);
    json_put_time(writer, time);
}

void json_member_bool(struct json_writer *writer, const char *key, bool value)
{
    json_key(writer, key);
    json_put_bool(writer, value);
}

void json_member_id(struct json_writer *writer, const char *key, struct object_id id)
{
    struct object_id_text text = object_id_text(id);

    json_member_text(writer, key, (struct str){text.hex, OBJECT_ID_HEX});
}
