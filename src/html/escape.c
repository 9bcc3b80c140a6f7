/* html/escape.c: values on their way into HTML, each by the place it stands in. */
#include "html/escape.h"

#include "base/percent.h"

/* What a byte becomes in text and attributes; 0: itself. */
static const char *reference_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void put_escaped(struct buf *out, struct str text)
{
    size_t start = 0;

    for (size_t i = 0; i < text.len; i++) {
        const char *instead = (unsigned char)text.at[i] > '>' ? NULL : reference_of(text.at[i]);

        if (!instead) continue;
        buf_append(out, (struct str){text.at + start, i - start});
        buf_append(out, str_of(instead));
        start = i + 1;
    }
    if (text.len > start) buf_append(out, (struct str){text.at + start, text.len - start});
}

/* A browser reads '\' as '/', and drops tabs and line breaks before it looks. */
static bool is_own_path(struct str text)
{
    if (text.len == 0 || text.at[0] != '/') return false;
    if (text.len > 1 && (text.at[1] == '/' || text.at[1] == '\\')) return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] <= ' ' || text.at[i] == '\\' || text.at[i] == 0x7f)
            return false;
    return true;
}

void put_address(struct buf *out, struct str text)
{
    put_escaped(out, is_own_path(text) ? text : STR("#"));
}

void put_address_part(struct buf *out, struct str text)
{
    percent_encode(out, text, "");
}

void put_json(struct buf *out, struct str text)
{
    buf_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool separator = c == 0xe2 && i + 2 < text.len && (unsigned char)text.at[i + 1] == 0x80 &&
                         ((unsigned char)text.at[i + 2] & 0xfe) == 0xa8;

        if (separator) { /* U+2028 and U+2029 end a line in older JavaScript */
            buf_printf(out, "\\u202%c", (unsigned char)text.at[i + 2] == 0xa8 ? '8' : '9');
            i += 2;
        } else if (c < 0x20 || strchr("<>&'\"\\", c) || c == 0x7f) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_char(out, (char)c);
        }
    }
    buf_char(out, '"');
}

static const struct message_value *
message_value_find(struct str name, const struct message_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(values[i].name, name)) return &values[i];
    return NULL;
}

static void message_fill(struct buf *out, struct str text, const struct message_value *values,
                         size_t count, void (*put)(struct buf *, struct str))
{
    while (text.len) {
        const char *open = memchr(text.at, '{', text.len), *close;
        const struct message_value *value;
        size_t before = open ? (size_t)(open - text.at) : text.len;

        buf_append(out, (struct str){text.at, before});
        text = (struct str){text.at + before, text.len - before};
        if (!open) return;
        close = memchr(text.at, '}', text.len);
        if (!close) return; /* the build has seen to it that there is one */
        value = message_value_find((struct str){text.at + 1, (size_t)(close - text.at) - 1}, values,
                                   count);
        if (value) put(out, value->value);
        before = (size_t)(close - text.at) + 1;
        text = (struct str){text.at + before, text.len - before};
    }
}

void put_message(struct buf *out, struct str text, const struct message_value *values, size_t count)
{
    message_fill(out, text, values, count, put_escaped);
}

void put_message_plain(struct buf *out, struct str text, const struct message_value *values,
                       size_t count)
{
    message_fill(out, text, values, count, buf_append);
}
