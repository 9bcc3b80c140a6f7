/* services/orders/orders.c: the orders service's one table. It owns who holds which ticket. */
#include "services/orders/orders.h"
#include "services/services.h"

static struct limit_rule orders_limit(const struct settings *settings)
{
    static const int64_t minute_ms = 60 * 1000;

    return (struct limit_rule){"orders_user", settings->orders_per_minute, minute_ms, 0};
}

const struct service_definition orders_service = {
    .name = "orders",
    .routes = orders_routes,
    .route_count = ORDERS_ROUTES,
    .listeners = orders_listeners,
    .listener_count = ORDERS_LISTENERS,
    .schema = orders_schema,
    .retention = orders_retention,
    .limit = orders_limit,
};
