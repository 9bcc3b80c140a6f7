/* services/payments/webhook.c: the processor says that something happened. It is believed to have
 * said so, no more: the charge is looked up anew, so a repeated, late or disordered event finds
 * things as they are. */
#include "services/payments/payments.h"
#include "services/payments/repeats_store.h"
#include "services/payments/signature.h"

#include "telemetry/log.h"

#define EVENT_NAME_MAX  255
#define EVENT_ARENA_MAX (32 * 1024 * 1024) /* for an event of EVENT_BYTES_MAX, while it is read */

/* What is read of an event; rq->run->state. */
struct webhook_event {
    struct str id, type;
    struct str charge_name; /* the processor's name for the charge it points at; empty: none */
    struct str charge_id;   /* ours, in its metadata; empty: none */
};

static bool is_handled(struct str type)
{
    static const char *const handled[] = {"charge.succeeded",
                                          "charge.failed",
                                          "charge.refunded",
                                          "charge.refund.updated",
                                          "charge.dispute.created",
                                          "charge.dispute.updated",
                                          "charge.dispute.closed",
                                          "charge.dispute.funds_withdrawn",
                                          "charge.dispute.funds_reinstated",
                                          "refund.created",
                                          "refund.updated",
                                          "refund.failed"};

    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
        if (str_eq(str_of(handled[i]), type)) return true;
    return false;
}

/* A member that names an object: its id, or the object itself (the API's "expanded" form). */
static bool name_of(const struct json *value, struct str *out)
{
    return json_text(value, out) || json_text(json_get(value, "id"), out);
}

/* The charge of ours the event points at: by the processor's name for it, or while we do not know
 * that, by ours in its metadata. */
static enum err charge_of_event(struct request *rq, struct tx *tx, struct charge *charge)
{
    const struct webhook_event *event = rq->run->state;
    struct object_id id;
    enum err err = ERR_NOT_FOUND;

    if (event->charge_name.len) err = charge_of_stripe(tx, rq->arena, event->charge_name, charge);
    if (err == ERR_NOT_FOUND && object_id_parse(event->charge_id, &id))
        err = charge_get(tx, rq->arena, id, charge);
    return err;
}

/* An event about a charge that is not ours, or whose name we have not been told yet: should it turn
 * out to be ours, it is looked at once more then. */
static enum err set_aside(struct request *rq, struct tx *tx)
{
    const struct webhook_event *event = rq->run->state;

    log_event(LOG_INFO, rq->run->env->name, "webhook.not_ours", log_text("type", event->type));
    if (!event->charge_name.len) return OK;
    return webhook_event_unknown(tx, event->id, event->charge_name);
}

static enum err poll_charge(struct request *rq, struct tx *tx)
{
    struct charge charge;
    enum err err = charge_of_event(rq, tx, &charge);

    if (err == ERR_NOT_FOUND) return set_aside(rq, tx);
    TRY(err);
    charge_poll(&charge, tx->now);
    if (wall_reached(tx->now, charge.ask_at)) return charge_submit(rq->run->env, tx, &charge);
    TRY(charge_update(tx, &charge));
    env_job_due(rq->run->env, SUBMIT, charge.ask_at);
done:
    return err;
}

static enum err reply_received(struct reply *rp)
{
    struct json_writer json = reply_json(rp, 200);

    json_begin_object(&json);
    json_member_bool(&json, "received", true);
    json_end_object(&json);
    return OK;
}

/* Texts in the request's arena, cut off where they are no name. */
static void keep(struct request *rq, struct str text, bool there, struct str *out)
{
    *out = STR("");
    if (there && text.len <= EVENT_NAME_MAX) *out = arena_copy(rq->arena, text);
}

static void read_charge_names(struct request *rq, const struct json *object,
                              struct webhook_event *event)
{
    struct str text = STR("");
    bool there = name_of(json_get(object, "charge"), &text) || name_of(object, &text);

    keep(rq, text, there, &event->charge_name);
    there = json_text(json_get_path(object, "metadata.charge_id"), &text) ||
            json_text(json_get_path(object, "charge.metadata.charge_id"), &text);
    keep(rq, text, there, &event->charge_id);
}

/* The few texts that count; an event may be far longer than a request's arena can hold as JSON. */
static enum err read_event(struct request *rq, struct webhook_event *event)
{
    struct arena *arena = arena_new(EVENT_ARENA_MAX);
    const struct json *body;
    struct str text = STR("");
    bool there;
    enum err err = ERR_MEMORY;

    if (!arena) return err;
    TRY(json_parse(arena, rq->body_bytes, &body) == ERR_MEMORY ? ERR_MEMORY : OK);
    there = json_text(json_get(body, "id"), &text);
    keep(rq, text, there, &event->id);
    there = json_text(json_get(body, "type"), &text);
    keep(rq, text, there, &event->type);
    read_charge_names(rq, json_get_path(body, "data.object"), event);
    if (!event->id.len || !event->type.len) err = ERR_BAD_REQUEST;
done:
    arena_free(arena);
    return err;
}

/* In the writer: the event's id is committed before it is answered. */
static enum err take_event(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct webhook_event *event = rq->run->state;
    bool fresh;
    enum err err;

    TRY(webhook_event_put(tx, event->id, event->type, &fresh));
    if (fresh && is_handled(event->type)) TRY(poll_charge(rq, tx));
    return reply_received(rp);
done:
    return err;
}

/* POST /api/payments/webhook, signed by the processor: 200 {"received":true}, also for what is
 * known already or means nothing here; 400 Invalid signature; 404 without STRIPE_WEBHOOK_SECRET. */
enum err post_webhook(struct request *rq, struct tx *tx, struct reply *rp)
{
    const char *secret = rq->run->env->settings->stripe_webhook_secret;
    struct str header = request_header(rq, "stripe-signature");
    struct webhook_event *event;
    enum err err;

    (void)tx;
    (void)rp;
    if (!secret) return ERR_NOT_FOUND;
    if (!header.at || !signature_valid(str_of(secret), header, rq->body_bytes,
                                       wall_seconds(env_now(rq->run->env))))
        return ERR_BAD_SIGNATURE;
    event = arena_alloc(rq->arena, sizeof *event);
    if (!event) return ERR_MEMORY;
    rq->run->state = event;
    TRY(read_event(rq, event));
    return request_then(rq, IN_WRITER, take_event);
done:
    return err;
}
