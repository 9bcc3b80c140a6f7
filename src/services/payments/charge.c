/* services/payments/charge.c: the rules of a charge. */
#include "services/payments/charge.h"

#define ASK_AGAIN_MS     CHARGE_PAUSE_MS_MAX /* longer than a gateway's time limit and a full queue */
#define UNKNOWN_MS       250 /* first pause after an unknown outcome, doubling up to the longest */
#define UNKNOWN_DOUBLING 8
#define POLL_SOON_MS     1000 /* its own answer is probably on its way */
#define FIND_FROM        2    /* attempts; from here on every other one is a look */
#define FRESH_KEY_EVERY  8    /* questions about an unclear refund */
#define WAIT_ATTEMPTS    5
#define WAIT_MS          20000

/* --- words for states ---------------------------------------------------------------------- */

static const char *const status_words[] = {
    [CHARGE_PENDING] = "pending",   [CHARGE_UNKNOWN] = "unknown",
    [CHARGE_CAPTURED] = "captured", [CHARGE_DECLINED] = "declined",
    [CHARGE_REFUSED] = "refused",   [CHARGE_REFUND_PENDING] = "refund_pending",
    [CHARGE_REFUNDED] = "refunded", [CHARGE_REFUND_FAILED] = "refund_failed",
};

struct str charge_status_text(enum charge_status status)
{
    return str_of(status_words[status]);
}

bool charge_status_parse(struct str text, enum charge_status *out)
{
    for (size_t i = 0; i < sizeof status_words / sizeof *status_words; i++) {
        if (!str_eq(str_of(status_words[i]), text)) continue;
        *out = (enum charge_status)i;
        return true;
    }
    return false;
}

/* --- a fresh one --------------------------------------------------------------------------- */

bool token_valid(struct str token)
{
    size_t prefix = str_starts(token, STR("tok_")) ? 4 : str_starts(token, STR("pm_")) ? 3 : 0;

    if (prefix == 0 || token.len == prefix || token.len > TOKEN_BYTES_MAX) return false;
    for (size_t i = prefix; i < token.len; i++)
        if (token.at[i] <= ' ' || token.at[i] > '~') return false;
    return true;
}

void token_mark(struct object_id order_id, struct str token, struct hmac_text *out)
{
    struct object_id_text key = object_id_text(order_id);

    hmac_sha256(str_of(key.hex), &token, 1, out);
}

enum err order_payable(const struct order_copy *order, struct str user_id)
{
    if (!str_eq(order->user_id, user_id)) return ERR_NOT_AUTHORIZED;
    if (order->status == PAID_ORDER_CANCELLED) return ERR_ORDER_CANCELLED;
    return order->status == PAID_ORDER_COMPLETE ? ERR_ORDER_PAID : OK;
}

struct charge charge_open(struct object_id id, const struct order_copy *order, struct str token,
                          struct str card_mark, struct wall_ms now)
{
    return (struct charge){
        .id = id,
        .order_id = order->id,
        .status = CHARGE_PENDING,
        .amount_cents = order->price_cents,
        .user_id = order->user_id,
        .token = token,
        .card_mark = card_mark,
        .ask_at = now,
        .created_at = now,
    };
}

int64_t charge_rest_cents(const struct charge *charge)
{
    int64_t gone_cents = charge->given_back_cents + charge->charged_back_cents;

    return gone_cents < charge->amount_cents ? charge->amount_cents - gone_cents : 0;
}

bool charge_worth_waiting(const struct charge *charge, struct wall_ms now)
{
    if (charge->attempts >= WAIT_ATTEMPTS) return false;
    return !charge_in_flight(charge) || wall_since(now, charge->created_at) < WAIT_MS;
}

/* --- asking -------------------------------------------------------------------------------- */

bool charge_key_is_old(struct wall_ms created_at, struct wall_ms now)
{
    return wall_since(now, created_at) >= GATEWAY_KEY_LIFETIME_MS;
}

enum charge_step charge_next_step(const struct charge *charge, struct wall_ms now)
{
    bool refunding = charge->status == CHARGE_REFUND_PENDING;

    if (!charge_in_flight(charge) && !refunding) return STEP_FIND;
    if (charge->attempts >= FIND_FROM && charge->attempts % 2 == 0) return STEP_FIND;
    if (refunding) return STEP_REFUND;
    return charge_key_is_old(charge->created_at, now) ? STEP_FIND : STEP_CHARGE;
}

struct charge_question charge_ask(struct charge *charge, struct wall_ms now)
{
    bool final = !charge->asking && charge_key_is_old(charge->created_at, now);

    charge->attempts++;
    charge->asking = true;
    charge->ask_at = wall_after(now, ASK_AGAIN_MS);
    return (struct charge_question){charge->ask_at, charge->attempts, final};
}

