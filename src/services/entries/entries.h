/* services/entries/entries.h: what the files of the entries service share. */
#ifndef SERVICES_ENTRIES_ENTRIES_H
#define SERVICES_ENTRIES_ENTRIES_H

#include "services/entries/store.h"

#define ENTRIES_ROUTES    2
#define ENTRIES_LISTENERS 9

extern const struct route entries_routes[ENTRIES_ROUTES];
extern const struct listener entries_listeners[ENTRIES_LISTENERS];

/* --- commands.c: rows and events, in the writer's transaction --------------------------------- */

/* A valid entry of the order's ticket for its buyer, and entry:created. ERR_CONTENTION: what it was
 * drawn is another one's serial, or the ticket has a valid entry. */
enum err entry_make(struct env *env, struct tx *tx, struct object_id ticket_id,
                    struct object_id order_id, struct str buyer_id, struct object_id show_id);
/* The order's valid entries are void from now on; entry:updated of each. */
enum err order_entries_void(struct tx *tx, struct arena *arena, struct object_id order_id);

#endif
