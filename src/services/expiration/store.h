/* services/expiration/store.h: every timer this service keeps. */
#ifndef SERVICES_EXPIRATION_STORE_H
#define SERVICES_EXPIRATION_STORE_H

#include "runtime/service.h"

extern const struct migration expiration_schema[];
extern const struct retention expiration_retention[];

/* -1: no event of this order was applied yet. */
enum err timer_version(struct tx *tx, struct object_id order_id, int64_t *version);
/* There is one from now on, or it has another due time. */
enum err timer_set(struct tx *tx, struct object_id order_id, int64_t version,
                   struct wall_ms due_at);
enum err timer_stop(struct tx *tx, struct object_id order_id, int64_t version);
/* Takes off the timer's due time, when that is over by now; was_due: it was. */
enum err timer_done(struct tx *tx, struct object_id order_id, struct wall_ms now, bool *was_due);
/* What is due by then, the earliest first. */
enum err timers_soon(struct tx *tx, struct wall_ms until, struct delayed *out, size_t max,
                     size_t *count);
/* Timers due at now, earliest first, at most max. */
enum err timers_due(struct tx *tx, struct wall_ms now, struct object_id *out, size_t max,
                    size_t *count);
/* The earliest due time there is, or WALL_NEVER. */
enum err timers_next(struct tx *tx, struct wall_ms *due_at);
/* Removes at most max that need not ring any more, of orders made before that (struct retention).
 */
enum err timers_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten);

#endif
