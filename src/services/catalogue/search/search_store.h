/* services/catalogue/search/search_store.h: the tables of the search index. */
#ifndef SERVICES_CATALOGUE_SEARCH_SEARCH_STORE_H
#define SERVICES_CATALOGUE_SEARCH_SEARCH_STORE_H

#include "services/catalogue/search/search.h"
#include "services/catalogue/store.h"

/* --- the rows that are found ------------------------------------------------------------------ */

struct search_row {
    int64_t place;
    struct object_id show_id;
    struct str words; /* one space between them */
    bool somewhere;   /* where its venue is, is known: */
    struct globe_point at;
};

enum err search_put(struct tx *tx, const struct search_row *row);
/* None was there: no error. */
enum err search_remove(struct tx *tx, struct object_id show_id);
/* Removes rows whose show is not there. */
enum err search_remove_strays(struct tx *tx);
enum err search_place_taken(struct tx *tx, int64_t place, bool *taken);
enum err search_count(struct tx *tx, int64_t *count);
/* Some row has a word that the text of a text_query asks for. */
enum err search_is_known(struct tx *tx, struct str query, bool *known);

struct found_show {
    struct show show;
    struct venue venue;
    struct show_offers offers;
    int64_t place, square; /* of the straight line to where one looks around; 0: nowhere */
    int64_t rank;          /* what the search is sorted by before the place; 0: nothing */
};
/* The shows of a search in its order, for found_next; then rows_end. query: of a text_query. */
void search_query(struct tx *tx, struct rows *rows, const struct search *search, struct str query);
/* The next that can be read. ERR_NOT_FOUND: no more. */
enum err found_next(struct rows *rows, struct arena *arena, struct found_show *out);

/* --- known words ------------------------------------------------------------------------------ */

enum err typo_put(struct tx *tx, struct str rest, struct str word);
enum err typo_known(struct tx *tx, struct str rest, struct str word, bool *known);
/* Up to max words with that rest, in their order. */
enum err typo_words(struct tx *tx, struct arena *arena, struct str rest, struct str *out,
                    size_t max, size_t *count);
enum err typos_remove(struct tx *tx);

/* --- making it anew --------------------------------------------------------------------------- */

enum err rebuild_begin(struct tx *tx);
/* The last show that was done, empty text at the beginning. ERR_NOT_FOUND: nothing is to be done,
 * or another replica is at it. */
enum err rebuild_get(struct tx *tx, struct arena *arena, struct str *show_id);
enum err rebuild_put(struct tx *tx, struct object_id show_id);
enum err rebuild_end(struct tx *tx);
/* Whether there is still something to be done: for a read view. */
enum err rebuild_is_on(struct tx *tx, bool *on);
/* Up to max shows with an id above it, whatever their status. */
enum err rebuild_shows(struct tx *tx, struct arena *arena, struct str after, struct show *out,
                       size_t max, size_t *count);
/* The same of one venue. */
enum err search_shows_at(struct tx *tx, struct arena *arena, struct object_id venue_id,
                         struct object_id after, struct show *out, size_t max, size_t *count);
/* The venue of a show, without locking it. ERR_NOT_FOUND. */
enum err search_venue(struct tx *tx, struct arena *arena, struct object_id id, struct venue *out);

#endif
