/* services/payments/submit.c: a charge on its way to the gateway and back.
 *
 * The row is committed first, then the gateway is asked in the pool, then its answer is resolved in
 * the writer. Whatever is lost on the way (a crash, a full queue, a failed commit) is found again
 * by the job, which asks under the same key. */
#include "services/payments/ledger.h"
#include "services/payments/payments.h"
#include "services/payments/repeats_store.h"

#include "telemetry/log.h"
#include "telemetry/metric.h"

#include <stdatomic.h>
#include <stdio.h>

#define SUBMITS_A_BATCH 32
#define TIDY_A_BATCH    500
#define TIDY_MS         (3600 * INT64_C(1000))
#define SCRUB_MS        10000 /* a token's last trace is gone so long after its charge is resolved */
#define AWAY_AFTER      3     /* questions in a row without a clear answer */

struct charge_task {
    struct task task;
    enum charge_step step;
    struct charge_question question;
    struct gateway_charge charge;
    struct gateway_outcome outcome;
};

/* --- asking -------------------------------------------------------------------------------- */

static const char *const step_words[] = {[STEP_CHARGE] = "gateway charge",
                                         [STEP_FIND] = "gateway find",
                                         [STEP_REFUND] = "gateway refund"};

static const enum metric outcome_metrics[] = {[GATEWAY_DONE] = METRIC_GATEWAY_DONE,
                                              [GATEWAY_DECLINED] = METRIC_GATEWAY_DECLINED,
                                              [GATEWAY_REFUSED] = METRIC_GATEWAY_REFUSED,
                                              [GATEWAY_UNKNOWN] = METRIC_GATEWAY_UNKNOWN,
                                              [GATEWAY_ABSENT] = METRIC_GATEWAY_ABSENT};

/* Tells once that the processor gives no clear answers any more, and once that it does again. */
static void note_answer(struct env *env, const struct gateway_outcome *outcome)
{
    struct payments *payments = env->state;

    if (outcome->kind == GATEWAY_UNKNOWN) {
        if (atomic_fetch_add(&payments->unclear, 1) + 1 < AWAY_AFTER) return;
        if (!atomic_exchange(&payments->away, true))
            log_event(LOG_WARN, env->name, "gateway.away",
                      log_text("reason", str_of(outcome->reason)));
        return;
    }
    atomic_store(&payments->unclear, 0);
    if (atomic_exchange(&payments->away, false)) log_event(LOG_INFO, env->name, "gateway.back");
}

static void ask_gateway(struct env *env, struct task *task)
{
    const struct gateway *gateway = ((const struct payments *)env->state)->gateway;
    struct charge_task *ask = (struct charge_task *)task;

    ask->charge.trace = task->trace;
    ask->outcome.kind = GATEWAY_UNKNOWN;
    /* The machine slept over it: under a forgotten key the card would be charged once more. */
    if (ask->step == STEP_CHARGE && charge_key_is_old(ask->charge.created_at, env_now(env))) return;
    switch (ask->step) {
    case STEP_CHARGE:
        gateway->charge(gateway, &ask->charge, &ask->outcome);
        break;
    case STEP_FIND:
        gateway->find(gateway, &ask->charge, &ask->outcome);
        break;
    case STEP_REFUND:
        gateway->refund(gateway, &ask->charge, &ask->outcome);
        break;
    }
    metric_add(outcome_metrics[ask->outcome.kind], 1);
    note_answer(env, &ask->outcome);
}

static void copy_to(char out[GATEWAY_TEXT_MAX], struct str text)
{
    snprintf(out, GATEWAY_TEXT_MAX, "%.*s", (int)text.len, text.at ? text.at : "");
}

static enum err resolve(struct env *env, struct tx *tx, struct task *task);

enum err charge_to_gateway(struct env *env, struct tx *tx, struct charge *charge)
{
    struct charge_task *ask = task_new(sizeof *ask);

