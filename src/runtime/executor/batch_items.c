/* runtime/executor/batch_items.c: what is done inside a batch's transaction: requests, answers of
 * slow work, events, due jobs and the bus's books, each an item of its own that fails alone. */
#include "runtime/executor/batch.h"

#include "telemetry/log.h"
#include "runtime/retention.h"
#include "runtime/revocations.h"

/* --- one item ------------------------------------------------------------------------------ */

static const struct trace no_trace;

/* What an item asked for beyond its rows, so that it can be taken back with them. */
struct mark {
    struct task *last_task;
    struct wake *wakes;
    struct revocation *revocations;
    int published;
    int64_t published_bytes;
};

/* cause: what the item follows from. */
static struct mark item_begin(struct writer *writer, struct batch *batch, const struct trace *cause)
{
    tx_item_begin(batch->tx, batch->wall);
    if (OBSERVED) batch->tx->trace = trace_follow(&writer->traces, cause);
    return (struct mark){writer->tasks.tail, writer->wakes, writer->revocations,
                         batch->tx->published, batch->tx->published_bytes};
}

static void item_end(struct writer *writer, struct batch *batch, struct mark mark, bool keep)
{
    enum err err = tx_item_end(batch->tx, keep);

    if (err) batch->broken = err;
    if (keep && !err) return;
    writer->wakes = mark.wakes;
    writer->revocations = mark.revocations;
    batch->tx->published = mark.published;
    batch->tx->published_bytes = mark.published_bytes;
    if (writer->tasks.tail != mark.last_task) {
        struct task_list undone = {mark.last_task ? mark.last_task->link : writer->tasks.head,
                                   writer->tasks.tail};

        if (mark.last_task)
            mark.last_task->link = NULL;
        else
            writer->tasks.head = NULL;
        writer->tasks.tail = mark.last_task;
        task_list_free(&undone);
    }
}

/* The item that runs now is to be recorded: until the batch ends, when its end is known. NULL: it
 * is not, or memory ran out. */
static struct span *span_begin(struct writer *writer, const struct batch *batch, uint64_t parent)
{
    struct item_span *item;

    if (!spans_wanted(&batch->tx->trace)) return NULL;
    item = arena_alloc(writer->arena, sizeof *item);
    if (!item) return NULL;
    item->link = writer->spans;
    writer->spans = item;
    item->span = (struct span){.trace = batch->tx->trace,
                               .parent = parent,
                               .start_us = clock_monotonic_us(),
                               .kind = SPAN_INTERNAL,
                               .service = writer->instance->def->name};
    return &item->span;
}

void items_spans_end(struct writer *writer, const struct batch *batch, bool committed)
{
    int64_t now_us = writer->spans ? clock_monotonic_us() : 0;

    for (struct item_span *item = writer->spans; item; item = item->link) {
        item->span.end_us = now_us;
        item->span.commit_us = batch->commit_us;
        item->span.failed |= !committed;
        span_record(&item->span);
    }
    writer->spans = NULL;
}

/* The wait in the queue is part of it. It may have turned out to belong to another trace. */
static void span_of_request(struct span *span, const struct request *rq, const struct tx *tx,
                            bool kept)
{
    span->verb = "write";
    span->object = rq->route ? rq->route->path : "";
    span->trace = tx->trace;
    span->failed = !kept;
    if (!rq->run->queued_us || rq->run->queued_us > span->start_us) return;
    span->wait_us = span->start_us - rq->run->queued_us;
    span->start_us = rq->run->queued_us;
}

static enum err refuse(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rq, (void)tx, (void)rp;
    return ERR_NOT_AUTHORIZED;
}

/* What runs next for it; a ban or a sign-out may have overtaken it while it waited. */
static handler_fn *handler_of(struct writer *writer, struct request *rq, handler_fn *handler,
                              struct wall_ms now)
{
    if (rq->route->access == ACCESS_SESSION &&
        session_is_revoked(writer->instance->revocations, writer->instance->revoked_by, &rq->user,
                           now))
        return refuse;
    return handler;
}

/* As it was before its handler ran. */
static void request_again(struct request *rq, void *state)
{
    rq->run->state = state;
    rq->run->waits = false;
    rq->error_count = 0;
    rq->error_message = (struct str){0};
    rq->error_key = NULL;
    rq->retry_after_s = 0;
    buf_reset(&rq->reply.body);
    buf_reset(&rq->reply.headers);
}

/* What its handler wrote is complete, and good as far as can be known. */
static enum err request_confirm(struct request *rq, struct batch *batch)
{
    enum err err = OK;

