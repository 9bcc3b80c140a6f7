/* base/siphash.c: SipHash-2-4, on libsodium. */
#include "base/siphash.h"

#include <sodium.h>

uint64_t siphash(const uint64_t key[2], struct str text)
{
    uint64_t hash;

    _Static_assert(sizeof hash == crypto_shorthash_BYTES && crypto_shorthash_KEYBYTES == 16, "");
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)text.at, text.len,
                     (const unsigned char *)key);
    return hash;
}
