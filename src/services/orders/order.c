/* services/orders/order.c: the rules of an order. */
#include "services/orders/order.h"

/* --- words for states ---------------------------------------------------------------------- */

static const char *const status_texts[] = {
    [ORDER_CREATED] = "created",
    [ORDER_AWAITING_PAYMENT] = "awaiting:payment",
    [ORDER_COMPLETE] = "complete",
    [ORDER_CANCELLED] = "cancelled",
};

static const char *const payment_texts[] = {
    [PAYMENT_PENDING] = "pending",   [PAYMENT_FAILED] = "failed",
    [PAYMENT_CAPTURED] = "captured", [PAYMENT_REFUND_PENDING] = "refund_pending",
    [PAYMENT_REFUNDED] = "refunded", [PAYMENT_REFUND_FAILED] = "refund_failed",
};

#define STATUSES         (sizeof status_texts / sizeof *status_texts)
#define PAYMENT_STATUSES (sizeof payment_texts / sizeof *payment_texts)

/* count when there is none. */
static size_t index_of(const char *const *texts, size_t count, struct str text)
{
    size_t i = 0;

    while (i < count && !str_eq(str_of(texts[i]), text))
        i++;
    return i;
}

struct str order_status_text(enum order_status status)
{
    ASSERT((size_t)status < STATUSES);
    return str_of(status_texts[status]);
}

bool order_status_parse(struct str text, enum order_status *out)
{
    size_t i = index_of(status_texts, STATUSES, text);

    if (i == STATUSES) return false;
    *out = (enum order_status)i;
    return true;
}

struct str payment_status_text(enum payment_status status)
{
    ASSERT((size_t)status < PAYMENT_STATUSES);
    return str_of(payment_texts[status]);
}

bool payment_status_parse(struct str text, enum payment_status *out)
{
    size_t i = index_of(payment_texts, PAYMENT_STATUSES, text);

    if (i == PAYMENT_STATUSES) return false;
    *out = (enum payment_status)i;
    return true;
}

/* --- a reservation ------------------------------------------------------------------------- */

struct order order_open(struct object_id id, const struct ticket_copy *tickets, size_t count,
                        struct str user_id, struct wall_ms now, int64_t hold_ms)
{
    ASSERT(count == 1 || ticket_of_listing(&tickets[0]));
    return (struct order){
        .id = id,
        .status = ORDER_CREATED,
        .user_id = user_id,
        .expires_at = wall_after(now, hold_ms),
        .reserved_until = wall_after(now, hold_ms),
        .tickets = tickets,
        .ticket_count = count,
        .listing_id = tickets[0].listing_id,
    };
}

int64_t order_total_cents(const struct order *order)
{
    int64_t cents = 0;

    for (size_t i = 0; i < order->ticket_count; i++)
        cents += order->tickets[i].price_cents;
    return cents;
}

static enum order_change become(struct order *order, enum order_status status)
{
    if (order->status == status) return ORDER_UNCHANGED;
    order->status = status;
    order->version++;
    return ORDER_CHANGED;
}

enum err order_cancel(struct order *order, enum order_change *change)
{
    *change = ORDER_UNCHANGED;
    if (order->status == ORDER_COMPLETE) return ERR_ORDER_COMPLETE;
    *change = become(order, ORDER_CANCELLED);
    return OK;
}

static bool is_live(const struct order *order)
{
    return order->status == ORDER_CREATED || order->status == ORDER_AWAITING_PAYMENT;
}

enum err order_expire(struct order *order, struct wall_ms now, enum order_change *change)
{
    *change = ORDER_UNCHANGED;
    if (!is_live(order)) return OK;
    if (wall_before(now, order->expires_at)) return ERR_BUSY;
    *change = become(order, ORDER_CANCELLED);
    return OK;
}

/* --- money --------------------------------------------------------------------------------- */

/* A payment that moved money stays in view when one that did not comes or goes. */
static void show(struct order *order, struct object_id payment_id, enum payment_status status)
{
    struct payment *shown = &order->payment;

    order->version++;
    if (!object_id_eq(shown->id, payment_id)) {
        if (shown->status >= PAYMENT_CAPTURED && status < PAYMENT_CAPTURED) return;
        *shown = (struct payment){.id = payment_id};
    }
    shown->status = status;
}

void order_payment_pending(struct order *order, struct object_id payment_id, struct wall_ms now,
                           int64_t grace_ms)
{
    struct wall_ms until = wall_after(wall_earlier(now, order->expires_at), grace_ms);

    show(order, payment_id, PAYMENT_PENDING);
    if (!is_live(order)) return;
    order->status = ORDER_AWAITING_PAYMENT;
    if (order->grace_given || wall_reached(order->expires_at, until)) return;
    order->expires_at = until;
    order->grace_given = true;
}

void order_payment_failed(struct order *order, struct object_id payment_id, bool others_pending,
                          struct wall_ms now)
{
    show(order, payment_id, PAYMENT_FAILED);
    if (!is_live(order)) return;
    if (others_pending) return;
    order->status = ORDER_CREATED;
    order->expires_at = order->reserved_until;
    if (!order->decline_grace_given &&
        wall_before(order->expires_at, wall_after(now, DECLINE_GRACE_MS))) {
        order->expires_at = order->reserved_until = wall_after(now, DECLINE_GRACE_MS);
        order->decline_grace_given = true;
    }
    if (wall_reached(now, order->expires_at)) order->status = ORDER_CANCELLED;
}

enum money_ruling order_payment_captured(struct order *order, struct object_id payment_id,
                                         struct str stripe_id, bool ticket_taken)
{
    bool paid = order->status == ORDER_COMPLETE;
    bool late = order->status == ORDER_CANCELLED && ticket_taken;

    if (paid) { /* the payment that completed it stays in view */
        order->version++;
        return MONEY_FOR_PAID;
    }
    show(order, payment_id, late ? PAYMENT_REFUND_PENDING : PAYMENT_CAPTURED);
    order->payment.stripe_id = stripe_id;
    if (late) return MONEY_FOR_TAKEN;
    order->status = ORDER_COMPLETE;
    return MONEY_COMPLETES;
}

/* The money is, or was to be, back with the buyer: there is no sale. */
static void unsell(struct order *order, struct object_id payment_id, enum payment_status status,
                   struct str refund_id)
{
    order->version++;
    if (!object_id_eq(order->payment.id, payment_id)) return;
    if (order->status == ORDER_COMPLETE) order->status = ORDER_CANCELLED;
    order->payment.status = status;
    order->payment.refund_id = refund_id;
}

void order_payment_refunded(struct order *order, struct object_id payment_id, struct str refund_id)
{
    unsell(order, payment_id, PAYMENT_REFUNDED, refund_id);
}

void order_payment_refund_failed(struct order *order, struct object_id payment_id)
{
    unsell(order, payment_id, PAYMENT_REFUND_FAILED, STR(""));
}
