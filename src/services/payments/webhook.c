/* services/payments/webhook.c: the processor says that something happened. It is believed to have
 * said so, no more: the charge is looked up anew, so a repeated, late or disordered event finds
 * things as they are. */
#include "services/payments/payments.h"
#include "services/payments/signature.h"

#include "base/log.h"

#define EVENT_NAME_MAX 255

static bool is_handled(struct str type)
{
    static const char *const handled[] = {"charge.succeeded", "charge.failed", "charge.refunded",
                                          "charge.dispute.created"};

    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
        if (str_eq(str_of(handled[i]), type)) return true;
    return false;
}

/* The charge of ours the event points at: by the processor's name for it, or while we do not know
 * that, by ours in its metadata. */
static enum err charge_of_event(struct request *rq, struct tx *tx, struct charge *charge)
{
    const struct json *object = json_get_path(rq->body, "data.object");
    struct object_id id;
    struct str text;
    enum err err = ERR_NOT_FOUND;

    if (json_text(json_get(object, "charge"), &text) || json_text(json_get(object, "id"), &text))
        err = charge_of_stripe(tx, rq->arena, text, charge);
    if (err == ERR_NOT_FOUND && json_text(json_get_path(object, "metadata.charge_id"), &text) &&
        object_id_parse(text, &id))
        err = charge_get(tx, rq->arena, id, charge);
    return err;
}

static enum err look(struct request *rq, struct tx *tx, struct str type)
{
    struct charge charge;
    enum err err = charge_of_event(rq, tx, &charge);

    if (err == ERR_NOT_FOUND) {
        log_event(LOG_INFO, rq->env->name, "webhook.not_ours", log_text("type", type));
        return OK;
    }
    TRY(err);
    charge_look(&charge, tx->now_ms);
    TRY(charge_update(tx, &charge));
    env_job_due(rq->env, DRIVE, charge.ask_at_ms);
done:
    return err;
}

static enum err reply_received(struct reply *rp)
{
    struct json_writer json = reply_json(rp, 200);

    json_begin_object(&json);
    json_key(&json, "received");
    json_put_bool(&json, true);
    json_end_object(&json);
    return OK;
}

static bool name_valid(const struct json *value, struct str *out)
{
    return json_text(value, out) && out->len >= 1 && out->len <= EVENT_NAME_MAX;
}

/* In the writer: the event's id is committed before it is answered. */
static enum err take_event(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str id, type;
    bool fresh;
    enum err err;

    if (!name_valid(json_get(rq->body, "id"), &id) ||
        !name_valid(json_get(rq->body, "type"), &type))
        return ERR_BAD_REQUEST;
    TRY(webhook_event_put(tx, id, type, &fresh));
    if (fresh && is_handled(type)) TRY(look(rq, tx, type));
    return reply_received(rp);
done:
    return err;
}

/* POST /api/payments/webhook, signed by the processor: 200 {"received":true}, also for what is
 * known already or means nothing here; 400 Invalid signature; 404 without STRIPE_WEBHOOK_SECRET. */
enum err post_webhook(struct request *rq, struct tx *tx, struct reply *rp)
{
    const char *secret = rq->env->settings->stripe_webhook_secret;
    struct str header = request_header(rq, "stripe-signature");

    (void)tx;
    (void)rp;
    if (!secret) return ERR_NOT_FOUND;
    if (!header.at ||
        !signature_valid(str_of(secret), header, rq->body_bytes, env_now_ms(rq->env) / 1000))
        return ERR_BAD_SIGNATURE;
    return request_then(rq, IN_WRITER, take_event);
}
