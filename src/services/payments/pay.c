/* services/payments/pay.c: paying for an order. However often and at once it is asked for, one
 * charge is made. */
#include "services/payments/documents.h"
#include "services/payments/payments.h"
#include "services/payments/repeats_store.h"

#define KEY_BYTES_MAX 255
#define IN_FLIGHT_MAX 512 /* charges the gateway has not answered; over it: 503 */

/* A payment on its way; rq->run->state. */
struct payment {
    struct object_id order_id;
    struct str token;
    struct str card_mark;
    struct str key;             /* Idempotency-Key; at == NULL: none */
    struct object_id charge_id; /* the charge it waits for */
    bool same_card;             /* that charge is this very request, or one like it */
};

static handler_fn pay, pay_settled;

/* --- answers ------------------------------------------------------------------------------- */

static enum err reply_charge(struct reply *rp, const struct charge *charge)
{
    struct json_writer json = reply_json(rp, 201);

    payment_json(&json, charge);
    return OK;
}

/* What the charge came to, to everyone who sent the same card for the order; what becomes of the
 * money later does not change it. */
static enum err answer(struct request *rq, struct reply *rp, const struct charge *charge)
{
    switch (charge->status) {
    case CHARGE_CAPTURED:
    case CHARGE_REFUND_PENDING:
    case CHARGE_REFUNDED:
    case CHARGE_REFUND_FAILED:
        return reply_charge(rp, charge);
    case CHARGE_DECLINED:
        rq->error_message = charge->reason;
        return ERR_CARD_DECLINED;
    case CHARGE_REFUSED:
        if (charge->reason.len == 0) return request_reject(rq, "token", "Invalid value");
        rq->error_message = charge->reason;
        return ERR_PAYMENT_REFUSED;
    case CHARGE_PENDING:
    case CHARGE_UNKNOWN:
        break;
    }
    return ERR_PAYMENT_PENDING;
}

/* Waits for the charge; one that will not be answered soon is not waited for. */
static enum err wait_for(struct request *rq, struct tx *tx, const struct charge *charge,
                         bool same_card)
{
    struct payment *payment = rq->run->state;

    if (!charge_worth_waiting(charge, tx->now)) return ERR_PAYMENT_PENDING;
    payment->charge_id = charge->id;
    payment->same_card = same_card;
    return charge_wait(rq, charge->id, pay_settled);
}

/* The charge has its answer, or it was time to look. */
static enum err pay_settled(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct payment *payment = rq->run->state;
    struct charge charge;
    enum err err;

    if (!payment->same_card) return pay(rq, tx, rp);
    TRY(charge_get(tx, rq->arena, payment->charge_id, &charge));
    return charge_in_flight(&charge) ? wait_for(rq, tx, &charge, true) : answer(rq, rp, &charge);
done:
    return err;
}

/* --- Idempotency-Key ----------------------------------------------------------------------- */

/* The key stands for this charge from now on. */
static enum err bind_key(struct request *rq, struct tx *tx, struct object_id charge_id)
{
    const struct payment *payment = rq->run->state;

    if (!payment->key.at) return OK;
    return payment_key_put(tx, rq->user.id, payment->key,
                           &(struct payment_key){payment->card_mark, charge_id});
}

/* ERR_NOT_FOUND: no key, or it was not used before. ERR_KEY_REUSED: for another body. */
static enum err charge_of_key(struct request *rq, struct tx *tx, struct charge *charge)
{
    const struct payment *payment = rq->run->state;
    struct payment_key entry;
    enum err err;

    if (!payment->key.at) return ERR_NOT_FOUND;
    TRY(payment_key_get(tx, rq->arena, rq->user.id, payment->key, &entry));
    if (!str_eq(entry.body_mark, payment->card_mark)) return ERR_KEY_REUSED;
    TRY(charge_get(tx, rq->arena, entry.charge_id, charge));
done:
    return err;
}

/* --- paying -------------------------------------------------------------------------------- */

