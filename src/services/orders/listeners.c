/* services/orders/listeners.c: the copy of each ticket, and what time and money do to an order. */
#include "services/orders/orders.h"

/* --- tickets ------------------------------------------------------------------------------- */

/* Each event says all there is to know, so of a ticket listed long ago any newer one counts. One
 * that is forgotten was sold: while an order still has it what comes is a repeat, and else the
 * money went back. */
static enum err old_verdict(struct tx *tx, const struct ticket_copy *ticket, int64_t held,
                            enum verdict *verdict)
{
    bool taken = false;
    enum err err = OK;

    if (held < 0) TRY(ticket_is_taken(tx, ticket->id, &taken));
    *verdict = taken || ticket->version <= held ? VERDICT_SEEN : VERDICT_APPLIED;
done:
    return err;
}

static enum verdict copy_ticket(struct env *env, struct tx *tx, const struct ticket_copy *ticket,
                                bool imported)
{
    enum verdict verdict;
    int64_t held;
    enum err err;

    TRY(ticket_copy_version(tx, ticket->id, &held));
    verdict = first_verdict(held, ticket->version, imported);
    if (!imported && env_is_forgotten(env, tx, ticket->id))
        TRY(old_verdict(tx, ticket, held, &verdict));
    if (verdict != VERDICT_APPLIED) return verdict;
    TRY(ticket_copy_put(tx, ticket));
    env_wake_id(env, ticket->id);
done:
    return verdict_of(err);
}

static enum verdict on_ticket_created(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_created *ticket = event;

    return copy_ticket(env, tx,
                       &(struct ticket_copy){ticket->id, ticket->version, ticket->title,
                                             ticket->price_cents, ticket->user_id, false, false},
                       ticket->imported);
}

static enum verdict on_ticket_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_updated *ticket = event;

    return copy_ticket(env, tx,
                       &(struct ticket_copy){ticket->id, ticket->version, ticket->title,
                                             ticket->price_cents, ticket->user_id,
                                             ticket->withdrawn, ticket->sold},
                       false);
}

/* --- time ---------------------------------------------------------------------------------- */

/* Orders decides by its own clock: a notice that comes too early waits. */
static enum verdict on_expiration_complete(struct env *env, struct tx *tx, const void *event)
{
    const struct expiration_complete *expiration = event;
    enum order_status before;
    enum order_change change;
    struct order order;
    enum err err = order_get(tx, env->arena, expiration->order_id, &order);

    if (err == ERR_NOT_FOUND) return env_dead(env, "there is no such order");
    TRY(err);
    before = order.status;
    if (order_expire(&order, tx->now, &change) != OK) return VERDICT_EARLY;
    if (change == ORDER_UNCHANGED) return VERDICT_SEEN;
    TRY(order_save(tx, &order, before));
done:
    return verdict_of(err);
}

/* --- bans ---------------------------------------------------------------------------------- */

#define CANCEL_MAX 100

/* A banned buyer's live orders are cancelled. Money that is on its way for one of them finds it so
 * and goes back. */
static enum verdict on_user_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct user_updated *user = event;
    struct object_id_text id = object_id_text(user->id);
    struct order orders[CANCEL_MAX];
    size_t count;
    enum err err = OK;

    if (!str_eq(user->status, STR("banned"))) return VERDICT_APPLIED;
    do {
        TRY(orders_live_of_user(tx, env->arena, str_of(id.hex), orders, CANCEL_MAX, &count));
        for (size_t i = 0; i < count; i++)
            TRY(order_give_back(tx, &orders[i]));
    } while (count == CANCEL_MAX);
done:
    return verdict_of(err);
}

/* --- money --------------------------------------------------------------------------------- */

/* The order and the payment an event is about, when the event takes the payment on to `status`. A
 * payment not heard of before begins there: events may overtake each other. */
static enum verdict payment_step(struct env *env, struct tx *tx, struct object_id payment_id,
                                 struct object_id order_id, enum payment_status status,
                                 struct order *order, struct payment *payment)
{
    enum err err = order_get(tx, env->arena, order_id, order);

    if (err == ERR_NOT_FOUND) return env_dead(env, "there is no such order");
    TRY(err);
    err = payment_get(tx, env->arena, payment_id, payment);
    if (err == OK && payment->status >= status) return VERDICT_SEEN;
    if (err == ERR_NOT_FOUND) {
        *payment = (struct payment){.id = payment_id};
        err = OK;
    }
    TRY(err);
    payment->status = status;
    return VERDICT_APPLIED;
done:
    return verdict_of(err);
}

static enum verdict save(struct tx *tx, const struct order *order, enum order_status before,
                         const struct payment *payment)
{
    enum err err;

    TRY(payment_put(tx, order->id, payment));
    TRY(order_save(tx, order, before));
done:
    return verdict_of(err);
}

/* A charge went in flight: the order is not expired under the buyer's hands. */
static enum verdict on_payment_pending(struct env *env, struct tx *tx, const void *event)
{
    const struct payment_pending *pending = event;
    struct payment payment;
    struct order order;
    enum order_status before;
    enum verdict verdict =
        payment_step(env, tx, pending->id, pending->order_id, PAYMENT_PENDING, &order, &payment);

    if (verdict != VERDICT_APPLIED) return verdict;
    before = order.status;
    order_payment_pending(&order, payment.id, tx->now, env->settings->payment_grace_ms);
    return save(tx, &order, before, &payment);
}

