/* services/admin/compact.c: one member of a JSON object as it was written, on one line. The
 * tree that json_parse makes cannot be written back: what an operator publishes stays as it is. */
#include "services/admin/admin.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where the string that begins at `at` ends, past its closing quote. */
static size_t string_end(struct str text, size_t at)
{
    for (at++; at < text.len && text.at[at] != '"'; at++)
        if (text.at[at] == '\\') at++;
    return at + 1;
}

/* Where the value that begins at `at` ends: at the comma or bracket after it. */
static size_t value_end(struct str text, size_t at)
{
    for (int depth = 0; at < text.len; at++) {
        char c = text.at[at];

        if (c == '"') {
            at = string_end(text, at) - 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth-- == 0) break;
        } else if (c == ',' && depth == 0) {
            break;
        }
    }
    return at;
}

static void append_compact(struct buf *out, struct str value)
{
    for (size_t at = 0; at < value.len;) {
        size_t end = at + 1;

        if (value.at[at] == '"') end = string_end(value, at);
        if (!is_space(value.at[at])) buf_append(out, (struct str){value.at + at, end - at});
        at = end;
    }
}

bool json_member_compact(struct str text, struct str name, struct buf *out)
{
    struct str value = {NULL, 0};
    size_t at = 0;

    while (at < text.len && text.at[at] != '{')
        at++;
    while (at < text.len && text.at[at] != '}') { /* at the '{' or ',' before a key */
        struct str key;
        size_t end;

        for (at++; at < text.len && text.at[at] != '"' && text.at[at] != '}';)
            at++;
        if (at >= text.len || text.at[at] == '}') break;
        end = string_end(text, at);
        key = (struct str){text.at + at + 1, end - at - 2};
        while (end < text.len && text.at[end] != ':')
            end++;
        at = value_end(text, end + 1);
        if (at > text.len) break;
        if (str_eq(key, name)) value = (struct str){text.at + end + 1, at - end - 1};
    }
    if (!value.at) return false;
    append_compact(out, value);
    return true;
}
