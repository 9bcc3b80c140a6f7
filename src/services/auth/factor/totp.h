/* services/auth/factor/totp.h: codes that an app of the user makes of a secret and the time: TOTP
 * (RFC 6238) with SHA-1, steps of 30 s and six digits, which is what all apps know.
 *
 * Pure. Threads: any. */
#ifndef SERVICES_AUTH_FACTOR_TOTP_H
#define SERVICES_AUTH_FACTOR_TOTP_H

#include "base/base32.h"
#include "base/clock.h"

#define TOTP_SECRET_BYTES 20 /* RFC 4226 section 4, R6 */
#define TOTP_SECRET_TEXT  BASE32_CHARS(TOTP_SECRET_BYTES)
#define TOTP_DIGITS       6
#define TOTP_STEP_MS      30000

struct totp_secret {
    unsigned char bytes[TOTP_SECRET_BYTES];
};
struct totp_text {
    char text[TOTP_SECRET_TEXT + 1];
};
struct totp_code {
    char digits[TOTP_DIGITS + 1];
};

/* As apps take it. */
struct totp_text totp_secret_text(const struct totp_secret *secret);
/* The code of a step: of the TOTP_STEP_MS that begin step times that after 1970. */
struct totp_code totp_code(const struct totp_secret *secret, int64_t step);
/* Whether that is the code of now, or of the step before or after it, for clocks that differ (RFC
 * 6238 section 5.2). *step: whose it is. Compared in constant time. */
bool totp_find(const struct totp_secret *secret, struct str code, struct wall_ms now,
               int64_t *step);

#endif
