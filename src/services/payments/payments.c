/* services/payments/payments.c: the payments service's one table. It owns every attempt to take
 * money; whether an order is paid is for orders to say. */
#include "services/payments/payments.h"
#include "services/services.h"

#define GATEWAY_THREADS   4
#define GATEWAY_QUEUE_MAX 1024

static const struct job payments_jobs[] = {[DRIVE] = {"drive", drive_pending}};

static enum err payments_start(struct env *env, struct buf *why)
{
    static struct payments payments;

    (void)why;
    payments = (struct payments){.gateway = &gateway_sandbox};
    env->state = &payments;
    return OK;
}

const struct service_definition payments_service = {
    .name = "payments",
    .routes = payments_routes,
    .route_count = PAYMENTS_ROUTES,
    .listeners = payments_listeners,
    .listener_count = PAYMENTS_LISTENERS,
    .jobs = payments_jobs,
    .job_count = 1,
    .schema = payments_schema,
    .pool_threads = GATEWAY_THREADS,
    .pool_queue_max = GATEWAY_QUEUE_MAX,
    .start = payments_start,
};
