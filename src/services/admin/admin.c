/* services/admin/admin.c: the bus service's one table, and the documents it serves. It
 * always runs: its database's lock says whose data folder this is. */
#include "services/admin/admin.h"

#include "services/admin/admin_service.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES_MAX (EVENT_PAYLOAD_MAX + 4096)

static enum err get_openapi(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rq, (void)tx;
    return reply_text(rp, 200, "application/json; charset=utf-8", openapi_json);
}

static enum err get_asyncapi(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer writer = reply_json(rp, 200);

    (void)rq, (void)tx;
    events_asyncapi(writer.out);
    return rp->body.failed ? ERR_MEMORY : OK;
}

/* Any thread. */
static void on_news(void *context)
{
    struct env *env = context;

    if (atomic_load(&admin_of(env)->listening)) env_job_wake(env, JOB_DELIVER);
}

static enum err start(struct env *env, struct buf *why)
{
    struct admin *admin = calloc(1, sizeof *admin);
    uint64_t number;

    if (!admin) {
        buf_append(why, STR("bus: out of memory"));
        return ERR_MEMORY;
    }
    random_fill(env->random, &number, sizeof number);
    snprintf(admin->server_id, sizeof admin->server_id, "%016llx", (unsigned long long)number);
    admin->app = env->app;
    admin->env = env;
    buf_init(&admin->line, NULL, LINE_BYTES_MAX);
    env->state = admin;
    bus_watch(app_bus(admin->app), on_news, env);
    return OK;
}

static void stop(struct env *env)
{
    bus_watch(app_bus(env->app), NULL, NULL);
    admin_free(admin_of(env));
    env->state = NULL;
}

static const struct route routes[] = {
    {METHOD_GET, "/healthz", ACCESS_HEALTH, IN_LOOP, .run = get_healthz},
    {METHOD_GET, "/readyz", ACCESS_HEALTH, IN_READER, .run = get_readyz},
    {METHOD_GET, "/metrics", ACCESS_MONITORING, IN_READER, .run = get_metrics},
    {METHOD_GET, "/api/openapi.json", ACCESS_PUBLIC, IN_LOOP, .run = get_openapi},
    {METHOD_GET, "/api/asyncapi.json", ACCESS_PUBLIC, IN_LOOP, .run = get_asyncapi},
    {METHOD_GET, "/streaming", ACCESS_MONITORING, IN_WRITER, .run = get_monitoring},
    {METHOD_GET, "/streaming/serverz", ACCESS_MONITORING, IN_WRITER, .run = get_serverz},
    {METHOD_GET, "/streaming/storez", ACCESS_MONITORING, IN_WRITER, .run = get_storez},
    {METHOD_GET, "/streaming/clientsz", ACCESS_MONITORING, IN_WRITER, .run = get_clientsz},
    {METHOD_GET, "/streaming/channelsz", ACCESS_MONITORING, IN_WRITER, .run = get_channelsz},
    {METHOD_GET, "/streaming/listen", ACCESS_OPERATOR, IN_WRITER, .run = get_listen},
    {METHOD_POST, "/streaming/ack", ACCESS_OPERATOR, IN_WRITER, .run = post_ack},
    {METHOD_GET, "/streaming/durables", ACCESS_OPERATOR, IN_WRITER, .run = get_durables},
    {METHOD_POST, "/streaming/unsubscribe", ACCESS_OPERATOR, IN_WRITER, .run = post_unsubscribe,
     .audit = "durable.forgotten"},
    {METHOD_POST, "/streaming/publish", ACCESS_OPERATOR, IN_LOOP, .run = post_publish,
     .audit = "event.published"},
    {METHOD_GET, "/streaming/dead", ACCESS_OPERATOR, IN_WRITER, .run = get_dead},
    {METHOD_GET, "/streaming/dead/letter", ACCESS_OPERATOR, IN_WRITER, .run = get_dead_letter},
    {METHOD_POST, "/streaming/dead/retry", ACCESS_OPERATOR, IN_LOOP, .run = post_dead_retry,
     .audit = "event.retried"},
    {METHOD_POST, "/streaming/dead/drop", ACCESS_OPERATOR, IN_LOOP, .run = post_dead_drop,
     .audit = "event.dropped"},
    {METHOD_POST, "/operator/keys/rotate", ACCESS_OPERATOR, IN_WRITER, .run = post_keys_rotate,
     .audit = "keys.rotated"},
    {METHOD_GET, "/operator/settings", ACCESS_OPERATOR, IN_LOOP, .run = get_settings},
    {METHOD_GET, "/operator/audit-log", ACCESS_OPERATOR, IN_WRITER, .run = get_audit_log},
    {METHOD_GET, "/streaming/refill", ACCESS_OPERATOR, IN_LOOP, .run = get_refill},
    {METHOD_POST, "/streaming/refill", ACCESS_OPERATOR, IN_LOOP, .run = post_refill},
};

static const struct job jobs[] = {
    [JOB_DELIVER] = {"deliver", deliver_run},
};

const struct service_definition admin_service = {
    .name = "bus",
    .administration = true,
    .routes = routes,
    .route_count = sizeof routes / sizeof *routes,
    .jobs = jobs,
    .job_count = sizeof jobs / sizeof *jobs,
    .schema = admin_schema,
    .retention = admin_retention,
    .events_needed = durables_needed,
    .single_writer = true,
    .start = start,
    .stop = stop,
};
