/* services/payments/operator.c: what `boxoffice payments …` shows and does, over the control socket
 * of the data folder. */
#include "services/payments/payments.h"

#define LIST_DEFAULT 50
#define LIST_MAX     200
#define FINDINGS_MAX 100

static void put_known(struct json_writer *json, const char *key, struct str text)
{
    if (!text.len) return;
    json_key(json, key);
    json_put_text(json, text);
}

static void put_id(struct json_writer *json, const char *key, struct object_id id)
{
    struct object_id_text text = object_id_text(id);

    json_key(json, key);
    json_put_text(json, str_of(text.hex));
}

/* Everything but the token. */
static void charge_json(struct json_writer *json, const struct charge *charge)
{
    json_begin_object(json);
    put_id(json, "id", charge->id);
    put_id(json, "orderId", charge->order_id);
    put_known(json, "status", charge_status_text(charge->status));
    json_key(json, "amount");
    json_put_money(json, charge->amount_cents);
    put_known(json, "stripeId", charge->stripe_id);
    put_known(json, "refundId", charge->refund_id);
    put_known(json, "reason", charge->reason);
    if (charge->disputed) put_known(json, "dispute", STR("opened"));
    json_key(json, "createdAt");
    json_put_time(json, charge->created_at_ms);
    if (charge->ask_at_ms != JOB_NEVER) {
        json_key(json, "attempts");
        json_put_int(json, charge->attempts);
        json_key(json, "askAt");
        json_put_time(json, charge->ask_at_ms);
    }
    json_end_object(json);
}

/* GET /operator/payments?status=&limit=&after=: newest first. */
enum err get_operator_payments(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str status = request_query(rq, "status");
    struct charge charges[LIST_MAX];
    struct object_id after;
    struct json_writer json;
    int64_t limit;
    size_t count;
    enum err err;

    if (!status.at) status = STR("");
    if (status.len && !charge_status_known(status)) request_reject(rq, "status", "Unknown status");
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

/* GET /operator/payments/:id. Also how a refund answers, once the gateway did. */
enum err get_operator_payment(struct request *rq, struct tx *tx, struct reply *rp)
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

/* POST /operator/payments/:id/refund: give all of it back, or try again what failed. The order, if
 * it was complete, is cancelled by that. 200 the payment as the gateway's answer left it, or as it
 * is while that stays out; 409. */
enum err post_operator_refund(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id_text id;
    struct charge charge;
    enum err err;

    TRY(charge_of_path(rq, tx, &charge));
    TRY(refund_begin(rq->env, tx, &charge));
    id = object_id_text(charge.id);
    TRY(audit_request(rq, tx, "payment.refunded", str_of(id.hex), STR("by the operator")));
    if (charge.status == CHARGE_REFUND_PENDING && charge_worth_waiting(&charge, tx->now_ms))
        return charge_wait(rq, charge.id, get_operator_payment);
    return get_operator_payment(rq, tx, rp);
done:
    return err;
}

/* GET /operator/audit: ledger, charges and payments' copies of the orders held against each other.
 */
enum err get_operator_audit(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json = reply_json(rp, 200);
    bool sound;
    enum err err;

    (void)rq;
    json_begin_object(&json);
    json_key(&json, "balances");
    TRY(ledger_balances(tx, &json));
    json_key(&json, "payments");
    TRY(charge_counts(tx, &json));
    json_key(&json, "webhooks");
    TRY(webhook_counts_json(tx, &json));
    json_key(&json, "findings");
    TRY(ledger_audit(tx, &json, FINDINGS_MAX, &sound));
    json_key(&json, "sound");
    json_put_bool(&json, sound);
    json_end_object(&json);
done:
    return err;
}
