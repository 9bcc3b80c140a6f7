/* services/orders/listeners.c: the copies of tickets, listings and shows, and what time and money
 * do to an order. */
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
    if (ticket->withdrawn && ticket_of_listing(ticket)) TRY(ticket_close(tx, ticket->id));
    env_wake_id(env, ticket->id);
    if (ticket_of_listing(ticket)) env_wake_id(env, ticket->listing_id);
done:
    return verdict_of(err);
}

#define TICKET_COPY(ticket)                                                                        \
    .id = (ticket)->id, .version = (ticket)->version, .title = (ticket)->title,                    \
    .price_cents = (ticket)->price_cents, .seller_id = (ticket)->user_id,                          \
    .listing_id = (ticket)->listing_id, .position = (ticket)->position,                            \
    .has_seat = (ticket)->seat.len > 0

static enum verdict on_ticket_created(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_created *ticket = event;

    return copy_ticket(env, tx, &(struct ticket_copy){TICKET_COPY(ticket)}, ticket->imported);
}

static enum verdict on_ticket_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_updated *ticket = event;

    return copy_ticket(env, tx,
                       &(struct ticket_copy){TICKET_COPY(ticket), .withdrawn = ticket->withdrawn,
                                             .sold = ticket->sold},
                       false);
}

/* --- listings and shows -------------------------------------------------------------------- */

static enum verdict copy_listing(struct env *env, struct tx *tx, const struct listing_copy *listing,
                                 struct str split)
{
    struct listing_copy copy = *listing;
    enum verdict verdict;
    int64_t held;
    enum err err;

    if (!split_parse(split, &copy.split)) return VERDICT_DEAD;
    TRY(listing_copy_version(tx, copy.id, &held));
    verdict = version_verdict(held, copy.version);
    if (verdict != VERDICT_APPLIED) return verdict;
    TRY(listing_copy_put(tx, &copy));
    env_wake_id(env, copy.id);
done:
    return verdict_of(err);
}

#define LISTING_COPY(listing)                                                                      \
    &(struct listing_copy)                                                                         \
    {                                                                                              \
        .id = (listing)->id, .version = (listing)->version, .show_id = (listing)->show_id,         \
        .seller_id = (listing)->user_id, .quantity = (listing)->quantity,                          \
        .withdrawn = (listing)->withdrawn                                                          \
    }

static enum verdict on_listing_created(struct env *env, struct tx *tx, const void *event)
{
    const struct listing_created *listing = event;

    return copy_listing(env, tx, LISTING_COPY(listing), listing->split);
}

static enum verdict on_listing_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct listing_updated *listing = event;

    return copy_listing(env, tx, LISTING_COPY(listing), listing->split);
}

static enum verdict copy_show(struct tx *tx, const struct show_copy *show)
{
    enum verdict verdict;
    int64_t held;
    enum err err;

    TRY(show_copy_version(tx, show->id, &held));
    verdict = version_verdict(held, show->version);
    if (verdict != VERDICT_APPLIED) return verdict;
    TRY(show_copy_put(tx, show));
done:
    return verdict_of(err);
}

#define SHOW_COPY(show)                                                                            \
    &(struct show_copy)                                                                            \
    {                                                                                              \
        .id = (show)->id, .version = (show)->version, .status = (show)->status,                    \
        .starts_at = (show)->starts_at, .max_per_buyer = (show)->max_per_buyer,                    \
        .merged_into = (show)->merged_into                                                         \
    }

static enum verdict on_show_created(struct env *env, struct tx *tx, const void *event)
{
    const struct show_created *show = event;

    (void)env;
    return copy_show(tx, SHOW_COPY(show));
}

static enum verdict on_show_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct show_updated *show = event;

    (void)env;
    return copy_show(tx, SHOW_COPY(show));
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
    TRY(order_save(tx, env->arena, &order, before));
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
            TRY(order_give_back(tx, env->arena, &orders[i]));
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

static enum verdict save(struct env *env, struct tx *tx, const struct order *order,
                         enum order_status before, const struct payment *payment)
{
    enum err err;

