/* runtime/writer.c: one writer a service (Idea 1 of the architecture).
 *
 * Requests, answers of slow work, events and due jobs wait in queues; the writer takes all that
 * wait, runs each in its own savepoint inside one transaction, commits once, and only then lets
 * answers and acknowledgements go. When another connection was in the way (PostgreSQL), the batch
 * is run again, each request in a transaction of its own. */
#include "runtime/house.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define PAUSE_MS        1000 /* after a job failed, or between attempts to open the database */
#define LANE_PAUSE_MS   100  /* the same for a lane, which only follows the first one */
#define BATCH_ARENA_MAX (16 * 1024 * 1024)
#define LOOK_MS         1000 /* PostgreSQL: between looks at what other processes did */
#define TRIES_MAX       5    /* of one item alone, while others are in the way */

/* One step's work and how it ended. */
struct batch {
    struct request *requests[WRITER_BATCH_MAX];
    handler_fn *handlers[WRITER_BATCH_MAX]; /* with states: as they came, to be run again */
    void *states[WRITER_BATCH_MAX];
    size_t request_count;
    struct task_list settles;
    struct task_list settled;
    struct delivery *deliveries;
    size_t delivery_count;
    bool bus; /* the subscription has something to settle */
    int64_t now_ms;
    struct tx *tx;
    enum err broken; /* the whole transaction is lost */
    size_t task_count;
    int64_t commit_us; /* how long the commit took */
    bool looks;        /* it is time to see what others did */
    bool again;        /* it was run before, and nothing of it happened */
    bool careful;      /* every item is waited for, so that it fails alone */
    int64_t last_sequence;
};

/* --- queues -------------------------------------------------------------------------------- */

void writer_poke(void *context)
{
    struct service *service = context;

    pthread_mutex_lock(&service->lock);
    if (!service->poked) pthread_cond_signal(&service->wake);
    service->poked = true;
    pthread_mutex_unlock(&service->lock);
}

