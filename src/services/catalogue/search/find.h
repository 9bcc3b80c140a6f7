/* services/catalogue/search/find.h: asking the search index. */
#ifndef SERVICES_CATALOGUE_SEARCH_FIND_H
#define SERVICES_CATALOGUE_SEARCH_FIND_H

#include "services/catalogue/search/search_store.h"

/* Takes the words that were typed: which are known, and what the others are taken for. typed: valid
 * UTF-8; empty: everything is found. Texts live in the arena. */
enum err find_words(struct tx *tx, struct arena *arena, struct str typed, struct search *search);
/* Some word is in no show, and was taken for others. */
bool find_guessed(const struct search *search);
/* The shows of the search in its order, for found_next; then rows_end. ERR_MEMORY: nothing was
 * asked, and rows_end is not to be called. */
enum err find_shows(struct tx *tx, struct arena *arena, const struct search *search,
                    struct rows *rows);

#endif
