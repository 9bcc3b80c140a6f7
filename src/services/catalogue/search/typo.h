/* services/catalogue/search/typo.h: one slip of the fingers in a word. Pure.
 *
 * A typed word of TYPO_POINTS_MIN letters or more, with which no word of the index begins, is taken
 * for known words that it would begin, or be, with one letter more, one less, one other, or two
 * neighbours the other way round (Damerau, 1964). Known words are found by what is left of their
 * beginning when one letter is left out (the deletions of Garbe's SymSpell): two words with one
 * slip between them have such a rest in common, as long as both are typed to their end or to their
 * TYPO_BEGINNING-th letter. */
#ifndef SERVICES_CATALOGUE_SEARCH_TYPO_H
#define SERVICES_CATALOGUE_SEARCH_TYPO_H

#include "base/arena.h"

#define TYPO_POINTS_MIN 4
#define TYPO_BEGINNING  7
#define TYPO_RESTS_MAX  (TYPO_BEGINNING + 1)

/* Whether slips in the word are forgiven at all: it is long enough, and of a script that has many
 * letters to a word. */
bool typo_counts(struct str word);
/* The first letters of the word, and the same without one of them, each once; in the arena. 0:
 * memory ran out. */
size_t typo_rests(struct arena *arena, struct str word, struct str out[TYPO_RESTS_MAX]);
/* What was typed is the word, or a beginning of it, with at most one slip. */
bool typo_is_near(struct str typed, struct str word);

#endif
