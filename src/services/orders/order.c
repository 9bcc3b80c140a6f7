/* services/orders/order.c: the rules of an order. */
#include "services/orders/order.h"

static const char *const status_texts[] = {
    [ORDER_CREATED] = "created",
    [ORDER_AWAITING_PAYMENT] = "awaiting:payment",
    [ORDER_COMPLETE] = "complete",
    [ORDER_CANCELLED] = "cancelled",
};

#define STATUSES (sizeof status_texts / sizeof *status_texts)

struct str order_status_text(enum order_status status)
{
    ASSERT((size_t)status < STATUSES);
    return str_of(status_texts[status]);
}

bool order_status_parse(struct str text, enum order_status *out)
{
    for (size_t i = 0; i < STATUSES; i++) {
        if (!str_eq(str_of(status_texts[i]), text)) continue;
        *out = (enum order_status)i;
        return true;
    }
    return false;
}

struct order order_open(struct object_id id, const struct ticket_copy *ticket, struct str user_id,
                        int64_t now_ms, int64_t hold_ms)
{
    return (struct order){
        .id = id,
        .status = ORDER_CREATED,
        .user_id = user_id,
        .expires_at_ms = now_ms + hold_ms,
        .ticket = *ticket,
    };
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

enum err order_expire(struct order *order, int64_t now_ms, enum order_change *change)
{
    *change = ORDER_UNCHANGED;
    if (order->status == ORDER_COMPLETE || order->status == ORDER_CANCELLED) return OK;
    if (now_ms < order->expires_at_ms) return ERR_BUSY;
    *change = become(order, ORDER_CANCELLED);
    return OK;
}

enum order_change order_complete(struct order *order)
{
    return become(order, ORDER_COMPLETE);
}
