/* base/crockford.c: see base/crockford.h. */
#include "base/crockford.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void crockford_encode(const uint8_t *bytes, size_t size, char *out)
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
