/* services/auth/routes.c: sign up, sign in, sign out, and who is asking.
 *
 * Hashing takes milliseconds, so the two that hash are chains: check the request in the loop, hash
 * in the pool, touch the database where that is done. */
#include "services/auth/auth.h"
#include "services/auth/blocklist.h"
#include "services/auth/documents.h"
#include "services/auth/factor/factor.h"
#include "services/auth/session.h"
#include "services/auth/store.h"

#include "telemetry/metric.h"

/* A sign-up or sign-in on its way through its chain; rq->run->state. The texts are the request's.
 */
struct attempt {
    struct str email;  /* as typed, trimmed */
    struct str key;    /* as compared; of a domain that is none: before */
    struct str before; /* as accounts have it that were made before there was the key */
    bool no_domain;
    struct str password; /* normal */
    struct str typed;    /* trimmed alone: as passwords were hashed before they were made normal */
    struct password_hash hash;
    struct user user; /* sign-in: the row, when known */
    bool known, right;
    bool both; /* sign-in: there are hashes of two kinds, of two durations */
    struct guesser who;
};

static enum err take_keys(struct request *rq, struct attempt *attempt)
{
    enum err err;

    TRY(email_key_before(rq->arena, attempt->email, &attempt->before));
    err = email_key(rq->arena, attempt->email, &attempt->key);
    attempt->no_domain = err == ERR_INVALID;
    if (!attempt->no_domain) return err;
    attempt->key = attempt->before;
    return OK;
done:
    return err;
}

/* Reads both fields and refuses a bad email; what a password must be is the caller's matter. */
static enum err attempt_begin(struct request *rq, struct attempt **out)
{
    struct attempt *attempt = arena_alloc(rq->arena, sizeof *attempt);

    if (!attempt) return ERR_MEMORY;
    attempt->email = str_trim(request_body_text(rq, "email"));
    attempt->typed = str_trim(request_body_text(rq, "password"));
    attempt->password = password_normal(rq->arena, attempt->typed);
    if (!attempt->password.at) return ERR_MEMORY;
    rq->run->state = attempt;
    *out = attempt;
    if (!email_valid(attempt->email)) {
        request_reject(rq, "email", "Email must be valid");
        return OK; /* the other field's errors are to be shown too */
    }
    return take_keys(rq, attempt);
}

/* --- sign up ------------------------------------------------------------------------------- */

/* The last step, in the writer: 201 once the row and its event are on disk. */
static enum err signup_insert(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct settings *settings = rq->run->env->settings;
    const struct attempt *attempt = rq->run->state;
    struct user user = user_new(env_new_id(rq->run->env, tx), attempt->email, attempt->key,
                                &attempt->hash, tx->now);
    struct object_id_text id;
    enum err err;

    err = user_find(tx, rq->arena, STR(""), attempt->before, &(struct user){0});
    if (err == OK) return ERR_EMAIL_IN_USE; /* with the key of before */
    if (err != ERR_NOT_FOUND) return err;
    TRY(user_add(tx, &user));
    if (settings->smtp_url || settings->confirmed_sellers)
        TRY(address_ask(rq->run->env, tx, user.id, user.email));
    id = object_id_text(user.id);
    TRY(reply_session(rq, tx, rp, 201, &user));
    TRY(device_remember(rq, rp, attempt->key, STR("")));
    TRY(audit_entry_put(rq, tx, AUDIT_SIGNED_UP, str_of(id.hex)));
done:
    return err;
}

static enum err signup_hash(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct attempt *attempt = rq->run->state;
    const struct auth *auth = rq->run->env->state;
    enum err err;

    (void)tx;
    (void)rp;
    TRY(address_take(rq, auth->signups));
    TRY(password_hash(attempt->password, &attempt->hash));
    return request_then(rq, IN_WRITER, signup_insert);
done:
    return err;
}

void password_check(struct request *rq, const char *field, struct str password)
{
    if (!password_length_valid(password))
        request_reject(rq, field, "Password must be between 8 and 128 characters");
    else if (rq->run->env->settings->password_blocklist && password_common(password))
        request_reject(rq, field, "Password is too common");
}