/* The order has a charge in flight or captured. */
static enum err join(struct request *rq, struct tx *tx, struct reply *rp,
                     const struct charge *charge)
{
    const struct payment *payment = rq->run->state;
    bool same_card = str_eq(charge->card_mark, payment->card_mark);
    enum err err;

    if (same_card) TRY(bind_key(rq, tx, charge->id));
    if (charge_in_flight(charge)) return wait_for(rq, tx, charge, same_card);
    return same_card ? answer(rq, rp, charge) : ERR_ORDER_PAID;
done:
    return err;
}

static enum err begin(struct request *rq, struct tx *tx, const struct order_copy *order)
{
    const struct payment *payment = rq->run->state;
    struct charge charge;
    bool too_many;
    enum err err;

    charge = charge_open(env_new_id(rq->run->env, tx), order, payment->token, payment->card_mark,
                         tx->now);
    charge.network = request_client_network_text(rq);
    if (!charge.network.at) return ERR_MEMORY;
    TRY(declines_check(rq, tx, &charge));
    TRY(charges_too_many(tx, IN_FLIGHT_MAX, &too_many));
    if (too_many) return ERR_QUEUE_FULL;
    TRY(charge_begin(rq->run->env, tx, &charge));
    TRY(bind_key(rq, tx, charge.id));
    return wait_for(rq, tx, &charge, true);
done:
    return err;
}

/* An order that was made a moment ago may still be on its way here. */
static enum err order_unknown(struct request *rq, struct tx *tx, struct object_id order_id)
{
    if (!env_is_recent(tx, order_id) || env_news(rq, "orders") == NEWS_NONE) return ERR_NOT_FOUND;
    return env_wait_news(rq, order_id, pay) ? OK : ERR_NOT_YET;
}

static enum err pay(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct payment *payment = rq->run->state;
    struct order_copy order;
    struct charge charge;
    enum err err = charge_of_key(rq, tx, &charge);

    if (err == OK)
        return charge_in_flight(&charge) ? wait_for(rq, tx, &charge, true)
                                         : answer(rq, rp, &charge);
    if (err != ERR_NOT_FOUND) return err;
    err = order_copy_get(tx, rq->arena, payment->order_id, &order);
    if (err == ERR_NOT_FOUND) return order_unknown(rq, tx, payment->order_id);
    TRY(err);
    TRY(order_payable(&order, rq->user.id));
    env_join_trace(rq, tx, &order.trace);
    err = charge_live(tx, rq->arena, order.id, &charge);
    if (err == OK) return join(rq, tx, rp, &charge);
    if (err != ERR_NOT_FOUND) return err;
    return begin(rq, tx, &order);
done:
    return err;
}

static bool key_valid(struct str key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.at[i] < ' ' || key.at[i] > '~') return false;
    return key.len >= 1 && key.len <= KEY_BYTES_MAX;
}

/* POST /api/payments {token, orderId}: charge the card for one's reserved order.
 * 201 {"id","stripeId","orderId"}; 400 Invalid value, Cannot pay for a cancelled order, Order is
 * already paid; 401 someone else's; 402 declined, in the processor's words; 404; 409
 * Idempotency-Key of another body; 429 after too many that came to nothing (declines.c); 503 while
 * the processor does not answer: the same again finds out. */
enum err post_payments(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct payment *payment = arena_alloc(rq->arena, sizeof *payment);
    struct hmac_text mark;
    enum err err;

    if (!payment) return ERR_MEMORY;
    rq->run->state = payment;
    payment->token = request_body_text(rq, "token");
    payment->key = request_header(rq, "idempotency-key");
    if (!token_valid(payment->token)) request_reject(rq, "token", "Invalid value");
    (void)request_body_id(rq, "orderId", "Invalid value", &payment->order_id);
    if (payment->key.at && !key_valid(payment->key))
        request_reject(rq, "Idempotency-Key", "Invalid value");
    TRY(request_checked(rq));
    token_mark(payment->order_id, payment->token, &mark);
    payment->card_mark = arena_copy(rq->arena, str_of(mark.hex));
    return payment->card_mark.at ? pay(rq, tx, rp) : ERR_MEMORY;
done:
    return err;
}
