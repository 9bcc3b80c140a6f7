/* runtime/pool.c: a service's threads for slow or blocking work (password hashing, card gateway).
 * Bounded: what finds no place is refused at once, so that waiting never grows without end. */
#include "runtime/house.h"

#include "base/log.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define POOL_THREADS_MAX 16
#define SLICE_NS         10000000 /* longer than the scheduler's own, which is at most 3 ms */

struct pool {
    struct service *service;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct request_list requests;
    struct task_list tasks;
    size_t waiting, waiting_max;
    bool stopping;
    pthread_t threads[POOL_THREADS_MAX];
    int thread_count;
};

/* Blocks until there is something; false: the pool stops. Tasks first: others wait for them. */
static bool take(struct pool *pool, struct request **rq, struct task **task)
{
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping && !pool->requests.head && !pool->tasks.head)
        pthread_cond_wait(&pool->wake, &pool->lock);
    *task = pool->stopping ? NULL : task_list_take(&pool->tasks);
    *rq = pool->stopping || *task ? NULL : request_list_take(&pool->requests);
    if (*task || *rq) pool->waiting--;
    pthread_mutex_unlock(&pool->lock);
    return *task || *rq;
}

/* A page's handlers, with their calls to an API that is somewhere else. */
static void run_calls(struct http_client **client, struct request *rq)
{
    while (rq->next && rq->next_place == IN_CALL) {
        if (!*client) *client = http_client_new();
        request_call_out(*client, rq);
        (void)request_run(rq, rq->next, NULL);
    }
}

/* The task's work, which what settles it follows from. */
static void work(struct pool *pool, struct trace_source *traces, struct task *task)
{
    struct trace cause = task->trace;
    struct span span = {.parent = cause.span,
                        .start_us = clock_monotonic_us(),
                        .kind = SPAN_CLIENT,
                        .service = pool->service->def->name,
                        .verb = "call",
                        .object = task->name};

    task->trace = span.trace = trace_follow(traces, &cause);
    log_about(STR(""), &task->trace);
    task->work(&pool->service->env, task);
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
static void stand_back(int nice)
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
    int nice = pool->service->def->pool_nice;
    struct http_client *client = NULL; /* made when first needed */
    struct trace_source traces;
    struct request *rq;
    struct task *task;

    trace_source_init(&traces, pool->service->env.random);
    if (nice) stand_back(nice);
    while (take(pool, &rq, &task)) {
        if (task) {
            work(pool, &traces, task);
            writer_settle(task->from, task);
            continue;
        }
        if (!rq->next || rq->next_place == IN_POOL)
            (void)request_run(rq, rq->next ? rq->next : rq->route->run, NULL);
        if (house_calls_out(pool->service)) run_calls(&client, rq);
        request_go_on(pool->service, rq);
    }
    http_client_free(client);
    return NULL;
}

struct pool *pool_start(struct service *service, int threads, size_t queue_max)
{
    struct pool *pool = calloc(1, sizeof *pool);

    ASSERT(threads <= POOL_THREADS_MAX);
    if (!pool) return NULL;
    pool->service = service;
    pool->waiting_max = queue_max;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    while (pool->thread_count < threads &&
           pthread_create(&pool->threads[pool->thread_count], NULL, pool_main, pool) == 0)
        pool->thread_count++;
    if (pool->thread_count == threads) return pool;
    pool_stop(pool);
    return NULL;
}

void pool_stop(struct pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    request_list_refuse(&pool->requests, ERR_STOPPING);
    task_list_free(&pool->tasks);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

size_t pool_queue_length(struct pool *pool)
{
    size_t waiting;

    pthread_mutex_lock(&pool->lock);
    waiting = pool->waiting;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}

/* Under the lock. */
static bool has_room(struct pool *pool)
{
    if (pool->stopping || pool->waiting >= pool->waiting_max) return false;
    pool->waiting++;
    pthread_cond_signal(&pool->wake);
    return true;
}

bool pool_submit_request(struct pool *pool, struct request *rq)
{
    bool room;

    pthread_mutex_lock(&pool->lock);
    room = has_room(pool);
    if (room) request_list_add(&pool->requests, rq);
    pthread_mutex_unlock(&pool->lock);
    return room;
}

bool pool_submit_task(struct pool *pool, struct task *task)
{
    bool room;

    pthread_mutex_lock(&pool->lock);
    room = has_room(pool);
    if (room) task_list_add(&pool->tasks, task);
    pthread_mutex_unlock(&pool->lock);
    return room;
}
