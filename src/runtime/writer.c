/* runtime/writer.c: one writer a service (Idea 1 of the architecture).
 *
 * Requests, answers of slow work, events and due jobs wait in queues; the writer takes all that
 * wait, makes one batch of them (batch.c), and sleeps until there is more or the next time comes.
 */
#include "runtime/batch.h"

#include <errno.h>
#include <time.h>

#define BATCH_ARENA_MAX (16 * 1024 * 1024)
#define LOOK_MS         1000 /* PostgreSQL: between looks at what other processes did */

/* --- queues -------------------------------------------------------------------------------- */

void writer_poke(void *context)
{
    struct service *service = context;

    pthread_mutex_lock(&service->lock);
    if (!service->poked) pthread_cond_signal(&service->wake);
    service->poked = true;
    pthread_mutex_unlock(&service->lock);
}

/* Those whose trace is recorded know since when they wait. */
static void note_queued(struct request_list *list)
{
    int64_t now_us = 0;

    for (struct request *rq = list->head; rq; rq = rq->link) {
        if (!spans_wanted(&rq->trace)) continue;
        if (!now_us) now_us = clock_monotonic_us();
        rq->queued_us = now_us;
    }
}

size_t writer_queue_length(struct service *service)
{
    size_t waiting;

    pthread_mutex_lock(&service->lock);
    waiting = service->queue.count;
    pthread_mutex_unlock(&service->lock);
    return waiting;
}

void writer_enqueue(struct service *service, struct request_list *list)
{
    struct request_list refused = {0};
    bool idle, stopping;

    if (!list->head) return;
    note_queued(list);
    pthread_mutex_lock(&service->lock);
    stopping = service->stopping;
    idle = !service->queue.head;
    if (stopping || service->queue.count + list->count > WRITER_QUEUE_MAX)
        refused = *list;
    else
        request_list_append(&service->queue, list);
    if (idle && service->queue.head) pthread_cond_signal(&service->wake);
    pthread_mutex_unlock(&service->lock);
    *list = (struct request_list){0};
    request_list_refuse(&refused, stopping ? ERR_STOPPING : ERR_QUEUE_FULL);
}

void writer_settle(struct service *service, struct task *task)
{
    pthread_mutex_lock(&service->lock);
    if (!service->settles.head) pthread_cond_signal(&service->wake);
    task_list_add(&service->settles, task);
    pthread_mutex_unlock(&service->lock);
}

/* Woken requests first, then the queue's; the answers of slow work all. */
static void take_work(struct service *service, struct batch *batch)
{
    struct request *rq;

    while (batch->request_count < WRITER_BATCH_MAX && (rq = request_list_take(&service->ready)))
        batch->requests[batch->request_count++] = rq;
    pthread_mutex_lock(&service->lock);
    while (batch->request_count < WRITER_BATCH_MAX && (rq = request_list_take(&service->queue)))
        batch->requests[batch->request_count++] = rq;
    batch->settles = service->settles;
    service->settles = (struct task_list){0};
    service->poked = false;
    for (size_t i = 0; i < service->def->job_count; i++) {
        if (service->job_asked_ms[i] < service->job_due_ms[i])
            service->job_due_ms[i] = service->job_asked_ms[i];
        service->job_asked_ms[i] = JOB_NEVER;
    }
    pthread_mutex_unlock(&service->lock);
    for (size_t i = 0; i < batch->request_count; i++) {
        rq = batch->requests[i];
        /* cppcheck-suppress AssignmentAddressToInteger ; a function, not a number */
        batch->handlers[i] = rq->next ? rq->next : rq->route->run;
        batch->states[i] = rq->state;
    }
}

/* --- the step ------------------------------------------------------------------------------ */

static void take_waiting(struct service *service, struct request_list *out)
{
    for (size_t i = 0; i < WAIT_BUCKETS; i++)
        while (service->waiting[i]) {
            struct request *rq = service->waiting[i];

            service->waiting[i] = rq->link;
            request_list_add(out, rq);
        }
}

/* Where others write to the same database, all that waits for something looks itself, now and
 * then: requests that another writer may have woken, jobs that another process made work for. */
static bool look(struct service *service, int64_t now_ms)
{
    if (!db_shared(service->db) || now_ms < service->look_at_ms) return false;
    service->look_at_ms = now_ms + LOOK_MS;
    take_waiting(service, &service->ready);
    for (size_t i = 0; !service->first && i < service->def->job_count; i++)
        env_job_due(&service->env, i, now_ms);
    if (service->subscription) subscription_count(service->subscription);
    return true;
}

enum err kept_count(enum kept which, struct tx *tx, int64_t *count)
{
    static enum err (*const counts[KEPT_FIGURES])(struct tx *, int64_t *) = {
        [KEPT_WAITING] = waiting_count,
        [KEPT_DEAD] = dead_count,
        [KEPT_UNRELAYED] = unrelayed_count,
    };

    return counts[which](tx, count);
}

/* The loops have no connection of their own to ask. */
static void look_at_kept(struct service *service, int64_t now_ms)
{
    int64_t count;

    for (enum kept which = 0; which < KEPT_FIGURES; which++)
        if (kept_count(which, tx_read(service->db, now_ms), &count) == OK)
            atomic_store(&service->kept[which], count);
}

