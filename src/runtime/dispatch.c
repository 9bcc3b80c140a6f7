/* runtime/dispatch.c: where a request's handlers run, and how it gets from one place to the next.
 *
 * Reads are answered in the loop thread, over the loop's own read-only connection; on PostgreSQL in
 * threads that may wait for its answers. Writes are
 * gathered over one round of the loop and handed to each writer in one go: it is the wake-ups that
 * cost. */
#include "runtime/house.h"

#include "base/log.h"

static size_t index_of(const struct house *house, const struct service *service)
{
    size_t i = 0;

    while (house->services[i] != service)
        i++;
    return i;
}

enum err request_run(struct request *rq, handler_fn *handler, struct tx *tx)
{
    enum err err;

    rq->next = NULL;
    log_about(rq->request_id, &rq->trace);
    err = handler(rq, tx, &rq->reply);
    log_about_nothing();
    if (err == OK) return OK;
    rq->next = NULL;
    reply_error(rq, err);
    return err;
}

static void to_pool(struct service *service, struct request *rq)
{
    ASSERT(service->pool != NULL);
    if (pool_submit_request(service->pool, rq)) return;
    rq->next = NULL;
    reply_error(rq, ERR_BUSY);
    http_answer(rq);
}

void request_go_on(struct service *service, struct request *rq)
{
    struct request_list one = {0};

    if (!rq->next) {
        http_answer(rq);
    } else if (rq->next_place == IN_POOL ||
               (rq->next_place == IN_CALL && house_calls_out(service))) {
        to_pool(service, rq);
    } else if (rq->next_place == IN_CALL) {
        http_resume(rq);
    } else {
        ASSERT(rq->next_place == IN_WRITER);
        request_list_add(&one, rq);
        lanes_enqueue(service, &one);
    }
}

/* Reads and small things, in the loop thread. */
static void run_here(struct service *service, int loop, struct request *rq, enum place place,
                     handler_fn *handler)
{
    struct db *reader = place == IN_LOOP ? NULL : service->readers[loop];
    struct tx *tx = reader ? tx_snapshot(reader, env_now_ms(&service->env)) : NULL;

    (void)request_run(rq, handler, tx);
}

static void run_shared(struct service *service, int loop, struct request *rq)
{
    struct pages *pages = service->pages[loop];
    uint64_t commits = db_commits(service->readers[loop]);

    if (pages_find(pages, rq, commits)) return;
    run_here(service, loop, rq, IN_SHARED_READER, rq->route->run);
    ASSERT(!rq->next); /* the whole answer is made in one go */
    pages_keep(pages, rq, commits);
}

static bool reads_apart(const struct service *service, enum place place)
{
    return service->reading && (place == IN_READER || place == IN_SHARED_READER);
}

/* Runs handler after handler, as long as they belong here and nothing has to be waited for. */
static void carry_on(struct house *house, int loop, struct request *rq, enum place place,
                     handler_fn *handler)
{
    struct service *service = rq->env->service;

    while (place != IN_WRITER && place != IN_POOL && !reads_apart(service, place)) {
        if (place == IN_CALL && house_calls_out(service)) break;
        if (place == IN_CALL && !http_call(rq)) return; /* house_resume goes on */
        if (place == IN_SHARED_READER)
            run_shared(service, loop, rq);
        else
            run_here(service, loop, rq, place == IN_CALL ? IN_LOOP : place, handler);
        http_call_end(rq);
        if (!rq->next) {
            http_answer(rq);
            return;
        }
        handler = rq->next;
        place = rq->next_place;
    }
    service = rq->env->service; /* the bus's publisher moves a request to the subject's owner */
    if (place == IN_WRITER)
        request_list_add(&house->handover[loop][index_of(house, service)], rq);
    else if (reads_apart(service, place))
        request_list_add(&house->reads[loop][index_of(house, service)], rq);
    else
        to_pool(service, rq);
}

void house_dispatch(void *context, int loop, struct request *rq)
{
    carry_on(context, loop, rq, rq->route->place, rq->route->run);
}

void house_resume(void *context, int loop, struct request *rq)
{
    carry_on(context, loop, rq, rq->next_place, rq->next);
}

void house_loop_end(void *context, int loop)
{
    struct house *house = context;

    for (size_t i = 0; i < house->service_count; i++) {
        struct service *service = house->services[i];

        if (service->readers[loop]) db_snapshot_end(service->readers[loop]);
        if (service->reading) readers_enqueue(service->reading, &house->reads[loop][i]);
        lanes_enqueue(service, &house->handover[loop][i]);
    }
}
