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
/* And back: exactly CROCKFORD_CHARS(size) characters of either case, O for 0, I and L for 1; bits
 * beyond the last byte must be 0. False: it is none such text. */
bool crockford_decode(struct str text, uint8_t *bytes, size_t size);
/* The value of a character, 0 to 31; -1: it is none. */
int crockford_value(char c);

#endif
