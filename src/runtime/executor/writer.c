/* runtime/executor/writer.c: one writer a service (Idea 1 of the architecture).
 *
 * Requests, answers of slow work, events and due jobs wait in queues; the writer takes all that
 * wait, makes one batch of them (batch.c), and sleeps until there is more or the next time comes.
 */
#include "runtime/executor/batch.h"

#include "base/wait.h"
#include "runtime/retention.h"
#include "runtime/revocations.h"

#define POLL_MS  1000 /* PostgreSQL: between looks at what other processes did */
#define STEP_MS  100  /* so much at once is no drift: somebody has set the wall clock */
#define CLOCK_MS 1000 /* between looks whether that happened, while something is due */

/* --- what waits ----------------------------------------------------------------------------- */

/* Woken requests first, then the queue's; the answers of slow work all. */
static void take_work(struct writer *writer, struct batch *batch)
{
    struct request *rq;

    while (batch->request_count < WRITER_BATCH_MAX && (rq = request_list_take(&writer->ready)))
        batch->requests[batch->request_count++] = rq;
    pthread_mutex_lock(&writer->lock);
    while (batch->request_count < WRITER_BATCH_MAX && (rq = request_list_take(&writer->queue)))
        batch->requests[batch->request_count++] = rq;
    batch->resolving = writer->resolving;
    writer->resolving = (struct task_list){0};
    writer->woken = false;
    for (size_t i = 0; i < writer->instance->def->job_count; i++) {
        env_job_due_at(&writer->env, i, writer->job_asked[i]);
        writer->job_asked[i] = MONO_NEVER;
    }
    pthread_mutex_unlock(&writer->lock);
    for (size_t i = 0; i < batch->request_count; i++) {
        rq = batch->requests[i];
        /* cppcheck-suppress AssignmentAddressToInteger ; a function, not a number */
        batch->handlers[i] = rq->run->next ? rq->run->next : rq->route->run;
        batch->states[i] = rq->run->state;
    }
}

static void take_waiting(struct writer *writer, struct request_list *out)
{
    for (size_t i = 0; i < WAIT_BUCKETS; i++)
        while (writer->waiting[i]) {
            struct request *rq = writer->waiting[i];

            writer->waiting[i] = rq->link;
            request_list_add(out, rq);
        }
}

/* Those that have waited for as long as they may. */
static void take_overdue(struct writer *writer)
{
    if (!mono_reached(writer->now, writer->wait_due)) return;
    writer->wait_due = MONO_NEVER;
    for (size_t i = 0; i < WAIT_BUCKETS; i++) {
        struct request **at = &writer->waiting[i];

        while (*at) {
            struct request *rq = *at;

            if (!mono_reached(writer->now, rq->run->wait_until)) {
                writer->wait_due = mono_earlier(writer->wait_due, rq->run->wait_until);
                at = &rq->link;
                continue;
            }
            *at = rq->link;
            request_list_add(&writer->ready, rq);
        }
    }
}

/* Where others write to the same database, all that waits for something looks itself, now and
 * then: requests that another writer may have woken, jobs that another process made work for. */
static bool writer_poll(struct writer *writer)
{
    if (!db_shared(writer->db) || !mono_reached(writer->now, writer->poll_at)) return false;
    writer->poll_at = mono_after(writer->now, POLL_MS);
    take_waiting(writer, &writer->ready);
    for (size_t i = 0; writer_is_first(writer) && i < writer->instance->def->job_count; i++)
        env_job_due_at(&writer->env, i, writer->now);
    if (writer->subscription) subscription_count(writer->subscription);
    return true;
}

enum err backlog_count(enum backlog which, struct tx *tx, int64_t *count)
{
    static enum err (*const counts[BACKLOGS])(struct tx *, int64_t *) = {
        [BACKLOG_WAITING] = waiting_count,
        [BACKLOG_DEAD] = dead_count,
        [BACKLOG_UNRELAYED] = unrelayed_count,
    };

    return counts[which](tx, count);
}

/* The loops have no connection of their own to ask. */
static void poll_backlog(struct writer *writer, struct wall_ms now)
{
    int64_t count;

    for (enum backlog which = 0; which < BACKLOGS; which++)
        if (backlog_count(which, tx_read(writer->db, now), &count) == OK)
            atomic_store(&writer->backlog[which], count);
    for (size_t i = 0; i < writer->instance->def->gauge_count; i++)
        if (writer->instance->def->gauges[i].count(tx_read(writer->db, now), &count) == OK)
            atomic_store(&writer->gauges[i], count);
}

static bool something_is_due(const struct writer *writer)
{
    struct mono_ms now = writer->now;

    if (!atomic_load(&writer->healthy) && mono_reached(now, writer->probe_at)) return true;
    if (mono_reached(now, retention_next(writer))) return true;
    for (size_t i = 0; writer_is_first(writer) && i < writer->instance->def->job_count; i++)
        if (mono_reached(now, writer->job_due[i])) return true;
    return writer->subscription && mono_reached(now, subscription_due(writer->subscription));
}

