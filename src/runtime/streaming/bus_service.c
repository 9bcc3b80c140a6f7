/* runtime/streaming/bus_service.c: the bus service's one table, and the documents it serves. It
 * always runs: its database's lock says whose data folder this is. */
#include "runtime/serve.h"
#include "runtime/streaming/streaming.h"

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

    if (atomic_load(&streaming_of(env)->listening)) env_job_poke(env, JOB_DELIVER);
}

static enum err start(struct env *env, struct buf *why)
{
    struct streaming *streaming = calloc(1, sizeof *streaming);
    uint64_t number;

    if (!streaming) {
        buf_append(why, STR("bus: out of memory"));
        return ERR_MEMORY;
    }
    random_fill(env->random, &number, sizeof number);
    snprintf(streaming->server_id, sizeof streaming->server_id, "%016llx",
             (unsigned long long)number);
    streaming->house = env->service->house;
    buf_init(&streaming->line, NULL, LINE_BYTES_MAX);
    env->state = streaming;
    bus_watch(streaming->house->bus, on_news, env);
    return OK;
}

static void stop(struct env *env)
{
    bus_watch(streaming_of(env)->house->bus, NULL, NULL);
    streaming_free(streaming_of(env));
    env->state = NULL;
}

static const struct route routes[] = {
    {METHOD_GET, "/healthz", ACCESS_HEALTH, IN_LOOP, get_healthz},
    {METHOD_GET, "/readyz", ACCESS_HEALTH, IN_READER, get_readyz},
    {METHOD_GET, "/metrics", ACCESS_PUBLIC, IN_READER, get_metrics},
    {METHOD_GET, "/api/openapi.json", ACCESS_PUBLIC, IN_LOOP, get_openapi},
    {METHOD_GET, "/api/asyncapi.json", ACCESS_PUBLIC, IN_LOOP, get_asyncapi},
    {METHOD_GET, "/streaming", ACCESS_PUBLIC, IN_LOOP, get_streaming},
    {METHOD_GET, "/streaming/clientsz", ACCESS_PUBLIC, IN_LOOP, get_clientsz},
    {METHOD_GET, "/streaming/channelsz", ACCESS_PUBLIC, IN_LOOP, get_channelsz},
    {METHOD_GET, "/streaming/listen", ACCESS_OPERATOR, IN_WRITER, get_listen},
    {METHOD_POST, "/streaming/ack", ACCESS_OPERATOR, IN_WRITER, post_ack},
    {METHOD_POST, "/streaming/publish", ACCESS_OPERATOR, IN_LOOP, post_publish},
    {METHOD_GET, "/streaming/dead", ACCESS_OPERATOR, IN_WRITER, get_dead},
    {METHOD_GET, "/streaming/dead/letter", ACCESS_OPERATOR, IN_WRITER, get_dead_letter},
    {METHOD_POST, "/streaming/dead/retry", ACCESS_OPERATOR, IN_LOOP, post_dead_retry},
    {METHOD_POST, "/streaming/dead/drop", ACCESS_OPERATOR, IN_LOOP, post_dead_drop},
    {METHOD_POST, "/operator/keys/rotate", ACCESS_OPERATOR, IN_WRITER, post_keys_rotate},
    {METHOD_GET, "/operator/trail", ACCESS_OPERATOR, IN_WRITER, get_trail},
    {METHOD_GET, "/streaming/refill", ACCESS_OPERATOR, IN_LOOP, get_refill},
    {METHOD_POST, "/streaming/refill", ACCESS_OPERATOR, IN_LOOP, post_refill},
};

static const struct job jobs[] = {
    [JOB_DELIVER] = {"deliver", deliver_run},
};

const struct service_definition bus_service = {
    .name = "bus",
    .routes = routes,
    .route_count = sizeof routes / sizeof *routes,
    .jobs = jobs,
    .job_count = sizeof jobs / sizeof *jobs,
    .schema = streaming_schema,
    .single_writer = true,
    .start = start,
    .stop = stop,
};