/* POST /api/users/signup {email, password}: make an account and sign it in.
 * With SMTP_URL or CONFIRMED_SELLERS a link is mailed that confirms the address.
 * 201 {"email","id"} and the cookie; 400 Email must be valid, Password must be between 8 and 128
 * characters, Password is too common (unless AUTH_PASSWORD_BLOCKLIST=off), Email in use; 429 after
 * SIGNUPS_PER_HOUR from one address. */
static enum err post_users_signup(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct auth *auth = rq->run->env->state;
    struct attempt *attempt;
    enum err err;

    (void)tx;
    (void)rp;
    TRY(attempt_begin(rq, &attempt));
    if (attempt->no_domain) request_reject(rq, "email", "Email must be valid");
    password_check(rq, "password", attempt->password);
    TRY(request_checked(rq));
    TRY(address_check(rq, auth->signups));
    return request_then_in_pool(rq, request_client_network(rq), attempt->key, signup_hash);
done:
    return err;
}

/* --- sign in ------------------------------------------------------------------------------- */

/* The last step, in the writer, for whoever tried: a session, or an entry of a failure in the audit
 * log, whose answer is the same for an unknown email, a wrong password and someone banned. The row
 * is read again: a ban may have come while the password was hashed. */
static enum err signin_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct auth *auth = rq->run->env->state;
    struct attempt *attempt = rq->run->state;
    struct object_id_text id = object_id_text(attempt->user.id);
    bool asked;
    enum err err = OK;

    if (attempt->known) TRY(user_get(tx, rq->arena, attempt->user.id, &attempt->user));
    if (attempt->right && attempt->user.status == USER_ACTIVE) {
        guess_was_right(&auth->guesses, &attempt->who);
        if (attempt->hash.text[0]) /* made otherwise: from now on like everybody's */
            TRY(user_rehash(tx, attempt->user.id, &attempt->user.hash, &attempt->hash));
        if (attempt->hash.text[0]) attempt->user.hash = attempt->hash;
        TRY(factor_ask(rq, tx, &attempt->user, &asked));
        if (asked) return OK;
        return reply_signed_in(rq, tx, rp, &attempt->user, attempt->key, attempt->who.device);
    }
    TRY(audit_entry_put(rq, tx, AUDIT_REFUSED, attempt->known ? str_of(id.hex) : STR("")));
    metric_add(METRIC_SIGN_INS_REFUSED, 1);
    reply_error(rq, ERR_BAD_CREDENTIALS); /* and what was written stays */
done:
    return err;
}

/* Here rather than in the writer, where a batch may be run again. */
static void signin_told(struct request *rq, const struct attempt *attempt)
{
    struct object_id_text id = object_id_text(attempt->user.id);

    if (!attempt->known)
        refusal_log(rq, REFUSED_UNKNOWN, STR(""));
    else if (attempt->user.status == USER_BANNED)
        refusal_log(rq, REFUSED_BANNED, str_of(id.hex));
    else if (!attempt->right)
        refusal_log(rq, REFUSED_PASSWORD, str_of(id.hex));
}

/* In the pool. Whoever the email belongs to, if anyone: the same hashing. */
static enum err signin_verify(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct auth *auth = rq->run->env->state;
    struct attempt *attempt = rq->run->state;
    const struct password_hash *hash = attempt->known ? &attempt->user.hash : &auth->nobody;
    enum err err;
    bool right, as_typed = false;

    (void)tx;
    (void)rp;
    TRY(busy_told(rq, guess_take(&auth->guesses, &attempt->who, rq)));
    right = password_verify(attempt->password, hash);
    if (!right && !str_eq(attempt->typed, attempt->password))
        right = as_typed = password_verify(attempt->typed, hash);
    if (attempt->both) password_verify_other(attempt->password, hash, &auth->nobody);
    attempt->right = attempt->known && right;
    signin_told(rq, attempt);
    if (attempt->right && (as_typed || password_is_imported(hash)))
        TRY(password_hash(attempt->password, &attempt->hash));
    return request_then(rq, IN_WRITER, signin_finish);
done:
    return err;
}

