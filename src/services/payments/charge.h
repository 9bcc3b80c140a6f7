/* services/payments/charge.h: the rules of a charge. Pure: when money may be asked for and given
 * back, what to ask the gateway next, and what an answer makes of it.
 *
 *   pending ─┬─> captured ──> refund_pending ─┬─> refunded ──┐ the bank sends it back
 *   unknown ─┤      ^                         └─> refund_failed ──> refund_pending …
 *            ├─> declined ─┐ a later look may find that
 *            └─> refused ──┘ the money moved after all
 *
 * Parts of the money may go back at the processor without us, and a lost dispute takes it: what is
 * left is what a refund of ours asks for (charge_rest_cents). Neither moves a captured charge.
 */
#ifndef SERVICES_PAYMENTS_CHARGE_H
#define SERVICES_PAYMENTS_CHARGE_H

#include "base/clock.h"
#include "base/err.h"
#include "base/sha256.h"
#include "services/payments/gateway.h"

#define TOKEN_BYTES_MAX     255
#define CHARGE_PAUSE_MS_MAX 60000 /* between two questions about a charge */

enum paid_order_status { PAID_ORDER_CREATED, PAID_ORDER_COMPLETE, PAID_ORDER_CANCELLED };

/* What payments knows of an order. */
struct order_copy {
    struct object_id id;
    int64_t version;
    enum paid_order_status status;
    struct str user_id;
    int64_t price_cents;
    struct trace trace; /* it belongs to; may be none */
};

enum charge_status {
    CHARGE_PENDING, /* committed; the gateway is asked */
    CHARGE_UNKNOWN, /* it gave no clear answer and is asked again */
    CHARGE_CAPTURED,
    CHARGE_DECLINED,
    CHARGE_REFUSED,
    CHARGE_REFUND_PENDING,
    CHARGE_REFUNDED,
    CHARGE_REFUND_FAILED /* the operator's to try again */
};

struct str charge_status_text(enum charge_status status);
bool charge_status_parse(struct str text, enum charge_status *out);

struct charge {
    struct object_id id;
    struct object_id order_id;
    enum charge_status status;
    int64_t amount_cents;
    struct str user_id;         /* who pays; empty: it was made before that was kept */
    struct str network;         /* in hex, from where; in flight, and a while after it failed */
    struct str token;           /* pending, unknown */
    struct str card_mark;       /* of the token, for good */
    struct str stripe_id;       /* captured and all that follows */
    struct str refund_id;       /* refunded */
    struct str reason;          /* declined, refused, refund_failed */
    int64_t attempts;           /* times the gateway was asked since the status changed */
    int64_t refunds;            /* begun */
    int64_t notices;            /* events that told of its refund, or that it came back */
    int64_t given_back_cents;   /* by refunds that hold */
    int64_t charged_back_cents; /* by disputes that were lost */
    bool disputed;              /* one is open */
    bool asking;                /* the gateway is being asked just now */
    struct wall_ms ask_at;      /* when to ask the gateway (again); WALL_NEVER: no need */
    struct wall_ms created_at;
};

/* What Stripe calls a card by: "tok_" or "pm_" and more, at most TOKEN_BYTES_MAX printable ASCII
 * characters.
 * Anything else, a card's number say, is never stored. */
bool token_valid(struct str token);
/* Tells this token for this order again, and gives it away to nobody. */
void token_mark(struct object_id order_id, struct str token, struct hmac_text *out);

/* Whether this user may pay this order now: NOT_AUTHORIZED, ORDER_CANCELLED, ORDER_PAID. */
enum err order_payable(const struct order_copy *order, struct str user_id);
/* A fresh attempt at the order's price, by its user. */
struct charge charge_open(struct object_id id, const struct order_copy *order, struct str token,
                          struct str card_mark, struct wall_ms now);

static inline bool charge_in_flight(const struct charge *charge)
{
    return charge->status == CHARGE_PENDING || charge->status == CHARGE_UNKNOWN;
}
/* The money was captured, and perhaps given back. */
static inline bool charge_has_money(const struct charge *charge)
{
    return charge->status == CHARGE_CAPTURED || charge->status >= CHARGE_REFUND_PENDING;
}
/* All of it is to go back, or has. */
static inline bool charge_goes_back(const struct charge *charge)
{
    return charge->status >= CHARGE_REFUND_PENDING;
}
/* What the buyer has not got back, by us or the bank; 0 at the least. */
int64_t charge_rest_cents(const struct charge *charge);
/* Whether who waits for the gateway's answer, to a charge or a refund, should go on waiting. */
bool charge_worth_waiting(const struct charge *charge, struct wall_ms now);

/* Whether the gateway may have forgotten the key of a charge made then. */
bool charge_key_is_old(struct wall_ms created_at, struct wall_ms now);

/* What to ask the gateway now. An unclear charge or refund is asked for again under its key and
 * looked up by turns (a processor may repeat a failure under the same key); a charge older than the
 * key's lifetime is only ever looked up. */
enum charge_step { STEP_CHARGE, STEP_FIND, STEP_REFUND };
enum charge_step charge_next_step(const struct charge *charge, struct wall_ms now);

/* Tells a question to the gateway from those before it and after it. The time alone does not: two
 * may be asked within a millisecond. */
struct charge_question {
    struct wall_ms ask_at; /* of the charge, once this was asked … */
    int64_t attempts;      /* … likewise */
    /* Asked when nothing could charge the card any more: its key was old, and no call was out. An
     * absence is final. */
    bool final;
};

/* The gateway is being asked: when to ask again should no answer ever come. */
struct charge_question charge_ask(struct charge *charge, struct wall_ms now);
/* The gateway's answer to a step; what it says of refunds and disputes is in the charge's sums
 * (money_back.c) by then. Whatever the charge has become meanwhile, an answer that no
 * longer fits changes nothing. Texts of the outcome must live as long as the charge is used. */
void charge_resolve(struct charge *charge, enum charge_step step,
                    const struct gateway_outcome *outcome, struct wall_ms now);
/* The same for the answer to this question. It speaks of the time it was asked at: when a look has
 * been asked for since (a webhook), or another question, what is due for that stays due. */
void charge_answer(struct charge *charge, struct charge_question question, enum charge_step step,
                   const struct gateway_outcome *outcome, struct wall_ms now);
/* Somebody says it changed at the gateway: it is looked up soon. */
void charge_poll(struct charge *charge, struct wall_ms now);
/* Captured money is to be given back. ERR_NOT_REFUNDABLE when there is none left; OK, and no
 * change, when it is on its way. */
enum err charge_refund(struct charge *charge, struct wall_ms now);

#endif
