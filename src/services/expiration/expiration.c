/* services/expiration/expiration.c: tells orders when a reservation's time is over.
 *
 * A timer an order; one job that sleeps until the earliest of them. What came due while nobody was
 * running fires right after the start. Orders decides what it means. */
#include "services/expiration/expiration.h"
#include "services/services.h"

#define FIRES_A_BATCH 500
#define GATHER_MS     50
#define REFRESH_MS    1000 /* what Redis lost is there again after it */

/* The next version of an order this service follows. Of one that is so old that it may be forgotten
 * any newer one counts, as what came before it may have been taken for seen: where nothing is held,
 * one that sets a time (live), since what is still live must end. */
static enum verdict next_version(const struct env *env, struct tx *tx, struct object_id order_id,
                                 int64_t version, bool live)
{
    int64_t held;
    enum err err = timer_version(tx, order_id, &held);

    if (err) return verdict_of(err);
    if (version <= held || !env_is_forgotten(env, tx, order_id))
        return version_verdict(held, version);
    return live || held >= 0 ? VERDICT_APPLIED : VERDICT_SEEN;
}

/* Or soon, where Redis has to hear of it before. */
static void fire_at(struct env *env, const struct tx *tx, struct wall_ms due_at)
{
    if (env->delay) due_at = wall_earlier(due_at, wall_after(tx->now, REFRESH_MS));
    env_job_due(env, FIRE, due_at);
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
    err = timer_set(tx, order->id, order->version, order->expires_at);
    if (err == OK) fire_at(env, tx, order->expires_at);
    return verdict_of(err);
}

static bool is_live(struct str status)
{
    return str_eq(status, STR("created")) || str_eq(status, STR("awaiting:payment"));
}

/* A live order has a new deadline, earlier or later than the old one: fired or not, it fires then.
 */
static enum verdict on_order_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct order_updated *order = event;
    bool live = is_live(order->status);
    enum verdict verdict = next_version(env, tx, order->id, order->version, live);
    enum err err;

    if (verdict != VERDICT_APPLIED) return verdict;
    if (!live) return verdict_of(timer_stop(tx, order->id, order->version));
    err = timer_set(tx, order->id, order->version, order->expires_at);
    if (err == OK) fire_at(env, tx, order->expires_at);
    return verdict_of(err);
}

static enum verdict stop(const struct env *env, struct tx *tx, struct object_id order_id,
                         int64_t version)
{
    enum verdict verdict = next_version(env, tx, order_id, version, false);

    if (verdict != VERDICT_APPLIED) return verdict;
    return verdict_of(timer_stop(tx, order_id, version));
}

static enum verdict on_order_cancelled(struct env *env, struct tx *tx, const void *event)
{
    const struct order_cancelled *order = event;

    return stop(env, tx, order->id, order->version);
}

static enum verdict on_order_completed(struct env *env, struct tx *tx, const void *event)
{
    const struct order_completed *order = event;

    return stop(env, tx, order->id, order->version);
}

enum err fire_one(struct tx *tx, struct object_id order_id)
{
    bool was_due;
    enum err err;

    TRY(timer_done(tx, order_id, tx->now, &was_due));
    if (was_due)
        TRY(publish_expiration_complete(tx, &(struct expiration_complete){.order_id = order_id}));
done:
    return err;
}

/* Asks Redis, and again now and then as long as there are timers, so that it knows them all. */
static enum err ask(struct env *env, struct tx *tx, struct wall_ms *next)
{
    enum err err;

    TRY(claims_round(env, tx));
    TRY(timers_next(tx, next));
    if (wall_reached(tx->now, *next) ||
        (!wall_same(*next, WALL_NEVER) && wall_since(*next, tx->now) > REFRESH_MS))
        *next = wall_after(tx->now, REFRESH_MS);
done:
    return err;
}

/* Fires what is due, a batch at a time. A Redis that was away is asked again, timers or not: it is
 * to be known whether it is back. */
static enum err fire(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct object_id due[FIRES_A_BATCH];
    size_t count;
    enum err err;

    if (claims_decide(env)) return ask(env, tx, next);
    TRY(timers_due(tx, tx->now, due, FIRES_A_BATCH, &count));
    for (size_t i = 0; i < count; i++)
        TRY(fire_one(tx, due[i]));
    TRY(timers_next(tx, next));
    if (env->delay) env_job_due_at(env, FIRE, claims_again_at(env));
done:
    return err;
}

static enum err start(struct env *env, struct buf *why)
{
    struct arena *arena = arena_new(4096);
    struct claims *claims = arena ? arena_alloc(arena, sizeof *claims) : NULL;

    (void)why;
    if (!claims) return ERR_MEMORY;
    claims->arena = arena;
    env->state = claims;
    return OK;
}

static void stop_claims(struct env *env)
{
    struct claims *claims = env->state;

    env->state = NULL;
    arena_free(claims->arena);
}

static const struct listener expiration_listeners[] = {
    {EVENT_ORDER_CREATED, on_order_created},
    {EVENT_ORDER_UPDATED, on_order_updated},
    {EVENT_ORDER_CANCELLED, on_order_cancelled},
    {EVENT_ORDER_COMPLETED, on_order_completed},
};

static const struct job expiration_jobs[] = {[FIRE] = {"fire", fire}};

const struct service_definition expiration_service = {
    .name = "expiration",
    .listeners = expiration_listeners,
    .listener_count = sizeof expiration_listeners / sizeof *expiration_listeners,
    .gather_ms = GATHER_MS,
    .jobs = expiration_jobs,
    .job_count = 1,
    .delays = true,
    .start = start,
    .stop = stop_claims,
    .schema = expiration_schema,
    .retention = expiration_retention,
};
