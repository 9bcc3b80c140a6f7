/* services/tickets/listeners.c: a ticket follows the orders on it: locked, freed, sold.
 *
 * Each order's events apply in the order of its versions. Between two orders on one ticket the
 * ticket itself tells: an order cannot take a ticket that another still holds, so its event waits
 * for the other's cancellation. A cancellation waits for nothing: whatever came before it, the
 * order holds no ticket now. Were it to wait for its order's beginning, and that for a ticket which
 * a later order has taken meanwhile, it might wait for good. */
#include "services/tickets/tickets.h"

/* The ticket an order event is about, when the event is the order's next one, or newer than what is
 * held and ends it. The ticket is locked before the order's version is read: replicas that apply
 * events of one order take turns, and see each other's version. */
static enum verdict ticket_of(struct env *env, struct tx *tx, struct object_id order_id,
                              int64_t version, bool ends, struct object_id ticket_id,
                              struct ticket *ticket)
{
    enum err err = OK, found = ticket_get(tx, env->arena, ticket_id, ticket);
    enum verdict verdict;
    int64_t held;

    if (found != ERR_NOT_FOUND) TRY(found);
    TRY(order_version(tx, order_id, &held));
    verdict = version_verdict(held, version);
    if (verdict == VERDICT_EARLY && ends) verdict = VERDICT_APPLIED;
    if (verdict != VERDICT_APPLIED) return verdict;
    return found == OK ? VERDICT_APPLIED : env_dead(env, "there is no such ticket");
done:
    return verdict_of(err);
}

/* The changed ticket (NULL: no change) and how far its order has come. */
static enum verdict apply(struct tx *tx, const struct ticket *ticket, struct object_id order_id,
                          int64_t version)
{
    enum err err;

    if (ticket) TRY(ticket_save(tx, ticket));
    TRY(order_version_set(tx, order_id, version));
done:
    return verdict_of(err);
}

static enum verdict on_order_created(struct env *env, struct tx *tx, const void *event)
{
    const struct order_created *order = event;
    struct ticket_order made_at = {order->id, order->title, order->price_cents};
    struct ticket ticket;
    enum verdict verdict =
        ticket_of(env, tx, order->id, order->version, false, order->ticket_id, &ticket);

    if (verdict != VERDICT_APPLIED) return verdict;
    if (ticket_reserve(&ticket, &made_at) != OK) return VERDICT_EARLY;
    return apply(tx, &ticket, order->id, order->version);
}

/* A deadline or a payment moved: nothing of the ticket's, but the order's next version. */
static enum verdict on_order_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct order_updated *order = event;
    struct ticket ticket;
    enum verdict verdict =
        ticket_of(env, tx, order->id, order->version, false, order->ticket_id, &ticket);

    return verdict == VERDICT_APPLIED ? apply(tx, NULL, order->id, order->version) : verdict;
}

/* Also a sold ticket comes free: the buyer of a complete order got the money back. */
static enum verdict on_order_cancelled(struct env *env, struct tx *tx, const void *event)
{
    const struct order_cancelled *order = event;
    struct ticket ticket;
    enum verdict verdict =
        ticket_of(env, tx, order->id, order->version, true, order->ticket_id, &ticket);

    if (verdict != VERDICT_APPLIED) return verdict;
    if (!ticket_held_by(&ticket, order->id)) return apply(tx, NULL, order->id, order->version);
    ticket_free(&ticket);
    return apply(tx, &ticket, order->id, order->version);
}

static enum verdict on_order_completed(struct env *env, struct tx *tx, const void *event)
{
    const struct order_completed *order = event;
    struct ticket_order made_at = {order->id, order->title, order->price_cents};
    struct ticket ticket;
    enum verdict verdict =
        ticket_of(env, tx, order->id, order->version, false, order->ticket_id, &ticket);

    if (verdict != VERDICT_APPLIED) return verdict;
    if (ticket_sell(&ticket, &made_at) != OK) return VERDICT_EARLY;
    return apply(tx, &ticket, order->id, order->version);
}

const struct listener tickets_listeners[TICKETS_LISTENERS] = {
    {EVENT_ORDER_CREATED, on_order_created},
    {EVENT_ORDER_UPDATED, on_order_updated},
    {EVENT_ORDER_CANCELLED, on_order_cancelled},
    {EVENT_ORDER_COMPLETED, on_order_completed},
};