static void answer_each(struct request_list *list, enum err err)
{
    struct request *first = list->head;

    for (struct request *rq = first; rq; rq = rq->link)
        reply_error(rq, err);
    *list = (struct request_list){0};
    if (first) http_answer_all(first);
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
    answer_each(&refused, stopping ? ERR_STOPPING : ERR_QUEUE_FULL);
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

/* --- one item ------------------------------------------------------------------------------ */

static const struct trace no_trace;

/* What an item asked for beyond its rows, so that it can be taken back with them. */
struct mark {
    struct task *last_task;
    struct wake *wakes;
    struct revocation *revocations;
    int published;
};

/* cause: what the item follows from. */
static struct mark item_begin(struct service *service, struct batch *batch,
                              const struct trace *cause)
{
    tx_item_begin(batch->tx, batch->now_ms);
    if (OBSERVED) batch->tx->trace = trace_follow(&service->traces, cause);
    return (struct mark){service->tasks.tail, service->wakes, service->revocations,
                         batch->tx->published};
}

static void item_end(struct service *service, struct batch *batch, struct mark mark, bool keep)
{
    enum err err = tx_item_end(batch->tx, keep);

    if (err) batch->broken = err;
    if (keep && !err) return;
    service->wakes = mark.wakes;
    service->revocations = mark.revocations;
    batch->tx->published = mark.published;
    if (service->tasks.tail != mark.last_task) {
        struct task_list undone = {mark.last_task ? mark.last_task->link : service->tasks.head,
                                   service->tasks.tail};

        if (mark.last_task)
            mark.last_task->link = NULL;
        else
            service->tasks.head = NULL;
        service->tasks.tail = mark.last_task;
        task_list_free(&undone);
    }
}

/* The item that runs now is to be recorded: until the batch ends, when its end is known. NULL: it
 * is not, or memory ran out. */
static struct span *span_begin(struct service *service, const struct batch *batch, uint64_t parent)
{
    struct item_span *item;

    if (!spans_wanted(&batch->tx->trace)) return NULL;
    item = arena_alloc(service->arena, sizeof *item);
    if (!item) return NULL;
    item->link = service->spans;
    service->spans = item;
    item->span = (struct span){.trace = batch->tx->trace,
                               .parent = parent,
                               .start_us = clock_monotonic_us(),
                               .kind = SPAN_INTERNAL,
                               .service = service->def->name};
    return &item->span;
}

/* After the transaction: what happened in it took effect, or failed, with it. */
static void spans_end(struct service *service, const struct batch *batch, bool committed)
{
    int64_t now_us = service->spans ? clock_monotonic_us() : 0;

    for (struct item_span *item = service->spans; item; item = item->link) {
        item->span.end_us = now_us;
        item->span.commit_us = batch->commit_us;
        item->span.failed |= !committed;
        span_record(&item->span);
    }
    service->spans = NULL;
}

/* The wait in the queue is part of it. It may have turned out to belong to another trace. */
static void span_of_request(struct span *span, const struct request *rq, const struct tx *tx,
                            bool kept)
{
    span->verb = "write";
    span->object = rq->route ? rq->route->path : "";
    span->trace = tx->trace;
    span->failed = !kept;
    if (!rq->queued_us || rq->queued_us > span->start_us) return;
    span->wait_us = span->start_us - rq->queued_us;
    span->start_us = rq->queued_us;
}

static enum err refuse(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rq, (void)tx, (void)rp;
    return ERR_NOT_AUTHORIZED;
}

/* What runs next for it; a ban may have overtaken it while it waited. */
static handler_fn *handler_of(struct service *service, struct request *rq, handler_fn *handler,
                              int64_t now_ms)
{
    if (rq->route->access == ACCESS_SESSION &&
        session_is_revoked(service->revoked, &rq->user, now_ms))
        return refuse;
    return handler;
}

/* As it was before its handler ran. */
static void request_again(struct request *rq, void *state)
{
    rq->state = state;
    rq->waits = false;
    rq->error_count = 0;
    rq->error_message = (struct str){0};
    rq->retry_after_s = 0;
    buf_reset(&rq->reply.body);
    buf_reset(&rq->reply.headers);
}

static void run_requests(struct service *service, struct batch *batch)
{
    for (size_t i = 0; i < batch->request_count && !batch->broken; i++) {
        struct request *rq = batch->requests[i];
        handler_fn *handler = handler_of(service, rq, batch->handlers[i], batch->now_ms);
        struct mark mark = item_begin(service, batch, &rq->trace);
        struct span *span = span_begin(service, batch, rq->trace.span);
        enum err err;

        if (batch->again) request_again(rq, batch->states[i]);
        rq->env = &service->env;
        err = request_run(rq, handler, batch->tx);
        if (err == OK && batch->careful) {
            err = tx_check(batch->tx);
            if (err) reply_error(rq, err);
            if (err) rq->next = NULL;
        }
        if (!span) span = span_begin(service, batch, rq->trace.span); /* it joined a trace */
        if (span) span_of_request(span, rq, batch->tx, err == OK);
        item_end(service, batch, mark, err == OK);
        if (err == ERR_CONTENTION) batch->broken = err;
    }
}

static void run_settles(struct service *service, struct batch *batch)
{
    struct task *task;

    while (!batch->broken && (task = task_list_take(&batch->settles))) {
        struct mark mark = item_begin(service, batch, &task->trace);
        struct span *span = span_begin(service, batch, task->trace.span);
        enum err err;

        log_about(STR(""), &batch->tx->trace);
        err = task->settle(&service->env, batch->tx, task);
        if (err == OK && batch->careful) err = tx_check(batch->tx);
        if (span) {
            span->verb = "settle";
            span->object = task->name;
            span->failed = err != OK;
        }
        if (err)
            log_event(LOG_ERROR, service->def->name, "task.failed",
                      log_text("reason", str_of(err_code(err))));
        log_about_nothing();
        item_end(service, batch, mark, err == OK);
        batch->task_count++;
        task_list_add(&batch->settled, task);
    }
}

static const struct listener *listener_of(const struct service_definition *def,
                                          enum event_type type)
{
    for (size_t i = 0; i < def->listener_count; i++)
        if (def->listeners[i].type == type) return &def->listeners[i];
    return NULL;
}

static const char *const verdict_words[VERDICTS] = {[VERDICT_APPLIED] = "applied",
                                                    [VERDICT_SEEN] = "seen",
                                                    [VERDICT_EARLY] = "early",
                                                    [VERDICT_RETRY] = "retry",
                                                    [VERDICT_DEAD] = "dead"};

static void span_of_delivery(struct span *span, const struct delivery *delivery)
{
    enum event_type type = event_type_of(delivery->subject);

    span->kind = SPAN_CONSUMER;
    span->verb = "apply";
    span->object = type < EVENT_TYPES ? event_subject(type) : "unknown";
    span->sequence = delivery->sequence;
    span->verdict = verdict_words[delivery->verdict];
    span->failed = delivery->verdict == VERDICT_RETRY || delivery->verdict == VERDICT_DEAD;
}

/* The runtime's own books first, then the service's. */
static enum verdict run_listener(struct service *service, struct tx *tx, enum event_type type,
                                 const union event *event)
{
    const struct listener *listener = listener_of(service->def, type);
    enum verdict verdict = VERDICT_SEEN;

    if (type == EVENT_USER_UPDATED && service->revoked) {
        verdict = user_updated_apply(service, tx, &event->user_updated);
        if (verdict != VERDICT_APPLIED || !listener) return verdict;
    }
    return listener ? listener->run(&service->env, tx, event) : verdict;
}

static enum verdict deliver(struct service *service, struct batch *batch, struct delivery *delivery)
{
    enum event_type type = event_type_of(delivery->subject);
    union event event;
    enum verdict verdict;
    struct buf why;
    bool ours;

    if (subscription_claim(batch->tx, delivery, &ours) != OK) return VERDICT_RETRY;
    if (!ours || type == EVENT_TYPES) return VERDICT_SEEN;
    buf_init(&why, service->arena, 256);
    if (event_decode(type, service->arena, delivery->payload, &event, &why) != OK) {
        delivery->reason = buf_str(&why);
        return VERDICT_DEAD;
    }
    service->env.dead_reason = "the event contradicts what is stored";
    verdict = run_listener(service, batch->tx, type, &event);
    delivery->reason = str_of(service->env.dead_reason);
    return verdict;
}

/* When the batch runs again, another replica may have been given the same event and was faster. */
static enum verdict deliver_once(struct service *service, struct batch *batch,
                                 struct delivery *delivery)
{
    if (batch->again && subscription_known(service->subscription, batch->tx, delivery) != OK)
        return VERDICT_RETRY;
    return delivery->known ? VERDICT_SEEN : deliver(service, batch, delivery);
}

/* After one event that cannot be applied now, what its source published later waits with it. One
 * source's events stand together. */
static void run_deliveries(struct service *service, struct batch *batch)
{
    const char *held = "";

    for (size_t i = 0; i < batch->delivery_count; i++) {
        struct delivery *delivery = &batch->deliveries[i];
        struct trace cause;
        struct span *span;
        struct mark mark;

        delivery->verdict = VERDICT_RETRY;
        if (batch->broken) continue;
        if (!delivery->waited && strcmp(held, delivery->source) == 0) continue;
        (void)trace_parse(delivery->trace, &cause);
        mark = item_begin(service, batch, &cause);
        span = span_begin(service, batch, cause.span);
        log_about(STR(""), &batch->tx->trace);
        delivery->verdict = deliver_once(service, batch, delivery);
        log_about_nothing();
        if (delivery->verdict == VERDICT_APPLIED && batch->careful)
            delivery->verdict = err_verdict(tx_check(batch->tx));
        if (span) span_of_delivery(span, delivery);
        figure_add(&service->figures.events[delivery->verdict], 1);
        item_end(service, batch, mark, delivery->verdict == VERDICT_APPLIED);
        if (delivery->verdict == VERDICT_RETRY && !delivery->waited) held = delivery->source;
    }
}

static void run_jobs(struct service *service, struct batch *batch)
{
    if (service->first) return;
    for (size_t i = 0; i < service->def->job_count && !batch->broken; i++) {
        const struct job *job = &service->def->jobs[i];
        struct mark mark;
        enum err err;

        if (service->job_due_ms[i] > batch->now_ms) continue;
        service->job_due_ms[i] = JOB_NEVER;
        figure_add(&service->figures.jobs, 1);
        mark = item_begin(service, batch, &no_trace);
        err = job->run(&service->env, batch->tx, &service->job_due_ms[i]);
        if (err == OK && batch->careful) err = tx_check(batch->tx);
        item_end(service, batch, mark, err == OK);
        if (err == OK) continue;
        service->job_due_ms[i] = batch->now_ms + PAUSE_MS;
        log_event(LOG_ERROR, service->def->name, "job.failed", log_text("job", str_of(job->name)),
                  log_text("reason", str_of(err_code(err))));
    }
}

/* Whether the server still answers. */
static enum err ask_server(struct tx *tx)
{
    struct rows rows;

    tx_query_values(tx, &rows, "SELECT 1", NULL, 0);
    return rows_end(&rows);
}

/* While it is unknown whether the disk takes anything, every transaction writes something, so that
 * its commit is an answer. */
static void run_probe(struct service *service, struct batch *batch)
{
    struct mark mark;
    enum err err;

    if (batch->looks) batch->broken = ask_server(batch->tx);
    if (batch->broken || atomic_load(&service->healthy)) return;
    mark = item_begin(service, batch, &no_trace);
    err = tx_exec_values(batch->tx, NULL,
                         "UPDATE schema_migrations SET applied_at_ms = applied_at_ms", NULL, 0);
    item_end(service, batch, mark, err == OK);
    if (err) batch->broken = err;
}

static enum err fold(struct service *service, struct batch *batch)
{
    if (!batch->looks || service->first || batch->now_ms < service->fold_at_ms) return OK;
    service->fold_at_ms = batch->now_ms + OUTBOX_FOLD_MS;
    return outbox_fold(batch->tx);
}

/* The bus's own rows: positions, dead letters, channel figures. */
static void run_books(struct service *service, struct batch *batch)
{
    enum err err = OK;
    struct mark mark;

    if (batch->broken) return;
    mark = item_begin(service, batch, &no_trace);
    if (batch->bus)
        err = subscription_settle(service->subscription, batch->tx, batch->delivery_count);
    if (err == OK && batch->tx->published) err = outbox_flush(batch->tx, &batch->last_sequence);
    if (err == OK) err = fold(service, batch);
    if (err == OK && batch->careful && tx_check(batch->tx) != OK) err = ERR_CONTENTION;
    item_end(service, batch, mark, err == OK);
    /* Only another replica's books can be in the way of these. */
    if (err == ERR_CONFLICT && db_shared(service->db)) err = ERR_CONTENTION;
    if (err) batch->broken = err;
}

/* --- after the transaction ----------------------------------------------------------------- */

static struct request **bucket_of(struct service *service, struct str key)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.at[i]) * 16777619u;
    return &service->waiting[hash & (WAIT_BUCKETS - 1)];
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
    spans_end(service, batch, true);
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

