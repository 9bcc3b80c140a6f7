/* services/payments/payments.h: what the files of the payments service share. */
#ifndef SERVICES_PAYMENTS_PAYMENTS_H
#define SERVICES_PAYMENTS_PAYMENTS_H

#include "services/payments/ledger.h"
#include "services/payments/store.h"

#define PAYMENTS_ROUTES    6
#define PAYMENTS_LISTENERS 5

extern const struct route payments_routes[PAYMENTS_ROUTES];
extern const struct listener payments_listeners[PAYMENTS_LISTENERS];

/* The jobs' rows. */
enum { DRIVE, TIDY };

/* env->state */
struct payments {
    const struct gateway *gateway;
    /* What an earlier run left unsettled, or a failed commit made forget, is being driven on: the
     * failures known then, -1 at first. */
    int64_t resumed_after;
};

/* --- drive.c ------------------------------------------------------------------------------- */

/* Asks the gateway about this charge after the commit; the answer comes back as a work item that
 * settles it and wakes the requests waiting for its id. */
enum err charge_drive(struct env *env, struct tx *tx, struct charge *charge);
/* Begins to give captured money back and tells the ledger. ERR_NOT_REFUNDABLE. */
enum err refund_begin(struct env *env, struct tx *tx, struct charge *charge);
/* Waits until the charge is settled (or that takes too long), then runs `next`. */
enum err charge_wait(struct request *rq, struct object_id charge_id, handler_fn *next);
/* The jobs. */
enum err drive_due(struct env *env, struct tx *tx, int64_t *next_ms);
enum err tidy(struct env *env, struct tx *tx, int64_t *next_ms);

/* --- the routes' handlers ------------------------------------------------------------------ */

handler_fn post_payments;                                                     /* pay.c */
handler_fn post_webhook;                                                      /* webhook.c */
handler_fn get_operator_payments, get_operator_payment, post_operator_refund; /* operator.c */
handler_fn get_operator_audit;

#endif
