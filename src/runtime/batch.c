/* runtime/batch.c: one batch, from BEGIN to what goes out after the commit. When another connection
 * was in the way (PostgreSQL), the batch is run again, each request in a transaction of its own. */
#include "runtime/batch.h"

#include "base/log.h"

#include <stdlib.h>

#define TRIES_MAX 5 /* of one item alone, while others are in the way */

/* --- after the transaction ----------------------------------------------------------------- */

static struct request **bucket_of(struct service *service, struct str key)
{
    return &service->waiting[str_hash(STR_HASH, key) & (WAIT_BUCKETS - 1)];
}

/* Answered requests go in one hand-over; the others to where they go on. */
static void release_requests(struct service *service, struct batch *batch)
{
    struct request_list answered = {0};

    for (size_t i = 0; i < batch->request_count; i++) {
        struct request *rq = batch->requests[i];

        if (!rq->next) {
            request_list_add(&answered, rq);
        } else if (rq->waits) {
            struct request **bucket = bucket_of(service, rq->wait_key);

            rq->link = *bucket;
            *bucket = rq;
        } else {
            request_go_on(service, rq);
        }
    }
    if (answered.head) http_answer_all(answered.head);
}

static void wake_waiting(struct service *service)
{
    for (const struct wake *wake = service->wakes; wake; wake = wake->link) {
        struct request **at = bucket_of(service, wake->key);

        while (*at) {
            struct request *rq = *at;

            if (!str_eq(rq->wait_key, wake->key)) {
                at = &rq->link;
                continue;
            }
            *at = rq->link;
            request_list_add(&service->ready, rq);
        }
    }
    service->wakes = NULL;
}

static void start_tasks(struct service *service)
{
    struct task *task;

    while ((task = task_list_take(&service->tasks)))
        if (!pool_submit_task(service->pool, task)) free(task); /* a job finds its work again */
}

static void count(struct service *service, const struct batch *batch)
{
    struct writer_figures *figures = &service->figures;

    figure_add(&figures->requests, batch->request_count);
    figure_add(&figures->tasks, batch->task_count);
    histogram_add(&figures->batch, &histogram_sizes,
                  (int64_t)(batch->request_count + batch->task_count + batch->delivery_count));
    histogram_add(&figures->commit, &histogram_durations, batch->commit_us);
}

static void committed(struct service *service, struct batch *batch)
{
    atomic_store(&service->healthy, true);
    count(service, batch);
    items_spans_end(service, batch, true);
    if (batch->bus) subscription_settled(service->subscription, true);
    if (batch->tx->published)
        bus_notify(service->house->bus, service->def->name, batch->last_sequence);
    revocations_committed(service, batch->now_ms);
    release_requests(service, batch);
    wake_waiting(service);
    start_tasks(service);
    lane_jobs(service);
    task_list_free(&batch->settled);
}

void batch_fail(struct service *service, struct batch *batch, enum err err)
{
    struct request_list answered = {0};

    if (err != ERR_CONTENTION) {
        atomic_store(&service->healthy, false);
        service->probe_at_ms = batch->now_ms + PAUSE_MS;
    }
    service->failures++;
    figure_add(&service->figures.failures, 1);
    items_spans_end(service, batch, false);
    for (size_t i = 0; i < batch->request_count; i++)
        request_list_add(&answered, batch->requests[i]);
    request_list_refuse(&answered, err);
    if (batch->bus) subscription_settled(service->subscription, false);
    service->wakes = NULL;
    service->revocations = NULL;
    task_list_free(&service->tasks);
    task_list_free(&batch->settles);
    task_list_free(&batch->settled);
    for (size_t i = 0; i < service->def->job_count; i++)
        env_job_due(&service->env, i, batch->now_ms + PAUSE_MS);
    log_event(LOG_ERROR, service->def->name, "transaction.failed",
              log_text("reason", str_of(err_code(err))),
              log_int("requests", (int64_t)batch->request_count),
              log_int("events", (int64_t)batch->delivery_count));
}

