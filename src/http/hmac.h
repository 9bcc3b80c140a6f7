/* http/hmac.h: HMAC-SHA256 (RFC 2104, FIPS 180-4), for signatures other than the session's. */
#ifndef HTTP_HMAC_H
#define HTTP_HMAC_H

#include "base/str.h"

#define HMAC_HEX 64

struct hmac_text {
    char hex[HMAC_HEX + 1]; /* lower case, NUL-terminated */
};

/* Over the parts, one after the other. False when memory ran out. Threads: any. */
bool hmac_sha256(struct str key, const struct str *parts, size_t count, struct hmac_text *out);

/* 2 * size lower-case digits and a NUL. */
void hex_encode(const unsigned char *bytes, size_t size, char *out);

#endif
