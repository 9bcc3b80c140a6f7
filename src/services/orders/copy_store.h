/* services/orders/copy_store.h: what orders knows of tickets, listings and shows, kept by their
 * events. Texts read live in the arena. */
#ifndef SERVICES_ORDERS_COPY_STORE_H
#define SERVICES_ORDERS_COPY_STORE_H

#include "events/sale_rules.h"
#include "runtime/service.h"
#include "services/orders/order.h"

/* A ticket that can be ordered. ERR_NOT_FOUND: no ticket:created of it has come yet, or its seller
 * is banned. */
enum err ticket_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                         struct ticket_copy *out);
/* -1: unknown. */
enum err ticket_copy_version(struct tx *tx, struct object_id id, int64_t *version);
/* False of a ticket that is unknown. Nobody changes what is known of it before the transaction
 * ends, so that who takes it down and who orders it take turns. */
enum err ticket_copy_withdrawn(struct tx *tx, struct object_id id, bool *withdrawn);
enum err ticket_copy_put(struct tx *tx, const struct ticket_copy *ticket);
/* Removes at most max of tickets that are sold, are of no listing and were listed before that
 * (struct retention). */
enum err ticket_copies_forget(struct tx *tx, struct wall_ms before, int64_t max,
                              int64_t *forgotten);

/* What orders knows of a listing. */
struct listing_copy {
    struct object_id id;
    int64_t version;
    struct object_id show_id;
    struct str seller_id;
    int64_t quantity; /* of tickets, when it was made; 0: told by a version that did not say */
    enum split split;
    bool withdrawn;
};
/* In a writer the row is locked. ERR_NOT_FOUND: no event of it has come yet. */
enum err listing_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                          struct listing_copy *out);
enum err listing_copy_version(struct tx *tx, struct object_id id, int64_t *version);
enum err listing_copy_put(struct tx *tx, const struct listing_copy *listing);
/* Its tickets that no order has and that were not taken down, in its order, at most
 * LISTING_TICKETS_MAX. *all: none of the others is still to be heard of. */
enum err listing_copy_free(struct tx *tx, struct arena *arena, const struct listing_copy *listing,
                           struct ticket_copy **out, size_t *count, bool *all);

/* The show, or the one it was merged into; its title is not known here. ERR_NOT_FOUND: as above. */
enum err show_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                       struct show_copy *out);
enum err show_copy_version(struct tx *tx, struct object_id id, int64_t *version);
enum err show_copy_put(struct tx *tx, const struct show_copy *show);

#endif
