/* base/sha256.h: SHA-256 (FIPS 180-4), and HMAC on it (RFC 2104). Nothing here takes memory or
 * fails. Threads: any; a sum being made belongs to one. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/str.h"

#define SHA256_BYTES 32
#define SHA256_HEX   64

struct sha256_text {
    char hex[SHA256_HEX + 1]; /* lower case, NUL-terminated */
};

/* By value; nobody looks inside. */
struct sha256 {
    uint64_t state[13];
};

/* A sum of what comes in pieces. */
void sha256_begin(struct sha256 *sum);
void sha256_add(struct sha256 *sum, struct str bytes);
void sha256_end(struct sha256 *sum, struct sha256_text *out);

/* A key made ready, to be copied by each use of it. To be wiped with explicit_bzero. */
struct hmac_key {
    uint64_t state[26];
};

void hmac_key_init(struct hmac_key *key, struct str text);
/* Over the parts, one after the other. */
void hmac_sign(const struct hmac_key *key, const struct str *parts, size_t count,
               unsigned char mac[SHA256_BYTES]);

#define HMAC_HEX SHA256_HEX
struct hmac_text {
    char hex[HMAC_HEX + 1];
};

/* The same with a key that is used once. */
void hmac_sha256(struct str key, const struct str *parts, size_t count, struct hmac_text *out);

#endif
