/* services/tickets/tickets.c: the tickets service's one table. It owns what is for sale. */
#include "services/tickets/tickets.h"
#include "services/services.h"

static struct limit_rule tickets_limit(const struct settings *settings)
{
    static const int64_t minute_ms = 60 * 1000;

    return (struct limit_rule){"listings_user", settings->listings_per_minute, minute_ms, 0};
}

/* What has started is no longer on sale, and lists that are kept say so from then on. */
static enum err shows_start_job(struct env *env, struct tx *tx, struct wall_ms *next)
{
    (void)env;
    return shows_start(tx, next);
}

static const struct job tickets_jobs[] = {
    [JOB_SHOWS_START] = {"shows_start", shows_start_job}, [JOB_OFFERS] = {"offers", offers_job}};

const struct service_definition tickets_service = {
    .name = "tickets",
    .routes = tickets_routes,
    .route_count = TICKETS_ROUTES,
    .listeners = tickets_listeners,
    .listener_count = TICKETS_LISTENERS,
    .jobs = tickets_jobs,
    .job_count = sizeof tickets_jobs / sizeof *tickets_jobs,
    .schema = tickets_schema,
    .retention = tickets_retention,
    .limit = tickets_limit,
};
