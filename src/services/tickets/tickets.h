/* services/tickets/tickets.h: what the files of the tickets service share. */
#ifndef SERVICES_TICKETS_TICKETS_H
#define SERVICES_TICKETS_TICKETS_H

#include "services/tickets/store.h"

#define TICKETS_ROUTES    6
#define TICKETS_LISTENERS 4

extern const struct route tickets_routes[TICKETS_ROUTES];
extern const struct listener tickets_listeners[TICKETS_LISTENERS];

/* --- commands.c: rows and events, in the writer's transaction --------------------------------- */

/* A new ticket and its ticket:created. */
enum err ticket_offer(struct tx *tx, const struct ticket *ticket);
/* The changed ticket and its ticket:updated. */
enum err ticket_save(struct tx *tx, const struct ticket *ticket);

#endif
