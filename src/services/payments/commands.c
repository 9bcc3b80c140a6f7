/* services/payments/commands.c: what is stored of a charge, booked of its money and told of both,
 * in one transaction. */
#include "services/payments/ledger.h"
#include "services/payments/payments.h"
#include "services/payments/repeats_store.h"

#include "telemetry/log.h"
#include "telemetry/metric.h"

#define REASON_MAX 320

enum err charge_begin(struct env *env, struct tx *tx, struct charge *charge)
{
    enum err err;

    TRY(charge_to_gateway(env, tx, charge));
    TRY(charge_insert(tx, charge));
    TRY(publish_payment_pending(
        tx, &(struct payment_pending){.id = charge->id, .order_id = charge->order_id}));
done:
    return err;
}

enum err charge_submit(struct env *env, struct tx *tx, struct charge *charge)
{
    enum err err;

    TRY(charge_to_gateway(env, tx, charge));
    TRY(charge_update(tx, charge));
done:
    return err;
}

enum err refund_begin(struct env *env, struct tx *tx, struct charge *charge)
{
    enum charge_status before = charge->status;
    enum err err;

    TRY(charge_refund(charge, tx->now));
    if (charge->status == before) return OK;
    if (before == CHARGE_CAPTURED)
        TRY(ledger_owe(tx, charge, STR(""), charge->amount_cents - charge->given_back_cents));
    TRY(charge_submit(env, tx, charge));
done:
    return err;
}

/* --- what an answer brings with it --------------------------------------------------------- */

/* Captured, and the order has another charge captured or in flight (this one was thought to have
 * failed): the money goes straight back. */
static enum err captured(struct env *env, struct tx *tx, struct charge *charge)
{
    struct charge other;
    bool waits;
    enum err err;

    err = charge_live(tx, env->arena, charge->order_id, &other);
    if (err == OK && !object_id_eq(other.id, charge->id)) {
        TRY(ledger_capture(tx, charge));
        return refund_begin(env, tx, charge);
    }
    if (err != OK && err != ERR_NOT_FOUND) return err;
    TRY(webhook_event_waits(tx, charge->stripe_id, &waits));
    if (waits) charge_poll(charge, tx->now);
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

static enum err refunded(struct tx *tx, struct charge *charge)
{
    struct str refund_id = charge->refund_id.len ? charge->refund_id : charge->stripe_id;
    enum err err;

    charge->notices++;
    TRY(charge_update(tx, charge));
    TRY(ledger_cover(tx, charge));
    TRY(publish_payment_refunded(tx, &(struct payment_refunded){.id = charge->id,
                                                                .order_id = charge->order_id,
                                                                .refund_id = refund_id,
                                                                .notice = charge->notices}));
done:
    return err;
}

enum err refund_covered(struct tx *tx, struct charge *charge)
{
    enum err err;

    ASSERT(charge->status == CHARGE_CAPTURED && charge_rest_cents(charge) == 0);
    TRY(ledger_owe(tx, charge, STR(""), charge->amount_cents - charge->given_back_cents));
    charge->status = CHARGE_REFUNDED;
    TRY(refunded(tx, charge));
done:
    return err;
}

/* before: refunded when the buyer, who was told that the money is back, must be told otherwise. */
static enum err refund_failed(struct env *env, struct tx *tx, struct charge *charge,
                              enum charge_status before)
{
    struct object_id_text id = object_id_text(charge->id);
    enum err err;

    metric_add(METRIC_REFUNDS_FAILED, 1);
    log_event(LOG_ERROR, env->name, "refund.failed", log_text("paymentId", str_of(id.hex)),
              log_text("reason", charge->reason));
    charge->notices += before == CHARGE_REFUNDED;
    TRY(charge_update(tx, charge));
    if (before != CHARGE_REFUNDED) return OK;
    TRY(publish_payment_refund_failed(tx,
                                      &(struct payment_refund_failed){.id = charge->id,
                                                                      .order_id = charge->order_id,
                                                                      .reason = charge->reason,
                                                                      .notice = charge->notices}));
done:
    return err;
}

enum err charge_arrive(struct env *env, struct tx *tx, struct charge *charge,
                       enum charge_status before)
{
    switch (charge->status) {
    case CHARGE_CAPTURED:
        return captured(env, tx, charge);
    case CHARGE_DECLINED:
    case CHARGE_REFUSED:
        return failed(tx, charge);
    case CHARGE_REFUNDED:
        return refunded(tx, charge);
    case CHARGE_REFUND_FAILED:
        return refund_failed(env, tx, charge, before);
    case CHARGE_PENDING:
    case CHARGE_UNKNOWN:
    case CHARGE_REFUND_PENDING:
        break;
    }
    return charge_update(tx, charge);
}
