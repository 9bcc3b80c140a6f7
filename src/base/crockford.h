/* base/crockford.h: bytes as letters and digits that people can read out: base 32 in Crockford's
 * alphabet, which has no I, L, O and U (https://www.crockford.com/base32.html). All of it is in the
 * alphanumeric mode of QR codes. */
#ifndef BASE_CROCKFORD_H
#define BASE_CROCKFORD_H

#include "base/str.h"

/* How many characters so many bytes are: 5 bits each, the last ones filled up with zeros. */
#define CROCKFORD_CHARS(bytes) (((bytes)*8 + 4) / 5)

/* CROCKFORD_CHARS(size) characters and a NUL. */
void crockford_encode(const uint8_t *bytes, size_t size, char *out);

#endif
