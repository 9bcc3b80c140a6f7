/* services/payments/gateway.h: the card processor, as payments sees it.
 *
 * Every call ends in one of a few ways; "unknown" means the money may or may not have moved, and
 * the same call with the same idempotency key finds out. Calls block and run in payments' pool, in
 * several threads at once. */
#ifndef SERVICES_PAYMENTS_GATEWAY_H
#define SERVICES_PAYMENTS_GATEWAY_H

#include "base/object_id.h"
#include "telemetry/trace.h"

#define GATEWAY_TEXT_MAX     256
#define GATEWAY_ID_MAX       64
#define GATEWAY_REFUNDS_MAX  32 /* of one charge: the newest */
#define GATEWAY_DISPUTES_MAX 8

enum gateway_result {
    GATEWAY_DONE,     /* the money is captured, or given back; id names the charge */
    GATEWAY_DECLINED, /* the card said no; reason is the processor's words */
    GATEWAY_REFUSED, /* the processor cannot do what it is asked; reason is its words, empty when it
                        is the token that is wrong */
    GATEWAY_UNKNOWN, /* no answer: ask again later, with the same key */
    GATEWAY_ABSENT   /* find only: there is no such charge, yet or for good */
};

/* Money that went back to the buyer, by us or at the processor; or did not, after all. */
struct gateway_refund {
    char id[GATEWAY_ID_MAX]; /* "re_…" */
    int64_t amount_cents;
    bool failed; /* it came back from the buyer's bank, or never left */
};

enum dispute_status { DISPUTE_OPEN, DISPUTE_WON, DISPUTE_LOST };

struct gateway_dispute {
    char id[GATEWAY_ID_MAX]; /* "dp_…" */
    int64_t amount_cents;
    enum dispute_status status;
};

struct gateway_outcome {
    enum gateway_result kind;
    bool final;                /* absent for good: not the gateway's word, but of who asked it */
    char id[GATEWAY_TEXT_MAX]; /* of the charge: "ch_…" */
    char reason[GATEWAY_TEXT_MAX]; /* UTF-8 */
    /* find: those of the charge, newest first; refund: the one that was made, or all of them */
    struct gateway_refund refunds[GATEWAY_REFUNDS_MAX];
    size_t refund_count;
    struct gateway_dispute disputes[GATEWAY_DISPUTES_MAX]; /* find only */
    size_t dispute_count;
};

/* What every call is about. */
struct gateway_charge {
    struct object_id key; /* ours: the idempotency key, and metadata to find it by */
    struct object_id order_id;
    int64_t amount_cents;         /* US dollars */
    int64_t rest_cents;           /* of it that was not given back yet, as far as we know */
    struct wall_ms created_at;    /* not asked for before */
    bool thorough;                /* find: an absence must be certain, however long it takes */
    int64_t refunds;              /* refunds begun: the present one's number, part of its key */
    char token[GATEWAY_TEXT_MAX]; /* charge only */
    char id[GATEWAY_TEXT_MAX];    /* the processor's, empty until known; refund needs it */
    struct trace trace;           /* what the call belongs to; sent along */
};

struct gateway;

typedef void gateway_fn(const struct gateway *gateway, const struct gateway_charge *charge,
                        struct gateway_outcome *outcome);

struct gateway {
    gateway_fn
        *charge; /* one key, one charge, one answer; the processor forgets keys after a day */
    gateway_fn *refund; /* all that is left; DONE, too, when it was given back before */
    gateway_fn *find;   /* how it stands now, by its id or else by our key in its metadata */
};

/* How long a processor is sure to remember an idempotency key (Stripe: 24 hours), with a margin. */
#define GATEWAY_KEY_LIFETIME_MS (23 * 3600 * INT64_C(1000))

/* The built-in gateway: understands Stripe's test tokens, moves no money, keeps nothing: its answer
 * is a function of the request, so the same key always has the same one. */
extern const struct gateway gateway_sandbox;

/* Stripe's Charges API at base ("https://api.stripe.com"). One a program. NULL: out of memory. */
const struct gateway *gateway_stripe_open(const char *key, const char *base);
void gateway_stripe_close(void);

#endif
