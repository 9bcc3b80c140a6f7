/* services/payments/repeats_store.h: what tells a repeat: Idempotency-Key headers and the
 * processor's events. Texts read live in the arena. */
#ifndef SERVICES_PAYMENTS_REPEATS_STORE_H
#define SERVICES_PAYMENTS_REPEATS_STORE_H

#include "runtime/service.h"

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
/* The event was about a charge nobody knows by this name of the processor's; and whether one was.
 */
enum err webhook_event_unknown(struct tx *tx, struct str id, struct str stripe_id);
enum err webhook_event_waits(struct tx *tx, struct str stripe_id, bool *waits);

/* How many events of each type came, for webhook_count_next; then rows_end. */
struct webhook_count {
    struct str type; /* lives as long as the row */
    int64_t count;
};
void webhook_counts(struct tx *tx, struct rows *rows);
bool webhook_count_next(struct rows *rows, struct webhook_count *out);

/* Forgets keys, events and networks that have had their time, at most max each. */
enum err old_rows_delete(struct tx *tx, int64_t max, bool *more);

#endif
