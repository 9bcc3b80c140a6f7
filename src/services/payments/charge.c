/* services/payments/charge.c: the rules of a charge. */
#include "services/payments/charge.h"

#define ASK_AGAIN_MS     60000 /* longer than a gateway's own time limit and a full queue */
#define UNKNOWN_MS       250   /* first pause after an unknown outcome, doubling … */
#define UNKNOWN_MS_MAX   60000 /* … up to this */
#define UNKNOWN_DOUBLING 8
#define LOOK_SOON_MS     1000 /* its own answer is probably on its way */
#define FIND_FROM        2    /* attempts; from here on every other one is a look */
#define FRESH_KEY_EVERY  8    /* unclear refunds */
#define WAIT_ATTEMPTS    5
#define WAIT_MS          20000

bool token_valid(struct str token)
{
    if (token.len == 0 || token.len > TOKEN_BYTES_MAX) return false;
    for (size_t i = 0; i < token.len; i++)
        if (token.at[i] <= ' ' || token.at[i] > '~') return false;
    return true;
}

enum err token_mark(struct object_id order_id, struct str token, struct hmac_text *out)
{
    struct object_id_text key = object_id_text(order_id);

    return hmac_sha256(str_of(key.hex), &token, 1, out) ? OK : ERR_MEMORY;
}

enum err order_payable(const struct order_copy *order, struct str user_id)
{
    if (!str_eq(order->user_id, user_id)) return ERR_NOT_AUTHORIZED;
    if (order->status == PAID_ORDER_CANCELLED) return ERR_ORDER_CANCELLED;
    return order->status == PAID_ORDER_COMPLETE ? ERR_ORDER_PAID : OK;
}

struct charge charge_open(struct object_id id, const struct order_copy *order, struct str token,
                          struct str card_mark, int64_t now_ms)
{
    return (struct charge){
        .id = id,
        .order_id = order->id,
        .status = CHARGE_PENDING,
        .amount_cents = order->price_cents,
        .token = token,
        .card_mark = card_mark,
        .ask_at_ms = now_ms,
        .created_at_ms = now_ms,
    };
}

bool charge_worth_waiting(const struct charge *charge, int64_t now_ms)
{
    if (charge->attempts >= WAIT_ATTEMPTS) return false;
    return !charge_in_flight(charge) || now_ms - charge->created_at_ms < WAIT_MS;
}

/* --- asking -------------------------------------------------------------------------------- */

bool charge_key_is_old(const struct charge *charge, int64_t now_ms)
{
    return now_ms - charge->created_at_ms >= GATEWAY_KEY_LIFETIME_MS;
}

enum charge_step charge_next_step(const struct charge *charge, int64_t now_ms)
{
    if (charge->status == CHARGE_REFUND_PENDING) return STEP_REFUND;
    if (!charge_in_flight(charge) || charge_key_is_old(charge, now_ms)) return STEP_FIND;
    return charge->attempts >= FIND_FROM && charge->attempts % 2 == 0 ? STEP_FIND : STEP_CHARGE;
}

struct charge_question charge_ask(struct charge *charge, int64_t now_ms)
{
    charge->attempts++;
    charge->ask_at_ms = now_ms + ASK_AGAIN_MS;
    return (struct charge_question){charge->ask_at_ms, charge->attempts};
}

void charge_look(struct charge *charge, int64_t now_ms)
{
    int64_t at_ms = charge->status == CHARGE_PENDING ? now_ms + LOOK_SOON_MS : now_ms;

    if (charge_in_flight(charge)) { /* the turn of looking it up */
        if (charge->attempts < FIND_FROM) charge->attempts = FIND_FROM;
        charge->attempts += charge->attempts % 2;
    }
    /* Always another time than before: that tells the answer to an earlier question that it is old.
     */
    if (at_ms < charge->ask_at_ms || charge->ask_at_ms < now_ms)
        charge->ask_at_ms = at_ms;
    else
        charge->ask_at_ms--;
}

enum err charge_refund(struct charge *charge, int64_t now_ms)
{
    if (charge->status == CHARGE_REFUND_PENDING || charge->status == CHARGE_REFUNDED) return OK;
    if (charge->status != CHARGE_CAPTURED && charge->status != CHARGE_REFUND_FAILED)
        return ERR_NOT_REFUNDABLE;
    charge->status = CHARGE_REFUND_PENDING;
    charge->attempts = 0;
    charge->refunds++;
    charge->reason = (struct str){NULL, 0};
    charge->ask_at_ms = now_ms;
    return OK;
}

/* --- answers ------------------------------------------------------------------------------- */

static void ask_later(struct charge *charge, int64_t now_ms)
{
    int64_t doubling =
        charge->attempts - 1 < UNKNOWN_DOUBLING ? charge->attempts - 1 : UNKNOWN_DOUBLING;
    int64_t pause_ms = UNKNOWN_MS << (doubling > 0 ? doubling : 0);

    charge->ask_at_ms = now_ms + (pause_ms > UNKNOWN_MS_MAX ? UNKNOWN_MS_MAX : pause_ms);
}

