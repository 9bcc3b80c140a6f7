/* services/entries/entries.c: the entries service's one table. It owns what opens doors, and whose
 * it is. */
#include "services/entries/entries.h"
#include "services/services.h"

const struct service_definition entries_service = {
    .name = "entries",
    .routes = entries_routes,
    .route_count = ENTRIES_ROUTES,
    .listeners = entries_listeners,
    .listener_count = ENTRIES_LISTENERS,
    .schema = entries_schema,
    .retention = entries_retention,
};
