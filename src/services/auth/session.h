/* services/auth/session.h: auth's own record of each session, which is what makes a session end.
 *
 * A token lives SESSION_SECONDS; a fresh one is made from the record, at most until
 * SESSION_MAX_SECONDS after sign-in. Without a record there is none. A session whose token cannot
 * be replaced is extended instead: all services are told that its tokens are good for longer. All
 * run in the writer. */
#ifndef SERVICES_AUTH_SESSION_H
#define SERVICES_AUTH_SESSION_H

#include "runtime/service.h"
#include "services/auth/user.h"

#define SESSIONS_PER_USER_MAX 50 /* one more ends the one that was not used the longest */
#define AGENT_BYTES_MAX       200
#define DEVICES_A_DAY         5 /* told to one account: programs bring no cookie, ever */

/* A new session for the user: its record, and the cookie on the reply. */
enum err session_open(struct request *rq, struct tx *tx, struct reply *rp, const struct user *user);
/* Tells by mail that somebody signed in with a browser that the account does not know, at most so
 * often a day (DEVICES_A_DAY). */
enum err session_tell(struct request *rq, struct tx *tx, const struct user *user);
/* A fresh token for rq->user's session, and rq->user is what it says; nobody, and the cookie
 * cleared, when the session has no record (any more). One a token: when the client comes with a
 * token that was replaced before, that token goes on, without another. */
enum err session_renew(struct request *rq, struct tx *tx, struct reply *rp);
/* The session ends now: its tokens are refused in this program from the commit on, and everywhere
 * once session:ended is heard, for as long as the last of them would have been good. token_end:
 * of the token that asks for it, 0 when none does. Harmless when it has ended before. */
enum err session_end(struct env *env, struct tx *tx, struct str user_id, struct str id_hash,
                     struct wall_ms token_end);
/* All of a user's but the one of that hash; empty: all. *ended: how many. */
enum err sessions_end_others(struct env *env, struct tx *tx, struct str user_id, struct str but,
                             int64_t *ended);
/* All of a user's. */
enum err sessions_end_all(struct env *env, struct tx *tx, struct str user_id, int64_t *ended);
/* order:created: the session that reserved goes on until the hold is over, whatever its client
 * does. Never begun anew after SESSION_MAX_SECONDS. */
enum verdict on_order_created(struct env *env, struct tx *tx, const void *event);
/* The job that removes what is over. */
enum err sessions_tidy(struct env *env, struct tx *tx, struct wall_ms *next);

#endif
