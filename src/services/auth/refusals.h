/* services/auth/refusals.h: who did not prove who they are, or tries too often: one line of the log
 * each, in the form that deploy/fail2ban reads.
 *
 * {…,"service":"auth","event":"auth.refused",…,"reason":"wrong_password","account":"ID","address":"…"}
 * What somebody typed is in none of them. An address causes LINES_A_MINUTE, so that nobody fills a
 * disk with it; what is beyond is counted (limits_refused, refusal_lines). Threads: any. */
#ifndef SERVICES_AUTH_REFUSALS_H
#define SERVICES_AUTH_REFUSALS_H

#include "runtime/limits.h"

enum refusal {
    REFUSED_PASSWORD,     /* of an account, at sign-in */
    REFUSED_UNKNOWN,      /* no account has that address of email */
    REFUSED_BANNED,       /* the account is banned, whatever the password */
    REFUSED_OWN_PASSWORD, /* of who is signed in, before something of the account changes */
    REFUSED_LINK,         /* to a new password, or that confirms an address: opens nothing */
    REFUSED_CODE,         /* of the second factor */
    REFUSED_BUSY          /* over a limit of the service, and told 429 */
};

/* account: a user's id; empty: not known. Once a request, where nothing is run again. */
void refusal_log(struct request *rq, enum refusal why, struct str account);

/* Logs ERR_BUSY, and gives err back. */
enum err busy_told(struct request *rq, enum err err);
/* limit_take and limit_check by the network of the client; ERR_BUSY is logged. */
enum err address_take(struct request *rq, struct limit *limit);
enum err address_check(struct request *rq, struct limit *limit);

#endif
