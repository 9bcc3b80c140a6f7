/* services/payments/listeners.c: what payments must know of each order. */
#include "services/payments/ledger.h"
#include "services/payments/ledger_store.h"
#include "services/payments/payments.h"

/* Of an order that is forgotten nobody tried to pay, nor can anybody any more. */
static enum verdict on_order_created(struct env *env, struct tx *tx, const void *event)
{
    const struct order_created *order = event;
    struct ordered_ticket first = {order->ticket_id, order->price_cents};
    struct ordered_list tickets = ordered_tickets(&order->tickets, &first);
    struct order_copy held;
    enum err err = order_copy_get(tx, env->arena, order->id, &held);

    if (err == OK) return VERDICT_SEEN;
    if (err != ERR_NOT_FOUND) return verdict_of(err);
    if (!order->imported && env_is_forgotten(env, tx, order->id)) return VERDICT_SEEN;
    if (order->version != 0 && !order->imported)
        return env_dead(env, "an order begins with version 0");
    env_wake_id(env, order->id);
    return verdict_of(
        order_copy_insert(tx, &(struct order_copy){.id = order->id,
                                                   .version = order->version,
                                                   .status = PAID_ORDER_CREATED,
                                                   .user_id = order->user_id,
                                                   .price_cents = ordered_total(&tickets),
                                                   .trace = tx->trace}));
}

static enum verdict follow(struct env *env, struct tx *tx, struct object_id id, int64_t version,
                           enum paid_order_status status)
{
    struct order_copy held;
    enum verdict verdict;
    enum err err = order_copy_get(tx, env->arena, id, &held);

    if (err != OK && err != ERR_NOT_FOUND) return verdict_of(err);
    if (err == ERR_NOT_FOUND && env_is_forgotten(env, tx, id)) return VERDICT_SEEN;
    verdict = version_verdict(err == OK ? held.version : -1, version);
    if (verdict != VERDICT_APPLIED) return verdict;
    if (err == ERR_NOT_FOUND) return env_dead(env, "an order begins with order:created");
    return verdict_of(order_copy_status(tx, id, version, status));
}

/* Awaiting payment is as good as created here; what has ended, ended by its own event. */
static enum verdict on_order_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct order_updated *order = event;
    struct order_copy held;
    enum err err = order_copy_get(tx, env->arena, order->id, &held);

    if (err != OK && err != ERR_NOT_FOUND) return verdict_of(err);
    return follow(env, tx, order->id, order->version, err == OK ? held.status : PAID_ORDER_CREATED);
}

static enum verdict on_order_cancelled(struct env *env, struct tx *tx, const void *event)
{
    const struct order_cancelled *order = event;

    return follow(env, tx, order->id, order->version, PAID_ORDER_CANCELLED);
}

/* The money held for it is earned. */
static enum verdict on_order_completed(struct env *env, struct tx *tx, const void *event)
{
    const struct order_completed *order = event;
    enum verdict verdict = follow(env, tx, order->id, order->version, PAID_ORDER_COMPLETE);
    struct charge charge;
    bool earned;
    enum err err;

    if (verdict != VERDICT_APPLIED) return verdict;
    err = charge_live(tx, env->arena, order->id, &charge);
    if (err == ERR_NOT_FOUND || (err == OK && charge.status != CHARGE_CAPTURED))
        return VERDICT_APPLIED; /* completed by hand, or its money is on its way back */
    TRY(err);
    TRY(ledger_has(tx, charge.id, "earn", &earned));
    if (!earned) TRY(ledger_earn(tx, &charge));
done:
    return verdict_of(err);
}

/* Orders has no use for this money: back with all of it, once. */
static enum verdict on_payment_rejected(struct env *env, struct tx *tx, const void *event)
{
    const struct payment_rejected *rejected = event;
    struct object_id_text id;
    enum charge_status before;
    struct charge charge;
    enum err err = charge_get(tx, env->arena, rejected->id, &charge);

    if (err == ERR_NOT_FOUND) return env_dead(env, "there is no such payment");
    TRY(err);
    if (!object_id_eq(charge.order_id, rejected->order_id))
        return env_dead(env, "the payment is for another order");
    before = charge.status;
    if (before == CHARGE_REFUND_FAILED) return VERDICT_SEEN; /* the operator's */
    if (before == CHARGE_CAPTURED && charge_rest_cents(&charge) == 0)
        return verdict_of(refund_covered(tx, &charge));
    err = refund_begin(env, tx, &charge);
    if (err == ERR_NOT_REFUNDABLE) return env_dead(env, "no money was captured");
    TRY(err);
    if (charge.status == before) return VERDICT_SEEN;
    id = object_id_text(charge.id);
    TRY(audit_put(env, tx,
                  &(struct audit){.action = "payment.refunded",
                                  .subject = str_of(id.hex),
                                  .detail = rejected->reason}));
done:
    return verdict_of(err);
}

const struct listener payments_listeners[PAYMENTS_LISTENERS] = {
    {EVENT_ORDER_CREATED, on_order_created},       {EVENT_ORDER_UPDATED, on_order_updated},
    {EVENT_ORDER_CANCELLED, on_order_cancelled},   {EVENT_ORDER_COMPLETED, on_order_completed},
    {EVENT_PAYMENT_REJECTED, on_payment_rejected},
};
