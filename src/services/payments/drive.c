/* services/payments/drive.c: a charge on its way to the gateway and back.
 *
 * The row is committed first, then the gateway is asked in the pool, then its answer is settled in
 * the writer. Whatever is lost on the way (a crash, a full queue, a failed commit) is found again
 * by the job, which asks under the same key. */
#include "services/payments/payments.h"

#include "base/log.h"
#include "base/metric.h"

#include <stdio.h>

#define DRIVES_A_BATCH 32
#define TIDY_A_BATCH   500
#define TIDY_MS        (3600 * INT64_C(1000))
#define REASON_MAX     320

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

static void ask_gateway(struct env *env, struct task *task)
{
    const struct gateway *gateway = ((const struct payments *)env->state)->gateway;
    struct charge_task *ask = (struct charge_task *)task;

    ask->charge.trace = task->trace;
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
}

static void copy_to(char out[GATEWAY_TEXT_MAX], struct str text)
{
    snprintf(out, GATEWAY_TEXT_MAX, "%.*s", (int)text.len, text.at ? text.at : "");
}

static enum err settle(struct env *env, struct tx *tx, struct task *task);

enum err charge_drive(struct env *env, struct tx *tx, struct charge *charge)
{
    struct charge_task *ask = task_new(sizeof *ask);
    enum err err = OK;

    if (!ask) return ERR_MEMORY;
    ask->task.name = step_words[ask->step];
    ask->task.work = ask_gateway;
    ask->task.settle = settle;
    ask->step = charge_next_step(charge, tx->now_ms);
    ask->charge = (struct gateway_charge){.key = charge->id,
                                          .order_id = charge->order_id,
                                          .amount_cents = charge->amount_cents,
                                          .created_at_ms = charge->created_at_ms,
                                          .thorough = charge_key_is_old(charge, tx->now_ms),
                                          .refunds = charge->refunds};
    copy_to(ask->charge.token, charge->token);
    copy_to(ask->charge.id, charge->stripe_id);
    env_task(env, tx, &ask->task); /* the runtime's from here on */
    ask->question = charge_ask(charge, tx->now_ms);
    TRY(charge_update(tx, charge));
    env_job_due(env, DRIVE, charge->ask_at_ms);
done:
    return err;
}

enum err refund_begin(struct env *env, struct tx *tx, struct charge *charge)
{
    enum charge_status before = charge->status;
    enum err err;

    TRY(charge_refund(charge, tx->now_ms));
    if (charge->status == before) return OK;
    if (before == CHARGE_CAPTURED) TRY(ledger_owe(tx, charge));
    TRY(charge_drive(env, tx, charge));
done:
    return err;
}

/* --- answers ------------------------------------------------------------------------------- */

/* Captured, and the order has another charge captured or in flight (this one was thought to have
 * failed): the money goes straight back. */
static enum err captured(struct env *env, struct tx *tx, struct charge *charge)
{
    struct charge other;
    enum err err;

    err = charge_live(tx, env->arena, charge->order_id, &other);
    if (err == OK && !object_id_eq(other.id, charge->id)) {
        TRY(ledger_capture(tx, charge));
        return refund_begin(env, tx, charge);
    }
    if (err != OK && err != ERR_NOT_FOUND) return err;
    TRY(charge_update(tx, charge));
    TRY(ledger_capture(tx, charge));
    TRY(publish_payment_created(tx, &(struct payment_created){.id = charge->id,
                                                              .order_id = charge->order_id,
                                                              .stripe_id = charge->stripe_id}));
done:
    return err;
}

static enum err failed(struct tx *tx, const struct charge *charge)
{
    struct str reason = charge->reason;
    enum err err;

    if (reason.len == 0) reason = STR("The card token is not valid");
    if (reason.len > REASON_MAX) reason.len = REASON_MAX;
    TRY(charge_update(tx, charge));
    TRY(publish_payment_failed(
        tx, &(struct payment_failed){.id = charge->id,
                                     .order_id = charge->order_id,
                                     .reason = reason,
                                     .declined = charge->status == CHARGE_DECLINED}));
done:
    return err;
}

/* before: captured when it was given back at the gateway without us. */
static enum err refunded(struct tx *tx, const struct charge *charge, enum charge_status before)
{
    struct str refund_id = charge->refund_id.len ? charge->refund_id : charge->stripe_id;
    enum err err;

    TRY(charge_update(tx, charge));
    if (before == CHARGE_CAPTURED) TRY(ledger_owe(tx, charge));
    TRY(ledger_refund(tx, charge));
    TRY(publish_payment_refunded(tx, &(struct payment_refunded){.id = charge->id,
                                                                .order_id = charge->order_id,
                                                                .refund_id = refund_id}));
done:
    return err;
}

/* What the charge's new status brings with it. */
static enum err arrive(struct env *env, struct tx *tx, struct charge *charge,
                       enum charge_status before)
{
    struct object_id_text id = object_id_text(charge->id);

    switch (charge->status) {
    case CHARGE_CAPTURED:
        return captured(env, tx, charge);
    case CHARGE_DECLINED:
    case CHARGE_REFUSED:
        return failed(tx, charge);
    case CHARGE_REFUNDED:
        return refunded(tx, charge, before);
    case CHARGE_REFUND_FAILED:
        log_event(LOG_ERROR, env->name, "refund.failed", log_text("paymentId", str_of(id.hex)),
                  log_text("reason", charge->reason));
        break;
    case CHARGE_PENDING:
    case CHARGE_UNKNOWN:
    case CHARGE_REFUND_PENDING:
        break;
    }
    return charge_update(tx, charge);
}

static enum err settle(struct env *env, struct tx *tx, struct task *task)
{
    struct charge_task *answer = (struct charge_task *)task;
    struct object_id_text id = object_id_text(answer->charge.key);
    enum charge_status before;
    struct charge charge;
    bool disputed;
    enum err err;

    TRY(charge_get(tx, env->arena, answer->charge.key, &charge));
    before = charge.status;
    disputed = charge.disputed;
    charge_answer(&charge, answer->question, answer->step, &answer->outcome, tx->now_ms);
    if (charge.disputed && !disputed)
        log_event(LOG_WARN, env->name, "payment.disputed", log_text("paymentId", str_of(id.hex)));
    if (charge.status == before)
        TRY(charge_update(tx, &charge));
    else
        TRY(arrive(env, tx, &charge, before));
    if (charge.ask_at_ms != JOB_NEVER) env_job_due(env, DRIVE, charge.ask_at_ms);
    if (!charge_in_flight(&charge) || !charge_worth_waiting(&charge, tx->now_ms))
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

enum err drive_due(struct env *env, struct tx *tx, int64_t *next_ms)
{
    struct payments *payments = env->state;
    struct charge charges[DRIVES_A_BATCH];
    size_t count;
    enum err err;

    if (payments->resumed_after != env_failures(env)) TRY(charges_resume(tx));
    TRY(charges_to_ask(tx, env->arena, tx->now_ms, charges, DRIVES_A_BATCH, &count));
    for (size_t i = 0; i < count; i++)
        TRY(charge_drive(env, tx, &charges[i]));
    TRY(charges_next(tx, next_ms));
    payments->resumed_after = env_failures(env);
done:
    return err;
}

enum err tidy(struct env *env, struct tx *tx, int64_t *next_ms)
{
    bool more;
    enum err err;

    (void)env;
    TRY(old_rows_delete(tx, TIDY_A_BATCH, &more));
    *next_ms = more ? tx->now_ms : tx->now_ms + TIDY_MS;
done:
    return err;
}