/* The next question is a look. */
static void turn_to_poll(struct charge *charge)
{
    if (charge->attempts < FIND_FROM) charge->attempts = FIND_FROM;
    charge->attempts += charge->attempts % 2;
}

void charge_poll(struct charge *charge, struct wall_ms now)
{
    struct wall_ms at = charge->status == CHARGE_PENDING ? wall_after(now, POLL_SOON_MS) : now;

    if (charge_in_flight(charge) || charge->status == CHARGE_REFUND_PENDING) turn_to_poll(charge);
    /* Always another time than before: that tells the answer to an earlier question that it is old.
     */
    if (wall_before(at, charge->ask_at) || wall_before(charge->ask_at, now))
        charge->ask_at = at;
    else
        charge->ask_at = wall_after(charge->ask_at, -1);
}

enum err charge_refund(struct charge *charge, struct wall_ms now)
{
    if (charge->status == CHARGE_REFUND_PENDING || charge->status == CHARGE_REFUNDED) return OK;
    if (charge->status != CHARGE_CAPTURED && charge->status != CHARGE_REFUND_FAILED)
        return ERR_NOT_REFUNDABLE;
    if (charge_rest_cents(charge) == 0) return ERR_NOT_REFUNDABLE; /* the bank took it back */
    charge->status = CHARGE_REFUND_PENDING;
    /* a look that was due, at what a webhook spoke of, is not forgotten: it follows the refund */
    charge->attempts = wall_same(charge->ask_at, WALL_NEVER) ? 0 : FIND_FROM + 1;
    charge->refunds++;
    charge->reason = (struct str){NULL, 0};
    charge->ask_at = now;
    return OK;
}

/* --- answers ------------------------------------------------------------------------------- */

static void ask_later(struct charge *charge, struct wall_ms now)
{
    int64_t doubling =
        charge->attempts - 1 < UNKNOWN_DOUBLING ? charge->attempts - 1 : UNKNOWN_DOUBLING;
    int64_t pause_ms = UNKNOWN_MS << (doubling > 0 ? doubling : 0);

    charge->ask_at =
        wall_after(now, pause_ms > CHARGE_PAUSE_MS_MAX ? CHARGE_PAUSE_MS_MAX : pause_ms);
}

static void become(struct charge *charge, enum charge_status status)
{
    charge->status = status;
    charge->attempts = 0;
    charge->token = (struct str){NULL, 0};
    charge->ask_at = WALL_NEVER;
}

static void resolve_captured(struct charge *charge, const struct gateway_outcome *outcome)
{
    become(charge, CHARGE_CAPTURED);
    charge->network = (struct str){NULL, 0};
    charge->stripe_id = str_of(outcome->id);
    charge->reason = (struct str){NULL, 0};
}

static void resolve_failed(struct charge *charge, enum charge_status status, struct str reason)
{
    become(charge, status);
    charge->reason = reason;
}

/* A charge in flight, asked for or looked up. A processor repeats its first answer for a key, and
 * that says nothing of what happened since: so a charge that was not resolved at once, or that a
 * webhook spoke of meanwhile, is looked at once more. */
static void resolve_charge(struct charge *charge, enum charge_step step,
                           const struct gateway_outcome *outcome, struct wall_ms now)
{
    bool stale = step == STEP_CHARGE && charge->attempts >= FIND_FROM;

    switch (outcome->kind) {
    case GATEWAY_DONE:
        resolve_captured(charge, outcome);
        /* given back, disputed? one by one */
        if (outcome->refund_count || outcome->dispute_count || stale) charge->ask_at = now;
        return;
    case GATEWAY_DECLINED:
        resolve_failed(charge, CHARGE_DECLINED, str_of(outcome->reason));
        return;
    case GATEWAY_REFUSED:
        resolve_failed(charge, CHARGE_REFUSED, str_of(outcome->reason));
        return;
    case GATEWAY_ABSENT: /* by a call that is out, the charge may still come to be */
        if (outcome->final) {
            resolve_failed(charge, CHARGE_REFUSED, STR("The card was not charged"));
            return;
        }
        break;
    case GATEWAY_UNKNOWN:
        break;
    }
    charge->status = CHARGE_UNKNOWN; /* the card may be charged */
    ask_later(charge, now);
}

/* The refund the buyer will know it by: the newest that holds. */
static struct str refund_shown(const struct charge *charge, const struct gateway_outcome *outcome)
{
    for (size_t i = 0; i < outcome->refund_count; i++)
        if (!outcome->refunds[i].failed) return str_of(outcome->refunds[i].id);
    return charge->refund_id;
}

static void resolve_refunded(struct charge *charge, const struct gateway_outcome *outcome)
{
    become(charge, CHARGE_REFUNDED);
    charge->refund_id = refund_shown(charge, outcome);
    charge->reason = (struct str){NULL, 0};
}

