/* bus/inbox.h: bus_inbox, the events that came from a broker and took effect here, each written in
 * the transaction of its effect, so that what is delivered again is known. The writer's. */
#ifndef BUS_INBOX_H
#define BUS_INBOX_H

#include "bus/bus.h"

enum err inbox_knows(struct tx *tx, const struct delivery *delivery, bool *known);
/* For each delivery; those that are marked already are not asked for. */
enum err inbox_mark_known(struct tx *tx, const struct delivery *deliveries, size_t count,
                          bool *known);

/* One row each, unique: of two replicas that were given the same event one commits, the other
 * learns of it here, at the latest with its COMMIT, and applies its batch again. */
enum err inbox_put(struct tx *tx, const struct delivery *const *applied, size_t count);

/* Takes away some of the oldest rows, when the broker has forgotten what they stand for. due: when
 * to do it next; nothing happens before. */
enum err inbox_prune(struct tx *tx, struct mono_ms now, struct mono_ms *due);

#endif
