/* services/orders/order.h: the rules of an order. Pure: which state may follow which. */
#ifndef SERVICES_ORDERS_ORDER_H
#define SERVICES_ORDERS_ORDER_H

#include "runtime/service.h"

enum order_status { ORDER_CREATED, ORDER_AWAITING_PAYMENT, ORDER_COMPLETE, ORDER_CANCELLED };

/* What orders knows of a ticket: its own copy, or what an order wrote down. */
struct ticket_copy {
    struct object_id id;
    int64_t version;
    struct str title;
    int64_t price_cents;
};

struct order {
    struct object_id id;
    int64_t version;
    enum order_status status;
    struct str user_id; /* the buyer */
    int64_t expires_at_ms;
    struct ticket_copy ticket; /* as it was reserved */
};

struct str order_status_text(enum order_status status); /* contract.md's words */
bool order_status_parse(struct str text, enum order_status *out);

/* A fresh reservation at the ticket's present price, held for hold_ms. */
struct order order_open(struct object_id id, const struct ticket_copy *ticket, struct str user_id,
                        int64_t now_ms, int64_t hold_ms);

/* What a change came to. */
enum order_change {
    ORDER_CHANGED,  /* the order is its next version now */
    ORDER_UNCHANGED /* it was so already */
};

/* The buyer gives it back. ERR_ORDER_COMPLETE when it is paid. */
enum err order_cancel(struct order *order, enum order_change *change);
/* Its time is over; a paid order stays paid. Not before expires_at_ms: ERR_BUSY. */
enum err order_expire(struct order *order, int64_t now_ms, enum order_change *change);
/* It is paid. A cancelled one comes back to life: the caller has seen that its ticket is free. */
enum order_change order_complete(struct order *order);

#endif
