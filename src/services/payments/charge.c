/* services/payments/charge.c: the rules of a charge. */
#include "services/payments/charge.h"

#define ASK_AGAIN_MS     30000 /* longer than a gateway's own time limit */
#define UNKNOWN_MS       1000  /* first pause after an unknown outcome, doubling … */
#define UNKNOWN_MS_MAX   60000 /* … up to this */
#define UNKNOWN_DOUBLING 6

bool token_valid(struct str token)
{
    if (token.len == 0 || token.len > TOKEN_BYTES_MAX) return false;
    for (size_t i = 0; i < token.len; i++)
        if (token.at[i] <= ' ' || token.at[i] > '~') return false;
    return true;
}

enum err order_payable(const struct order_copy *order, struct str user_id)
{
    if (!str_eq(order->user_id, user_id)) return ERR_NOT_AUTHORIZED;
    if (order->status == PAID_ORDER_CANCELLED) return ERR_ORDER_CANCELLED;
    return order->status == PAID_ORDER_COMPLETE ? ERR_ORDER_PAID : OK;
}

struct charge charge_open(struct object_id id, const struct order_copy *order, struct str token,
                          int64_t now_ms)
{
    return (struct charge){
        .id = id,
        .order_id = order->id,
        .status = CHARGE_PENDING,
        .amount_cents = order->price_cents,
        .token = token,
        .ask_at_ms = now_ms,
    };
}

void charge_ask(struct charge *charge, int64_t now_ms)
{
    charge->attempts++;
    charge->ask_at_ms = now_ms + ASK_AGAIN_MS;
}

static int64_t unknown_pause_ms(int64_t attempts)
{
    int64_t doubling = attempts < UNKNOWN_DOUBLING ? attempts : UNKNOWN_DOUBLING;
    int64_t pause_ms = UNKNOWN_MS << doubling;

    return pause_ms > UNKNOWN_MS_MAX ? UNKNOWN_MS_MAX : pause_ms;
}

void charge_settle(struct charge *charge, const struct gateway_outcome *outcome, int64_t now_ms)
{
    switch (outcome->kind) {
    case GATEWAY_DONE:
        charge->status = CHARGE_CAPTURED;
        charge->stripe_id = str_of(outcome->id);
        break;
    case GATEWAY_DECLINED:
        charge->status = CHARGE_DECLINED;
        charge->reason = str_of(outcome->reason);
        break;
    case GATEWAY_REFUSED:
        charge->status = CHARGE_REFUSED;
        charge->reason = str_of(outcome->reason);
        break;
    case GATEWAY_UNKNOWN: /* the card may be charged: ask again, under the same key */
        charge->ask_at_ms = now_ms + unknown_pause_ms(charge->attempts);
        return;
    }
    charge->token = (struct str){NULL, 0};
}