static bool something_is_due(const struct service *service, int64_t now_ms)
{
    if (!atomic_load(&service->healthy) && service->probe_at_ms <= now_ms) return true;
    for (size_t i = 0; !service->first && i < service->def->job_count; i++)
        if (service->job_due_ms[i] <= now_ms) return true;
    return service->subscription && subscription_due_ms(service->subscription) <= now_ms;
}

static void fetch(struct service *service, struct batch *batch)
{
    struct subscription *sub = service->subscription;

    if (!sub) return;
    batch->delivery_count = subscription_fetch(sub, tx_read(service->db, batch->now_ms),
                                               batch->now_ms, &batch->deliveries);
    batch->bus = batch->delivery_count || subscription_due_ms(sub) != INT64_MAX;
}

bool writer_step(struct service *service)
{
    struct batch batch = {.now_ms = env_now_ms(&service->env)};

    if (service_reopen(service, batch.now_ms)) batch.looks = look(service, batch.now_ms);
    if (batch.looks && !service->first) look_at_kept(service, batch.now_ms);
    take_work(service, &batch);
    if (!service->db) {
        bool work = batch.request_count || batch.settles.head;

        if (work) batch_fail(service, &batch, ERR_UNAVAILABLE);
        return work;
    }
    if (revocations_next_ms(service) <= batch.now_ms)
        (void)revocations_read(service,
                               batch.now_ms); /* what is known stays until it can be read */
    fetch(service, &batch);
    if (!batch.request_count && !batch.settles.head && !batch.delivery_count && !batch.looks &&
        !something_is_due(service, batch.now_ms))
        return false;
    batch_run(service, &batch);
    return !batch.looks || batch.request_count || batch.delivery_count;
}

int64_t writer_next_ms(const struct service *service)
{
    int64_t next = INT64_MAX;

    if (service->ready.head) return 0;
    if (!service->db) return service->reopen_at_ms;
    next = revocations_next_ms(service);
    if (!atomic_load(&service->healthy) && service->probe_at_ms < next) next = service->probe_at_ms;
    if (db_shared(service->db) && service->look_at_ms < next) next = service->look_at_ms;
    for (size_t i = 0; !service->first && i < service->def->job_count; i++)
        if (service->job_due_ms[i] < next) next = service->job_due_ms[i];
    if (service->subscription) {
        int64_t fetch = subscription_next_ms(service->subscription);

        if (fetch < next) next = fetch;
    }
    return next;
}

/* --- the thread ---------------------------------------------------------------------------- */

/* Unless the last step found work, sleeps until there is some or the next time comes. The absolute
 * wall-clock wait follows the clock when it is set. False: stop, and nothing is left to do. */
static bool wait_for_work(struct service *service, bool worked)
{
    int64_t next_ms = worked ? 0 : writer_next_ms(service);
    struct timespec until = {.tv_sec = next_ms / 1000, .tv_nsec = next_ms % 1000 * 1000000};
    bool go_on;
    int code = 0;

    pthread_mutex_lock(&service->lock);
    while (!worked && !service->queue.head && !service->settles.head && !service->poked &&
           !service->stopping && code != ETIMEDOUT) {
        if (next_ms == INT64_MAX)
            pthread_cond_wait(&service->wake, &service->lock);
        else
            code = pthread_cond_timedwait(&service->wake, &service->lock, &until);
    }
    go_on = !service->stopping || service->queue.head || service->settles.head;
    pthread_mutex_unlock(&service->lock);
    return go_on || service->ready.head;
}

static void answer_waiting(struct service *service)
{
    struct request_list left = {0};

    take_waiting(service, &left);
    request_list_refuse(&left, ERR_STOPPING);
}

static void *writer_main(void *context)
{
    struct service *service = context;
    bool worked;

    pthread_setname_np(pthread_self(), service->def->name); /* for top(1) and perf(1) */
    do {
        worked = writer_step(service);
    } while (wait_for_work(service, worked));
    answer_waiting(service);
    return NULL;
}

enum err writer_init(struct service *service)
{
    service->arena = arena_new(BATCH_ARENA_MAX);
    if (!service->arena) return ERR_MEMORY;
    service->env.arena = service->arena;
    pthread_mutex_init(&service->lock, NULL);
    pthread_cond_init(&service->wake, NULL);
    for (size_t i = 0; i < JOBS_MAX; i++) {
        service->job_asked_ms[i] = JOB_NEVER;
        if (service->first) service->job_due_ms[i] = JOB_NEVER;
    }
    for (enum kept which = 0; which < KEPT_FIGURES; which++)
        atomic_store(&service->kept[which], -1);
    atomic_store(&service->healthy, true);
    return OK;
}

enum err writer_start(struct service *service)
{
    service->thread_runs = pthread_create(&service->thread, NULL, writer_main, service) == 0;
    return service->thread_runs ? OK : ERR_MEMORY;
}

void writer_stop(struct service *service)
{
    if (!service->thread_runs) return;
    pthread_mutex_lock(&service->lock);
    service->stopping = true;
    pthread_cond_signal(&service->wake);
    pthread_mutex_unlock(&service->lock);
    pthread_join(service->thread, NULL);
    service->thread_runs = false;
}

void writer_free(struct service *service)
{
    task_list_free(&service->settles);
    if (!service->arena) return; /* never made */
    arena_free(service->arena);
    pthread_cond_destroy(&service->wake);
    pthread_mutex_destroy(&service->lock);
}
