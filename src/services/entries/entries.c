/* services/entries/entries.c: the entries service's one table. It owns what opens doors, and whose
 * it is. */
#include "services/entries/entries.h"
#include "services/services.h"

#define TRANSFERS_PER_HOUR 100 /* of one user: each is a mail to somebody */

static struct limit_rule entries_limit(const struct settings *settings)
{
    static const int64_t hour_ms = INT64_C(3600) * 1000;

    (void)settings;
    return (struct limit_rule){"transfers_user", TRANSFERS_PER_HOUR, hour_ms, 0};
}

static const struct job jobs[ENTRIES_JOBS] = {
    [JOB_FIRST_KEY] = {"first-key", first_key_make},
    [JOB_TRANSFERS_END] = {"transfers-end", transfers_end}};

const struct service_definition entries_service = {
    .name = "entries",
    .routes = entries_routes,
    .route_count = ENTRIES_ROUTES,
    .listeners = entries_listeners,
    .listener_count = ENTRIES_LISTENERS,
    .jobs = jobs,
    .job_count = ENTRIES_JOBS,
    .schema = entries_schema,
    .retention = entries_retention,
    .limit = entries_limit,
};
