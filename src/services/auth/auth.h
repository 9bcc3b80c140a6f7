/* services/auth/auth.h: what the parts of the auth service share. */
#ifndef SERVICES_AUTH_AUTH_H
#define SERVICES_AUTH_AUTH_H

#include "runtime/limits.h"
#include "runtime/service.h"
#include "services/auth/password.h"

/* What of one kind was written into the audit trail this minute. */
enum trail_kind { TRAIL_SIGNED_UP, TRAIL_STARTED, TRAIL_REFUSED, TRAIL_ENDED, TRAIL_KINDS };
struct trail_share {
    _Atomic int64_t minute, written, beyond;
};

/* env->state of the service. Made at start; the limits guard themselves. */
struct auth {
    struct arena *arena;                               /* holds this struct */
    struct password_hash nobody;                       /* never changed: any thread may read it */
    struct limit *account_failures, *address_failures; /* of signing in; any thread */
    struct limit *signups;                             /* by address; any thread */
    struct trail_share trail[TRAIL_KINDS];             /* any writer */
};

/* The jobs' rows. */
enum { TIDY };

#define AUTH_ROUTES 8
extern const struct route auth_routes[AUTH_ROUTES];

/* Somebody signed up, began, ended or failed to begin a session; user_id: empty when not known. In
 * the writer. */
enum err trail_put(struct request *rq, struct tx *tx, enum trail_kind kind, struct str user_id);

handler_fn post_operator_ban, post_operator_unban, get_operator_banned; /* operator.c */

#endif
