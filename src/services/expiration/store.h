/* services/expiration/store.h: every timer this service keeps. */
#ifndef SERVICES_EXPIRATION_STORE_H
#define SERVICES_EXPIRATION_STORE_H

#include "runtime/service.h"

extern const struct migration expiration_schema[];
extern const struct retention expiration_retention[];

/* -1: no event of this order was applied yet. */
enum err timer_version(struct tx *tx, struct object_id order_id, int64_t *version);
enum err timer_start(struct tx *tx, struct object_id order_id, int64_t version, int64_t due_at_ms);
enum err timer_move(struct tx *tx, struct object_id order_id, int64_t version, int64_t due_at_ms);
enum err timer_stop(struct tx *tx, struct object_id order_id, int64_t version);
/* Takes off the timer's due time, when that is over by now_ms; was_due: it was. */
enum err timer_done(struct tx *tx, struct object_id order_id, int64_t now_ms, bool *was_due);
/* What is due by then, the earliest first. */
enum err timers_soon(struct tx *tx, int64_t until_ms, struct delayed *out, size_t max,
                     size_t *count);
/* Timers due at now_ms, earliest first, at most max. */
enum err timers_due(struct tx *tx, int64_t now_ms, struct object_id *out, size_t max,
                    size_t *count);
/* The earliest due time there is, or JOB_NEVER. */
enum err timers_next(struct tx *tx, int64_t *due_at_ms);

#endif
