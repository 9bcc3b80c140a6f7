/* services/expiration/expiration.h: what the files of the expiration service share. */
#ifndef SERVICES_EXPIRATION_EXPIRATION_H
#define SERVICES_EXPIRATION_EXPIRATION_H

#include "services/expiration/store.h"

#define RING           0   /* the job's row */
#define CLAIM_AGAIN_MS 100 /* another replica has what is due: look whether it rang */

/* The state of claim.c. On PostgreSQL the job and what settles a round may run in two lanes. */
struct claims {
    struct arena *arena;
    _Atomic int64_t round_ms;      /* a round began then; 0: none is on its way */
    _Atomic int64_t away_until_ms; /* Redis did not answer */
};

/* Tells orders that a timer's time is over, when the table says that it still is. */
enum err ring_one(struct tx *tx, struct object_id order_id);

/* Redis is asked who rings; else the table alone decides. */
bool claims_decide(struct env *env, const struct tx *tx);
/* Begins a round, unless one is on its way. What it takes rings in a later transaction. */
enum err claims_round(struct env *env, struct tx *tx);

#endif
