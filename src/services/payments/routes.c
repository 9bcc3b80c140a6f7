/* services/payments/routes.c: paying for an order. */
#include "services/payments/payments.h"

/* A payment on its way; rq->state. */
struct payment {
    struct object_id charge_id; /* the charge it waits for */
    bool same_card;             /* that charge is this very request, or one like it */
};

static enum err pay(struct request *rq, struct tx *tx, struct reply *rp);

static enum err reply_charge(struct reply *rp, const struct charge *charge)
{
    struct object_id_text id = object_id_text(charge->id);
    struct object_id_text order_id = object_id_text(charge->order_id);
    struct json_writer json = reply_json(rp, 201);

    json_begin_object(&json);
    json_key(&json, "id");
    json_put_text(&json, str_of(id.hex));
    json_key(&json, "stripeId");
    json_put_text(&json, charge->stripe_id);
    json_key(&json, "orderId");
    json_put_text(&json, str_of(order_id.hex));
    json_end_object(&json);
    return OK;
}

/* The charge waited for is settled: its outcome is the answer to everyone who sent the same card;
 * a request with another card looks again at how things stand. */
static enum err pay_settled(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct payment *payment = rq->state;
    struct charge charge;
    enum err err;

    if (!payment->same_card) return pay(rq, tx, rp);
    TRY(charge_get(tx, rq->arena, payment->charge_id, &charge));
    switch (charge.status) {
    case CHARGE_CAPTURED:
        return reply_charge(rp, &charge);
    case CHARGE_DECLINED:
        rq->error_message = charge.reason;
        return ERR_CARD_DECLINED;
    case CHARGE_REFUSED:
        return request_reject(rq, "token", "Invalid value");
    case CHARGE_PENDING:
        break;
    }
    return ERR_INTERNAL;
done:
    return err;
}

static enum err wait_for(struct request *rq, const struct charge *charge, bool same_card)
{
    struct payment *payment = arena_alloc(rq->arena, sizeof *payment);
    struct object_id_text id = object_id_text(charge->id);
    struct str key = arena_copy(rq->arena, str_of(id.hex));

    if (!payment || !key.at) return ERR_MEMORY;
    *payment = (struct payment){charge->id, same_card};
    rq->state = payment;
    return request_wait(rq, key, pay_settled);
}

static enum err pay(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str token = request_body_text(rq, "token");
    struct object_id order_id;
    struct order_copy order;
    struct charge charge;
    enum err err;

    (void)rp;
    TRY(request_body_id(rq, "orderId", "Invalid value", &order_id));
    TRY(order_copy_get(tx, rq->arena, order_id, &order));
    TRY(order_payable(&order, rq->user.id));
    err = charge_live(tx, rq->arena, order.id, &charge);
    if (err == OK) {
        if (charge.status == CHARGE_CAPTURED) return ERR_ORDER_PAID;
        return wait_for(rq, &charge, str_eq(charge.token, token));
    }
    if (err != ERR_NOT_FOUND) return err;
    charge = charge_open(env_new_id(rq->env, tx), &order, token, tx->now_ms);
    TRY(charge_insert(tx, &charge));
    TRY(charge_drive(rq->env, tx, &charge));
    return wait_for(rq, &charge, true);
done:
    return err;
}

/* POST /api/payments {token, orderId}: charge the card for one's reserved order.
 * 201 {"id","stripeId","orderId"}; 400 Invalid value, Cannot pay for a cancelled order, Order is
 * already paid; 401 someone else's; 402 declined, in the processor's words; 404. However often and
 * at once it is sent, one charge is made. */
static enum err post_payments(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id order_id;
    enum err err;

    if (!token_valid(request_body_text(rq, "token"))) request_reject(rq, "token", "Invalid value");
    (void)request_body_id(rq, "orderId", "Invalid value", &order_id);
    TRY(request_checked(rq));
    return pay(rq, tx, rp);
done:
    return err;
}

const struct route payments_routes[PAYMENTS_ROUTES] = {
    {METHOD_POST, "/api/payments", ACCESS_SESSION, IN_WRITER, post_payments},
};
