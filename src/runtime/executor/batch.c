/* runtime/executor/batch.c: one batch, from BEGIN to what goes out after the commit. When an item
 * has to be undone, it is run again with savepoints; when another connection was in the way
 * (PostgreSQL), each request in a transaction of its own. */
#include "runtime/executor/batch.h"

#include "telemetry/log.h"
#include "http/server/server.h"
#include "runtime/executor/pool.h"
#include "runtime/revocations.h"

#include <stdlib.h>

#define TRIES_MAX 5 /* of one item alone, while others are in the way */

/* --- after the transaction ----------------------------------------------------------------- */

static struct request **bucket_of(struct writer *writer, struct str key)
{
    return &writer->waiting[str_hash(STR_HASH, key) & (WAIT_BUCKETS - 1)];
}

/* Answered requests go in one hand-over; the others to where they go on. */
static void release_requests(struct writer *writer, struct batch *batch)
{
    struct request_list answered = {0};

    for (size_t i = 0; i < batch->request_count; i++) {
        struct request *rq = batch->requests[i];

        if (!rq->run->next) {
            request_list_add(&answered, rq);
        } else if (rq->run->waits) {
            struct request **bucket = bucket_of(writer, rq->run->wait_key);

            rq->link = *bucket;
            *bucket = rq;
            writer->wait_due = mono_earlier(writer->wait_due, rq->run->wait_until);
        } else {
            writer->instance->pass_on(writer->instance, rq);
        }
    }
    if (answered.head) http_answer_all(answered.head);
}

static void wake_waiting(struct writer *writer)
{
    for (const struct wake *wake = writer->wakes; wake; wake = wake->link) {
        struct request **at = bucket_of(writer, wake->key);

        while (*at) {
            struct request *rq = *at;

            if (!str_eq(rq->run->wait_key, wake->key)) {
                at = &rq->link;
                continue;
            }
            *at = rq->link;
            request_list_add(&writer->ready, rq);
        }
    }
    writer->wakes = NULL;
}

static void start_tasks(struct writer *writer)
{
    struct task *task;

    while ((task = task_list_take(&writer->tasks)))
        if (!pool_submit_task(writer->instance->pool, task))
            free(task); /* a job finds its work again */
}

static void count(struct writer *writer, const struct batch *batch)
{
    struct writer_metrics *metrics = &writer->metrics;

    counter_add(&metrics->requests, batch->request_count);
    counter_add(&metrics->tasks, batch->did.tasks);
    counter_add(&metrics->jobs, batch->did.jobs);
    counter_add(&metrics->removed, batch->did.removed);
    for (size_t i = 0; i < VERDICTS; i++)
        counter_add(&metrics->events[i], batch->did.events[i]);
    metric_add(METRIC_EVENTS_PUBLISHED, batch->tx->published);
    metric_add(METRIC_EVENTS_PUBLISHED_BYTES, batch->tx->published_bytes);
    metric_add(METRIC_EVENTS_DELIVERED, batch->did.delivered);
    metric_add(METRIC_EVENTS_DELIVERED_BYTES, batch->did.delivered_bytes);
    histogram_add(&metrics->batch, &histogram_sizes,
                  (int64_t)(batch->request_count + batch->did.tasks + batch->delivery_count));
    histogram_add(&metrics->commit, &histogram_durations, batch->commit_us);
}

/* What jobs this shard's items asked for, to the first writer, whose they are. */
static void hand_jobs_on(struct writer *writer)
{
    for (size_t i = 0; !writer_is_first(writer) && i < writer->instance->def->job_count; i++) {
        writer_ask_job(writer_first(writer->instance), i, writer->job_due[i]);
        writer->job_due[i] = MONO_NEVER;
    }
}

static void committed(struct writer *writer, struct batch *batch)
{
    int64_t untold;

    if (!atomic_exchange(&writer->healthy, true) && log_due(&writer->failing, -1, &untold))
        log_event(LOG_INFO, writer->instance->def->name, "transaction.recovered");
    count(writer, batch);
    items_spans_end(writer, batch, true);
    if (batch->bus) subscription_ack(writer->subscription, true);
    if (batch->tx->published)
        bus_notify(writer->instance->bus, writer->instance->def->name, batch->last_sequence);
    revocations_committed(writer, batch->wall);
    release_requests(writer, batch);
    wake_waiting(writer);
    start_tasks(writer);
    hand_jobs_on(writer);
    task_list_free(&batch->resolved);
}

void batch_fail(struct writer *writer, struct batch *batch, enum err err)
{
    struct request_list answered = {0};
    int64_t untold;

    if (err != ERR_CONTENTION) {
        atomic_store(&writer->healthy, false);
        writer->probe_at = mono_after(batch->now, PAUSE_MS);
    }
    writer->failures++;
    counter_add(&writer->metrics.failures, 1);
    items_spans_end(writer, batch, false);
    for (size_t i = 0; i < batch->request_count; i++)
        request_list_add(&answered, batch->requests[i]);
    request_list_refuse(&answered, err);
    if (batch->bus) subscription_ack(writer->subscription, false);
    writer->wakes = NULL;
    writer->revocations = NULL;
    task_list_free(&writer->tasks);
    task_list_free(&batch->resolving);
    task_list_free(&batch->resolved);
    for (size_t i = 0; i < writer->instance->def->job_count; i++)
        env_job_due_at(&writer->env, i, mono_after(batch->now, PAUSE_MS));
    if (log_due(&writer->failing, (int)err, &untold))
        log_event(LOG_ERROR, writer->instance->def->name, "transaction.failed",
                  log_text("reason", str_of(err_code(err))),
                  log_int("requests", (int64_t)batch->request_count),
                  log_int("events", (int64_t)batch->delivery_count), log_int("untold", untold));
}

