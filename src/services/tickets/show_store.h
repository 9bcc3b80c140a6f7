/* services/tickets/show_store.h: this service's copy of each show. Texts read live in the arena. */
#ifndef SERVICES_TICKETS_SHOW_STORE_H
#define SERVICES_TICKETS_SHOW_STORE_H

#include "runtime/service.h"
#include "services/tickets/listing.h"

/* The show, or the one it was merged into. In a writer nobody changes it before the transaction
 * ends. ERR_NOT_FOUND: no event of it has come yet. */
enum err listed_show_get(struct tx *tx, struct arena *arena, struct object_id id,
                         struct show_copy *out);
/* -1: unknown. In a writer the row is locked. */
enum err listed_show_version(struct tx *tx, struct object_id id, int64_t *version);
/* on_sale: tickets of it are on sale now (show_sale). */
enum err listed_show_put(struct tx *tx, const struct show_copy *show, bool on_sale);

/* Shows whose time has come leave the sale; those whose time is still to come by a clock that was
 * set back are on it again. *next: when the next one starts, or WALL_NEVER. */
enum err shows_start(struct tx *tx, struct wall_ms *next);

/* --- a show that was merged into another one ------------------------------------------------- */

/* Two tickets on one seat of the two shows: `moving` of the merged one, `other` of the other. */
struct seat_clash {
    struct object_id moving, other;
    bool moving_held;
};
/* Up to max clashes of which one ticket is free and stands: it has to be taken down. */
enum err seat_clashes(struct tx *tx, struct object_id from, struct object_id into,
                      struct seat_clash *out, size_t max, size_t *count);
/* Tickets of the one show become the other one's, but for those whose seat is taken there.
 * ERR_CONTENTION: one was taken just now. */
enum err seats_move(struct tx *tx, struct object_id from, struct object_id into);
/* Up to max listings of a show. */
enum err listings_at_show(struct tx *tx, struct object_id show_id, struct object_id *out,
                          size_t max, size_t *count);

#endif
