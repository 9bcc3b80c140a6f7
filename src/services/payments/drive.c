/* services/payments/drive.c: a charge on its way to the gateway and back.
 *
 * The row is committed as pending, then the gateway is asked in the pool, then its answer is
 * settled in the writer. Whatever is lost on the way (a crash, a full queue, a failed commit) is
 * found again by the job, which asks under the same key. */
#include "services/payments/payments.h"

#include <stdio.h>

#define DRIVES_A_BATCH 32

struct charge_task {
    struct task task;
    struct gateway_charge charge;
    struct gateway_outcome outcome;
};

static void ask_gateway(struct env *env, struct task *task)
{
    const struct payments *payments = env->state;
    struct charge_task *charge = (struct charge_task *)task;

    payments->gateway->charge(payments->gateway, &charge->charge, &charge->outcome);
}

static enum err publish_outcome(struct tx *tx, const struct charge *charge)
{
    switch (charge->status) {
    case CHARGE_CAPTURED:
        return publish_payment_created(tx,
                                       &(struct payment_created){.id = charge->id,
                                                                 .order_id = charge->order_id,
                                                                 .stripe_id = charge->stripe_id});
    case CHARGE_DECLINED:
        return publish_payment_failed(tx, &(struct payment_failed){.id = charge->id,
                                                                   .order_id = charge->order_id,
                                                                   .reason = charge->reason});
    case CHARGE_PENDING:
    case CHARGE_REFUSED:
        break;
    }
    return OK;
}

static enum err settle(struct env *env, struct tx *tx, struct task *task)
{
    struct charge_task *answer = (struct charge_task *)task;
    struct object_id_text key = object_id_text(answer->charge.key);
    struct charge charge;
    enum err err;

    TRY(charge_get(tx, env->arena, answer->charge.key, &charge));
    if (charge.status != CHARGE_PENDING) return OK; /* asked twice, answered twice: once counts */
    charge_settle(&charge, &answer->outcome, tx->now_ms);
    TRY(charge_update(tx, &charge));
    if (charge.status == CHARGE_PENDING) {
        env_job_due(env, DRIVE, charge.ask_at_ms);
        return OK;
    }
    TRY(publish_outcome(tx, &charge));
    env_wake(env, str_of(key.hex));
done:
    return err;
}

enum err charge_drive(struct env *env, struct tx *tx, struct charge *charge)
{
    struct charge_task *task;
    enum err err;

    charge_ask(charge, tx->now_ms);
    TRY(charge_update(tx, charge));
    env_job_due(env, DRIVE, charge->ask_at_ms);
    task = task_new(sizeof *task);
    if (!task) return ERR_MEMORY;
    task->task.work = ask_gateway;
    task->task.settle = settle;
    task->charge.key = charge->id;
    task->charge.order_id = charge->order_id;
    task->charge.amount_cents = charge->amount_cents;
    snprintf(task->charge.token, sizeof task->charge.token, "%.*s", (int)charge->token.len,
             charge->token.at);
    env_task(env, tx, &task->task);
done:
    return err;
}

enum err drive_pending(struct env *env, struct tx *tx, int64_t *next_ms)
{
    struct payments *payments = env->state;
    struct charge charges[DRIVES_A_BATCH];
    size_t count;
    enum err err;

    if (!payments->resumed) TRY(charges_resume(tx));
    TRY(charges_to_ask(tx, env->arena, tx->now_ms, charges, DRIVES_A_BATCH, &count));
    for (size_t i = 0; i < count; i++)
        TRY(charge_drive(env, tx, &charges[i]));
    TRY(charges_next(tx, next_ms));
    payments->resumed = true;
done:
    return err;
}
