/* runtime/executor/pool.c: a service's threads for slow or blocking work (password hashing, card
 * gateway). Bounded: what finds no room is refused at once, so that waiting never grows without
 * end.
 *
 * Requests that say whom they are for (request_then_in_pool) share the slots fairly. An address
 * and an account have a few each, and addresses take turns: each request has a turn, one later than
 * the last one of its address, and the earliest turn is served first (start-time fair queueing,
 * Goyal, Vin and Cheng, 1996). Where the queue is full the latest turn makes way. */
#include "runtime/executor/pool.h"

#include "telemetry/log.h"
#include "http/server/server.h"
#include "runtime/executor/outbound_call.h"
#include "runtime/executor/thread_group.h"
#include "runtime/executor/writer.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ADDRESS_MAX 8        /* slots of one address, waiting and at work */
#define ACCOUNT_MAX 4        /* … of one account */
#define SLICE_NS    10000000 /* longer than the scheduler's own, which is at most 3 ms */

struct pool {
    struct instance *instance;
    struct thread_group group;
    struct request_list requests;
    struct task_list tasks;
    size_t waiting, waiting_max;
    int64_t turn;                              /* of the task begun last */
    struct request *running[THREAD_GROUP_MAX]; /* by thread; NULL: none that shares */
    int64_t request_turn;                      /* of the request taken last */
    int started;                               /* each thread takes its number of it */
};

/* --- fair shares, under the lock ------------------------------------------------------------ */

static bool shares(const struct request *rq)
{
    return rq->run->pool_address.len > 0;
}

/* How many slots are taken for the same address and account; *turn: the latest of the address. */
static void count_slots(const struct pool *pool, const struct request *of, size_t *address,
                        size_t *account, int64_t *turn)
{
    size_t at_work = 0;
    const struct request *rq = pool->requests.head;

    *address = *account = 0;
    *turn = pool->request_turn;
    while (rq || at_work < THREAD_GROUP_MAX) {
        const struct request *one = rq ? rq : pool->running[at_work++];

        if (rq) rq = rq->link;
        if (!one) continue;
        *account += str_eq(one->run->pool_account, of->run->pool_account);
        if (!str_eq(one->run->pool_address, of->run->pool_address)) continue;
        ++*address;
        if (one->run->pool_turn > *turn) *turn = one->run->pool_turn;
    }
}

/* In the order of turns, behind those of its own. */
static void pool_insert(struct request_list *list, struct request *rq)
{
    struct request **at = &list->head;

    if (!list->tail || list->tail->run->pool_turn <= rq->run->pool_turn) {
        request_list_add(list, rq);
        return;
    }
    while ((*at)->run->pool_turn <= rq->run->pool_turn)
        at = &(*at)->link;
    rq->link = *at;
    *at = rq;
    list->count++;
}

/* The last of the list makes way for one that comes before it. */
static struct request *drop_last(struct request_list *list)
{
    struct request *last = list->tail, *before = NULL;

    for (struct request *at = list->head; at != last; at = at->link)
        before = at;
    list->tail = before;
    if (before)
        before->link = NULL;
    else
        list->head = NULL;
    list->count--;
    last->link = NULL;
    return last;
}

/* --- threads -------------------------------------------------------------------------------- */

/* Blocks until there is something; false: the pool stops. Tasks first: others wait for them. */
static bool pool_take(struct pool *pool, int number, struct request **rq, struct task **task)
{
    pthread_mutex_lock(&pool->group.lock);
    pool->running[number] = NULL;
    while (!pool->group.stopping && !pool->requests.head && !pool->tasks.head)
        pthread_cond_wait(&pool->group.wake, &pool->group.lock);
    *task = pool->group.stopping ? NULL : task_list_take(&pool->tasks);
    if (*task) pool->turn = (*task)->turn;
    *rq = pool->group.stopping || *task ? NULL : request_list_take(&pool->requests);
    if (*task || *rq) pool->waiting--;
    if (*rq && shares(*rq)) {
        pool->running[number] = *rq;
        pool->request_turn = (*rq)->run->pool_turn;
    }
    pthread_mutex_unlock(&pool->group.lock);
    return *task || *rq;
}

/* The request goes on elsewhere, and its texts with it. */
static void pool_leave(struct pool *pool, int number)
{
    pthread_mutex_lock(&pool->group.lock);
    pool->running[number] = NULL;
    pthread_mutex_unlock(&pool->group.lock);
}

/* A page's handlers, with their calls to an API that is somewhere else. */
static void run_calls(struct http_client **client, struct request *rq)
{
    while (rq->run->next && rq->run->next_executor == IN_CALL) {
        if (!*client) *client = http_client_new();
        outbound_call_run(*client, rq);
        (void)request_run(rq, rq->run->next, NULL);
    }
}

/* The task's work, which what resolving it follows from. */
static void pool_work(struct pool *pool, struct trace_source *traces, struct task *task)
{
    struct trace cause = task->trace;
    struct span span = {.parent = cause.span,
                        .start_us = clock_monotonic_us(),
                        .kind = SPAN_CLIENT,
                        .service = pool->instance->def->name,
                        .verb = "call",
                        .object = task->name};

    task->trace = span.trace = trace_follow(traces, &cause);
    log_about(STR(""), &task->trace);
    task->work(&pool->instance->env, task);
    log_about_nothing();
    span.end_us = clock_monotonic_us();
    if (spans_wanted(&span.trace)) span_record(&span);
}

/* sched_setattr(2), which this C library has no function for. */
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

