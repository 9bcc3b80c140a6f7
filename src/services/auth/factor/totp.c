/* services/auth/factor/totp.c: see services/auth/factor/totp.h. */
#include "services/auth/factor/totp.h"

#include "base/err.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#define SHA1_BYTES    20
#define COUNTER_BYTES 8
#define MODULUS       1000000 /* TOTP_DIGITS of ten */

struct totp_text totp_secret_text(const struct totp_secret *secret)
{
    struct totp_text out;

    base32_encode(secret->bytes, TOTP_SECRET_BYTES, out.text);
    return out;
}

/* HOTP (RFC 4226 section 5.3) of the step. */
struct totp_code totp_code(const struct totp_secret *secret, int64_t step)
{
    unsigned char counter[COUNTER_BYTES], mac[SHA1_BYTES];
    unsigned length = sizeof mac, at, number;
    struct totp_code out;

    for (size_t i = 0; i < COUNTER_BYTES; i++)
        counter[i] = (unsigned char)((uint64_t)step >> (8 * (COUNTER_BYTES - 1 - i)));
    ASSERT(
        HMAC(EVP_sha1(), secret->bytes, TOTP_SECRET_BYTES, counter, sizeof counter, mac, &length));
    at = mac[SHA1_BYTES - 1] & 15u;
    number = (mac[at] & 127u) << 24 | (unsigned)mac[at + 1] << 16 | (unsigned)mac[at + 2] << 8 |
             mac[at + 3];
    snprintf(out.digits, sizeof out.digits, "%0*u", TOTP_DIGITS, number % MODULUS);
    return out;
}

bool totp_find(const struct totp_secret *secret, struct str code, struct wall_ms now, int64_t *step)
{
    int64_t present = now.ms / TOTP_STEP_MS;
    bool found = false;

    for (int64_t at = present - 1; at <= present + 1; at++) {
        struct totp_code right = totp_code(secret, at);

        if (!str_eq_secret(str_of(right.digits), code)) continue;
        *step = at;
        found = true;
    }
    return found;
}