static void fetch(struct writer *writer, struct batch *batch)
{
    struct subscription *sub = writer->subscription;

    if (!sub) return;
    batch->delivery_count =
        subscription_fetch(sub, tx_read(writer->db, batch->wall), batch->now, &batch->deliveries);
    batch->bus = batch->delivery_count || subscription_due(sub).ms != MONO_NEVER.ms;
}

/* What is due by the wall clock is looked for anew when that was set: a job says when it is to run
 * by the time of that moment. */
static void note_time(struct writer *writer, const struct batch *batch)
{
    int64_t stepped_ms =
        wall_since(batch->wall, writer->wall) - mono_since(batch->now, writer->now);

    writer->wall = batch->wall;
    writer->now = batch->now;
    if (stepped_ms > -STEP_MS && stepped_ms < STEP_MS) return;
    for (size_t i = 0; writer_is_first(writer) && i < writer->instance->def->job_count; i++)
        env_job_due_at(&writer->env, i, batch->now);
}

bool writer_step(struct writer *writer)
{
    struct batch batch = {.wall = env_now(&writer->env), .now = env_mono(&writer->env)};

    note_time(writer, &batch);
    if (writer_reconnect(writer, batch.now)) batch.polls = writer_poll(writer);
    if (batch.polls && writer_is_first(writer)) poll_backlog(writer, batch.wall);
    take_overdue(writer);
    take_work(writer, &batch);
    if (!writer->db) {
        bool work = batch.request_count || batch.resolving.head;

        if (work) batch_fail(writer, &batch, ERR_UNAVAILABLE);
        return work;
    }
    if (mono_reached(batch.now, revocations_next(writer)))
        (void)revocations_read(writer, batch.wall); /* what is known stays until it can be read */
    fetch(writer, &batch);
    if (!batch.request_count && !batch.resolving.head && !batch.delivery_count && !batch.polls &&
        !something_is_due(writer))
        return false;
    batch_run(writer, &batch);
    return !batch.polls || batch.request_count || batch.delivery_count;
}

/* Of its jobs. */
static struct mono_ms jobs_next(const struct writer *writer)
{
    struct mono_ms next = MONO_NEVER;

    for (size_t i = 0; writer_is_first(writer) && i < writer->instance->def->job_count; i++)
        next = mono_earlier(next, writer->job_due[i]);
    return next;
}

struct mono_ms writer_next(const struct writer *writer)
{
    struct mono_ms next;

    if (writer->ready.head) return (struct mono_ms){0};
    if (!writer->db) return writer->reopen_at;
    next = mono_earlier(revocations_next(writer), jobs_next(writer));
    next = mono_earlier(next, retention_next(writer));
    next = mono_earlier(next, writer->wait_due);
    if (!atomic_load(&writer->healthy)) next = mono_earlier(next, writer->probe_at);
    if (db_shared(writer->db)) next = mono_earlier(next, writer->poll_at);
    if (writer->subscription) next = mono_earlier(next, subscription_next(writer->subscription));
    return next;
}

/* --- the thread ---------------------------------------------------------------------------- */

/* A job's time is by the wall clock, which may be set forward. */
static struct mono_ms sleep_until(const struct writer *writer)
{
    struct mono_ms next = writer_next(writer);

    if (!writer->db || jobs_next(writer).ms == MONO_NEVER.ms) return next;
    return mono_earlier(next, mono_after(writer->now, CLOCK_MS));
}

/* Unless the last step found work, sleeps until there is some or the next time comes. False: stop,
 * and nothing is left to do. */
static bool wait_for_work(struct writer *writer, bool worked)
{
    struct mono_ms until = worked ? (struct mono_ms){0} : sleep_until(writer);
    bool in_time = true, go_on;

    pthread_mutex_lock(&writer->lock);
    while (!worked && !writer->queue.head && !writer->resolving.head && !writer->woken &&
           !writer->stopping && in_time)
        in_time = wait_until(&writer->wake, &writer->lock, until);
    go_on = !writer->stopping || writer->queue.head || writer->resolving.head;
    pthread_mutex_unlock(&writer->lock);
    return go_on || writer->ready.head;
}

static void answer_waiting(struct writer *writer)
{
    struct request_list left = {0};

    take_waiting(writer, &left);
    request_list_refuse(&left, ERR_STOPPING);
}

/* Whoever reads the books of a stopped market is to see how far it has come. */
static void store_positions(struct writer *writer)
{
    struct batch batch = {
        .wall = env_now(&writer->env), .now = env_mono(&writer->env), .bus = true};

    if (writer->db && writer->subscription &&
        subscription_due(writer->subscription).ms != MONO_NEVER.ms)
        batch_run(writer, &batch);
}

static void *writer_main(void *context)
{
    struct writer *writer = context;
    bool worked;

    pthread_setname_np(pthread_self(), writer->instance->def->name); /* for top(1) and perf(1) */
    do {
        worked = writer_step(writer);
    } while (wait_for_work(writer, worked));
    store_positions(writer);
    answer_waiting(writer);
    return NULL;
}

enum err writer_start(struct writer *writer)
{
    writer->thread_runs = pthread_create(&writer->thread, NULL, writer_main, writer) == 0;
    return writer->thread_runs ? OK : ERR_MEMORY;
}

void writer_stop(struct writer *writer)
{
    if (!writer->thread_runs) return;
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    writer->thread_runs = false;
}
