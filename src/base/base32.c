/* base/base32.c: see base/base32.h. */
#include "base/base32.h"

static const char rfc4648[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void encode(const char *alphabet, const uint8_t *bytes, size_t size, char *out)
{
    unsigned held = 0; /* bits that are not written yet, the latest byte lowest … */
    int bits = 0;      /* … and how many */

    for (size_t i = 0; i < size; i++) {
        held = (held << 8 | bytes[i]) & 0xFFFF;
        for (bits += 8; bits >= 5; bits -= 5)
            *out++ = alphabet[held >> (bits - 5) & 31];
    }
    if (bits > 0) *out++ = alphabet[held << (5 - bits) & 31];
    *out = 0;
}

void base32_encode(const uint8_t *bytes, size_t size, char *out)
{
    encode(rfc4648, bytes, size, out);
}

void crockford_encode(const uint8_t *bytes, size_t size, char *out)
{
    encode(crockford, bytes, size, out);
}

int crockford_value(char c)
{
    const char *at;

    if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
    if (c == 'O') c = '0';
    if (c == 'I' || c == 'L') c = '1';
    at = c ? strchr(crockford, c) : NULL;
    return at ? (int)(at - crockford) : -1;
}

bool crockford_decode(struct str text, uint8_t *bytes, size_t size)
{
    unsigned held = 0;
    int bits = 0;
    size_t count = 0;

    if (text.len != BASE32_CHARS(size)) return false;
    for (size_t i = 0; i < text.len; i++) {
        int value = crockford_value(text.at[i]);

        if (value < 0) return false;
        held = (held << 5 | (unsigned)value) & 0xFFFF;
        bits += 5;
        if (bits < 8 || count == size) continue;
        bits -= 8;
        bytes[count++] = (uint8_t)(held >> bits);
    }
    return (held & ((1u << bits) - 1)) == 0;
}

bool crockford_read(struct str typed, uint8_t *bytes, size_t size)
{
    char letters[BASE32_CHARS(CROCKFORD_TYPED_MAX)] = {0};
    size_t len = 0;

    ASSERT(size <= CROCKFORD_TYPED_MAX);
    for (size_t i = 0; i < typed.len; i++) {
        if (typed.at[i] == ' ' || typed.at[i] == '-') continue;
        if (len == BASE32_CHARS(size)) return false;
        letters[len++] = typed.at[i];
    }
    return crockford_decode((struct str){letters, len}, bytes, size);
}