    if (rq->route->audit && rq->run->changed.len)
        err = audit_request(rq, batch->tx, rq->route->audit, rq->run->changed,
                            rq->run->changed_detail);
    if (err == OK && batch->careful) err = tx_check(batch->tx);
    if (err) reply_error(rq, err);
    if (err) rq->run->next = NULL;
    return err;
}

static void run_requests(struct writer *writer, struct batch *batch)
{
    for (size_t i = 0; i < batch->request_count && !batch->broken; i++) {
        struct request *rq = batch->requests[i];
        handler_fn *handler = handler_of(writer, rq, batch->handlers[i], batch->wall);
        struct mark mark = item_begin(writer, batch, &rq->trace);
        struct span *span = span_begin(writer, batch, rq->trace.span);
        enum err err;

        if (batch->again) request_again(rq, batch->states[i]);
        rq->run->env = &writer->env;
        err = request_run(rq, handler, batch->tx);
        if (err == OK) err = request_confirm(rq, batch);
        if (!span) span = span_begin(writer, batch, rq->trace.span); /* it joined a trace */
        if (span) span_of_request(span, rq, batch->tx, err == OK);
        item_end(writer, batch, mark, err == OK);
        if (err == ERR_CONTENTION) batch->broken = err;
    }
}

static void run_resolving(struct writer *writer, struct batch *batch)
{
    struct task *task;

    while (!batch->broken && (task = task_list_take(&batch->resolving))) {
        struct mark mark = item_begin(writer, batch, &task->trace);
        struct span *span = span_begin(writer, batch, task->trace.span);
        enum err err;

        log_about(STR(""), &batch->tx->trace);
        err = task->resolve(&writer->env, batch->tx, task);
        if (err == OK && batch->careful) err = tx_check(batch->tx);
        if (span) {
            span->verb = "resolve";
            span->object = task->name;
            span->failed = err != OK;
        }
        item_end(writer, batch, mark, err == OK);
        if (err && !batch->broken)
            log_event(LOG_ERROR, writer->instance->def->name, "task.failed",
                      log_text("reason", str_of(err_code(err))));
        log_about_nothing();
        batch->did.tasks++;
        task_list_add(&batch->resolved, task);
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
static enum verdict run_listener(struct writer *writer, struct tx *tx, enum event_type type,
                                 const union event *event)
{
    const struct listener *listener = listener_of(writer->instance->def, type);
    enum verdict verdict = revocations_apply(writer, tx, type, event);

    if (type == EVENT_USER_UPDATED && writer->instance->revoked_by && verdict != VERDICT_APPLIED)
        return verdict; /* that version of the user was seen before */
    return listener ? listener->run(&writer->env, tx, event) : verdict;
}

static enum verdict deliver(struct writer *writer, struct batch *batch, struct delivery *delivery)
{
    enum event_type type = event_type_of(delivery->subject);
    union event event;
    enum verdict verdict;
    struct buf why;
    enum err err;
    bool ours;

    if (subscription_claim(batch->tx, delivery, &ours) != OK) return VERDICT_RETRY;
    if (!ours || type == EVENT_TYPES) return VERDICT_SEEN;
    buf_init(&why, writer->arena, 256);
    err = event_decode(type, writer->arena, delivery->payload, &event, &why);
    if (err) {
        delivery->reason = buf_str(&why);
        return err == ERR_MEMORY || why.failed ? VERDICT_RETRY : VERDICT_DEAD;
    }
    writer->env.dead_reason = "the event contradicts what is stored";
    writer->env.event_at = delivery->published_at;
    verdict = run_listener(writer, batch->tx, type, &event);
    delivery->reason = str_of(writer->env.dead_reason);
    return verdict;
}

/* When the batch runs again, another replica may have been given the same event and was faster. */
static enum verdict deliver_once(struct writer *writer, struct batch *batch,
                                 struct delivery *delivery)
{
    if (batch->again && subscription_known(writer->subscription, batch->tx, delivery) != OK)
        return VERDICT_RETRY;
    return delivery->known ? VERDICT_SEEN : deliver(writer, batch, delivery);
}

/* After one event that cannot be applied now, what its source published later waits with it. One
 * source's events stand together. */
static void run_deliveries(struct writer *writer, struct batch *batch)
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
        mark = item_begin(writer, batch, &cause);
        span = span_begin(writer, batch, cause.span);
        log_about(STR(""), &batch->tx->trace);
        delivery->verdict = deliver_once(writer, batch, delivery);
        log_about_nothing();
        if (delivery->verdict == VERDICT_APPLIED && batch->careful)
            delivery->verdict = err_verdict(tx_check(batch->tx));
        if (span) span_of_delivery(span, delivery);
        batch->did.events[delivery->verdict]++;
        batch->did.delivered++;
        batch->did.delivered_bytes += (int64_t)delivery->payload.len;
        item_end(writer, batch, mark, delivery->verdict == VERDICT_APPLIED);
        if (delivery->verdict == VERDICT_RETRY && !delivery->waited) held = delivery->source;
    }
}

