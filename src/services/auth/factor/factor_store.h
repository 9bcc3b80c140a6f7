/* services/auth/factor/factor_store.h: the rows of second factors and of codes for who lost theirs.
 */
#ifndef SERVICES_AUTH_FACTOR_FACTOR_STORE_H
#define SERVICES_AUTH_FACTOR_FACTOR_STORE_H

#include "base/sha256.h"
#include "services/auth/factor/totp.h"
#include "sql/sql.h"

struct factor {
    struct totp_secret secret;
    int64_t last_step; /* of the latest code that was taken; each counts once */
    bool on;           /* sign-in asks for it; false: it is being set up */
};

/* ERR_NOT_FOUND: the user has none. In a writer it is locked. */
enum err factor_get(struct tx *tx, struct object_id user_id, struct factor *out);
/* A fresh one that is being set up, in place of another one that was; *put: false, there is one
 * that is on. */
enum err factor_put(struct tx *tx, struct object_id user_id, const struct totp_secret *secret,
                    bool *put);
/* It is on from now on. */
enum err factor_turn_on(struct tx *tx, struct object_id user_id);
/* *used: false, a code of that step, or of a later one, was taken before. */
enum err factor_use_step(struct tx *tx, struct object_id user_id, int64_t step, bool *used);
/* The factor and its recovery codes. *deleted: there was one. */
enum err factor_delete(struct tx *tx, struct object_id user_id, bool *deleted);

enum err recovery_put(struct tx *tx, struct object_id user_id, const struct sha256_text *hash);
enum err recovery_count(struct tx *tx, struct object_id user_id, int64_t *count);
enum err recovery_has(struct tx *tx, struct object_id user_id, const struct sha256_text *hash,
                      bool *has);
/* *used: it was there, and is no more. */
enum err recovery_use(struct tx *tx, struct object_id user_id, const struct sha256_text *hash,
                      bool *used);

#endif