static enum err signin_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct attempt *attempt = rq->run->state;
    enum err err = user_find(tx, rq->arena, attempt->key, attempt->before, &attempt->user);

    (void)rp;
    if (err != OK && err != ERR_NOT_FOUND) return err;
    attempt->known = err == OK;
    TRY(users_imported_left(tx, &attempt->both));
    /* a known device has places of its own: strangers at the account take none of them */
    if (attempt->who.device.len)
        return request_then_in_pool(rq, attempt->who.device, attempt->who.device, signin_verify);
    return request_then_in_pool(rq, attempt->who.address, attempt->key, signin_verify);
done:
    return err;
}

/* POST /api/users/signin {email, password}: a session for someone who has an account.
 * 200 {"email","id"} and the cookie; 400 Email must be valid, You must supply a password, Invalid
 * credentials: the same answer after the same work for an unknown email, a wrong password and
 * someone banned; 401 factor_required, with a token for the second step, when the account has a
 * second factor; 429 after SIGNIN_FAILURES_PER_MINUTE, longer each time up to a quarter of an
 * hour, and after SIGNIN_FAILURES_PER_DAY (guesses.h has whose). No upper bound on the password but
 * the body's: one too long matches nothing. */
static enum err post_users_signin(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct auth *auth = rq->run->env->state;
    struct attempt *attempt;
    enum err err;

    (void)tx;
    (void)rp;
    TRY(attempt_begin(rq, &attempt));
    if (attempt->password.len == 0) {
        request_reject(rq, "password", "You must supply a password");
    }
    TRY(request_checked(rq));
    TRY(guesser_of(rq, attempt->key, &attempt->who));
    TRY(busy_told(rq, guess_check(&auth->guesses, &attempt->who, rq)));
    return request_then(rq, IN_READER, signin_find);
done:
    return err;
}

/* --- sessions ------------------------------------------------------------------------------ */

/* What depends on the visitor is kept by no cache; of somebody signed in the answer says so by
 * itself (http/answer.c). */
static void keep_from_caches(const struct request *rq, struct reply *rp)
{
    if (!rq->user.id.len) reply_header(rp, "Cache-Control", STR("no-store"));
}

static enum err reply_signed_out(struct request *rq, struct reply *rp)
{
    struct json_writer json = reply_json(rp, 200);

    json_begin_object(&json);
    json_end_object(&json);
    session_cookie_clear(&rp->headers, rq->cookie_secure);
    keep_from_caches(rq, rp);
    return OK;
}

static enum err signout_end(struct request *rq, struct tx *tx, struct reply *rp)
{
    enum err err;

    TRY(session_end(rq->run->env, tx, rq->user.id, str_of(rq->user.sid_hash),
                    wall_of_seconds(rq->user.expires_at_s)));
    TRY(audit_entry_put(rq, tx, AUDIT_ENDED, rq->user.id));
    return reply_signed_out(rq, rp);
done:
    return err;
}

/* POST /api/users/signout: end the session, and forget it in this browser. 200 {}, with or without
 * one. */
static enum err post_users_signout(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (rq->user.sid[0]) return request_then(rq, IN_WRITER, signout_end);
    return reply_signed_out(rq, rp);
}

/* POST /api/users/signout-everywhere: end all sessions of the caller. 200 {}; 401. */
static enum err post_users_signout_everywhere(struct request *rq, struct tx *tx, struct reply *rp)
{
    int64_t ended;
    enum err err;

    TRY(sessions_end_all(rq->run->env, tx, rq->user.id, &ended));
    TRY(audit_entry_put(rq, tx, AUDIT_ENDED, rq->user.id));
    return reply_signed_out(rq, rp);
done:
    return err;
}

static enum err reply_current_user(struct request *rq, struct reply *rp)
{
    struct json_writer json = reply_json(rp, 200);

    json_begin_object(&json);
    json_key(&json, "currentUser");
    current_user_json(&json, &rq->user);
    json_end_object(&json);
    keep_from_caches(rq, rp);
    return OK;
}

static enum err currentuser_renew(struct request *rq, struct tx *tx, struct reply *rp)
{
    enum err err;

    TRY(session_renew(rq, tx, rp));
    return reply_current_user(rq, rp);
done:
    return err;
}

/* GET /api/users/currentuser: who the session says is asking.
 * 200 {"currentUser":{"id","email","iat","exp"}}, or {"currentUser":null} without a valid one; exp
 * only when the token has it. Once half of the token's life has gone, a fresh cookie comes with it.
 */
