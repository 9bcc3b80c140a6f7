/* runtime/writer.c: one writer a service (Idea 1 of the architecture).
 *
 * Requests, answers of slow work, events and due jobs wait in queues; the writer takes all that
 * wait, runs each in its own savepoint inside one transaction, commits once, and only then lets
 * answers and acknowledgements go. */
#include "runtime/house.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define PAUSE_MS        1000 /* after a job failed, or between attempts to open the database */
#define BATCH_ARENA_MAX (16 * 1024 * 1024)

/* One step's work and how it ended. */
struct batch {
    struct request *requests[WRITER_BATCH_MAX];
    size_t request_count;
    struct task_list settles;
    struct task_list settled;
    struct delivery *deliveries;
    size_t delivery_count;
    bool bus; /* the subscription has something to settle */
    int64_t now_ms;
    struct tx *tx;
    enum err broken; /* the whole transaction is lost */
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

void writer_enqueue(struct service *service, struct request_list *list)
{
    struct request_list refused = {0};
    bool idle, stopping;

    if (!list->head) return;
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
    unsigned pokes;

    while (batch->request_count < WRITER_BATCH_MAX && (rq = request_list_take(&service->ready)))
        batch->requests[batch->request_count++] = rq;
    pthread_mutex_lock(&service->lock);
    while (batch->request_count < WRITER_BATCH_MAX && (rq = request_list_take(&service->queue)))
        batch->requests[batch->request_count++] = rq;
    batch->settles = service->settles;
    service->settles = (struct task_list){0};
    service->poked = false;
    pokes = service->job_pokes;
    service->job_pokes = 0;
    pthread_mutex_unlock(&service->lock);
    for (size_t i = 0; i < service->def->job_count; i++)
        if (pokes & 1u << i) env_job_due(&service->env, i, batch->now_ms);
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

/* cause: what the item follows from; none: it begins a trace of its own. */
static struct mark item_begin(struct service *service, struct batch *batch,
                              const struct trace *cause)
{
    tx_item_begin(batch->tx, batch->now_ms);
    batch->tx->trace = trace_follow(&service->traces, cause);
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

static enum err refuse(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rq, (void)tx, (void)rp;
    return ERR_NOT_AUTHORIZED;
}

/* What runs next for it; a ban may have overtaken it while it waited. */
static handler_fn *handler_of(struct service *service, struct request *rq, int64_t now_ms)
{
    if (rq->route->access == ACCESS_SESSION &&
        session_is_revoked(service->revoked, &rq->user, now_ms))
        return refuse;
    return rq->next ? rq->next : rq->route->run;
}

static void run_requests(struct service *service, struct batch *batch)
{
    for (size_t i = 0; i < batch->request_count && !batch->broken; i++) {
        struct request *rq = batch->requests[i];
        handler_fn *handler = handler_of(service, rq, batch->now_ms);
        struct mark mark = item_begin(service, batch, &rq->trace);

        item_end(service, batch, mark, request_run(rq, handler, batch->tx));
    }
}

static void run_settles(struct service *service, struct batch *batch)
{
    struct task *task;

    while (!batch->broken && (task = task_list_take(&batch->settles))) {
        struct mark mark = item_begin(service, batch, &task->trace);
        enum err err = task->settle(&service->env, batch->tx, task);

        if (err)
            log_event(LOG_ERROR, service->def->name, "task.failed",
                      log_text("reason", str_of(err_code(err))));
        item_end(service, batch, mark, err == OK);
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

    if (type == EVENT_TYPES) return VERDICT_SEEN;
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

/* After one event that cannot be applied now, what its source published later waits with it. One
 * source's events stand together. */
static void run_deliveries(struct service *service, struct batch *batch)
{
    const char *held = "";

    for (size_t i = 0; i < batch->delivery_count; i++) {
        struct delivery *delivery = &batch->deliveries[i];
        struct trace cause;
        struct mark mark;

        delivery->verdict = VERDICT_RETRY;
        if (batch->broken) continue;
        if (!delivery->waited && strcmp(held, delivery->source) == 0) continue;
        (void)trace_parse(delivery->trace, &cause);
        mark = item_begin(service, batch, &cause);
        delivery->verdict = deliver(service, batch, delivery);
        item_end(service, batch, mark, delivery->verdict == VERDICT_APPLIED);
        if (delivery->verdict == VERDICT_RETRY && !delivery->waited) held = delivery->source;
    }
}

static void run_jobs(struct service *service, struct batch *batch)
{
    for (size_t i = 0; i < service->def->job_count && !batch->broken; i++) {
        const struct job *job = &service->def->jobs[i];
        struct mark mark;
        enum err err;

        if (service->job_due_ms[i] > batch->now_ms) continue;
        service->job_due_ms[i] = JOB_NEVER;
        mark = item_begin(service, batch, &no_trace);
        err = job->run(&service->env, batch->tx, &service->job_due_ms[i]);
        item_end(service, batch, mark, err == OK);
        if (err == OK) continue;
        service->job_due_ms[i] = batch->now_ms + PAUSE_MS;
        log_event(LOG_ERROR, service->def->name, "job.failed", log_text("job", str_of(job->name)),
                  log_text("reason", str_of(err_code(err))));
    }
}

/* While it is unknown whether the disk takes anything, every transaction writes something, so that
 * its commit is an answer. */
static void run_probe(struct service *service, struct batch *batch)
{
    struct mark mark;
    enum err err;

    if (atomic_load(&service->healthy)) return;
    mark = item_begin(service, batch, &no_trace);
    err = tx_exec_values(batch->tx, NULL,
                         "UPDATE schema_migrations SET applied_at_ms = applied_at_ms", NULL, 0);
    item_end(service, batch, mark, err == OK);
    if (err) batch->broken = err;
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
    item_end(service, batch, mark, err == OK);
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

static void committed(struct service *service, struct batch *batch)
{
    atomic_store(&service->healthy, true);
    if (batch->bus) subscription_settled(service->subscription, true);
    if (batch->tx->published)
        bus_notify(service->house->bus, service->def->name, batch->last_sequence);
    revocations_committed(service, batch->now_ms);
    release_requests(service, batch);
    wake_waiting(service);
    start_tasks(service);
    task_list_free(&batch->settled);
}

/* Nothing of the batch happened, or nobody knows: everyone is told so, and jobs, events and slow
 * work find their way again by what is stored. */
static void failed(struct service *service, struct batch *batch, enum err err)
{
    struct request_list answered = {0};

    atomic_store(&service->healthy, false);
    service->failures++;
    service->probe_at_ms = batch->now_ms + PAUSE_MS;
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

/* An unknown outcome is settled by looking: a new connection sees what is on the disk. */
static bool reopen(struct service *service, int64_t now_ms)
{
    if (service->db) return true;
    if (now_ms < service->reopen_at_ms) return false;
    service->reopen_at_ms = now_ms + PAUSE_MS;
    return db_open(service->path, DB_WRITER, &service->db, NULL) == OK;
}

static bool something_is_due(const struct service *service, int64_t now_ms)
{
    if (!atomic_load(&service->healthy) && service->probe_at_ms <= now_ms) return true;
    for (size_t i = 0; i < service->def->job_count; i++)
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
    enum err err;

    arena_reset(service->arena);
    take_work(service, &batch);
    if (!reopen(service, batch.now_ms)) {
        bool work = batch.request_count || batch.settles.head;

        if (work) failed(service, &batch, ERR_UNAVAILABLE);
        return work;
    }
    if (revocations_next_ms(service) <= batch.now_ms)
        (void)revocations_read(service,
                               batch.now_ms); /* what is known stays until it can be read */
    fetch(service, &batch);
    if (!batch.request_count && !batch.settles.head && !batch.delivery_count &&
        !something_is_due(service, batch.now_ms))
        return false;
    err = tx_begin(service->db, &batch.tx);
    if (err) {
        failed(service, &batch, err);
        return true;
    }
    run_probe(service, &batch);
    run_requests(service, &batch);
    run_settles(service, &batch);
    run_deliveries(service, &batch);
    run_jobs(service, &batch);
    run_books(service, &batch);
    err = batch.broken;
    if (err)
        tx_rollback(batch.tx);
    else
        err = tx_commit(batch.tx);
    if (err == OK) {
        committed(service, &batch);
        return true;
    }
    if (err == ERR_COMMIT_UNKNOWN) {
        db_close(service->db);
        service->db = NULL;
    }
    failed(service, &batch, err);
    return true;
}

int64_t writer_next_ms(const struct service *service)
{
    int64_t next = INT64_MAX;

    if (service->ready.head) return 0;
    if (!service->db) return service->reopen_at_ms;
    next = revocations_next_ms(service);
    if (!atomic_load(&service->healthy) && service->probe_at_ms < next) next = service->probe_at_ms;
    for (size_t i = 0; i < service->def->job_count; i++)
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
