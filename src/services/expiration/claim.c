/* services/expiration/claim.c: with due times in Redis (REDIS_URL) one of several replicas fires
 * what is due. The timers' table stays the truth: each round tells Redis what is due soon, takes
 * what is due now, and fires what the table says is still due. Without an answer from Redis the
 * table alone decides. */
#include "services/expiration/expiration.h"

#include <stdatomic.h>

#define SOON_MS  INT64_C(60000) /* what is due by then is made known */
#define LEASE_MS INT64_C(5000)  /* a crashed replica's claims come again after it */
#define ROUND_MS INT64_C(2000)  /* a round that takes longer was lost */
#define AWAY_MS  INT64_C(5000)  /* so long the table decides alone, then Redis is asked again */

struct round {
    struct task task;
    struct wall_ms now;
    struct delayed soon[DELAY_CALL_MAX];
    size_t soon_count;
    struct object_id ids[DELAY_CALL_MAX];
    size_t count;
    enum err err;
};

/* --- pool ---------------------------------------------------------------------------------- */

static void forget_fired(struct env *env, struct task *task)
{
    const struct round *round = (struct round *)task;

    (void)delay_done(env->delay, round->ids, round->count); /* or the claims lapse */
}

static void take_due(struct env *env, struct task *task)
{
    struct round *round = (struct round *)task;

    round->err = delay_put(env->delay, round->soon, round->soon_count);
    if (round->err == OK)
        round->err = delay_claim(env->delay, round->now, LEASE_MS, round->ids, DELAY_CALL_MAX,
                                 &round->count);
}

/* --- writer -------------------------------------------------------------------------------- */

static enum err nothing_more(struct env *env, struct tx *tx, struct task *task)
{
    (void)env, (void)tx, (void)task;
    return OK;
}

static enum err forget_later(struct env *env, struct tx *tx, const struct round *fired)
{
    struct round *round = task_new(sizeof *round);

    if (!round) return OK; /* the claims lapse */
    memcpy(round->ids, fired->ids, fired->count * sizeof *fired->ids);
    round->count = fired->count;
    round->task.work = forget_fired;
    round->task.resolve = nothing_more;
    env_task(env, tx, &round->task);
    return OK;
}

static enum err fire_claimed(struct env *env, struct tx *tx, struct task *task)
{
    struct claims *claims = env->state;
    struct round *round = (struct round *)task;
    enum err err = OK;
    struct wall_ms next;

    atomic_store(&claims->round_at, (struct mono_ms){0});
    if (round->err) atomic_store(&claims->away_until, mono_after(env_mono(env), AWAY_MS));
    for (size_t i = 0; i < round->count; i++)
        TRY(fire_one(tx, round->ids[i]));
    if (round->count) TRY(forget_later(env, tx, round));
    if (round->err || round->count) {
        env_job_due(env, FIRE, tx->now); /* there may be more */
    } else {
        TRY(timers_next(tx, &next));
        if (wall_reached(tx->now, next))
            env_job_due(env, FIRE, wall_after(tx->now, CLAIM_AGAIN_MS));
    }
done:
    return err;
}

bool claims_decide(struct env *env)
{
    return env->delay && mono_reached(env_mono(env), claims_again_at(env));
}

struct mono_ms claims_again_at(const struct env *env)
{
    const struct claims *claims = env->state;

    return atomic_load(&claims->away_until);
}

enum err claims_round(struct env *env, struct tx *tx)
{
    struct claims *claims = env->state;
    struct mono_ms begun_at = atomic_load(&claims->round_at);
    struct round *round;
    enum err err = OK;

    if (begun_at.ms && mono_since(env_mono(env), begun_at) < ROUND_MS) return OK;
    round = task_new(sizeof *round);
    if (!round) return ERR_MEMORY;
    round->now = tx->now;
    round->task.work = take_due;
    round->task.resolve = fire_claimed;
    err = timers_soon(tx, wall_after(tx->now, SOON_MS), round->soon, DELAY_CALL_MAX,
                      &round->soon_count);
    atomic_store(&claims->round_at, env_mono(env));
    env_task(env, tx, &round->task);
    return err;
}