static enum err get_users_currentuser(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (session_is_old(&rq->user, wall_seconds(env_now(rq->run->env))))
        return request_then(rq, IN_WRITER, currentuser_renew);
    return reply_current_user(rq, rp);
}

const struct route auth_routes[AUTH_ROUTES] = {
    {METHOD_POST, "/api/users/signup", ACCESS_PUBLIC, IN_LOOP, .run = post_users_signup},
    {METHOD_POST, "/api/users/signin", ACCESS_PUBLIC, IN_LOOP, .run = post_users_signin},
    {METHOD_POST, "/api/users/signin/factor", ACCESS_PUBLIC, IN_LOOP,
     .run = post_users_signin_factor},
    {METHOD_GET, "/api/users/factor", ACCESS_SESSION, IN_READER, .run = get_users_factor},
    {METHOD_POST, "/api/users/factor", ACCESS_SESSION, IN_LOOP, .run = post_users_factor},
    {METHOD_POST, "/api/users/factor/confirm", ACCESS_SESSION, IN_READER,
     .run = post_users_factor_confirm},
    {METHOD_POST, "/api/users/factor/off", ACCESS_SESSION, IN_LOOP, .run = post_users_factor_off},
    {METHOD_POST, "/api/users/signout", ACCESS_PUBLIC, IN_LOOP, .run = post_users_signout},
    {METHOD_POST, "/api/users/signout-everywhere", ACCESS_SESSION, IN_WRITER,
     .run = post_users_signout_everywhere},
    {METHOD_POST, "/api/users/signout-others", ACCESS_SESSION, IN_WRITER,
     .run = post_users_signout_others},
    {METHOD_GET, "/api/users/sessions", ACCESS_SESSION, IN_READER, .run = get_users_sessions},
    {METHOD_DELETE, "/api/users/sessions/:id", ACCESS_SESSION, IN_WRITER,
     .run = delete_users_session},
    {METHOD_POST, "/api/users/password", ACCESS_SESSION, IN_LOOP, .run = post_users_password},
    {METHOD_GET, "/api/users/currentuser", ACCESS_PUBLIC, IN_LOOP, .run = get_users_currentuser},
    {METHOD_POST, "/api/users/forgot", ACCESS_PUBLIC, IN_LOOP, .run = post_users_forgot},
    {METHOD_POST, "/api/users/reset", ACCESS_PUBLIC, IN_LOOP, .run = post_users_reset},
    {METHOD_POST, "/api/users/email", ACCESS_SESSION, IN_LOOP, .run = post_users_email},
    {METHOD_GET, "/api/users/me", ACCESS_SESSION, IN_READER, .run = get_users_me},
    {METHOD_POST, "/api/users/verification", ACCESS_SESSION, IN_LOOP,
     .run = post_users_verification},
    {METHOD_POST, "/api/users/verify", ACCESS_PUBLIC, IN_LOOP, .run = post_users_verify},
    {METHOD_GET, "/operator/users", ACCESS_OPERATOR, IN_READER, .run = get_operator_users},
    {METHOD_POST, "/operator/users/find", ACCESS_OPERATOR, IN_READER, .run = post_operator_find},
    {METHOD_POST, "/operator/users/reset-link", ACCESS_OPERATOR, IN_WRITER,
     .run = post_operator_reset_link, .audit = "user.reset_link"},
    {METHOD_POST, "/operator/users/factor-off", ACCESS_OPERATOR, IN_WRITER,
     .run = post_operator_factor_off, .audit = "user.factor_off"},
    {METHOD_POST, "/operator/users/show", ACCESS_OPERATOR, IN_READER, .run = post_operator_show},
    {METHOD_POST, "/operator/users/grant", ACCESS_OPERATOR, IN_WRITER, .run = post_operator_grant,
     .audit = "user.role_granted"},
    {METHOD_POST, "/operator/users/revoke", ACCESS_OPERATOR, IN_WRITER, .run = post_operator_revoke,
     .audit = "user.role_revoked"},
    {METHOD_POST, "/operator/users/ban", ACCESS_OPERATOR, IN_WRITER, .run = post_operator_ban,
     .audit = "user.banned"},
    {METHOD_POST, "/operator/users/unban", ACCESS_OPERATOR, IN_WRITER, .run = post_operator_unban,
     .audit = "user.unbanned"},
};
