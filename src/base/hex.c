/* base/hex.c: hexadecimal digits, on libsodium, in time that does not depend on the bytes. */
#include "base/hex.h"

#include <sodium.h>

void hex_encode(const unsigned char *bytes, size_t size, char *out)
{
    sodium_bin2hex(out, 2 * size + 1, bytes, size);
}

bool hex_is_lower(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (hex_digit(text.at[i]) < 0 || (text.at[i] >= 'A' && text.at[i] <= 'F')) return false;
    return true;
}