    TRY(payment_put(tx, order->id, payment));
    TRY(order_save(tx, env->arena, order, before));
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
    return save(env, tx, &order, before, &payment);
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
    TRY(order_save(tx, env->arena, &order, before));
done:
    return verdict_of(err);
}

/* Whether one of its tickets is another's by now, or was taken down. */
static enum err tickets_gone(struct tx *tx, const struct order *order, bool *taken, bool *withdrawn)
{
    enum err err = OK;

    *taken = *withdrawn = false;
    for (size_t i = 0; i < order->ticket_count && !*withdrawn; i++) {
        bool is_taken;

        TRY(ticket_is_taken(tx, order->tickets[i].id, &is_taken));
        TRY(ticket_copy_withdrawn(tx, order->tickets[i].id, withdrawn));
        *taken |= is_taken;
    }
done:
    return err;
}

/* Why a cancelled order does not come back by its money, all of it; NULL: it does. */
static enum err why_gone(struct tx *tx, struct arena *arena, const struct order *order,
                         const char **why)
{
    bool taken, withdrawn, banned;
    enum err err, closed;

    *why = NULL;
    if (order->status != ORDER_CANCELLED) return OK;
    TRY(order_closed_by_show(tx, arena, order, &closed));
    TRY(tickets_gone(tx, order, &taken, &withdrawn));
    TRY(user_is_banned(tx, order->user_id, &banned));
    if (withdrawn)
        *why = "the order was cancelled and its ticket taken down";
    else if (taken)
        *why = "the order was cancelled and its ticket is taken";
    else if (closed == ERR_MAX_PER_BUYER)
        *why = "the order was cancelled and its buyer has as many tickets as the show allows";
    else if (closed != OK)
        *why = "the order was cancelled and nothing of its show is sold any more";
    else if (banned)
        *why = "the order was cancelled and its buyer is banned";
done:
    return err;
}

static enum err reject(struct tx *tx, const struct order *order, const struct payment *payment,
                       enum money_ruling ruling, const char *why)
{
    return publish_payment_rejected(
        tx, &(struct payment_rejected){
                .id = payment->id,
                .order_id = order->id,
                .reason = ruling == MONEY_FOR_PAID ? STR("another payment has completed the order")
                                                   : str_of(why)});
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
    const char *why;
    enum verdict verdict =
        payment_step(env, tx, created->id, created->order_id, PAYMENT_CAPTURED, &order, &payment);
    enum err err;

    if (verdict != VERDICT_APPLIED) return verdict;
    before = order.status;
    TRY(why_gone(tx, env->arena, &order, &why));
    payment.stripe_id = created->stripe_id;
    ruling = order_payment_captured(&order, payment.id, payment.stripe_id, why != NULL);
    if (ruling != MONEY_COMPLETES) {
        payment.status = PAYMENT_REFUND_PENDING;
        TRY(reject(tx, &order, &payment, ruling, why));
    }
    return save(env, tx, &order, before, &payment);
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
    return save(env, tx, &order, before, &payment);
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
    return save(env, tx, &order, before, &payment);
}

const struct listener orders_listeners[ORDERS_LISTENERS] = {
    {EVENT_TICKET_CREATED, on_ticket_created},
    {EVENT_TICKET_UPDATED, on_ticket_updated},
    {EVENT_LISTING_CREATED, on_listing_created},
    {EVENT_LISTING_UPDATED, on_listing_updated},
    {EVENT_SHOW_CREATED, on_show_created},
    {EVENT_SHOW_UPDATED, on_show_updated},
    {EVENT_USER_UPDATED, on_user_updated},
    {EVENT_EXPIRATION_COMPLETE, on_expiration_complete},
    {EVENT_PAYMENT_PENDING, on_payment_pending},
    {EVENT_PAYMENT_FAILED, on_payment_failed},
    {EVENT_PAYMENT_CREATED, on_payment_created},
    {EVENT_PAYMENT_REFUNDED, on_payment_refunded},
    {EVENT_PAYMENT_REFUND_FAILED, on_payment_refund_failed},
};
