/* services/payments/payments.h: what the files of the payments service share. */
#ifndef SERVICES_PAYMENTS_PAYMENTS_H
#define SERVICES_PAYMENTS_PAYMENTS_H

#include "http/sizes.h"
#include "services/payments/store.h"

#define PAYMENTS_ROUTES    6
#define PAYMENTS_LISTENERS 5

extern const struct route payments_routes[PAYMENTS_ROUTES];
extern const struct listener payments_listeners[PAYMENTS_LISTENERS];

/* The jobs' rows. */
enum { SUBMIT, TIDY, SCRUB };

/* env->state */
struct payments {
    const struct gateway *gateway;
    /* What an earlier run left unresolved, or a failed commit made forget, has been submitted
     * again: the failures known then, -1 at first. */
    int64_t resumed_after;
    /* Of the pool's threads: questions since the last clear answer, and whether that was told. */
    _Atomic int unclear;
    _Atomic bool away;
    _Atomic bool wiped; /* tokens, since the disk was last scrubbed of them; at first unknown */
};

/* --- commands.c: rows, movements and events, in the writer's transaction -----------------------
 */

/* A fresh charge, and the question to the gateway. ERR_CONTENTION: charge_insert. */
enum err charge_begin(struct env *env, struct tx *tx, struct charge *charge);
/* Asks the gateway about a charge that is there (charge_to_gateway). */
enum err charge_submit(struct env *env, struct tx *tx, struct charge *charge);
/* Begins to give captured money back and tells the ledger. ERR_NOT_REFUNDABLE. */
enum err refund_begin(struct env *env, struct tx *tx, struct charge *charge);
/* The same when the buyer has got all of it back through a lost dispute: nothing is asked of the
 * gateway any more. */
enum err refund_covered(struct tx *tx, struct charge *charge);
/* What the charge's new status brings with it; before: the one until now. */
enum err charge_arrive(struct env *env, struct tx *tx, struct charge *charge,
                       enum charge_status before);

/* --- submit.c ------------------------------------------------------------------------------- */

/* Asks the gateway after the commit; the answer comes back as a work item that resolves the charge
 * and wakes the requests waiting for its id. The charge says that it is being asked: the row is the
 * caller's to write. */
enum err charge_to_gateway(struct env *env, struct tx *tx, struct charge *charge);
/* Waits until the charge is resolved (or that takes too long), then runs `next`. */
enum err charge_wait(struct request *rq, struct object_id charge_id, handler_fn *next);
/* The jobs. */
enum err submit_due(struct env *env, struct tx *tx, struct wall_ms *next);
enum err tidy(struct env *env, struct tx *tx, struct wall_ms *next);
enum err scrub(struct env *env, struct tx *tx, struct wall_ms *next);

/* --- money_back.c -------------------------------------------------------------------------- */

/* Books what the answer says of refunds and disputes of a charge that has money: each refund once,
 * and once when it failed after all, each dispute when it opens and when it is won or lost. Brings
 * the charge's sums up to date; the row is the caller's to update. */
enum err money_back_book(struct env *env, struct tx *tx, struct charge *charge,
                         const struct gateway_outcome *outcome);

/* --- declines.c ---------------------------------------------------------------------------- */

/* Whether one more charge of its order, user and network may be begun, by the settings. OK; else
 * ERR_TOO_MANY_DECLINES, with what 429 says put into rq (retry_after_s). */
enum err declines_check(struct request *rq, struct tx *tx, const struct charge *charge);

handler_fn post_payments; /* pay.c */
#define EVENT_BYTES_MAX HTTP_LARGE_BODY_MAX
handler_fn post_webhook; /* webhook.c */

#endif
