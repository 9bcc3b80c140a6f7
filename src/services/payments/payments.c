/* services/payments/payments.c: the payments service's one table. It owns every attempt to take
 * money; whether an order is paid is for orders to say. */
#include "services/payments/ledger_store.h"
#include "services/payments/payments.h"
#include "services/services.h"

#define GATEWAY_THREADS   8
#define GATEWAY_QUEUE_MAX 1024

static const struct gauge payments_gauges[] = {
    {"boxoffice_refunds_due", "Payments whose money is owed to the buyer and not given back yet.",
     refunds_due_count},
    {"boxoffice_disputes_open", "Payments that a buyer's bank wants back, not decided yet.",
     disputes_open_count},
};

static const struct job payments_jobs[] = {
    [SUBMIT] = {"submit", submit_due}, [TIDY] = {"tidy", tidy}, [SCRUB] = {"scrub", scrub}};

static enum err payments_start(struct env *env, struct buf *why)
{
    static struct payments payments;

    payments = (struct payments){.gateway = &gateway_sandbox, .resumed_after = -1, .wiped = true};
    if (env->settings->stripe_key)
        payments.gateway =
            gateway_stripe_open(env->settings->stripe_key, env->settings->stripe_api_base);
    if (!payments.gateway) {
        buf_append(why, STR("payments: out of memory"));
        return ERR_MEMORY;
    }
    env->state = &payments;
    return OK;
}

static void payments_stop(struct env *env)
{
    (void)env;
    gateway_stripe_close();
}

const struct service_definition payments_service = {
    .name = "payments",
    .routes = payments_routes,
    .route_count = PAYMENTS_ROUTES,
    .listeners = payments_listeners,
    .listener_count = PAYMENTS_LISTENERS,
    .jobs = payments_jobs,
    .job_count = sizeof payments_jobs / sizeof *payments_jobs,
    .gauges = payments_gauges,
    .gauge_count = sizeof payments_gauges / sizeof *payments_gauges,
    .schema = payments_schema,
    .retention = payments_retention,
    .pool_threads = GATEWAY_THREADS,
    .pool_queue_max = GATEWAY_QUEUE_MAX,
    .start = payments_start,
    .stop = payments_stop,
};
