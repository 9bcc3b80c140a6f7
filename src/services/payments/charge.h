/* services/payments/charge.h: the rules of a charge. Pure: when money may be asked for, and what
 * an answer makes of it. */
#ifndef SERVICES_PAYMENTS_CHARGE_H
#define SERVICES_PAYMENTS_CHARGE_H

#include "runtime/service.h"
#include "services/payments/gateway.h"

#define TOKEN_BYTES_MAX 255

enum paid_order_status { PAID_ORDER_CREATED, PAID_ORDER_COMPLETE, PAID_ORDER_CANCELLED };

/* What payments knows of an order. */
struct order_copy {
    struct object_id id;
    int64_t version;
    enum paid_order_status status;
    struct str user_id;
    int64_t price_cents;
};

enum charge_status { CHARGE_PENDING, CHARGE_CAPTURED, CHARGE_DECLINED, CHARGE_REFUSED };

struct charge {
    struct object_id id;
    struct object_id order_id;
    enum charge_status status;
    int64_t amount_cents;
    struct str token;     /* pending */
    struct str stripe_id; /* captured */
    struct str reason;    /* declined, refused */
    int64_t attempts;
    int64_t ask_at_ms; /* pending */
};

bool token_valid(struct str token); /* 1 to TOKEN_BYTES_MAX printable ASCII characters */

/* Whether this user may pay this order now: NOT_AUTHORIZED, ORDER_CANCELLED, ORDER_PAID. */
enum err order_payable(const struct order_copy *order, struct str user_id);
/* A fresh attempt at the order's price. */
struct charge charge_open(struct object_id id, const struct order_copy *order, struct str token,
                          int64_t now_ms);
/* The gateway is being asked: when to ask again should no answer ever come. */
void charge_ask(struct charge *charge, int64_t now_ms);
/* The gateway's answer. Texts of the outcome must live as long as the charge is used. */
void charge_settle(struct charge *charge, const struct gateway_outcome *outcome, int64_t now_ms);

#endif
