/* services/orders/listeners.c: the copy of each ticket, and what time and money do to an order. */
#include "services/orders/orders.h"

/* --- tickets ------------------------------------------------------------------------------- */

static enum verdict copy_ticket(struct tx *tx, const struct ticket_copy *ticket)
{
    enum verdict verdict;
    int64_t held;
    enum err err;

    TRY(ticket_copy_version(tx, ticket->id, &held));
    verdict = version_verdict(held, ticket->version);
    if (verdict != VERDICT_APPLIED) return verdict;
    TRY(ticket_copy_put(tx, ticket));
done:
    return verdict_of(err);
}

static enum verdict on_ticket_created(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_created *ticket = event;

    (void)env;
    return copy_ticket(
        tx, &(struct ticket_copy){ticket->id, ticket->version, ticket->title, ticket->price_cents});
}

static enum verdict on_ticket_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_updated *ticket = event;

    (void)env;
    return copy_ticket(
        tx, &(struct ticket_copy){ticket->id, ticket->version, ticket->title, ticket->price_cents});
}

/* --- time ---------------------------------------------------------------------------------- */

/* Orders decides by its own clock: a notice that comes too early waits. */
static enum verdict on_expiration_complete(struct env *env, struct tx *tx, const void *event)
{
    const struct expiration_complete *expiration = event;
    enum order_change change;
    struct order order;
    enum err err = order_get(tx, env->arena, expiration->order_id, &order);

    if (err == ERR_NOT_FOUND) return env_dead(env, "there is no such order");
    TRY(err);
    if (order_expire(&order, tx->now_ms, &change) != OK) return VERDICT_EARLY;
    if (change == ORDER_UNCHANGED) return VERDICT_SEEN;
    TRY(order_save_cancelled(tx, &order));
done:
    return verdict_of(err);
}

/* --- money --------------------------------------------------------------------------------- */

/* The order is paid. One that was cancelled meanwhile comes back when its ticket is still free;
 * when another has the ticket, the captured money is the operator's to give back. */
static enum verdict on_payment_created(struct env *env, struct tx *tx, const void *event)
{
    const struct payment_created *payment = event;
    struct order order;
    bool taken = false;
    enum err err = order_get(tx, env->arena, payment->order_id, &order);

    if (err == ERR_NOT_FOUND) return env_dead(env, "there is no such order");
    TRY(err);
    if (order.status == ORDER_CANCELLED) TRY(ticket_is_taken(tx, order.ticket.id, &taken));
    if (taken) return env_dead(env, "paid after cancellation and the ticket is taken: refund");
    if (order_complete(&order) == ORDER_UNCHANGED) return VERDICT_SEEN;
    TRY(order_update(tx, &order));
    TRY(publish_order_completed(
        tx, &(struct order_completed){.id = order.id,
                                      .version = order.version,
                                      .user_id = order.user_id,
                                      .ticket_id = order.ticket.id,
                                      .price_cents = order.ticket.price_cents}));
done:
    return verdict_of(err);
}

/* A declined card: the order stays payable until its time is over. */
static enum verdict on_payment_failed(struct env *env, struct tx *tx, const void *event)
{
    (void)env;
    (void)tx;
    (void)event;
    return VERDICT_SEEN;
}

const struct listener orders_listeners[ORDERS_LISTENERS] = {
    {EVENT_TICKET_CREATED, on_ticket_created},
    {EVENT_TICKET_UPDATED, on_ticket_updated},
    {EVENT_EXPIRATION_COMPLETE, on_expiration_complete},
    {EVENT_PAYMENT_CREATED, on_payment_created},
    {EVENT_PAYMENT_FAILED, on_payment_failed},
};
