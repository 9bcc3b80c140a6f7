/* services/entries/transfer_store.h: entries on their way to other people, and whose address is
 * known to be theirs. Texts read live in the arena. */
#ifndef SERVICES_ENTRIES_TRANSFER_STORE_H
#define SERVICES_ENTRIES_TRANSFER_STORE_H

#include "runtime/service.h"
#include "services/entries/transfer.h"

/* ERR_TRANSFER_WAITING: its entry is on its way already. */
enum err transfer_insert(struct tx *tx, const struct transfer *transfer);
/* Not locked: whoever changes one holds its entry's lock (entry_lock). ERR_NOT_FOUND. */
enum err transfer_get(struct tx *tx, struct arena *arena, struct object_id id,
                      struct transfer *out);
/* The one that waits, of an entry. ERR_NOT_FOUND. */
enum err transfer_of_entry(struct tx *tx, struct arena *arena, struct object_id entry_id,
                           struct transfer *out);
enum err transfer_update(struct tx *tx, const struct transfer *transfer); /* all that changes */

/* What waits of a show's entries ends then, or after its seven days when that is earlier. */
enum err transfers_end_by(struct tx *tx, struct object_id show_id, struct wall_ms latest);
/* At most max whose time is over; and when that of the next one is. WALL_NEVER: none waits. */
enum err transfers_due(struct tx *tx, struct object_id *out, size_t max, size_t *count);
enum err transfers_next(struct tx *tx, struct wall_ms *time);

enum err person_confirmed(struct tx *tx, struct str user_id, bool *confirmed);
enum err person_confirm(struct tx *tx, struct str user_id);

#endif
