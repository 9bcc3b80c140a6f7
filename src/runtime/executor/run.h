/* runtime/executor/run.h: routes, and a request's run through their handlers.
 *
 * The handlers of a request form a chain: a handler that returns OK after request_then() has not
 * answered yet; the next handler it named runs in the executor it named. A request belongs to one
 * thread at a time, and its run with it. */
#ifndef RUNTIME_EXECUTOR_RUN_H
#define RUNTIME_EXECUTOR_RUN_H

#include "base/clock.h"
#include "http/request.h"
#include "runtime/executor/read_set.h"

struct env; /* what a service's code is handed (runtime/service.h) */
struct tx;

/* Where a handler runs. */
enum executor {
    IN_LOOP,          /* in the event loop: memory only, microseconds; tx is NULL */
    IN_READER,        /* over a read-only snapshot of the service's database */
    IN_SHARED_READER, /* the same, and the answer depends on path, query and data alone: it may be
                         given to others until something is committed */
    IN_WRITER, /* in the service's writer, inside its transaction; the answer waits for the commit
                */
    IN_POOL,   /* in the service's pool: slow or blocking work; tx is NULL */
    IN_CALL    /* once rq->call has its answer: in the loop or a pool thread; tx is NULL */
};

/* OK: answered (or chained); anything else becomes the error answer, and in a writer undoes what
 * the handler wrote. */
typedef enum err handler_fn(struct request *rq, struct tx *tx, struct reply *rp);

/* One row of a service's route table: what HTTP matches (http_route), where its first handler runs,
 * and what is seen to before it does. */
struct route {
    enum method method;
    const char *path;
    enum access access;
    enum executor executor;
    handler_fn *run;
    /* Takes one of the service's limit (service_definition.limit) for the user: over it 429, before
     * anything is looked at. Of ACCESS_SESSION. */
    bool limited;
    /* The member of the body that says what is changed, when the path does not (run.about). NULL:
     * the whole body does. */
    const char *about;
    /* The act's name in the audit log ("payment.refunded"): an entry is written in the handler's
     * transaction when it has changed something (request_changed). NULL: it has none. In a writer.
     */
    const char *audit;
    size_t body_max; /* bytes; 0: HTTP_BODY_MAX. Up to HTTP_LARGE_BODY_MAX, of what programs send */
};

struct run {
    struct env *env;  /* of the route's service; in a writer the writer's own */
    void *state;      /* the handler chain's own, in the arena */
    void *page_state; /* of a page: what was asked about who looks at it, in the arena */
    /* What its handlers change, when the path does not say (route.about); empty: told by the body.
     * Those about one thing keep their order. */
    struct str about;
    /* What a handler has changed (request_changed); empty: nothing. */
    struct str changed, changed_detail;

    /* set by request_then and request_wait, read and cleared by the executors */
    handler_fn *next;
    enum executor next_executor;
    bool waits; /* next runs when wait_key is woken … */
    struct str wait_key;
    struct mono_ms wait_until; /* … and no later than that */

    /* Whom its place in a pool's queue counts for (request_then_in_pool); empty: nobody. */
    struct str pool_address, pool_account;
    int64_t pool_turn;
    /* env_news, env_wait_news (runtime/service.h): what was published when it first looked, + 1,
     * and how often it has looked. */
    int64_t news_sequence;
    int news_polls;
    int64_t queued_us;        /* monotonic: when it was handed to a writer; 0: nobody records it */
    struct read_set read_set; /* what it has read so far */
};

/* At its first handler, which runs for that service; also for a request made by hand. False: memory
 * ran out. */
bool request_begin(struct request *rq, struct env *env);
/* The handler has changed this, and what more there is to say of it: for the audit log, by the name
 * its route has for it. Both are copied. ERR_MEMORY. */
enum err request_changed(struct request *rq, struct str subject, struct str detail);
enum err request_changed_id(struct request *rq, struct object_id subject, struct str detail);
/* Runs one handler and turns its error into an answer. OK: keep what it wrote. */
enum err request_run(struct request *rq, handler_fn *handler, struct tx *tx);

/* --- chaining ------------------------------------------------------------------------------ */

/* After this handler: run `next` in `executor`. From a writer it happens after the commit. */
static inline enum err request_then(struct request *rq, enum executor executor, handler_fn *next)
{
    rq->run->next = next;
    rq->run->next_executor = executor;
    rq->run->waits = false;
    return OK;
}

/* After this handler: run `next` in the pool, whose queue is shared fairly between addresses and
 * accounts (runtime/executor/pool.c). Both texts must live in the request's arena. */
static inline enum err request_then_in_pool(struct request *rq, struct str address,
                                            struct str account, handler_fn *next)
{
    rq->run->pool_address = address;
    rq->run->pool_account = account;
    return request_then(rq, IN_POOL, next);
}

/* After this handler (in a writer only): wait until env_wake(key) in the same writer, then run
 * `next` there. key must live in the request's arena. */
static inline enum err request_wait(struct request *rq, struct str key, handler_fn *next)
{
    rq->run->next = next;
    rq->run->next_executor = IN_WRITER;
    rq->run->waits = true;
    rq->run->wait_key = key;
    rq->run->wait_until = MONO_NEVER;
    return OK;
}

/* After this handler: ask the API, then run `next` with the answer in rq->call. target and body
 * must live in the request's arena (or for ever). */
static inline enum err request_call(struct request *rq, enum method method, struct str target,
                                    struct str body, handler_fn *next)
{
    rq->call = (struct api_call){.method = method, .target = target, .body = body};
    return request_then(rq, IN_CALL, next);
}

#endif
