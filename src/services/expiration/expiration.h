/* services/expiration/expiration.h: what the files of the expiration service share. */
#ifndef SERVICES_EXPIRATION_EXPIRATION_H
#define SERVICES_EXPIRATION_EXPIRATION_H

#include "services/expiration/store.h"

#define FIRE           0   /* the job's row */
#define CLAIM_AGAIN_MS 100 /* another replica has what is due: look whether it fired */

/* The state of claim.c. On PostgreSQL the job and what resolves a round may run in two writers. */
struct claims {
    struct arena *arena;
    _Atomic struct mono_ms round_at;   /* a round began then; {0}: none is on its way */
    _Atomic struct mono_ms away_until; /* Redis did not answer; {0}: it did */
};

/* Tells orders that a timer's time is over, when the table says that it still is. */
enum err fire_one(struct tx *tx, struct object_id order_id);

/* Redis is asked who fires; else the table alone decides. */
bool claims_decide(struct env *env);
/* When Redis is asked again that did not answer. */
struct mono_ms claims_again_at(const struct env *env);
/* Begins a round, unless one is on its way. What it takes fires in a later transaction. */
enum err claims_round(struct env *env, struct tx *tx);

#endif
