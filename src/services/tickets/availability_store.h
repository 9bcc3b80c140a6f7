/* services/tickets/availability_store.h: what is left of each show's listings, and what is to be
 * told of it. What changes is noted, and added up when it is told: the tickets themselves are
 * counted only where something else than tickets has changed. */
#ifndef SERVICES_TICKETS_AVAILABILITY_STORE_H
#define SERVICES_TICKETS_AVAILABILITY_STORE_H

#include "runtime/service.h"

/* So many more of the user's tickets are offered for the show at that price; fewer: below 0. In the
 * transaction that changes them. */
enum err offer_change_put(struct tx *tx, struct object_id show_id, struct str user_id,
                          int64_t price_cents, int64_t more);
/* The same of one ticket: it was offered at the first price, and is now at the second. 0: not. */
enum err offer_of_ticket_changed(struct tx *tx, struct object_id ticket_id, int64_t was_cents,
                                 int64_t now_cents);

/* What is left of the show is to be counted anew. */
enum err show_changed(struct tx *tx, struct object_id show_id);
/* The same of all shows of which the user sells something. */
enum err shows_of_seller_changed(struct tx *tx, struct str user_id);
/* The same of up to max shows of which was told at another lowest price. */
enum err shows_of_other_minimum_changed(struct tx *tx, int64_t minimum_cents, int64_t max,
                                        int64_t *count);

/* Up to max shows of which something is to be told, in the order of their ids. */
enum err changed_shows(struct tx *tx, struct object_id *out, size_t max, size_t *count);

/* What was told of a show last. Whoever else tells of it waits. version: -1: nothing yet. */
struct offers_told {
    int64_t version, counted_version, minimum_cents, available;
};
enum err offers_lock(struct tx *tx, struct object_id show_id, struct offers_told *out);
enum err offers_put(struct tx *tx, struct object_id show_id, const struct offers_told *told);

/* Takes what was noted of the show. *more: tickets at the lowest price or more, by sellers who are
 * not banned; *anew: it is to be counted. The show is locked. */
enum err changes_take(struct tx *tx, struct object_id show_id, int64_t minimum_cents, int64_t *more,
                      bool *anew);
/* Tickets of the show's listings that are free and stand, at the lowest price or more, by sellers
 * who are not banned: without what is noted of it and not yet taken. */
enum err offers_count(struct tx *tx, struct object_id show_id, int64_t minimum_cents,
                      int64_t *available);
/* What the cheapest of those costs. 0: there is none. */
enum err offers_lowest(struct tx *tx, struct object_id show_id, int64_t minimum_cents,
                       int64_t *lowest_cents);

#endif
