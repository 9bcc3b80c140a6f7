/* services/entries/entries.c: the entries service's one table. It owns what opens doors, and whose
 * it is. */
#include "services/entries/entries.h"
#include "services/services.h"

static const struct job jobs[] = {{"first-key", first_key_make}};

const struct service_definition entries_service = {
    .name = "entries",
    .routes = entries_routes,
    .route_count = ENTRIES_ROUTES,
    .listeners = entries_listeners,
    .listener_count = ENTRIES_LISTENERS,
    .jobs = jobs,
    .job_count = sizeof jobs / sizeof *jobs,
    .schema = entries_schema,
    .retention = entries_retention,
};