    if (!ask) return ERR_MEMORY;
    ask->task.work = ask_gateway;
    ask->task.resolve = resolve;
    ask->task.share = str_hash(STR_HASH, charge->user_id);
    ask->step = charge_next_step(charge, tx->now);
    ask->task.name = step_words[ask->step];
    ask->charge =
        (struct gateway_charge){.key = charge->id,
                                .order_id = charge->order_id,
                                .amount_cents = charge->amount_cents,
                                .rest_cents = charge_rest_cents(charge),
                                .created_at = charge->created_at,
                                .thorough = charge_key_is_old(charge->created_at, tx->now),
                                .refunds = charge->refunds};
    copy_to(ask->charge.token, charge->token);
    copy_to(ask->charge.id, charge->stripe_id);
    env_task(env, tx, &ask->task); /* the runtime's from here on */
    ask->question = charge_ask(charge, tx->now);
    env_job_due(env, SUBMIT, charge->ask_at);
    return OK;
}

/* --- answers ------------------------------------------------------------------------------- */

static void scrub_later(struct env *env, const struct tx *tx)
{
    atomic_store(&((struct payments *)env->state)->wiped, true);
    env_job_due(env, SCRUB, wall_after(tx->now, SCRUB_MS));
}

static enum err resolve(struct env *env, struct tx *tx, struct task *task)
{
    struct charge_task *answer = (struct charge_task *)task;
    struct object_id_text id = object_id_text(answer->charge.key);
    enum charge_status before;
    struct charge charge;
    bool had_token;
    enum err err;

    TRY(charge_get(tx, env->arena, answer->charge.key, &charge));
    before = charge.status;
    had_token = charge.token.at != NULL;
    answer->outcome.final = answer->question.final;
    TRY(money_back_book(env, tx, &charge, &answer->outcome));
    charge_answer(&charge, answer->question, answer->step, &answer->outcome, tx->now);
    if (charge.status == before) {
        TRY(charge_update(tx, &charge));
        /* a refund came back, and a dispute of the same money was lost: heard of at once */
        if (before == CHARGE_REFUNDED) TRY(ledger_cover(tx, &charge));
    } else {
        TRY(charge_arrive(env, tx, &charge, before));
    }
    if (had_token && !charge.token.at) scrub_later(env, tx);
    if (!wall_same(charge.ask_at, WALL_NEVER)) env_job_due(env, SUBMIT, charge.ask_at);
    if (!charge_in_flight(&charge) || !charge_worth_waiting(&charge, tx->now))
        env_wake(env, str_of(id.hex));
done:
    return err;
}

enum err charge_wait(struct request *rq, struct object_id charge_id, handler_fn *next)
{
    struct object_id_text id = object_id_text(charge_id);
    struct str key = arena_copy(rq->arena, str_of(id.hex));

    return key.at ? request_wait(rq, key, next) : ERR_MEMORY;
}

/* --- jobs ---------------------------------------------------------------------------------- */

enum err submit_due(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct payments *payments = env->state;
    struct charge charges[SUBMITS_A_BATCH];
    size_t count;
    enum err err;

    if (payments->resumed_after != env_failures(env)) TRY(charges_resume(tx));
    /* should the clock be set back */
    TRY(charges_ask_by(tx, wall_after(tx->now, CHARGE_PAUSE_MS_MAX)));
    TRY(charges_to_ask(tx, env->arena, tx->now, charges, SUBMITS_A_BATCH, &count));
    for (size_t i = 0; i < count; i++)
        TRY(charge_submit(env, tx, &charges[i]));
    TRY(charges_next(tx, next));
    payments->resumed_after = env_failures(env);
done:
    return err;
}

enum err tidy(struct env *env, struct tx *tx, struct wall_ms *next)
{
    bool more;
    enum err err;

    (void)env;
    TRY(old_rows_delete(tx, TIDY_A_BATCH, &more));
    *next = more ? tx->now : wall_after(tx->now, TIDY_MS);
done:
    return err;
}

/* Runs once more after it scrubbed: a reader may have been in the way. */
enum err scrub(struct env *env, struct tx *tx, struct wall_ms *next)
{
    bool wiped = atomic_exchange(&((struct payments *)env->state)->wiped, false);

    if (!wiped && !tx_scrubbing(tx)) return OK;
    tx_scrub(tx);
    *next = wall_after(tx->now, SCRUB_MS);
    return OK;
}
