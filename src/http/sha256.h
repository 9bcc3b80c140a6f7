/* http/sha256.h: SHA-256 (FIPS 180-4) of anything that comes in pieces. Beside the other tools of
 * the folder that knows the library. */
#ifndef HTTP_SHA256_H
#define HTTP_SHA256_H

#include "base/str.h"

#define SHA256_HEX 64

struct sha256_text {
    char hex[SHA256_HEX + 1]; /* NUL-terminated */
};

struct sha256; /* one sum being made; one thread at a time */

/* NULL when memory ran out. */
struct sha256 *sha256_begin(void);
void sha256_add(struct sha256 *sum, struct str bytes);
/* Ends and frees it; NULL is fine (and false, as is any failure of the library). */
bool sha256_end(struct sha256 *sum, struct sha256_text *out);

#endif