static void run_jobs(struct writer *writer, struct batch *batch)
{
    if (!writer_is_first(writer)) return;
    for (size_t i = 0; i < writer->instance->def->job_count && !batch->broken; i++) {
        const struct job *job = &writer->instance->def->jobs[i];
        struct wall_ms next = WALL_NEVER;
        struct mark mark;
        enum err err;

        if (!mono_reached(batch->now, writer->job_due[i])) continue;
        writer->job_due[i] = MONO_NEVER;
        batch->ran[i] = true;
        batch->did.jobs++;
        mark = item_begin(writer, batch, &no_trace);
        err = job->run(&writer->env, batch->tx, &next);
        if (err == OK && batch->careful) err = tx_check(batch->tx);
        item_end(writer, batch, mark, err == OK);
        if (err == OK) {
            env_job_due(&writer->env, i, next);
            continue;
        }
        env_job_due_at(&writer->env, i, mono_after(batch->now, PAUSE_MS));
        if (batch->broken) return;
        log_event(LOG_ERROR, writer->instance->def->name, "job.failed",
                  log_text("job", str_of(job->name)), log_text("reason", str_of(err_code(err))));
    }
}

static void run_retention(struct writer *writer, struct batch *batch)
{
    bool more = false;
    int64_t removed = 0;
    struct mark mark;
    enum err err;

    if (batch->broken || !mono_reached(batch->now, retention_next(writer))) return;
    batch->pruned = true;
    mark = item_begin(writer, batch, &no_trace);
    err = retention_run(writer, batch->tx, &removed, &more);
    if (err == OK && batch->careful) err = tx_check(batch->tx);
    item_end(writer, batch, mark, err == OK);
    retention_ran(writer, batch->now, err, more);
    if (err == OK) batch->did.removed += (uint64_t)removed;
    if (err && !batch->broken)
        log_event(LOG_ERROR, writer->instance->def->name, "job.failed",
                  log_text("job", STR("retention")), log_text("reason", str_of(err_code(err))));
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
static void run_probe(struct writer *writer, struct batch *batch)
{
    struct mark mark;
    enum err err;

    if (batch->polls) batch->broken = ask_server(batch->tx);
    if (batch->broken || atomic_load(&writer->healthy)) return;
    mark = item_begin(writer, batch, &no_trace);
    err = tx_exec_values(batch->tx, NULL,
                         "UPDATE schema_migrations SET applied_at_ms = applied_at_ms", NULL, 0);
    item_end(writer, batch, mark, err == OK);
    if (err) batch->broken = err;
}

static enum err fold(struct writer *writer, struct batch *batch)
{
    if (!batch->polls || !writer_is_first(writer) || !mono_reached(batch->now, writer->fold_at))
        return OK;
    writer->fold_at = mono_after(batch->now, OUTBOX_FOLD_MS);
    return outbox_fold(batch->tx);
}

/* The bus's own rows: positions, dead letters, now and then channel counts. */
static void run_books(struct writer *writer, struct batch *batch)
{
    enum err err = OK;
    struct mark mark;

    if (batch->broken) return;
    mark = item_begin(writer, batch, &no_trace);
    if (batch->bus)
        err = subscription_flush(writer->subscription, batch->tx, batch->delivery_count);
    if (err == OK && batch->tx->published) err = outbox_flush(batch->tx, &batch->last_sequence);
    if (err == OK) err = fold(writer, batch);
    if (err == OK && batch->careful && tx_check(batch->tx) != OK) err = ERR_CONTENTION;
    item_end(writer, batch, mark, err == OK);
    /* Only another replica's books can be in the way of these. */
    if (err == ERR_CONFLICT && db_shared(writer->db)) err = ERR_CONTENTION;
    if (err) batch->broken = err;
}

void items_run(struct writer *writer, struct batch *batch)
{
    run_probe(writer, batch);
    run_requests(writer, batch);
    run_resolving(writer, batch);
    run_deliveries(writer, batch);
    run_jobs(writer, batch);
    run_retention(writer, batch);
    run_books(writer, batch);
}
