/* services/payments/store.h: what the payments service keeps. Texts read live in the arena. */
#ifndef SERVICES_PAYMENTS_STORE_H
#define SERVICES_PAYMENTS_STORE_H

#include "services/payments/charge.h"

extern const struct migration payments_schema[];

enum err order_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct order_copy *out); /* ERR_NOT_FOUND */
enum err order_copy_insert(struct tx *tx, const struct order_copy *order);
enum err order_copy_status(struct tx *tx, struct object_id id, int64_t version,
                           enum paid_order_status status);

/* ERR_CONFLICT: the order has a pending or captured charge. */
enum err charge_insert(struct tx *tx, const struct charge *charge);
enum err charge_update(struct tx *tx, const struct charge *charge);
enum err charge_get(struct tx *tx, struct arena *arena, struct object_id id,
                    struct charge *out); /* ERR_NOT_FOUND */
/* The order's pending or captured charge; ERR_NOT_FOUND. */
enum err charge_live(struct tx *tx, struct arena *arena, struct object_id order_id,
                     struct charge *out);
/* Pending charges to ask the gateway about at now_ms, at most max. */
enum err charges_to_ask(struct tx *tx, struct arena *arena, int64_t now_ms, struct charge *out,
                        size_t max, size_t *count);
/* When the next pending charge is to be asked about, or JOB_NEVER. */
enum err charges_next(struct tx *tx, int64_t *ask_at_ms);
/* After a start nobody is asking: every pending charge is to be asked about now. */
enum err charges_resume(struct tx *tx);

#endif
