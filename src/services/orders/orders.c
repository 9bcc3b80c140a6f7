/* services/orders/orders.c: the orders service's one table. It owns who holds which ticket. */
#include "services/orders/orders.h"
#include "services/services.h"

static enum err orders_start(struct env *env, struct buf *why)
{
    static const int64_t minute_ms = 60 * 1000;
    struct limit_rule rule = {"orders_user", env->settings->orders_per_minute, minute_ms, 0};
    struct limit *reservations;
    enum err err;

    (void)why;
    reservations = limit_new(&rule, env->random, &err);
    env->state = reservations;
    return err;
}

static void orders_stop(struct env *env)
{
    limit_free(env->state);
    env->state = NULL;
}

const struct service_definition orders_service = {
    .name = "orders",
    .routes = orders_routes,
    .route_count = ORDERS_ROUTES,
    .listeners = orders_listeners,
    .listener_count = ORDERS_LISTENERS,
    .schema = orders_schema,
    .start = orders_start,
    .stop = orders_stop,
};