/* A charge came to nothing: the order stays payable while there is time. */
static enum verdict on_payment_failed(struct env *env, struct tx *tx, const void *event)
{
    const struct payment_failed *failed = event;
    struct payment payment;
    struct order order;
    enum order_status before;
    bool others_pending;
    enum verdict verdict =
        payment_step(env, tx, failed->id, failed->order_id, PAYMENT_FAILED, &order, &payment);
    enum err err;

    if (verdict != VERDICT_APPLIED) return verdict;
    TRY(payment_put(tx, order.id, &payment));
    TRY(payment_is_pending(tx, order.id, &others_pending));
    before = order.status;
    order_payment_failed(&order, payment.id, others_pending, tx->now);
    TRY(order_save(tx, &order, before));
done:
    return verdict_of(err);
}

static enum err reject(struct tx *tx, const struct order *order, const struct payment *payment,
                       enum money_ruling ruling, bool taken, bool withdrawn)
{
    return publish_payment_rejected(
        tx, &(struct payment_rejected){
                .id = payment->id,
                .order_id = order->id,
                .reason = ruling == MONEY_FOR_PAID ? STR("another payment has completed the order")
                          : withdrawn ? STR("the order was cancelled and its ticket taken down")
                          : taken     ? STR("the order was cancelled and its ticket is taken")
                                      : STR("the order was cancelled and its buyer is banned")});
}

/* The money is there. The order is complete, and one that was cancelled meanwhile comes back when
 * its ticket is still for sale and its buyer not banned; else payments is to give the money back.
 */
static enum verdict on_payment_created(struct env *env, struct tx *tx, const void *event)
{
    const struct payment_created *created = event;
    enum money_ruling ruling;
    struct payment payment;
    struct order order;
    enum order_status before;
    bool taken = false, banned = false, withdrawn = false;
    enum verdict verdict =
        payment_step(env, tx, created->id, created->order_id, PAYMENT_CAPTURED, &order, &payment);
    enum err err;

    if (verdict != VERDICT_APPLIED) return verdict;
    before = order.status;
    if (order.status == ORDER_CANCELLED) TRY(ticket_is_taken(tx, order.ticket.id, &taken));
    if (order.status == ORDER_CANCELLED)
        TRY(ticket_copy_withdrawn(tx, order.ticket.id, &withdrawn));
    if (order.status == ORDER_CANCELLED) TRY(user_is_banned(tx, order.user_id, &banned));
    payment.stripe_id = created->stripe_id;
    ruling =
        order_payment_captured(&order, payment.id, payment.stripe_id, taken || withdrawn || banned);
    if (ruling != MONEY_COMPLETES) {
        payment.status = PAYMENT_REFUND_PENDING;
        TRY(reject(tx, &order, &payment, ruling, taken, withdrawn));
    }
    return save(tx, &order, before, &payment);
done:
    return verdict_of(err);
}

/* The same for what became of a refund. notice: counts what was told of it; 0 before that was
 * counted. */
static enum verdict refund_step(struct env *env, struct tx *tx, struct object_id payment_id,
                                struct object_id order_id, enum payment_status status,
                                int64_t notice, struct order *order, struct payment *payment)
{
    enum verdict verdict = payment_step(env, tx, payment_id, order_id, status, order, payment);

    if (verdict != VERDICT_APPLIED && verdict != VERDICT_SEEN) return verdict;
    if (notice == 0) return verdict;
    if (payment->notice >= notice) return VERDICT_SEEN;
    payment->status = status;
    payment->notice = notice;
    return VERDICT_APPLIED;
}

/* The money is back with the buyer. */
static enum verdict on_payment_refunded(struct env *env, struct tx *tx, const void *event)
{
    const struct payment_refunded *refunded = event;
    struct payment payment;
    struct order order;
    enum order_status before;
    enum verdict verdict = refund_step(env, tx, refunded->id, refunded->order_id, PAYMENT_REFUNDED,
                                       refunded->notice, &order, &payment);

    if (verdict != VERDICT_APPLIED) return verdict;
    before = order.status;
    payment.refund_id = refunded->refund_id;
    order_payment_refunded(&order, payment.id, payment.refund_id);
    return save(tx, &order, before, &payment);
}

/* It came back from the buyer's bank, after the buyer was told. */
static enum verdict on_payment_refund_failed(struct env *env, struct tx *tx, const void *event)
{
    const struct payment_refund_failed *failed = event;
    struct payment payment;
    struct order order;
    enum order_status before;
    enum verdict verdict = refund_step(env, tx, failed->id, failed->order_id, PAYMENT_REFUND_FAILED,
                                       failed->notice, &order, &payment);

    if (verdict != VERDICT_APPLIED) return verdict;
    before = order.status;
    payment.refund_id = STR("");
    order_payment_refund_failed(&order, payment.id);
    return save(tx, &order, before, &payment);
}

const struct listener orders_listeners[ORDERS_LISTENERS] = {
    {EVENT_TICKET_CREATED, on_ticket_created},
    {EVENT_TICKET_UPDATED, on_ticket_updated},
    {EVENT_USER_UPDATED, on_user_updated},
    {EVENT_EXPIRATION_COMPLETE, on_expiration_complete},
    {EVENT_PAYMENT_PENDING, on_payment_pending},
    {EVENT_PAYMENT_FAILED, on_payment_failed},
    {EVENT_PAYMENT_CREATED, on_payment_created},
    {EVENT_PAYMENT_REFUNDED, on_payment_refunded},
    {EVENT_PAYMENT_REFUND_FAILED, on_payment_refund_failed},
};
