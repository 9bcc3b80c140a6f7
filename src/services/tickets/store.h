/* services/tickets/store.h: what the tickets service keeps. Texts read live in the arena. */
#ifndef SERVICES_TICKETS_STORE_H
#define SERVICES_TICKETS_STORE_H

#include "runtime/service.h"
#include "services/tickets/listing.h"

extern const struct migration tickets_schema[];
extern const struct retention tickets_retention[];

/* place: of a ticket of a listing, NULL: it is of none. ERR_CONFLICT, there or later (tx_exec): the
 * seat is on the market already. */
enum err ticket_insert(struct tx *tx, const struct ticket *ticket, const struct place *place);
enum err ticket_update(struct tx *tx, const struct ticket *ticket);
enum err ticket_get(struct tx *tx, struct arena *arena, struct object_id id,
                    struct ticket *out); /* ERR_NOT_FOUND */

/* The rows of a page of what is on sale, of shows of which anything is, by sellers who are not
 * banned and at a price that can be paid, newest first, for ticket_next; then rows_end. */
void tickets_on_sale(struct tx *tx, struct rows *rows, int64_t minimum_cents,
                     const struct list_page *page);
/* The same of what one user listed, on sale or not. */
void tickets_of_seller(struct tx *tx, struct rows *rows, struct str user_id,
                       const struct list_page *page);
/* The tickets of a listing in its order, those alone that were not taken down or all, at most
 * LISTING_TICKETS_MAX. In a writer the rows are locked. */
enum err tickets_of_listing(struct tx *tx, struct arena *arena, struct object_id listing_id,
                            bool standing, struct ticket *out, size_t *count);
/* The next of a page; its texts live as long as the row. False: no more. The page counts it. */
bool ticket_next(struct rows *rows, struct list_page *page, struct ticket *out);

/* Whether it is known that the user's address is theirs; and from now on it is. */
enum err seller_confirmed(struct tx *tx, struct str user_id, bool *confirmed);
enum err seller_confirm(struct tx *tx, struct str user_id);

/* -1: no event of this order was applied yet. */
enum err order_version(struct tx *tx, struct object_id order_id, int64_t *version);
/* ends: how often it was cancelled or completed by that. */
enum err order_version_set(struct tx *tx, struct object_id order_id, int64_t version, int64_t ends);
/* Removes at most max of orders that have ended, once, and were made before that (struct
 * retention). */
enum err order_versions_forget(struct tx *tx, struct wall_ms before, int64_t max,
                               int64_t *forgotten);

#endif
