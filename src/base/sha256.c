/* base/sha256.c: SHA-256 and HMAC, on libsodium. */
#include "base/sha256.h"

#include "base/hex.h"

#include <sodium.h>

_Static_assert(sizeof(struct sha256) == sizeof(crypto_hash_sha256_state), "sha256.h has its size");
_Static_assert(sizeof(struct hmac_key) == sizeof(crypto_auth_hmacsha256_state), "and this one's");

static const unsigned char *bytes_of(struct str text)
{
    return (const unsigned char *)text.at;
}

void sha256_begin(struct sha256 *sum)
{
    crypto_hash_sha256_init((crypto_hash_sha256_state *)(void *)sum);
}

void sha256_add(struct sha256 *sum, struct str bytes)
{
    crypto_hash_sha256_update((crypto_hash_sha256_state *)(void *)sum, bytes_of(bytes), bytes.len);
}

void sha256_end(struct sha256 *sum, struct sha256_text *out)
{
    unsigned char digest[SHA256_BYTES];

    crypto_hash_sha256_final((crypto_hash_sha256_state *)(void *)sum, digest);
    hex_encode(digest, sizeof digest, out->hex);
}

void hmac_key_init(struct hmac_key *key, struct str text)
{
    crypto_auth_hmacsha256_init((crypto_auth_hmacsha256_state *)(void *)key, bytes_of(text),
                                text.len);
}

void hmac_sign(const struct hmac_key *key, const struct str *parts, size_t count,
               unsigned char mac[SHA256_BYTES])
{
    struct hmac_key used = *key;
    crypto_auth_hmacsha256_state *state = (crypto_auth_hmacsha256_state *)(void *)&used;

    for (size_t i = 0; i < count; i++)
        crypto_auth_hmacsha256_update(state, bytes_of(parts[i]), parts[i].len);
    crypto_auth_hmacsha256_final(state, mac);
    explicit_bzero(&used, sizeof used);
}

void hmac_sha256(struct str key, const struct str *parts, size_t count, struct hmac_text *out)
{
    unsigned char mac[SHA256_BYTES];
    struct hmac_key ready;

    hmac_key_init(&ready, key);
    hmac_sign(&ready, parts, count, mac);
    explicit_bzero(&ready, sizeof ready);
    hex_encode(mac, sizeof mac, out->hex);
}
