/* base/base32.h: bytes as letters and digits, five bits each. In Crockford's alphabet, which has no
 * I, L, O and U, people can read them out (https://www.crockford.com/base32.html); all of it is in
 * the alphanumeric mode of QR codes. */
#ifndef BASE_BASE32_H
#define BASE_BASE32_H

#include "base/str.h"

/* How many characters so many bytes are: 5 bits each, the last ones filled up with zeros. */
#define BASE32_CHARS(bytes) (((bytes)*8 + 4) / 5)

/* BASE32_CHARS(size) characters of RFC 4648's alphabet (section 6), without padding, and a NUL. */
void base32_encode(const uint8_t *bytes, size_t size, char *out);
/* The same in Crockford's. */
void crockford_encode(const uint8_t *bytes, size_t size, char *out);
/* And back: exactly BASE32_CHARS(size) characters of either case, O for 0, I and L for 1; bits
 * beyond the last byte must be 0. False: it is none such text. */
bool crockford_decode(struct str text, uint8_t *bytes, size_t size);
/* The same as people type it: in whatever groups, with spaces and hyphens between them. size: at
 * most CROCKFORD_TYPED_MAX. */
#define CROCKFORD_TYPED_MAX 40
bool crockford_read(struct str typed, uint8_t *bytes, size_t size);
/* The value of a character, 0 to 31; -1: it is none. */
int crockford_value(char c);

#endif
