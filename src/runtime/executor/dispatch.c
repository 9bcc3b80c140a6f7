/* runtime/executor/dispatch.c: where a request's handlers run, and how it gets from one executor to
 * the next.
 *
 * Reads are answered in the loop thread, over the loop's own read-only connection; on PostgreSQL in
 * threads that may wait for its answers. Writes are
 * gathered over one round of the loop and handed to each writer in one go: it is the wake-ups that
 * cost. */
#include "runtime/executor/dispatch.h"

#include "http/server/server.h"
#include "runtime/executor/outbound_call.h"
#include "runtime/executor/pool.h"
#include "runtime/executor/reader_pool.h"
#include "runtime/executor/response_cache.h"
#include "runtime/executor/shards.h"

static void dispatch_to_pool(struct instance *instance, struct request *rq)
{
    ASSERT(instance->pool != NULL);
    if (pool_submit_request(instance->pool, rq)) return;
    rq->run->next = NULL;
    reply_error(rq, ERR_BUSY);
    http_answer(rq);
}

/* instance->pass_on: what it did in a writer it goes on without. */
static void dispatch_pass_on(struct instance *instance, struct request *rq)
{
    struct request_list one = {0};

    rq->run->env = &instance->env;
    if (!rq->run->next) {
        http_answer(rq);
    } else if (rq->run->next_executor == IN_POOL ||
               (rq->run->next_executor == IN_CALL && api_is_elsewhere(&instance->env))) {
        dispatch_to_pool(instance, rq);
    } else if (rq->run->next_executor == IN_CALL) {
        http_resume(rq);
    } else {
        ASSERT(rq->run->next_executor == IN_WRITER);
        request_list_add(&one, rq);
        shards_enqueue(instance, &one);
    }
}

/* Reads and small things, in the loop thread. */
static void dispatch_run_here(struct instance *instance, int loop, struct request *rq,
                              enum executor executor, handler_fn *handler)
{
    struct db *reader = executor == IN_LOOP ? NULL : instance->readers[loop];

    if (reader) read_set_add(&rq->run->read_set, reader, db_commits(reader));
    (void)request_run(rq, handler, reader ? tx_snapshot(reader, env_now(&instance->env)) : NULL);
}

static void dispatch_run_shared(struct instance *instance, int loop, struct request *rq)
{
    struct response_cache *cache = instance->caches[loop];

    if (response_cache_find(cache, rq, env_mono(&instance->env))) return;
    dispatch_run_here(instance, loop, rq, IN_SHARED_READER, rq->route->run);
    ASSERT(!rq->run->next); /* the whole answer is made in one go */
    response_cache_put(cache, rq, env_mono(&instance->env));
}

/* A page's call of the API. False: its answer comes later, and from where is not known then. */
static bool dispatch_call(struct request *rq)
{
    rq->run->next_executor = IN_LOOP; /* when the answer is there */
    if (!http_call(rq)) {
        rq->run->read_set.unknown = true;
        return false;
    }
    if (rq->called && rq->called->run)
        read_set_merge(&rq->run->read_set, &rq->called->run->read_set);
    else
        rq->run->read_set.unknown = true;
    return true;
}

static bool dispatch_find_page(const struct instance *instance, int loop, struct request *rq)
{
    struct response_cache *cache = instance->caches[loop];

    return rq->route->executor == IN_LOOP && cache &&
           response_cache_find(cache, rq, env_mono(&instance->env));
}

static void dispatch_answer_page(const struct instance *instance, int loop, struct request *rq)
{
    struct response_cache *cache = instance->caches[loop];

    if (rq->route->executor == IN_LOOP && cache)
        response_cache_put(cache, rq, env_mono(&instance->env));
    http_answer(rq);
}

static bool reads_apart(const struct instance *instance, enum executor executor)
{
    return instance->reader_pool && (executor == IN_READER || executor == IN_SHARED_READER);
}

/* Runs handler after handler, as long as they belong here and nothing has to be waited for. */
static void dispatch_carry_on(struct dispatcher *dispatcher, int loop, struct request *rq,
                              enum executor executor, handler_fn *handler)
{
    struct instance *instance = rq->run->env->instance;

    while (executor != IN_WRITER && executor != IN_POOL && !reads_apart(instance, executor)) {
        if (executor == IN_CALL && api_is_elsewhere(&instance->env)) break;
        if (executor == IN_CALL && !dispatch_call(rq)) return; /* dispatch_resume goes on */
        if (executor == IN_SHARED_READER)
            dispatch_run_shared(instance, loop, rq);
        else
            dispatch_run_here(instance, loop, rq, executor == IN_CALL ? IN_LOOP : executor,
                              handler);
        http_call_end(rq);
        if (!rq->run->next) {
            dispatch_answer_page(instance, loop, rq);
            return;
        }
        handler = rq->run->next;
        executor = rq->run->next_executor;
    }
    instance = rq->run->env->instance; /* the administration moves requests to other services */
    if (executor == IN_WRITER)
        request_list_add(&dispatcher->handover[loop][instance->index], rq);
    else if (reads_apart(instance, executor))
        request_list_add(&dispatcher->reads[loop][instance->index], rq);
    else
        dispatch_to_pool(instance, rq);
}

void dispatch_add(struct dispatcher *dispatcher, struct instance *instance)
{
    ASSERT(dispatcher->instance_count < SERVICES_MAX);
    instance->index = dispatcher->instance_count;
    instance->pass_on = dispatch_pass_on;
    dispatcher->instances[dispatcher->instance_count++] = instance;
}

/* What the route's row says of it before its first handler. */
static enum err dispatch_admit(struct request *rq)
{
    const struct route *route = rq->route;

    if (!request_begin(rq, rq->owner)) return ERR_MEMORY;
    if (route->about) rq->run->about = request_body_text(rq, route->about);
    if (!route->limited) return OK;
    return limit_take(rq->run->env->instance->limit, rq->user.id, env_mono(rq->run->env), rq);
}

void dispatch_request(void *context, int loop, struct request *rq)
{
    enum err err = dispatch_admit(rq);

    if (err == OK && dispatch_find_page(rq->run->env->instance, loop, rq)) {
        http_answer(rq);
        return;
    }
    if (err == OK) {
        dispatch_carry_on(context, loop, rq, rq->route->executor, rq->route->run);
        return;
    }
    reply_error(rq, err);
    http_answer(rq);
}

void dispatch_resume(void *context, int loop, struct request *rq)
{
    dispatch_carry_on(context, loop, rq, rq->run->next_executor, rq->run->next);
}

void dispatch_loop_end(void *context, int loop)
{
    struct dispatcher *dispatcher = context;

    for (size_t i = 0; i < dispatcher->instance_count; i++) {
        struct instance *instance = dispatcher->instances[i];

        if (instance->readers[loop]) db_snapshot_end(instance->readers[loop]);
        if (instance->reader_pool)
            reader_pool_enqueue(instance->reader_pool, &dispatcher->reads[loop][i]);
        shards_enqueue(instance, &dispatcher->handover[loop][i]);
    }
}
