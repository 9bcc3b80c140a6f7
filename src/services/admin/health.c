/* services/admin/health.c: alive, and ready for more. Alive asks the event loop alone; ready
 * reads every database. How far the subscribers are behind is told, but makes nobody less ready:
 * all replicas are equally far behind, and who sends requests nowhere helps nobody to catch up. */
#include "services/admin/admin.h"

enum err get_healthz(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer writer = reply_json(rp, 200);

    (void)rq, (void)tx;
    json_begin_object(&writer);
    json_member_text(&writer, "status", STR("ok"));
    json_end_object(&writer);
    return OK;
}

/* The events the slowest subscriber has not acknowledged yet. */
static int64_t greatest_lag(const struct app *app)
{
    struct subscription_metrics metrics[SUBSCRIBER_METRICS];
    size_t count = bus_metrics(app_bus(app), metrics, SUBSCRIBER_METRICS);
    int64_t greatest = 0;

    for (size_t i = 0; i < count && i < SUBSCRIBER_METRICS; i++)
        if (metrics[i].last - metrics[i].position > greatest)
            greatest = metrics[i].last - metrics[i].position;
    return greatest;
}

static void put_service(struct json_writer *writer, const struct instance *service,
                        const struct tx *tx, struct wall_ms now)
{
    bool open = instance_readable(service, tx, now);
    bool writable = instance_healthy(service);
    bool subscribed = instance_subscribed(service);

    json_begin_object(writer);
    json_member_text(writer, "name", str_of(instance_name(service)));
    json_member_text(writer, "database",
                     !open      ? STR("closed")
                     : writable ? STR("open")
                                : STR("read-only"));
    json_member_bool(writer, "subscribed", subscribed);
    json_end_object(writer);
}

enum err get_readyz(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct app *app = rq->run->env->app;
    struct wall_ms now = env_now(rq->run->env);
    int64_t lag = greatest_lag(app);
    bool ready = app_is_ready(app, tx, now);
    struct json_writer writer = reply_json(rp, 200);

    json_begin_object(&writer);
    json_key(&writer, "services");
    json_begin_array(&writer);
    for (size_t i = 0; i < app_service_count(app); i++)
        put_service(&writer, app_service(app, i), tx, now);
    json_end_array(&writer);
    json_member_int(&writer, "lag", lag);
    json_member_bool(&writer, "ready", ready);
    json_end_object(&writer);
    rp->status = ready ? 200 : 503;
    return OK;
}
