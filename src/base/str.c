/* base/str.c: looking at text (str_*). The growing buffer is in buf.c, Base64 in base64.c. */
#include "base/str.h"

#include <sodium.h>

static unsigned char lower(char c)
{
    unsigned char byte = (unsigned char)c;

    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte | 0x20) : byte;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.at[i]) != lower(b.at[i])) return false;
    }
    return true;
}

bool str_starts(struct str text, struct str prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.at, prefix.at, prefix.len) == 0);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str text)
{
    while (text.len && is_space(text.at[0])) {
        text.at++;
        text.len--;
    }
    while (text.len && is_space(text.at[text.len - 1]))
        text.len--;
    return text;
}

size_t str_code_points(struct str text)
{
    size_t count = 0;

    /* every code point has exactly one byte that is not a continuation (10xxxxxx) */
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    return count;
}

size_t str_utf8_length(struct str text)
{
    const unsigned char *at = (const unsigned char *)text.at;
    unsigned char low = 0x80, high = 0xBF; /* what the second byte may be (RFC 3629 section 4) */
    size_t length;

    if (text.len == 0) return 0;
    if (at[0] < 0x80) return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4) return 0; /* continuation, overlong, past U+10FFFF */
    length = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (text.len < length) return 0;
    if (at[0] == 0xE0) low = 0xA0;  /* overlong */
    if (at[0] == 0xED) high = 0x9F; /* surrogates */
    if (at[0] == 0xF0) low = 0x90;  /* overlong */
    if (at[0] == 0xF4) high = 0x8F; /* past U+10FFFF */
    if (at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80) return 0;
    }
    return length;
}

bool str_is_utf8(struct str text)
{
    size_t i = 0;

    while (i < text.len) {
        uint64_t eight;
        size_t length;

        if (text.len - i >= sizeof eight) { /* mostly ASCII: eight bytes a step */
            memcpy(&eight, text.at + i, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        length = str_utf8_length((struct str){text.at + i, text.len - i});
        if (length == 0) return false;
        i += length;
    }
    return true;
}

bool str_to_int64(struct str text, int64_t *out)
{
    int64_t number = 0;

    if (text.len == 0) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return false;
        if (__builtin_mul_overflow(number, 10, &number)) return false;
        if (__builtin_add_overflow(number, text.at[i] - '0', &number)) return false;
    }
    *out = number;
    return true;
}

bool str_eq_secret(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.at, b.at, a.len) == 0);
}

bool str_is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] >= 0x80) return false;
    return true;
}

bool str_header_next(struct str *lines, struct str name, struct str *value)
{
    while (lines->len) {
        const char *end = memchr(lines->at, '\n', lines->len);
        size_t len = end ? (size_t)(end - lines->at) + 1 : lines->len;
        struct str line = {lines->at, len};

        *lines = (struct str){lines->at + len, lines->len - len};
        if (len <= name.len || line.at[name.len] != ':' ||
            !str_eq_nocase((struct str){line.at, name.len}, name))
            continue;
        *value = str_trim((struct str){line.at + name.len + 1, len - name.len - 1});
        return true;
    }
    return false;
}

struct str str_header(struct str lines, struct str name)
{
    struct str value = {NULL, 0};

    str_header_next(&lines, name, &value);
    return value;
}
