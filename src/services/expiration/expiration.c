/* services/expiration/expiration.c: tells orders when a reservation's time is over.
 *
 * A timer an order; one job that sleeps until the earliest of them. What came due while nobody was
 * running rings right after the start. Orders decides what it means. */
#include "services/expiration/store.h"
#include "services/services.h"

#define RING 0 /* the job's row */

#define RINGS_A_BATCH 500

/* The next version of an order this service follows. */
static enum verdict next_version(struct tx *tx, struct object_id order_id, int64_t version)
{
    int64_t held;
    enum err err = timer_version(tx, order_id, &held);

    return err ? verdict_of(err) : version_verdict(held, version);
}

static enum verdict on_order_created(struct env *env, struct tx *tx, const void *event)
{
    const struct order_created *order = event;
    enum verdict verdict;
    int64_t held;
    enum err err = timer_version(tx, order->id, &held);

    if (err) return verdict_of(err);
    verdict = first_verdict(held, order->version, order->imported);
    if (verdict != VERDICT_APPLIED) return verdict;
    err = timer_start(tx, order->id, order->version, order->expires_at_ms);
    if (err == OK) env_job_due(env, RING, order->expires_at_ms);
    return verdict_of(err);
}

static bool is_live(struct str status)
{
    return str_eq(status, STR("created")) || str_eq(status, STR("awaiting:payment"));
}

/* A live order has a new deadline, earlier or later than the old one: rung or not, it rings then.
 */
static enum verdict on_order_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct order_updated *order = event;
    enum verdict verdict = next_version(tx, order->id, order->version);
    enum err err;

    if (verdict != VERDICT_APPLIED) return verdict;
    if (!is_live(order->status)) return verdict_of(timer_stop(tx, order->id, order->version));
    err = timer_move(tx, order->id, order->version, order->expires_at_ms);
    if (err == OK) env_job_due(env, RING, order->expires_at_ms);
    return verdict_of(err);
}

static enum verdict stop(struct tx *tx, struct object_id order_id, int64_t version)
{
    enum verdict verdict = next_version(tx, order_id, version);

    if (verdict != VERDICT_APPLIED) return verdict;
    return verdict_of(timer_stop(tx, order_id, version));
}

static enum verdict on_order_cancelled(struct env *env, struct tx *tx, const void *event)
{
    const struct order_cancelled *order = event;

    (void)env;
    return stop(tx, order->id, order->version);
}

static enum verdict on_order_completed(struct env *env, struct tx *tx, const void *event)
{
    const struct order_completed *order = event;

    (void)env;
    return stop(tx, order->id, order->version);
}

/* Rings what is due, a batch at a time. */
static enum err ring(struct env *env, struct tx *tx, int64_t *next_ms)
{
    struct object_id due[RINGS_A_BATCH];
    size_t count;
    enum err err;

    (void)env;
    TRY(timers_due(tx, tx->now_ms, due, RINGS_A_BATCH, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(publish_expiration_complete(tx, &(struct expiration_complete){.order_id = due[i]}));
        TRY(timer_done(tx, due[i]));
    }
    TRY(timers_next(tx, next_ms));
done:
    return err;
}

static const struct listener expiration_listeners[] = {
    {EVENT_ORDER_CREATED, on_order_created},
    {EVENT_ORDER_UPDATED, on_order_updated},
    {EVENT_ORDER_CANCELLED, on_order_cancelled},
    {EVENT_ORDER_COMPLETED, on_order_completed},
};

static const struct job expiration_jobs[] = {[RING] = {"ring", ring}};

const struct service_definition expiration_service = {
    .name = "expiration",
    .listeners = expiration_listeners,
    .listener_count = sizeof expiration_listeners / sizeof *expiration_listeners,
    .jobs = expiration_jobs,
    .job_count = 1,
    .schema = expiration_schema,
};
