/* services/auth/account/own_password.h: somebody who is signed in says the account's password once
 * more, before something of the account changes.
 *
 * A chain as signing in, with the same limits on guessing: a session left open somewhere is no way
 * to find the password out. */
#ifndef SERVICES_AUTH_ACCOUNT_OWN_PASSWORD_H
#define SERVICES_AUTH_ACCOUNT_OWN_PASSWORD_H

#include "services/auth/auth.h"

/* The texts are the request's. */
struct own_password {
    struct str text, typed; /* normal; trimmed alone, as passwords once were */
    struct user user;       /* as it was when the password was looked at */
    bool right;
    struct guesser who;
};

/* Reads the field "password", and refuses none; the other fields are checked before
 * request_checked. ERR_MEMORY. */
enum err own_password_read(struct request *rq, struct own_password *out);
/* The account, and whether it may be guessed at just now; then `verify` in the pool. In a reader.
 * ERR_NOT_AUTHORIZED: a token made elsewhere; ERR_BUSY. */
enum err own_password_find(struct request *rq, struct tx *tx, struct own_password *own,
                           handler_fn *verify);
/* own->right. In the pool. ERR_BUSY. */
enum err own_password_verify(struct request *rq, struct own_password *own);
/* The account as it is now, locked; whoever changed the password meanwhile was first. In the
 * writer. *right is false, and the refusal is written and answered: what was written stays, so the
 * caller returns OK. */
enum err own_password_settle(struct request *rq, struct tx *tx, struct own_password *own,
                             struct user *user, bool *right);

#endif
