/* services/auth/factor/factor.h: a second factor, which sign-in asks for beside the password.
 *
 * It is a code of the user's app (totp.h), or one of the recovery codes that were handed out with
 * it; each counts once. Codes are guessed at with the same limits as passwords. */
#ifndef SERVICES_AUTH_FACTOR_FACTOR_H
#define SERVICES_AUTH_FACTOR_FACTOR_H

#include "services/auth/auth.h"
#include "services/auth/factor/factor_store.h"

#define RECOVERY_CODES   10
#define RECOVERY_LETTERS 10               /* of five bits each */
#define FACTOR_ASKED_MS  (10 * 60 * 1000) /* for so long a right password waits for its code */

/* What a code is. */
struct factor_use {
    bool recovery;
    int64_t step;            /* of the app's code; or … */
    struct sha256_text hash; /* … of the recovery code */
};

/* Whether the user's sign-in asks for a code. */
enum err factor_is_on(struct tx *tx, struct object_id user_id, bool *on);
/* What the user may do in a session: nothing, while they have roles and their sign-in asks for no
 * code (STAFF_FACTOR); *withheld says so. */
enum err roles_in_session(const struct env *env, struct tx *tx, struct object_id user_id,
                          struct role_set *out, bool *withheld);
/* The factor is gone, with its recovery codes: the user is told, and sessions end whose roles it
 * guarded. *deleted: there was one. */
enum err factor_remove(struct request *rq, struct tx *tx, struct object_id user_id, bool *deleted);
/* The field "code" of the body, which is a good one for that factor just now: it can be taken.
 * Refused (the field), logged, and counted against who guesses, when it is not. In a reader. */
enum err factor_look(struct request *rq, struct tx *tx, const struct user *user,
                     const struct factor *factor, const struct guesser *who,
                     struct factor_use *out);
/* The same is used up: of two who come with one code, the second is refused. In the writer. */
enum err factor_take(struct request *rq, struct tx *tx, struct object_id user_id,
                     const struct factor_use *use);

/* Somebody has shown that they know the password, or have the link to a new one. *asked: the
 * account has a factor, and the answer says so (401 factor_required), with what the second step
 * takes; nobody is signed in. The password's hash is the one that counts from now on. In the
 * writer. */
enum err factor_ask(struct request *rq, struct tx *tx, const struct user *user, bool *asked);
/* The user whom what the first step gave out is for: ERR_FACTOR_OVER when it is none of ours, too
 * old, or the password is another one by now. */
enum err factor_asked(struct request *rq, struct tx *tx, struct str token, struct user *user);

/* Fresh recovery codes of the user, RECOVERY_LETTERS each, put into the answer as an array. */
enum err recovery_codes_make(struct env *env, struct tx *tx, struct object_id user_id,
                             struct json_writer *json);

/* It is on, or off: the user is told by mail, and the audit log. */
enum err factor_told(struct request *rq, struct tx *tx, struct object_id user_id, bool on);

handler_fn get_users_factor, post_users_factor, post_users_factor_confirm; /* factor_setup.c */
handler_fn post_users_factor_off, post_operator_factor_off;                /* factor_off.c */
handler_fn post_users_signin_factor;                                       /* factor_sign_in.c */

#endif
