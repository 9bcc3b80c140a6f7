/* services/tickets/listing_store.h: listings and the seats of their tickets. Texts read live in the
 * arena. */
#ifndef SERVICES_TICKETS_LISTING_STORE_H
#define SERVICES_TICKETS_LISTING_STORE_H

#include "runtime/service.h"
#include "services/tickets/listing_query.h"

enum err listing_insert(struct tx *tx, struct arena *arena, const struct listing *listing);
enum err listing_update(struct tx *tx, struct arena *arena, const struct listing *listing);
/* ERR_NOT_FOUND. */
enum err listing_get(struct tx *tx, struct arena *arena, struct object_id id, struct listing *out);
/* The same; in a writer the row is locked. */
enum err listing_lock(struct tx *tx, struct arena *arena, struct object_id id, struct listing *out);
/* How many of its tickets are free and stand. */
enum err listing_free(struct tx *tx, struct object_id id, int64_t *free);

/* The rows of a page of the listings of a show of which what is asked for can be bought, as far as
 * is known here, in the query's order, for listing_next; then rows_end. */
void listings_of_show(struct tx *tx, struct rows *rows, const struct listing_query *query);
/* The same of what one user listed, whatever became of it. */
void listings_of_seller(struct tx *tx, struct rows *rows, struct str user_id,
                        const struct list_page *page);
/* The next of them that can be read, and how many of its tickets are free. ERR_NOT_FOUND: no more.
 */
enum err listing_next(struct rows *rows, struct arena *arena, struct list_page *page,
                      struct listing *out, int64_t *free);

/* How many tickets of listings the user has on the market, of shows that are on sale. */
enum err tickets_listed(struct tx *tx, struct str user_id, int64_t *count);

/* The seats of an area of a show that are on the market, as keys, for rows_text(0); then rows_end.
 */
void seats_on_market(struct tx *tx, struct rows *rows, struct object_id show_id,
                     struct str area_key);
/* The seat of a ticket that was taken down may be listed again. *found: there is such a ticket. */
enum err seat_release(struct tx *tx, struct object_id ticket_id, bool *found);
/* Whether the ticket is of a show that was not merged away from under it. */
enum err ticket_show_stands(struct tx *tx, struct object_id ticket_id, bool *stands);

#endif
