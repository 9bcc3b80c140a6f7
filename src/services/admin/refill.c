/* services/admin/refill.c: hands a service's outbox to the relay again, for a stream that was
 * lost: what `boxoffice bus refill` asks for, a part at a time. */
#include "services/admin/admin.h"

#define REFILL_EVENTS 10000 /* of one transaction */

struct refill {
    const char *service;
    int64_t from;
};

static enum err refill(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct refill *what = rq->run->state;
    struct json_writer writer;
    int64_t next = 0;
    enum err err = OK;

    TRY(outbox_refill(tx, what->from, REFILL_EVENTS, &next));
    writer = reply_json(rp, 200);
    json_begin_object(&writer);
    json_member_text(&writer, "service", str_of(what->service));
    json_member_int(&writer, "next", next);
    json_end_object(&writer);
done:
    return err;
}

static void put_services(struct reply *rp, const struct app *app)
{
    struct json_writer writer = reply_json(rp, 200);

    json_begin_object(&writer);
    json_key(&writer, "services");
    json_begin_array(&writer);
    for (size_t i = 0; i < app_service_count(app); i++)
        json_put_text(&writer, str_of(instance_name(app_service(app, i))));
    json_end_array(&writer);
    json_end_object(&writer);
}

/* GET /streaming/refill: {"services":[…]}, those of this process, when its bus has a broker; else
 * 409. */
enum err get_refill(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!rq->run->env->settings->broker) return ERR_CONFLICT;
    put_services(rp, rq->run->env->app);
    return OK;
}

/* POST /streaming/refill?service=S&from=N: {"service","next"}; next: where to go on, 0 at the end.
 * 404: no such service here. */
enum err post_refill(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct instance *service;
    struct refill *what = arena_alloc(rq->arena, sizeof *what);
    struct str name = request_query(rq, "service");

    (void)tx, (void)rp;
    if (!what) return ERR_MEMORY;
    if (!rq->run->env->settings->broker) return ERR_CONFLICT;
    if (!str_to_int64(request_query(rq, "from"), &what->from)) return ERR_BAD_REQUEST;
    service = app_service_called(rq->run->env->app, name);
    if (!service) return ERR_NOT_FOUND;
    what->service = instance_name(service);
    rq->run->state = what;
    request_move(rq, service); /* the rest happens in that service's writer */
    return request_then(rq, IN_WRITER, refill);
}
