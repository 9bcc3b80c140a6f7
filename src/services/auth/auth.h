/* services/auth/auth.h: what the parts of the auth service share. */
#ifndef SERVICES_AUTH_AUTH_H
#define SERVICES_AUTH_AUTH_H

#include "runtime/limits.h"
#include "runtime/service.h"
#include "services/auth/guesses.h"
#include "services/auth/refusals.h"
#include "services/auth/user.h"

/* What of one kind was written into the audit log this minute. */
enum audit_kind { AUDIT_SIGNED_UP, AUDIT_STARTED, AUDIT_REFUSED, AUDIT_ENDED, AUDIT_KINDS };
struct audit_share {
    _Atomic int64_t minute, written, beyond;
};

/* env->state of the service. Made at start; the limits guard themselves. */
struct auth {
    struct arena *arena;                     /* holds this struct */
    struct password_hash nobody;             /* never changed: any thread may read it */
    struct guesses guesses;                  /* of signing in; any thread */
    struct limit *signups;                   /* by address; any thread */
    struct limit *resets;                    /* by address; any thread */
    struct limit *confirmations;             /* by account; any thread */
    struct limit *devices;                   /* by account; any thread */
    struct limit *refusal_lines;             /* by address; any thread */
    struct audit_share audited[AUDIT_KINDS]; /* any writer */
};

/* The jobs' rows. */
enum { TIDY, REKEY, RESETS };

#define AUTH_ROUTES 29
extern const struct route auth_routes[AUTH_ROUTES];

/* --- commands.c: rows and events, in the writer's transaction -----------------------------------
 */

/* Somebody new. ERR_EMAIL_IN_USE. */
enum err user_add(struct tx *tx, const struct user *user);
/* The account of who asks, as it is now. ERR_NOT_AUTHORIZED: it is not kept here. */
enum err account_of(struct request *rq, struct tx *tx, struct user *user);
/* A user who is banned, or is no more, or whose address is confirmed: the row, the event, and
 * auth's own refusal of the sessions. ERR_UNAVAILABLE: this version is no news here, which must not
 * be. */
enum err user_save(struct env *env, struct tx *tx, const struct user *user);

/* Mails a link to that address which confirms that it is the user's own, and makes it the
 * account's. Links to other addresses open nothing any more: the last word counts. */
enum err address_ask(struct env *env, struct tx *tx, struct object_id user_id, struct str email);

/* Counts one such mail that somebody signed in asks for. ERR_BUSY. Any thread. */
enum err address_asked(struct request *rq);
/* The user, who holds that address, has it from now on: all sessions and links end, and the old one
 * is told. The row is the caller's to save. ERR_EMAIL_IN_USE. */
enum err address_change(struct request *rq, struct tx *tx, struct str email, struct user *user);

/* Somebody signed up, began, ended or failed to begin a session; user_id: empty when not known. In
 * the writer. */
enum err audit_entry_put(struct request *rq, struct tx *tx, enum audit_kind kind,
                         struct str user_id);

/* {"email","id"}, and a session of the user with its record and cookie. In the writer. */
enum err reply_session(struct request *rq, struct tx *tx, struct reply *rp, int status,
                       const struct user *user);
/* The same for who signed in, from that device (device.h; key: whose it is): the device is known
 * from now on, one that is new is told, and the audit log has it. In the writer. */
enum err reply_signed_in(struct request *rq, struct tx *tx, struct reply *rp,
                         const struct user *user, struct str key, struct str device);
/* Refuses (request_reject) what a new password must not be: too short, too long, too common.
 * Expects a normal one. */
void password_check(struct request *rq, const char *field, struct str password);
/* To the operator. */
enum err reply_user(struct reply *rp, const struct user *user);
/* The user of that id or email address. ERR_NOT_FOUND; ERR_INVALID: it is neither. */
enum err user_named(struct tx *tx, struct arena *arena, struct str who, struct user *user);
/* The operator's "user": an id or an email address; ERR_NOT_FOUND, or refused. */
enum err operator_user(struct request *rq, struct tx *tx, struct user *user);

/* Tells by mail that the user has another password. */
enum err password_tell(struct env *env, struct tx *tx, struct object_id user_id);

/* The job that mails links to those who lost their password. */
enum err resets_send(struct env *env, struct tx *tx, struct wall_ms *next);
/* The job that gives accounts made before email_key their key by it. */
enum err emails_rekey(struct env *env, struct tx *tx, struct wall_ms *next);

handler_fn post_users_email;                           /* change_address.c */
handler_fn post_users_password;                        /* change_password.c */
handler_fn post_users_forgot;                          /* forgot_password.c */
handler_fn post_users_reset, post_operator_reset_link; /* reset_password.c */
handler_fn get_users_sessions, delete_users_session, post_users_signout_others; /* sessions.c */
handler_fn get_users_me, post_users_verification, post_users_verify;   /* confirm_address.c */
handler_fn post_operator_ban, post_operator_unban, get_operator_users; /* auth_operator.c */
handler_fn post_operator_find;
handler_fn post_operator_show, post_operator_grant, post_operator_revoke;

#endif
