/* services/payments/routes.c: the service's routes. Those of the operator, `boxoffice payments …`
 * over the control socket of the data folder, are here; paying is in pay.c, what the processor says
 * in webhook.c. */
#include "services/payments/documents.h"
#include "services/payments/payments.h"

#define LIST_DEFAULT 50
#define LIST_MAX     200

/* GET /operator/payments?status=&limit=&after=: newest first. */
static enum err get_operator_payments(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str status = request_query(rq, "status");
    struct charge charges[LIST_MAX];
    enum charge_status wanted;
    struct object_id after;
    struct json_writer json;
    int64_t limit;
    size_t count;
    enum err err;

    if (!status.at) status = STR("");
    if (status.len && !charge_status_parse(status, &wanted))
        request_reject(rq, "status", "Unknown status");
    request_limit(rq, LIST_DEFAULT, LIST_MAX, &limit);
    request_after(rq, &after);
    TRY(request_checked(rq));
    TRY(charges_page(tx, rq->arena, status, after, charges, (size_t)limit, &count));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        charge_json(&json, &charges[i]);
    json_end_array(&json);
done:
    return err;
}

static enum err charge_of_path(struct request *rq, struct tx *tx, struct charge *charge)
{
    struct object_id id;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(charge_get(tx, rq->arena, id, charge));
done:
    return err;
}

/* GET /operator/payments/:id. */
static enum err get_operator_payment(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    struct charge charge;
    enum err err;

    TRY(charge_of_path(rq, tx, &charge));
    json = reply_json(rp, 200);
    charge_json(&json, &charge);
done:
    return err;
}

/* The payment, once the gateway has answered to its refund or will not soon. It may be no more than
 * time to look (service.h, env_wake). */
static enum err refund_settled(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct charge charge;
    enum err err;

    TRY(charge_of_path(rq, tx, &charge));
    if (charge.status == CHARGE_REFUND_PENDING && charge_worth_waiting(&charge, tx->now))
        return charge_wait(rq, charge.id, refund_settled);
    return get_operator_payment(rq, tx, rp);
done:
    return err;
}

/* POST /operator/payments/:id/refund: give all of it back, or try again what failed. The order, if
 * it was complete, is cancelled by that. 200 the payment as the gateway's answer left it, or as it
 * is while that stays out; 409. */
static enum err post_operator_refund(struct request *rq, struct tx *tx, struct reply *rp)
{
    enum charge_status before;
    struct charge charge;
    enum err err;

    TRY(charge_of_path(rq, tx, &charge));
    before = charge.status;
    TRY(refund_begin(rq->run->env, tx, &charge));
    if (charge.status != before) TRY(request_changed_id(rq, charge.id, STR("by the operator")));
    return refund_settled(rq, tx, rp);
done:
    return err;
}

/* GET /operator/audit: ledger, charges and payments' copies of the orders held against each other.
 */
static enum err get_operator_audit(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json = reply_json(rp, 200);

    (void)rq;
    return money_audit_json(tx, &json);
}

const struct route payments_routes[PAYMENTS_ROUTES] = {
    {METHOD_POST, "/api/payments", ACCESS_SESSION, IN_WRITER, .run = post_payments},
    {METHOD_POST, "/api/payments/webhook", ACCESS_SIGNED, IN_LOOP, .run = post_webhook,
     .body_max = EVENT_BYTES_MAX},
    {METHOD_GET, "/operator/payments", ACCESS_OPERATOR, IN_READER, .run = get_operator_payments},
    {METHOD_GET, "/operator/payments/:id", ACCESS_OPERATOR, IN_READER, .run = get_operator_payment},
    {METHOD_POST, "/operator/payments/:id/refund", ACCESS_OPERATOR, IN_WRITER,
     .run = post_operator_refund, .audit = "payment.refunded"},
    {METHOD_GET, "/operator/audit", ACCESS_OPERATOR, IN_READER, .run = get_operator_audit},
};
