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
/* That of the id, locked: who changes it, or what is on its way of it, takes turns.
 * ERR_NOT_FOUND. */
enum err entry_lock(struct tx *tx, struct arena *arena, struct object_id id, struct entry *out);
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

#endif