/* --- the transaction ----------------------------------------------------------------------- */

/* A server that was started anew is noticed here, before anything was lost by it. */
static enum err begin(struct service *service, struct batch *batch)
{
    enum err err = tx_begin(service->db, &batch->tx);

    if (err == OK || !db_broken(service->db)) return err;
    service_close_broken(service);
    return service_reopen(service, batch->now_ms) ? tx_begin(service->db, &batch->tx) : err;
}

static enum err commit(struct batch *batch)
{
    int64_t begin_us = OBSERVED ? clock_monotonic_us() : 0;
    enum err err = tx_commit(batch->tx);

    if (OBSERVED) batch->commit_us = clock_monotonic_us() - begin_us;
    return err;
}

/* The whole batch in one transaction. After an error nothing of it happened, or nobody knows. */
static enum err attempt(struct service *service, struct batch *batch)
{
    enum err err;

    arena_reset(service->arena);
    batch->broken = OK;
    service->spans = NULL; /* of an attempt before */
    batch->task_count = 0;
    err = begin(service, batch);
    if (err) return err;
    if (!batch->careful) tx_without_savepoints(batch->tx);
    items_run(service, batch);
    err = batch->broken;
    if (err)
        tx_rollback(batch->tx);
    else
        err = commit(batch);
    return err;
}

static void finish(struct service *service, struct batch *batch, enum err err)
{
    if (err == OK) {
        committed(service, batch);
        return;
    }
    service_close_broken(service);
    batch_fail(service, batch, err);
}

/* What the attempt asked for beyond its rows goes with them; its answers of slow work come back. */
static void take_back(struct service *service, struct batch *batch)
{
    struct task_list settles = batch->settled;
    struct task *task;

    while ((task = task_list_take(&batch->settles)))
        task_list_add(&settles, task);
    batch->settles = settles;
    batch->settled = (struct task_list){0};
    batch->task_count = 0;
    batch->again = batch->careful = true;
    service->spans = NULL; /* what did not happen left none */
    task_list_free(&service->tasks);
    service->wakes = NULL;
    service->revocations = NULL;
    if (batch->bus) subscription_again(service->subscription);
}

static void run_alone(struct service *service, struct batch *batch)
{
    enum err err = ERR_CONTENTION;

    for (int tries = 0; tries < TRIES_MAX && err == ERR_CONTENTION && service->db; tries++) {
        take_back(service, batch);
        err = attempt(service, batch);
    }
    finish(service, batch, service->db ? err : ERR_UNAVAILABLE);
}

/* Somebody was in the way of the batch: each request and each answer of slow work in a transaction
 * of its own, which holds few locks for a short time; then events, which must keep their order, and
 * jobs. */
static void run_apart(struct service *service, struct batch *batch)
{
    size_t count = batch->request_count;
    struct batch *one;
    struct task *task;

    log_event(LOG_WARN, service->def->name, "transaction.contended",
              log_int("requests", (int64_t)batch->request_count),
              log_int("events", (int64_t)batch->delivery_count));
    take_back(service, batch);
    one = calloc(1, sizeof *one);
    for (size_t i = 0; one && i < count; i++) {
        *one = (struct batch){.now_ms = batch->now_ms,
                              .requests = {batch->requests[i]},
                              .handlers = {batch->handlers[i]},
                              .states = {batch->states[i]},
                              .request_count = 1};
        run_alone(service, one);
    }
    while (one && (task = task_list_take(&batch->settles))) {
        *one = (struct batch){.now_ms = batch->now_ms};
        task_list_add(&one->settles, task);
        run_alone(service, one);
    }
    if (one) batch->request_count = 0;
    free(one);
    run_alone(service, batch);
}

void batch_run(struct service *service, struct batch *batch)
{
    enum err err = attempt(service, batch);

    if (err == ERR_CONTENTION && !service->def->single_writer)
        run_apart(service, batch);
    else
        finish(service, batch, err);
}
