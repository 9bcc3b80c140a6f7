/* base/percent.c: percent-encoding and back. */
#include "base/percent.h"

#include "base/hex.h"

static bool is_unreserved(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void percent_encode(struct buf *out, struct str text, const char *also)
{
    static const char digits[] = "0123456789ABCDEF"; /* upper case: section 6.2.2.1 */

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];

        if (is_unreserved(c) || (c && strchr(also, c))) {
            buf_char(out, (char)c);
            continue;
        }
        buf_char(out, '%');
        buf_char(out, digits[c >> 4]);
        buf_char(out, digits[c & 15]);
    }
}

/* The byte of the escape that begins at `at`, whose % is there; -1: it is broken. */
static int escaped_byte(const char *at, size_t left)
{
    int high = left > 2 ? hex_digit(at[1]) : -1;
    int low = high < 0 ? -1 : hex_digit(at[2]);

    return low < 0 ? -1 : high * 16 + low;
}

enum err percent_decode(struct arena *arena, struct str text, bool plus, struct str *out)
{
    char *to = arena_alloc_raw(arena, text.len + 1);
    size_t len = 0;

    if (!to) return ERR_MEMORY;
    for (size_t i = 0; i < text.len; i++) {
        int c = (unsigned char)text.at[i];

        if (c == '%') {
            c = escaped_byte(text.at + i, text.len - i);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        if (c <= 0) return ERR_INVALID;
        to[len++] = (char)c;
    }
    to[len] = 0;
    if (!str_is_utf8((struct str){to, len})) return ERR_INVALID;
    *out = (struct str){to, len};
    return OK;
}

bool percent_decode_in_place(char *text)
{
    size_t left = strlen(text);
    char *out = text;

    while (left) {
        int c = *text == '%' ? escaped_byte(text, left) : (unsigned char)*text;
        size_t took = *text == '%' ? 3 : 1;

        if (c <= 0) return false;
        *out++ = (char)c;
        text += took;
        left -= took;
    }
    *out = '\0';
    return true;
}