/* Nothing of the batch happened, or nobody knows: everyone is told so, and jobs, events and slow
 * work find their way again by what is stored. */
static void failed(struct service *service, struct batch *batch, enum err err)
{
    struct request_list answered = {0};

    if (err != ERR_CONTENTION) {
        atomic_store(&service->healthy, false);
        service->probe_at_ms = batch->now_ms + PAUSE_MS;
    }
    service->failures++;
    figure_add(&service->figures.failures, 1);
    spans_end(service, batch, false);
    for (size_t i = 0; i < batch->request_count; i++) {
        batch->requests[i]->next = NULL;
        request_list_add(&answered, batch->requests[i]);
    }
    answer_each(&answered, err);
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

/* --- the step ------------------------------------------------------------------------------ */

/* An unknown outcome is settled by looking: a new connection sees what is there. A ban may be among
 * it that memory was not told of: service_connect reads them again. */
static bool reopen(struct service *service, int64_t now_ms)
{
    if (service->db) return true;
    if (now_ms < service->reopen_at_ms) return false;
    service->reopen_at_ms = now_ms + (service->first ? LANE_PAUSE_MS : PAUSE_MS);
    return service_connect(service, NULL) == OK;
}

static void close_broken(struct service *service)
{
    if (!service->db || !db_broken(service->db)) return;
    atomic_store(&service->open, false);
    db_close(service->db);
    service->db = NULL;
}

/* A server that was started anew is noticed here, before anything was lost by it. */
static enum err begin(struct service *service, struct batch *batch)
{
    enum err err = tx_begin(service->db, &batch->tx);

    if (err == OK || !db_broken(service->db)) return err;
    close_broken(service);
    return reopen(service, batch->now_ms) ? tx_begin(service->db, &batch->tx) : err;
}

/* Where others write to the same database, all that waits for something looks itself, now and
 * then: requests that another writer may have woken, jobs that another process made work for. */
static bool look(struct service *service, int64_t now_ms)
{
    if (!db_shared(service->db) || now_ms < service->look_at_ms) return false;
    service->look_at_ms = now_ms + LOOK_MS;
    for (size_t i = 0; i < WAIT_BUCKETS; i++)
        while (service->waiting[i]) {
            struct request *rq = service->waiting[i];

            service->waiting[i] = rq->link;
            request_list_add(&service->ready, rq);
        }
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
    run_probe(service, batch);
    run_requests(service, batch);
    run_settles(service, batch);
    run_deliveries(service, batch);
    run_jobs(service, batch);
    run_books(service, batch);
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
    close_broken(service);
    failed(service, batch, err);
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

bool writer_step(struct service *service)
{
    struct batch batch = {.now_ms = env_now_ms(&service->env)};
    enum err err;

    if (reopen(service, batch.now_ms)) batch.looks = look(service, batch.now_ms);
    if (batch.looks && !service->first) look_at_kept(service, batch.now_ms);
    take_work(service, &batch);
    if (!service->db) {
        bool work = batch.request_count || batch.settles.head;

        if (work) failed(service, &batch, ERR_UNAVAILABLE);
        return work;
    }
    if (revocations_next_ms(service) <= batch.now_ms)
        (void)revocations_read(service,
                               batch.now_ms); /* what is known stays until it can be read */
    fetch(service, &batch);
    if (!batch.request_count && !batch.settles.head && !batch.delivery_count && !batch.looks &&
        !something_is_due(service, batch.now_ms))
        return false;
    err = attempt(service, &batch);
    if (err == ERR_CONTENTION && !service->def->single_writer)
        run_apart(service, &batch);
    else
        finish(service, &batch, err);
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

    for (size_t i = 0; i < WAIT_BUCKETS; i++) {
        struct request *rq = service->waiting[i];

        while (rq) {
            struct request *next = rq->link;

            rq->next = NULL;
            request_list_add(&left, rq);
            rq = next;
        }
        service->waiting[i] = NULL;
    }
    answer_each(&left, ERR_STOPPING);
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