/* This thread gives way to the process's others: a smaller share of a busy processor, and in long
 * slices. From Linux 6.12 on, who wakes with a shorter slice takes the processor from it at once;
 * with niceness alone they would wait for the timer's next tick, or several. It keeps its share,
 * unlike with SCHED_IDLE, which would let nobody sign in where others keep all processors busy. */
static void lower_priority(int nice)
{
    struct scheduling scheduling = {.size = sizeof scheduling,
                                    .policy = SCHED_OTHER,
                                    .nice = getpriority(PRIO_PROCESS, 0) + nice,
                                    .runtime_ns = SLICE_NS};

    if (scheduling.nice > 19) scheduling.nice = 19;
    (void)syscall(SYS_sched_setattr, 0, &scheduling, 0);
}

static void *pool_main(void *context)
{
    struct pool *pool = context;
    int nice = pool->instance->def->pool_nice;
    struct http_client *client = NULL; /* made when first needed */
    struct trace_source traces;
    struct request *rq;
    struct task *task;
    int number;

    pthread_mutex_lock(&pool->group.lock);
    number = pool->started++;
    pthread_mutex_unlock(&pool->group.lock);
    trace_source_init(&traces, pool->instance->env.random);
    if (nice) lower_priority(nice);
    while (pool_take(pool, number, &rq, &task)) {
        if (task) {
            pool_work(pool, &traces, task);
            writer_resolve(task->from, task);
            continue;
        }
        if (!rq->run->next || rq->run->next_executor == IN_POOL)
            (void)request_run(rq, rq->run->next ? rq->run->next : rq->route->run, NULL);
        pool_leave(pool, number);
        if (api_is_elsewhere(&pool->instance->env)) run_calls(&client, rq);
        pool->instance->pass_on(pool->instance, rq);
    }
    http_client_free(client);
    return NULL;
}

struct pool *pool_start(struct instance *instance, int threads, size_t queue_max)
{
    struct pool *pool = calloc(1, sizeof *pool);

    if (!pool) return NULL;
    pool->instance = instance;
    pool->waiting_max = queue_max;
    if (thread_group_start(&pool->group, threads, pool_main, pool)) return pool;
    free(pool);
    return NULL;
}

void pool_stop(struct pool *pool)
{
    if (!pool) return;
    thread_group_stop(&pool->group);
    request_list_refuse(&pool->requests, ERR_STOPPING);
    task_list_free(&pool->tasks);
    free(pool);
}

size_t pool_queue_length(struct pool *pool)
{
    size_t waiting;

    pthread_mutex_lock(&pool->group.lock);
    waiting = pool->waiting;
    pthread_mutex_unlock(&pool->group.lock);
    return waiting;
}

/* Under the lock. */
static bool has_room(struct pool *pool)
{
    if (pool->group.stopping || pool->waiting >= pool->waiting_max) return false;
    pool->waiting++;
    pthread_cond_signal(&pool->group.wake);
    return true;
}

/* One that shares. Under the lock. *gone: another one, which made way for it. */
static bool add_fairly(struct pool *pool, struct request *rq, struct request **gone)
{
    size_t address, account;

    count_slots(pool, rq, &address, &account, &rq->run->pool_turn);
    if (address) rq->run->pool_turn++;
    if (address >= ADDRESS_MAX || account >= ACCOUNT_MAX) {
        metric_add(address >= ADDRESS_MAX ? METRIC_POOL_ADDRESS : METRIC_POOL_ACCOUNT, 1);
        return false;
    }
    if (!has_room(pool)) {
        struct request *last = pool->requests.tail;

        metric_add(METRIC_POOL_FULL, 1);
        if (pool->group.stopping || !last || !shares(last) ||
            last->run->pool_turn <= rq->run->pool_turn)
            return false;
        *gone = drop_last(&pool->requests);
    }
    pool_insert(&pool->requests, rq);
    return true;
}

bool pool_submit_request(struct pool *pool, struct request *rq)
{
    struct request *gone = NULL;
    bool room;

    pthread_mutex_lock(&pool->group.lock);
    if (shares(rq)) {
        room = add_fairly(pool, rq, &gone);
    } else {
        room = has_room(pool);
        if (room) request_list_add(&pool->requests, rq);
        if (!room) metric_add(METRIC_POOL_FULL, 1);
    }
    pthread_mutex_unlock(&pool->group.lock);
    if (gone) {
        gone->run->next = NULL;
        reply_error(gone, ERR_BUSY);
        http_answer(gone);
    }
    return room;
}

/* In turns: a share's next piece of work comes in the turn after its last one that waits, or in the
 * present one. So a share waits for at most one piece of each other, however many they bring. It is
 * start-time fair queueing (Goyal, Vin and Cheng, 1996) with all pieces of one length. */
static void add_in_turn(struct pool *pool, struct task *task)
{
    struct task **at = &pool->tasks.head;

    task->turn = pool->turn;
    for (const struct task *other = pool->tasks.head; other; other = other->link)
        if (other->share == task->share) task->turn = other->turn + 1;
    while (*at && (*at)->turn <= task->turn)
        at = &(*at)->link;
    task->link = *at;
    *at = task;
    if (!task->link) pool->tasks.tail = task;
}

bool pool_submit_task(struct pool *pool, struct task *task)
{
    bool room;

    pthread_mutex_lock(&pool->group.lock);
    room = has_room(pool);
    if (room) add_in_turn(pool, task);
    pthread_mutex_unlock(&pool->group.lock);
    return room;
}
