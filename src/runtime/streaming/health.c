/* runtime/streaming/health.c: alive, and ready for more. Alive asks the event loop alone; ready
 * reads every database and looks how far the subscribers are behind. */
#include "runtime/streaming/streaming.h"

#define LAG_MAX 10000 /* events; a subscriber further behind is not ready */

enum err get_healthz(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer writer = reply_json(rp, 200);

    (void)rq, (void)tx;
    json_begin_object(&writer);
    json_key(&writer, "status");
    json_put_text(&writer, STR("ok"));
    json_end_object(&writer);
    return OK;
}

int streaming_loop(const struct service *service, const struct tx *tx)
{
    int loop = 0;

    while (tx && service->readers[loop] != tx->db)
        loop++;
    return loop;
}

/* A server is asked by the service's writer, every second; a loop does not wait for it. */
static bool readable(struct service *service, int loop, int64_t now_ms)
{
    int64_t waiting;

    if (!service->readers[loop]) return atomic_load(&service->open);
    return waiting_count(tx_read(service->readers[loop], now_ms), &waiting) == OK;
}

/* The events the slowest subscriber has not settled yet. */
static int64_t greatest_lag(struct house *house)
{
    struct subscription_figures figures[SUBSCRIBER_FIGURES];
    size_t count = bus_figures(house->bus, figures, SUBSCRIBER_FIGURES);
    int64_t greatest = 0;

    for (size_t i = 0; i < count && i < SUBSCRIBER_FIGURES; i++)
        if (figures[i].last - figures[i].position > greatest)
            greatest = figures[i].last - figures[i].position;
    return greatest;
}

/* A service is ready when its database can be read, its listeners are subscribed and its writer's
 * last transaction could be made. */
static bool put_service(struct json_writer *writer, struct service *service, int loop,
                        int64_t now_ms)
{
    bool open = readable(service, loop, now_ms);
    bool writable = lanes_healthy(service);
    bool subscribed = atomic_load(&service->open) &&
                      (!service->subscription || subscription_ready(service->subscription));

    json_begin_object(writer);
    json_key(writer, "name");
    json_put_text(writer, str_of(service->def->name));
    json_key(writer, "database");
    json_put_text(writer, !open ? STR("closed") : writable ? STR("open") : STR("read-only"));
    json_key(writer, "subscribed");
    json_put_bool(writer, subscribed);
    json_end_object(writer);
    return open && writable && subscribed;
}

enum err get_readyz(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct service *bus = rq->env->service;
    struct house *house = bus->house;
    int loop = streaming_loop(bus, tx);
    int64_t now_ms = env_now_ms(rq->env), lag = greatest_lag(house);
    bool ready = !atomic_load(&house->stopping) && lag < LAG_MAX;
    struct json_writer writer = reply_json(rp, 200);

    json_begin_object(&writer);
    json_key(&writer, "services");
    json_begin_array(&writer);
    for (size_t i = 0; i < house->service_count; i++)
        ready &= put_service(&writer, house->services[i], loop, now_ms);
    json_end_array(&writer);
    json_key(&writer, "lag");
    json_put_int(&writer, lag);
    json_key(&writer, "ready");
    json_put_bool(&writer, ready);
    json_end_object(&writer);
    rp->status = ready ? 200 : 503;
    return OK;
}
