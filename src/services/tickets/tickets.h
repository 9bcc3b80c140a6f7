/* services/tickets/tickets.h: what the files of the tickets service share. */
#ifndef SERVICES_TICKETS_TICKETS_H
#define SERVICES_TICKETS_TICKETS_H

#include "services/tickets/store.h"

#define TICKETS_ROUTES    5
#define TICKETS_LISTENERS 4

extern const struct route tickets_routes[TICKETS_ROUTES];
extern const struct listener tickets_listeners[TICKETS_LISTENERS];

/* The changed ticket and its ticket:updated, in one transaction. */
enum err ticket_save(struct tx *tx, const struct ticket *ticket);

#endif
