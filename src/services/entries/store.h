/* services/entries/store.h: what the entries service keeps. Texts read live in the arena. */
#ifndef SERVICES_ENTRIES_STORE_H
#define SERVICES_ENTRIES_STORE_H

#include "services/entries/known_store.h"
#include "services/entries/entry.h"

extern const struct migration entries_schema[];
extern const struct retention entries_retention[];

/* ERR_CONTENTION: its serial is another one's, or its ticket has a valid one. */
enum err entry_insert(struct tx *tx, const struct entry *entry);
/* By what people read out. ERR_NOT_FOUND. */
enum err entry_get(struct tx *tx, struct arena *arena, struct str serial, struct entry *out);
/* All that changes; gates without a network are told. */
enum err entry_update(struct tx *tx, const struct entry *entry);
/* Whether a ticket has a valid entry, by another order than that. */
enum err entry_of_other(struct tx *tx, struct object_id ticket_id, struct object_id order_id,
                        bool *found);
/* The valid ones of an order, at most LISTING_TICKETS_MAX; locked. */
enum err entries_of_order(struct tx *tx, struct arena *arena, struct object_id order_id,
                          struct entry **out, size_t *count);
/* What was of the one show is of the other one. Codes stay as they were issued. */
enum err entries_move(struct tx *tx, struct object_id from, struct object_id into);

/* The version of an order of a listing that was applied last; -1: none. Its row is made and locked:
 * who applies events of one order takes turns. */
enum err order_heard_lock(struct tx *tx, struct object_id order_id, int64_t *version);
enum err order_heard_set(struct tx *tx, struct object_id order_id, int64_t version);
/* Removes at most max of orders made before that which have no entry (struct retention). */
enum err orders_heard_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten);

/* --- as their holders see them ---------------------------------------------------------------- */

/* An entry with what it opens. */
struct entry_view {
    struct entry entry;
    struct entry_show show;
    struct entry_venue venue; /* version -1: no event of it has come yet */
    struct entry_listing listing;
    struct str seat;
};
/* ERR_NOT_FOUND. */
enum err entry_view_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct entry_view *out);

/* A page of one holder's entries by the time of their shows: of those to come the next one first,
 * of the past the latest. */
struct entries_page {
    struct str holder_id;
    struct wall_ms begins; /* shows to come begin then or later */
    bool past;
    struct object_id after; /* the last one of the page before; all zero: the first page */
    int64_t limit;
};
void entries_page(struct tx *tx, struct rows *rows, const struct entries_page *page);
/* The next of them, for entries_page; then rows_end. ERR_NOT_FOUND: no more. */
enum err entry_view_next(struct rows *rows, struct arena *arena, struct entry_view *out);

#endif
