/* services/payments/gateway.h: the card processor, as payments sees it.
 *
 * A gateway's answer is one of four; "unknown" means the money may or may not have moved, and the
 * same call with the same idempotency key finds out. Calls block and run in payments' pool. */
#ifndef SERVICES_PAYMENTS_GATEWAY_H
#define SERVICES_PAYMENTS_GATEWAY_H

#include "base/object_id.h"

#define GATEWAY_TEXT_MAX 256

enum gateway_result {
    GATEWAY_DONE,     /* the money is captured; id names it */
    GATEWAY_DECLINED, /* the card said no; reason is the processor's words */
    GATEWAY_REFUSED,  /* the processor does not understand the request (unknown token) */
    GATEWAY_UNKNOWN   /* no answer: ask again later, with the same key */
};

struct gateway_outcome {
    enum gateway_result kind;
    char id[GATEWAY_TEXT_MAX]; /* "ch_…" */
    char reason[GATEWAY_TEXT_MAX];
};

struct gateway_charge {
    struct object_id key; /* idempotency: one key, one charge, one answer, for ever */
    struct object_id order_id;
    int64_t amount_cents; /* US dollars */
    char token[GATEWAY_TEXT_MAX];
};

struct gateway {
    void (*charge)(const struct gateway *gateway, const struct gateway_charge *charge,
                   struct gateway_outcome *outcome);
};

/* The built-in gateway: understands Stripe's test tokens, moves no money, keeps nothing: its answer
 * is a function of the request, so the same key always has the same one. Threads: any. */
extern const struct gateway gateway_sandbox;

#endif
