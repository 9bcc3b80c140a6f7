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

struct str charge_status_text(enum charge_status status);
bool charge_status_known(struct str text);

/* ERR_CONFLICT: the order has a charge in flight or captured. */
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
/* Charges to ask the gateway about at now_ms, at most max. */
enum err charges_to_ask(struct tx *tx, struct arena *arena, int64_t now_ms, struct charge *out,
                        size_t max, size_t *count);
/* When the next charge is to be asked about, or JOB_NEVER. */
enum err charges_next(struct tx *tx, int64_t *ask_at_ms);
/* Whether more than max charges wait for the gateway. */
enum err charges_crowded(struct tx *tx, int64_t max, bool *crowded);
/* After a start nobody is asking: everything to be asked about is to be asked about now. */
enum err charges_resume(struct tx *tx);

#define PAYMENT_KEY_MS   (24 * 3600 * INT64_C(1000))      /* an Idempotency-Key is remembered */
#define WEBHOOK_EVENT_MS (30 * 24 * 3600 * INT64_C(1000)) /* so is a webhook event */

struct payment_key {
    struct str body_mark;
    struct object_id charge_id;
};
enum err payment_key_get(struct tx *tx, struct arena *arena, struct str user_id, struct str key,
                         struct payment_key *out); /* ERR_NOT_FOUND: not used in the last day */
enum err payment_key_put(struct tx *tx, struct str user_id, struct str key,
                         const struct payment_key *entry);

/* fresh: it was not there yet, and is counted now. */
enum err webhook_event_put(struct tx *tx, struct str id, struct str type, bool *fresh);
enum err webhook_counts_json(struct tx *tx, struct json_writer *json);

/* Forgets keys and events that have had their time, at most max each. */
enum err old_rows_delete(struct tx *tx, int64_t max, bool *more);

#endif
