/* services/tickets/tickets.c: the tickets service's one table. It owns what is for sale. */
#include "services/tickets/tickets.h"
#include "services/services.h"

static struct limit_rule tickets_limit(const struct settings *settings)
{
    static const int64_t minute_ms = 60 * 1000;

    return (struct limit_rule){"listings_user", settings->listings_per_minute, minute_ms, 0};
}

const struct service_definition tickets_service = {
    .name = "tickets",
    .routes = tickets_routes,
    .route_count = TICKETS_ROUTES,
    .listeners = tickets_listeners,
    .listener_count = TICKETS_LISTENERS,
    .schema = tickets_schema,
    .retention = tickets_retention,
    .limit = tickets_limit,
};
