/* unicode/text.h: what people see of a text, by the Unicode character database (utf8proc). */
#ifndef UNICODE_TEXT_H
#define UNICODE_TEXT_H

#include "base/str.h"

#define TEXT_MARKS_MAX 3 /* combining marks on one letter */

/* Whether there is anything to be seen in it: a letter, number, sign or symbol. Spaces, controls,
 * format characters, marks without a letter and what Unicode calls ignorable are not, nor are the
 * symbols that are blank by design. text: valid UTF-8. */
bool text_is_visible(struct str text);

/* Whether it is one line of text and nothing else: no control characters (U+0000 to U+001F, U+007F
 * to U+009F), no ends of lines and paragraphs (U+2028, U+2029), no byte order mark, and no format
 * characters that Unicode advises against in any text (U+206A to U+206F, U+FFF9 to U+FFFB). What
 * shapes, joins, breaks and directs letters may be in it. text: valid UTF-8. */
bool text_is_one_line(struct str text);

/* The text without what would reach beyond it or over its neighbours: directional overrides
 * (U+202D, U+202E), embeddings and isolates that are not closed or not opened within it (Unicode
 * Standard Annex 9), and of marks on one letter all after the third. Letters of any script, emoji
 * and their joiners and selectors stay. text: valid UTF-8. The result is text itself when there is
 * nothing to leave out, else lives in the arena; at == NULL when memory ran out. */
struct str text_contained(struct arena *arena, struct str text);

/* The text as it is compared by who looks for it: without case, accents and what compatibility
 * tells apart alone (NFKD, case folding, no marks), in the arena; at == NULL when memory ran out.
 * text: valid UTF-8. */
struct str text_folded(struct arena *arena, struct str text);

/* The text as labels of places are compared: without case, spaces, what compatibility tells apart
 * alone, what nobody sees, and zeros before a number: "Row 007" and "row7" are one. Accents count.
 * As text_folded. */
struct str text_label_key(struct arena *arena, struct str text);

#endif
