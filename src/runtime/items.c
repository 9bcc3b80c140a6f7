/* runtime/items.c: what is done inside a batch's transaction: requests, answers of slow work,
 * events, due jobs and the bus's books, each an item of its own that fails alone. */
#include "runtime/batch.h"

#include "base/log.h"

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

void items_spans_end(struct service *service, const struct batch *batch, bool committed)
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

void items_run(struct service *service, struct batch *batch)
{
    run_probe(service, batch);
    run_requests(service, batch);
    run_settles(service, batch);
    run_deliveries(service, batch);
    run_jobs(service, batch);
    run_books(service, batch);
}
