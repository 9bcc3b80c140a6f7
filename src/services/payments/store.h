/* services/payments/store.h: what payments keeps of orders and charges. Texts read live in the
 * arena. In a writer a charge or order that is read is locked. */
#ifndef SERVICES_PAYMENTS_STORE_H
#define SERVICES_PAYMENTS_STORE_H

#include "runtime/service.h"
#include "services/payments/charge.h"

extern const struct migration payments_schema[];
extern const struct retention payments_retention[];

enum err order_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct order_copy *out); /* ERR_NOT_FOUND */
enum err order_copy_insert(struct tx *tx, const struct order_copy *order);
/* The order's next version. */
enum err order_copy_status(struct tx *tx, struct object_id id, int64_t version,
                           enum paid_order_status status);
/* Removes at most max of cancelled orders that nobody tried to pay, made before that (struct
 * retention). */
enum err order_copies_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten);

/* ERR_CONTENTION: the order has got a charge in flight or captured meanwhile; look again. */
enum err charge_insert(struct tx *tx, const struct charge *charge);
/* One captured elsewhere: all of it at once. ERR_CONFLICT: its order has another, or its stripe_id
 * is another's. */
enum err charge_insert_captured(struct tx *tx, const struct charge *charge);
enum err charge_update(struct tx *tx, const struct charge *charge);
enum err charge_get(struct tx *tx, struct arena *arena, struct object_id id,
                    struct charge *out); /* ERR_NOT_FOUND */
enum err charge_of_stripe(struct tx *tx, struct arena *arena, struct str stripe_id,
                          struct charge *out); /* ERR_NOT_FOUND */
/* The order's charge in flight or captured; ERR_NOT_FOUND. */
enum err charge_live(struct tx *tx, struct arena *arena, struct object_id order_id,
                     struct charge *out);
/* Charges with an id below `after`, newest first, at most max; status: "" for any. */
enum err charges_page(struct tx *tx, struct arena *arena, struct str status, struct object_id after,
                      struct charge *out, size_t max, size_t *count);
/* Questions that are due after that are due then. */
enum err charges_ask_by(struct tx *tx, struct wall_ms by);
/* Charges to ask the gateway about by now, at most max. */
enum err charges_to_ask(struct tx *tx, struct arena *arena, struct wall_ms now, struct charge *out,
                        size_t max, size_t *count);
/* When the next charge is to be asked about, or WALL_NEVER. */
enum err charges_next(struct tx *tx, struct wall_ms *ask_at);
/* Whether more than max charges wait for the gateway. */
enum err charges_too_many(struct tx *tx, int64_t max, bool *too_many);

#define DECLINES_MS (3600 * INT64_C(1000)) /* so long a failed payment counts */

/* How many payments that came to nothing are counted at most; 0: none. */
struct failed_max {
    int64_t of_order, of_user, of_network;
};
struct failed_charges {
    int64_t of_order;                           /* ever */
    int64_t of_user, of_network;                /* within DECLINES_MS … */
    struct wall_ms user_oldest, network_oldest; /* … when the first of those counted was made;
                                                 * WALL_NONE: there is none */
    int64_t in_flight_of_user;
};
/* What became of the payments of this one's order, user and network. */
enum err charges_failed(struct tx *tx, const struct charge *charge, const struct failed_max *max,
                        struct failed_charges *out);

/* After a start nobody is asking: what was being asked is to be asked again now. What waits for its
 * turn goes on waiting. */
enum err charges_resume(struct tx *tx);

#endif