/* --- the transaction ----------------------------------------------------------------------- */

/* A server that was started anew is noticed here, before anything was lost by it. */
static enum err batch_begin(struct writer *writer, struct batch *batch)
{
    enum err err = tx_begin(writer->db, &batch->tx);

    if (err == OK || !db_broken(writer->db)) return err;
    writer_close_broken(writer);
    return writer_reconnect(writer, batch->now) ? tx_begin(writer->db, &batch->tx) : err;
}

static enum err batch_commit(struct batch *batch)
{
    int64_t begin_us = OBSERVED ? clock_monotonic_us() : 0;
    enum err err = tx_commit(batch->tx);

    if (OBSERVED) batch->commit_us = clock_monotonic_us() - begin_us;
    return err;
}

/* An item that fails has seldom written anything, so there is seldom anything to undo: all run
 * without savepoints until one has. Who must not run twice has them from the start. */
static bool divides(const struct writer *writer, const struct batch *batch)
{
    return batch->careful || (writer->instance->def->single_writer && !db_shared(writer->db));
}

/* The whole batch in one transaction. After an error nothing of it happened, or nobody knows. */
static enum err attempt(struct writer *writer, struct batch *batch)
{
    enum err err;

    arena_reset(writer->arena);
    batch->broken = OK;
    writer->spans = NULL; /* of an attempt before */
    memset(&batch->did, 0, sizeof batch->did);
    err = batch_begin(writer, batch);
    if (err) return err;
    if (!divides(writer, batch)) tx_without_savepoints(batch->tx);
    items_run(writer, batch);
    err = batch->broken;
    if (err)
        tx_rollback(batch->tx);
    else
        err = batch_commit(batch);
    return err;
}

static void finish(struct writer *writer, struct batch *batch, enum err err)
{
    if (err == OK) {
        committed(writer, batch);
        return;
    }
    writer_close_broken(writer);
    batch_fail(writer, batch, err);
}

/* What the attempt asked for beyond its rows goes with them; its answers of slow work come back. */
static void take_back(struct writer *writer, struct batch *batch)
{
    struct task_list resolving = batch->resolved;
    struct task *task;

    while ((task = task_list_take(&batch->resolving)))
        task_list_add(&resolving, task);
    batch->resolving = resolving;
    batch->resolved = (struct task_list){0};
    batch->again = batch->careful = true;
    writer->spans = NULL; /* what did not happen left none */
    task_list_free(&writer->tasks);
    writer->wakes = NULL;
    writer->revocations = NULL;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        if (!batch->ran[i]) continue;
        env_job_due_at(&writer->env, i, batch->now);
        writer->failures++; /* and may not go by what it remembers of itself */
    }
    if (batch->pruned) writer->retention_at = batch->now;
    if (batch->bus) subscription_again(writer->subscription);
}

static void run_again(struct writer *writer, struct batch *batch)
{
    enum err err = ERR_CONTENTION;

    for (int tries = 0; tries < TRIES_MAX && err == ERR_CONTENTION && writer->db; tries++) {
        take_back(writer, batch);
        err = attempt(writer, batch);
    }
    finish(writer, batch, writer->db ? err : ERR_UNAVAILABLE);
}

/* Somebody was in the way of the batch: each request and each answer of slow work in a transaction
 * of its own, which holds few locks for a short time; then events, which must keep their order, and
 * jobs. */
static void run_apart(struct writer *writer, struct batch *batch)
{
    size_t count = batch->request_count;
    struct batch *one;
    struct task *task;

    log_event(LOG_WARN, writer->instance->def->name, "transaction.contended",
              log_int("requests", (int64_t)batch->request_count),
              log_int("events", (int64_t)batch->delivery_count));
    take_back(writer, batch);
    one = calloc(1, sizeof *one);
    for (size_t i = 0; one && i < count; i++) {
        *one = (struct batch){.wall = batch->wall,
                              .now = batch->now,
                              .requests = {batch->requests[i]},
                              .handlers = {batch->handlers[i]},
                              .states = {batch->states[i]},
                              .request_count = 1};
        run_again(writer, one);
    }
    while (one && (task = task_list_take(&batch->resolving))) {
        *one = (struct batch){.wall = batch->wall, .now = batch->now};
        task_list_add(&one->resolving, task);
        run_again(writer, one);
    }
    if (one) batch->request_count = 0;
    free(one);
    run_again(writer, batch);
}

void batch_run(struct writer *writer, struct batch *batch)
{
    enum err err = attempt(writer, batch);

    if (err != ERR_CONTENTION || writer->instance->def->single_writer)
        finish(writer, batch, err);
    else if (db_shared(writer->db))
        run_apart(writer, batch);
    else
        run_again(writer, batch);
}
