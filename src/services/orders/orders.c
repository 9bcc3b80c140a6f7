/* services/orders/orders.c: the orders service's one table. It owns who holds which ticket. */
#include "services/orders/orders.h"
#include "services/services.h"

const struct service_definition orders_service = {
    .name = "orders",
    .routes = orders_routes,
    .route_count = ORDERS_ROUTES,
    .listeners = orders_listeners,
    .listener_count = ORDERS_LISTENERS,
    .schema = orders_schema,
};
