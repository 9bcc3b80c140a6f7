/* unicode/words.h: the words of a text, as they are compared by who looks for them. */
#ifndef UNICODE_WORDS_H
#define UNICODE_WORDS_H

#include "base/arena.h"

#define WORD_POINTS_MAX 40 /* code points of a word that count */

struct word_list {
    struct str *at;
    size_t count;
};

/* At most max words of the text, in the arena: runs of letters and digits, without case, accents
 * and what compatibility tells apart alone (NFKC, case folding, no marks; ø is an o, as people
 * type it), apostrophes left out ("don't" is "dont"). Chinese, Japanese and Korean have no spaces
 * that say where a word ends: of a run of their letters every two neighbours are a word, and the
 * last letter is one, so that any piece of the run is found by the words it begins with. A text
 * that is looked for (asked) has not that last letter, unless it is alone.
 * text: valid UTF-8. False: memory ran out. Threads: any. */
bool text_words(struct arena *arena, struct str text, bool asked, size_t max,
                struct word_list *out);

/* The letters and digits of a text in the same form, without anything between them: a name that is
 * compared as a whole. In the arena; at == NULL when memory ran out. */
struct str text_joined(struct arena *arena, struct str text);

#endif
