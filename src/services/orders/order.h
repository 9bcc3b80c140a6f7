/* services/orders/order.h: the rules of an order. Pure: which state may follow which, and what a
 * payment does to its time. */
#ifndef SERVICES_ORDERS_ORDER_H
#define SERVICES_ORDERS_ORDER_H

#include "base/err.h"
#include "base/object_id.h"

#define DECLINE_GRACE_MS 60000 /* what is left after a payment failed, at least, once */

enum order_status { ORDER_CREATED, ORDER_AWAITING_PAYMENT, ORDER_COMPLETE, ORDER_CANCELLED };

/* What orders knows of a ticket: its own copy, or what an order wrote down. */
struct ticket_copy {
    struct object_id id;
    int64_t version;
    struct str title;
    int64_t price_cents;
    struct str seller_id;        /* empty in an order, and of a ticket last heard of long ago */
    bool withdrawn;              /* its seller has taken it down: nobody can order it */
    bool sold;                   /* as far as was heard */
    struct object_id listing_id; /* all zero: of none, and in an order */
    int64_t position;            /* in the listing's order, from 0 */
    bool has_seat;               /* its neighbours in that order sit beside it */
};

static inline bool ticket_of_listing(const struct ticket_copy *ticket)
{
    return !object_id_eq(ticket->listing_id, (struct object_id){{0}});
}

/* How far a payment has come. It only ever moves down this list: what is at or above the place it
 * has reached is a repeat, or was overtaken. Between the last two it may go back and forth; the
 * events' notice says which is the last word. */
enum payment_status {
    PAYMENT_PENDING,
    PAYMENT_FAILED,
    PAYMENT_CAPTURED,
    PAYMENT_REFUND_PENDING, /* orders did not take the money: payments gives it back */
    PAYMENT_REFUNDED,
    PAYMENT_REFUND_FAILED /* the buyer's bank sent it back: owed to the buyer */
};

struct payment {
    struct object_id id; /* all zero: there is none */
    enum payment_status status;
    struct str stripe_id; /* empty until known */
    struct str refund_id; /* empty until known */
    int64_t notice;       /* the last that was heard of its refund */
};

struct order {
    struct object_id id;
    int64_t version;
    enum order_status status;
    struct str user_id; /* the buyer */
    struct wall_ms expires_at;
    struct wall_ms reserved_until; /* the same without the grace a payment in flight was given */
    bool grace_given;              /* … which happens once */
    bool decline_grace_given;      /* the least rest after a failed payment was given */
    const struct ticket_copy *tickets; /* as they were reserved, in the listing's order */
    size_t ticket_count;               /* 1 or more */
    struct object_id listing_id;       /* all zero: of a ticket of none */
    struct payment payment; /* the one shown: the latest, unless an earlier one moved money */
};

static inline bool order_has_payment(const struct order *order)
{
    return !object_id_eq(order->payment.id, (struct object_id){{0}});
}

static inline bool order_of_listing(const struct order *order)
{
    return !object_id_eq(order->listing_id, (struct object_id){{0}});
}
/* What its tickets cost together. */
int64_t order_total_cents(const struct order *order);

struct str order_status_text(enum order_status status); /* docs/openapi.json's words */
bool order_status_parse(struct str text, enum order_status *out);
struct str payment_status_text(enum payment_status status);
bool payment_status_parse(struct str text, enum payment_status *out);

/* A fresh reservation at the tickets' present prices, held for hold_ms. Several are of one listing;
 * they are the caller's and stay so. */
struct order order_open(struct object_id id, const struct ticket_copy *tickets, size_t count,
                        struct str user_id, struct wall_ms now, int64_t hold_ms);

/* What a change came to. */
enum order_change {
    ORDER_CHANGED,  /* the order is its next version now */
    ORDER_UNCHANGED /* it was so already */
};

/* The buyer gives it back. ERR_ORDER_COMPLETE when it is paid. */
enum err order_cancel(struct order *order, enum order_change *change);
/* Its time is over; a paid order stays paid. Not before expires_at: ERR_BUSY. */
enum err order_expire(struct order *order, struct wall_ms now, enum order_change *change);

/* --- money ---------------------------------------------------------------------------------
 * Each is called once a payment and step and makes the order's next version: at the least, the
 * payment shown with it changed. */

/* A charge goes in flight: a live order awaits it. Once in its life its time is extended then, by
 * at most grace_ms and so that there are at most grace_ms left. */
void order_payment_pending(struct order *order, struct object_id payment_id, struct wall_ms now,
                           int64_t grace_ms);
/* It came to nothing, which ends no order: the rest of the reservation comes back, once at least
 * DECLINE_GRACE_MS of it. Without a rest the order's time is over, and it is cancelled.
 * others_pending: another charge of the order is in flight; then the order goes on waiting. */
void order_payment_failed(struct order *order, struct object_id payment_id, bool others_pending,
                          struct wall_ms now);

/* What orders makes of captured money. */
enum money_ruling {
    MONEY_COMPLETES, /* the order is complete, even if it was cancelled meanwhile */
    MONEY_FOR_TAKEN, /* to be given back: cancelled, and its tickets cannot be had any more */
    MONEY_FOR_PAID   /* to be given back: another payment has completed the order */
};
/* ticket_taken: an order other than this one has one of its tickets, the seller has taken one down,
 * or the buyer may not have them. */
enum money_ruling order_payment_captured(struct order *order, struct object_id payment_id,
                                         struct str stripe_id, bool ticket_taken);
/* The money is back with the buyer. The order it had completed is cancelled, its tickets free. */
void order_payment_refunded(struct order *order, struct object_id payment_id, struct str refund_id);
/* It was, and came back from the buyer's bank. The order stays what the refund made it. */
void order_payment_refund_failed(struct order *order, struct object_id payment_id);

#endif
