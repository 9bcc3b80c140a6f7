/* runtime/streaming/refill.c: hands a service's outbox to the relay again, for a stream that was
 * lost: what `boxoffice bus refill` asks for, a part at a time. */
#include "runtime/streaming/streaming.h"

#define REFILL_EVENTS 10000 /* of one transaction */

struct refill {
    const char *service;
    int64_t from;
};

static enum err refill(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct refill *what = rq->state;
    struct json_writer writer;
    int64_t next = 0;
    enum err err = OK;

    TRY(outbox_refill(tx, what->from, REFILL_EVENTS, &next));
    writer = reply_json(rp, 200);
    json_begin_object(&writer);
    json_key(&writer, "service");
    json_put_text(&writer, str_of(what->service));
    json_key(&writer, "next");
    json_put_int(&writer, next);
    json_end_object(&writer);
done:
    return err;
}

static void put_services(struct reply *rp, const struct house *house)
{
    struct json_writer writer = reply_json(rp, 200);

    json_begin_object(&writer);
    json_key(&writer, "services");
    json_begin_array(&writer);
    for (size_t i = 0; i < house->service_count; i++)
        json_put_text(&writer, str_of(house->services[i]->def->name));
    json_end_array(&writer);
    json_end_object(&writer);
}

/* GET /streaming/refill: {"services":[…]}, those of this process, when its bus has a broker; else
 * 409. */
enum err get_refill(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct house *house = rq->env->service->house;

    (void)tx;
    if (!house->settings->broker) return ERR_CONFLICT;
    put_services(rp, house);
    return OK;
}

/* POST /streaming/refill?service=S&from=N: {"service","next"}; next: where to go on, 0 at the end.
 * 404: no such service here. */
enum err post_refill(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct house *house = rq->env->service->house;
    struct refill *what = arena_alloc(rq->arena, sizeof *what);
    struct str name = request_query(rq, "service");

    (void)tx, (void)rp;
    if (!what) return ERR_MEMORY;
    if (!house->settings->broker) return ERR_CONFLICT;
    if (!str_to_int64(request_query(rq, "from"), &what->from)) return ERR_BAD_REQUEST;
    for (size_t i = 0; i < house->service_count; i++) {
        if (!str_eq(str_of(house->services[i]->def->name), name)) continue;
        what->service = house->services[i]->def->name;
        rq->state = what;
        rq->env = &house->services[i]->env; /* the rest happens in that service's writer */
        return request_then(rq, IN_WRITER, refill);
    }
    return ERR_NOT_FOUND;
}
