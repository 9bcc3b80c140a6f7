/* base/percent.h: percent-encoding (RFC 3986, section 2.1), which URLs, forms and cookies share. */
#ifndef BASE_PERCENT_H
#define BASE_PERCENT_H

#include "base/arena.h"

/* Appends the text with every byte encoded but the unreserved ones (section 2.3), which may stand
 * anywhere, and those in `also`. */
void percent_encode(struct buf *out, struct str text, const char *also);
/* ERR_INVALID: a broken escape, a NUL, or bytes that are not UTF-8; ERR_MEMORY. plus: '+' stands
 * for a space. The result lives in the arena; *out is untouched after an error. */
enum err percent_decode(struct arena *arena, struct str text, bool plus, struct str *out);
/* In place. False: a % without two digits, or one that stands for NUL. */
bool percent_decode_in_place(char *text);

#endif