static void resolve_refund_failed(struct charge *charge, struct str reason)
{
    become(charge, CHARGE_REFUND_FAILED);
    charge->reason = reason;
}

/* Asked to give back what is left. One that was not answered at once is looked at once more: the
 * processor repeats its first answer for a key, and that says nothing of what happened since. */
static void resolve_refund(struct charge *charge, const struct gateway_outcome *outcome,
                           struct wall_ms now)
{
    bool stale = charge->attempts >= FIND_FROM;

    switch (outcome->kind) {
    case GATEWAY_DONE:
        if (charge_rest_cents(charge) > 0) { /* a part went another way */
            charge->refunds++;               /* and this key has done its own */
            turn_to_poll(charge);
            charge->ask_at = now;
            return;
        }
        resolve_refunded(charge, outcome);
        break;
    case GATEWAY_DECLINED:
    case GATEWAY_REFUSED:
    case GATEWAY_ABSENT:
        resolve_refund_failed(charge, str_of(outcome->reason));
        break;
    case GATEWAY_UNKNOWN: /* a processor may repeat a failure for the life of the key; a fresh one
                             is safe here, for no more than is left can be given back */
        if (charge->attempts % FRESH_KEY_EVERY == 0) charge->refunds++;
        ask_later(charge, now);
        return;
    }
    /* more than all of it: an earlier part has come back, and nobody told us yet */
    if (stale || charge->given_back_cents > charge->amount_cents) charge->ask_at = now;
}

/* Looked at while money is on its way back. */
static void resolve_refund_poll(struct charge *charge, const struct gateway_outcome *outcome,
                                struct wall_ms now)
{
    if (outcome->kind == GATEWAY_DONE && charge_rest_cents(charge) == 0)
        resolve_refunded(charge, outcome);
    else
        ask_later(charge, now);
}

/* A charge that is resolved, by what is known of its money now. */
static void resolve_money(struct charge *charge, const struct gateway_outcome *outcome)
{
    bool all_back = charge->given_back_cents >= charge->amount_cents;

    if (charge->status == CHARGE_CAPTURED && all_back)
        resolve_refunded(charge, outcome);
    else if (charge->status == CHARGE_REFUND_FAILED && charge_rest_cents(charge) == 0)
        resolve_refunded(charge, outcome);
    else if (charge->status == CHARGE_REFUNDED && charge_rest_cents(charge) > 0)
        resolve_refund_failed(charge, STR("The buyer's bank sent the refund back."));
}

/* A resolved charge looked at anew. */
static void resolve_poll(struct charge *charge, const struct gateway_outcome *outcome,
                         struct wall_ms now)
{
    charge->ask_at = WALL_NEVER;
    switch (outcome->kind) {
    case GATEWAY_DONE:
        charge->attempts = 0;
        if (charge_has_money(charge)) {
            resolve_money(charge, outcome);
            break;
        }
        resolve_captured(charge, outcome);
        if (outcome->refund_count || outcome->dispute_count) charge->ask_at = now;
        break;
    case GATEWAY_UNKNOWN:
        ask_later(charge, now);
        break;
    case GATEWAY_DECLINED:
    case GATEWAY_REFUSED:
    case GATEWAY_ABSENT:
        charge->attempts = 0;
        break;
    }
}

void charge_resolve(struct charge *charge, enum charge_step step,
                    const struct gateway_outcome *outcome, struct wall_ms now)
{
    bool refunding = charge->status == CHARGE_REFUND_PENDING;

    if (charge_in_flight(charge)) {
        if (step != STEP_REFUND) resolve_charge(charge, step, outcome, now);
    } else if (refunding) {
        if (step == STEP_REFUND) resolve_refund(charge, outcome, now);
        if (step == STEP_FIND) resolve_refund_poll(charge, outcome, now);
    } else if (step == STEP_FIND) {
        resolve_poll(charge, outcome, now);
    } else if (step == STEP_REFUND && outcome->kind == GATEWAY_DONE) {
        resolve_money(charge, outcome); /* late: it was given up on meanwhile */
    } else if (step == STEP_CHARGE && outcome->kind == GATEWAY_DONE && !charge_has_money(charge)) {
        resolve_captured(charge, outcome); /* the same */
        charge->ask_at = now;              /* what happened to it since? */
    }
}

void charge_answer(struct charge *charge, struct charge_question question, enum charge_step step,
                   const struct gateway_outcome *outcome, struct wall_ms now)
{
    struct wall_ms asks_at = charge->ask_at;
    int64_t attempts = charge->attempts;

    charge_resolve(charge, step, outcome, now);
    if (attempts == question.attempts) charge->asking = false;
    if (wall_same(asks_at, question.ask_at) && attempts == question.attempts) return;
    charge->attempts = attempts; /* by which the answer to the later question is told */
    charge->ask_at = wall_earlier(charge->ask_at, asks_at);
}
