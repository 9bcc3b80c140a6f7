/* unicode/normal.h: one form for texts that are the same to whoever typed them (Unicode Standard
 * Annex 15, with the tables of utf8proc). */
#ifndef UNICODE_NORMAL_H
#define UNICODE_NORMAL_H

#include "base/arena.h"

/* The text in normalization form KC: what differs in encoding, width or style alone is the same.
 * The text itself when it is ASCII, else in the arena. at == NULL when memory ran out. Expects
 * valid UTF-8. Threads: any. */
struct str text_compatible(struct arena *arena, struct str text);
/* The same in lower case, letter by letter: no ß becomes ss. */
struct str text_lower(struct arena *arena, struct str text);

#endif