static void become(struct charge *charge, enum charge_status status)
{
    charge->status = status;
    charge->attempts = 0;
    charge->token = (struct str){NULL, 0};
    charge->ask_at_ms = JOB_NEVER;
}

static void settle_captured(struct charge *charge, const struct gateway_outcome *outcome)
{
    become(charge, CHARGE_CAPTURED);
    charge->stripe_id = str_of(outcome->id);
    charge->reason = (struct str){NULL, 0};
}

static void settle_failed(struct charge *charge, enum charge_status status, struct str reason)
{
    become(charge, status);
    charge->reason = reason;
}

/* A charge in flight, asked for or looked up. A processor repeats its first answer for a key, and
 * that says nothing of what happened since: so a charge that was not settled at once, or that a
 * webhook spoke of meanwhile, is looked at once more. */
static void settle_charge(struct charge *charge, enum charge_step step,
                          const struct gateway_outcome *outcome, int64_t now_ms)
{
    bool stale = step == STEP_CHARGE && charge->attempts >= FIND_FROM;

    switch (outcome->kind) {
    case GATEWAY_DONE:
        settle_captured(charge, outcome);
        if (outcome->refund_id[0] || stale) charge->ask_at_ms = now_ms; /* given back? one by one */
        return;
    case GATEWAY_DECLINED:
        settle_failed(charge, CHARGE_DECLINED, str_of(outcome->reason));
        return;
    case GATEWAY_REFUSED:
        settle_failed(charge, CHARGE_REFUSED, str_of(outcome->reason));
        return;
    case GATEWAY_ABSENT: /* while its key lives, the charge may still come to be */
        if (charge_key_is_old(charge, now_ms)) {
            settle_failed(charge, CHARGE_REFUSED, STR("The card was not charged"));
            return;
        }
        break;
    case GATEWAY_UNKNOWN:
        break;
    }
    charge->status = CHARGE_UNKNOWN; /* the card may be charged */
    ask_later(charge, now_ms);
}

static void settle_refund(struct charge *charge, const struct gateway_outcome *outcome,
                          int64_t now_ms)
{
    switch (outcome->kind) {
    case GATEWAY_DONE:
        become(charge, CHARGE_REFUNDED);
        charge->refund_id = str_of(outcome->refund_id);
        break;
    case GATEWAY_DECLINED:
    case GATEWAY_REFUSED:
    case GATEWAY_ABSENT:
        become(charge, CHARGE_REFUND_FAILED);
        charge->reason = str_of(outcome->reason);
        break;
    case GATEWAY_UNKNOWN: /* a processor may repeat a failure for the life of the key; a fresh one
                             is safe here, for no charge can be given back twice */
        if (charge->attempts % FRESH_KEY_EVERY == 0) charge->refunds++;
        ask_later(charge, now_ms);
        break;
    }
}

/* A settled charge looked at anew. */
static void settle_look(struct charge *charge, const struct gateway_outcome *outcome,
                        int64_t now_ms)
{
    charge->ask_at_ms = JOB_NEVER;
    switch (outcome->kind) {
    case GATEWAY_DONE:
        charge->attempts = 0;
        charge->disputed = charge->disputed || outcome->disputed;
        if (charge->status == CHARGE_DECLINED || charge->status == CHARGE_REFUSED)
            settle_captured(charge, outcome);
        else if (outcome->refund_id[0] && charge->status != CHARGE_REFUNDED)
            settle_refund(charge, outcome, now_ms);
        break;
    case GATEWAY_UNKNOWN:
        ask_later(charge, now_ms);
        break;
    case GATEWAY_DECLINED:
    case GATEWAY_REFUSED:
    case GATEWAY_ABSENT:
        charge->attempts = 0;
        break;
    }
}

void charge_settle(struct charge *charge, enum charge_step step,
                   const struct gateway_outcome *outcome, int64_t now_ms)
{
    bool refunding = charge->status == CHARGE_REFUND_PENDING;

    if (charge_in_flight(charge)) {
        if (step != STEP_REFUND) settle_charge(charge, step, outcome, now_ms);
    } else if (refunding) {
        if (step == STEP_REFUND) settle_refund(charge, outcome, now_ms);
    } else if (step == STEP_FIND) {
        settle_look(charge, outcome, now_ms);
    }
}

void charge_answer(struct charge *charge, struct charge_question question, enum charge_step step,
                   const struct gateway_outcome *outcome, int64_t now_ms)
{
    int64_t look_at_ms = charge->ask_at_ms, attempts = charge->attempts;

    charge_settle(charge, step, outcome, now_ms);
    if (look_at_ms == question.ask_at_ms && attempts == question.attempts) return;
    charge->attempts = attempts; /* by which the answer to the later question is told */
    if (look_at_ms < charge->ask_at_ms) charge->ask_at_ms = look_at_ms;
}
