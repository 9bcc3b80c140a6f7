/* services/auth/session.h: auth's own record of each session, which is what makes a session end.
 *
 * A token lives SESSION_SECONDS; a fresh one is made from the record, at most until
 * SESSION_MAX_SECONDS after sign-in. Without a record there is none. All run in the writer. */
#ifndef SERVICES_AUTH_SESSION_H
#define SERVICES_AUTH_SESSION_H

#include "runtime/service.h"
#include "services/auth/user.h"

#define SESSIONS_PER_USER_MAX 50 /* one more ends the one that was not used the longest */
#define AGENT_BYTES_MAX       200

/* A new session for the user: its record, and the cookie on the reply. */
enum err session_open(struct request *rq, struct tx *tx, struct reply *rp, const struct user *user);
/* A fresh token for rq->user's session, and rq->user is what it says; nobody, and the cookie
 * cleared, when the session has no record (any more). */
enum err session_renew(struct request *rq, struct tx *tx, struct reply *rp);
/* The session ends now; here its tokens are refused at once. Harmless when it has ended before. */
enum err session_end(struct env *env, struct tx *tx, struct str id_hash);
/* All of a user's. */
enum err sessions_end_all(struct env *env, struct tx *tx, struct str user_id, int64_t *ended);
/* The job that removes what is over. */
enum err sessions_tidy(struct env *env, struct tx *tx, int64_t *next_ms);

#endif
