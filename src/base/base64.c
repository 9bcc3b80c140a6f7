/* base/base64.c: Base64 in both alphabets of RFC 4648 (sections 4 and 5). */
#include "base/str.h"

static const char alphabet_plain[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of a character of either alphabet with VALID set; 0 for all others. */
#define VALID 0x40
/* clang-format off */
static const unsigned char values[256] = {
    ['A'] = 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85,
    86, 87, 88, 89,
    ['a'] = 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108,
    109, 110, 111, 112, 113, 114, 115,
    ['0'] = 116, 117, 118, 119, 120, 121, 122, 123, 124, 125,
    ['+'] = 126, ['-'] = 126, ['/'] = 127, ['_'] = 127,
};
/* clang-format on */

void base64_encode(struct buf *out, struct str bytes, bool url)
{
    const char *alphabet = url ? alphabet_url : alphabet_plain;
    const unsigned char *in = (const unsigned char *)bytes.at;
    size_t left = bytes.len, size;
    char *start, *at;

    if (left == 0) return;
    size = left / 3 * 4 + (left % 3 == 0 ? 0 : url ? left % 3 + 1 : 4);
    start = left <= out->max ? buf_reserve(out, size) : NULL;
    if (!start) {
        out->failed = true;
        return;
    }
    for (at = start; left >= 3; in += 3, left -= 3) {
        *at++ = alphabet[in[0] >> 2];
        *at++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
        *at++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
        *at++ = alphabet[in[2] & 63];
    }
    if (left > 0) {
        unsigned second = left == 2 ? in[1] : 0;

        *at++ = alphabet[in[0] >> 2];
        *at++ = alphabet[(in[0] & 3u) << 4 | second >> 4];
        if (left == 2) *at++ = alphabet[(second & 15) << 2];
        for (size_t i = left; i < 3 && !url; i++)
            *at++ = '=';
    }
    out->len += (size_t)(at - start);
}

/* Two or three characters stand for one or two bytes; the bits left over do not matter. */
static bool decode_tail(const unsigned char *in, size_t left, unsigned char *at)
{
    unsigned valid = VALID, bits = 0;

    for (size_t i = 0; i < left; i++) {
        valid &= values[in[i]];
        bits = bits << 6 | (values[in[i]] & 63u);
    }
    if (left == 2) {
        at[0] = (unsigned char)(bits >> 4);
    } else if (left == 3) {
        at[0] = (unsigned char)(bits >> 10);
        at[1] = (unsigned char)(bits >> 2);
    }
    return valid != 0;
}

bool base64_decode(struct buf *out, struct str text)
{
    const unsigned char *in = (const unsigned char *)text.at;
    size_t left = text.len;
    unsigned valid = VALID;
    unsigned char *start, *at;

    if (left && left % 4 == 0) { /* padding only ever fills up a group of four */
        if (in[left - 1] == '=') left--;
        if (in[left - 1] == '=') left--;
    }
    if (left % 4 == 1) return false;
    if (left == 0) return true;
    start = (unsigned char *)buf_reserve(out, left / 4 * 3 + (left % 4 ? left % 4 - 1 : 0));
    if (!start) return false;

    for (at = start; left >= 4; in += 4, left -= 4, at += 3) {
        unsigned a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];

        valid &= a & b & c & d;
        at[0] = (unsigned char)(a << 2 | (b & 63) >> 4);
        at[1] = (unsigned char)(b << 4 | (c & 63) >> 2);
        at[2] = (unsigned char)(c << 6 | (d & 63));
    }
    if (!valid || !decode_tail(in, left, at)) return false;
    at += left ? left - 1 : 0;
    out->len += (size_t)(at - start);
    return true;
}
