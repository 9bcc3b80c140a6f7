/* services/payments/payments.h: what the files of the payments service share. */
#ifndef SERVICES_PAYMENTS_PAYMENTS_H
#define SERVICES_PAYMENTS_PAYMENTS_H

#include "services/payments/store.h"

#define PAYMENTS_ROUTES    1
#define PAYMENTS_LISTENERS 3

extern const struct route payments_routes[PAYMENTS_ROUTES];
extern const struct listener payments_listeners[PAYMENTS_LISTENERS];

#define DRIVE 0 /* the job that asks the gateway about pending charges: its row */

/* env->state */
struct payments {
    const struct gateway *gateway;
    bool resumed; /* what an earlier run left pending is being driven on */
};

/* Asks the gateway for this pending charge after the commit; the answer comes back as a work item
 * that settles it and wakes the requests waiting for its id. */
enum err charge_drive(struct env *env, struct tx *tx, struct charge *charge);
/* The job. */
enum err drive_pending(struct env *env, struct tx *tx, int64_t *next_ms);

#endif
