/* services/tickets/tickets.c: the tickets service's one table. It owns what is for sale. */
#include "services/tickets/tickets.h"
#include "services/services.h"

const struct service_definition tickets_service = {
    .name = "tickets",
    .routes = tickets_routes,
    .route_count = TICKETS_ROUTES,
    .listeners = tickets_listeners,
    .listener_count = TICKETS_LISTENERS,
    .schema = tickets_schema,
};
