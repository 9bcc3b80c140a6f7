/* services/auth/routes.c: sign up, sign in, sign out, and who is asking.
 *
 * Hashing takes milliseconds, so the two that hash are chains: check the request in the loop, hash
 * in the pool, touch the database where that is done. */
#include "services/auth/auth.h"
#include "services/auth/blocklist.h"
#include "services/auth/session.h"
#include "services/auth/store.h"

#include "base/metric.h"

/* A sign-up or sign-in on its way through its chain; rq->state. The texts are the request's. */
struct attempt {
    struct str email;    /* as typed */
    struct str key;      /* as compared */
    struct str password; /* trimmed */
    struct password_hash hash;
    struct user user; /* sign-in: the row, when known */
    bool known, right;
    bool both; /* sign-in: there are hashes of two kinds, of two durations */
};

/* Reads both fields and refuses a bad email; what a password must be is the caller's matter. */
static enum err attempt_begin(struct request *rq, struct attempt **out)
{
    struct attempt *attempt = arena_alloc(rq->arena, sizeof *attempt);

    if (!attempt) return ERR_MEMORY;
    attempt->email = request_body_text(rq, "email");
    attempt->password = str_trim(request_body_text(rq, "password"));
    rq->state = attempt;
    *out = attempt;
    if (!email_valid(attempt->email)) {
        request_reject(rq, "email", "Email must be valid");
        return OK; /* the other field's errors are to be shown too */
    }
    return email_key(rq->arena, attempt->email, &attempt->key);
}

/* {"email","id"}, the session with its record and cookie, and the trail. In the writer. */
static enum err reply_signed_in(struct request *rq, struct tx *tx, struct reply *rp, int status,
                                const struct user *user)
{
    struct object_id_text id = object_id_text(user->id);
    struct json_writer json = reply_json(rp, status);
    enum err err;

    json_begin_object(&json);
    json_key(&json, "email");
    json_put_text(&json, user->email);
    json_key(&json, "id");
    json_put_text(&json, str_of(id.hex));
    json_end_object(&json);
    TRY(session_open(rq, tx, rp, user));
    TRY(trail_put(rq, tx, status == 201 ? TRAIL_SIGNED_UP : TRAIL_STARTED, str_of(id.hex)));
done:
    return err;
}

/* --- sign up ------------------------------------------------------------------------------- */

/* The last step, in the writer: 201 once the row and its event are on disk. */
static enum err signup_insert(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct attempt *attempt = rq->state;
    struct user user =
        user_new(env_new_id(rq->env, tx), attempt->email, attempt->key, &attempt->hash, tx->now_ms);
    enum err err;

    TRY(user_insert(tx, &user)); /* ERR_EMAIL_IN_USE from the unique index */
    TRY(publish_user_created(tx, &(struct user_created){
                                     .id = user.id,
                                     .version = user.version,
                                     .email = user.email,
                                     .status = user_status_text(user.status),
                                 }));
    TRY(reply_signed_in(rq, tx, rp, 201, &user));
done:
    return err;
}

static enum err signup_hash(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct attempt *attempt = rq->state;
    const struct auth *auth = rq->env->state;
    enum err err;

    (void)tx;
    (void)rp;
    TRY(limit_take(auth->signups, request_client_network(rq), env_now_ms(rq->env), rq));
    TRY(password_hash(attempt->password, &attempt->hash));
    return request_then(rq, IN_WRITER, signup_insert);
done:
    return err;
}

/* POST /api/users/signup {email, password}: make an account and sign it in.
 * 201 {"email","id"} and the cookie; 400 Email must be valid, Password must be between 8 and 128
 * characters, Password is too common (unless AUTH_PASSWORD_BLOCKLIST=off), Email in use; 429 after
 * SIGNUPS_PER_HOUR from one address. */
static enum err post_users_signup(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct auth *auth = rq->env->state;
    struct attempt *attempt;
    enum err err;

    (void)tx;
    (void)rp;
    TRY(attempt_begin(rq, &attempt));
    if (!password_length_valid(attempt->password)) {
        request_reject(rq, "password", "Password must be between 8 and 128 characters");
    } else if (rq->env->settings->password_blocklist && password_common(attempt->password)) {
        request_reject(rq, "password", "Password is too common");
    }
    TRY(request_checked(rq));
    TRY(limit_look(auth->signups, request_client_network(rq), env_now_ms(rq->env), rq));
    return request_then(rq, IN_POOL, signup_hash);
done:
    return err;
}

/* --- sign in ------------------------------------------------------------------------------- */

/* A failure is counted before it is known to be one, so that many guesses at once are counted as
 * many. Only what is about to be hashed counts: nobody runs out of guesses in a full queue. */
static enum err count_guess(struct request *rq, const struct attempt *attempt)
{
    const struct auth *auth = rq->env->state;
    struct str network = request_client_network(rq);
    int64_t now_ms = env_now_ms(rq->env);
    enum err err;

    TRY(limit_take(auth->address_failures, network, now_ms, rq));
    TRY(limit_take(auth->account_failures, attempt->key, now_ms, rq));
done:
    return err;
}

/* It was no guess. The account starts afresh; the address does not, or somebody with an account
 * could guess at others' for ever by signing in to it now and then. */
static void uncount_guess(struct request *rq, const struct attempt *attempt)
{
    const struct auth *auth = rq->env->state;

    limit_forget(auth->account_failures, attempt->key);
    limit_give_back(auth->address_failures, request_client_network(rq));
}

/* The last step, in the writer, for whoever tried: a session, or the trail of a failure, whose
 * answer is the same for an unknown email, a wrong password and someone banned. The row is read
 * again: a ban may have come while the password was hashed. */
static enum err signin_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct attempt *attempt = rq->state;
    struct object_id_text id = object_id_text(attempt->user.id);
    enum err err = OK;

    if (attempt->known) TRY(user_get(tx, rq->arena, attempt->user.id, &attempt->user));
    if (attempt->right && attempt->user.status == USER_ACTIVE) {
        uncount_guess(rq, attempt);
        if (attempt->hash.text[0]) /* from the Node application: from now on like everybody's */
            TRY(user_rehash(tx, attempt->user.id, &attempt->user.hash, &attempt->hash));
        return reply_signed_in(rq, tx, rp, 200, &attempt->user);
    }
    TRY(trail_put(rq, tx, TRAIL_REFUSED, attempt->known ? str_of(id.hex) : STR("")));
    metric_add(METRIC_SIGN_INS_REFUSED, 1);
    reply_error(rq, ERR_BAD_CREDENTIALS); /* and what was written stays */
done:
    return err;
}

/* In the pool. Whoever the email belongs to, if anyone: the same hashing. */
static enum err signin_verify(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct auth *auth = rq->env->state;
    struct attempt *attempt = rq->state;
    const struct password_hash *hash = attempt->known ? &attempt->user.hash : &auth->nobody;
    enum err err;
    bool right;

    (void)tx;
    (void)rp;
    TRY(count_guess(rq, attempt));
    right = password_verify(attempt->password, hash);
    if (attempt->both) password_verify_other(attempt->password, hash, &auth->nobody);
    attempt->right = attempt->known && right;
    if (attempt->right && password_is_imported(hash))
        TRY(password_hash(attempt->password, &attempt->hash));
    return request_then(rq, IN_WRITER, signin_finish);
done:
    return err;
}

static enum err signin_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct attempt *attempt = rq->state;
    enum err err = user_find(tx, rq->arena, attempt->key, &attempt->user);

    (void)rp;
    if (err != OK && err != ERR_NOT_FOUND) return err;
    attempt->known = err == OK;
    TRY(users_imported_left(tx, &attempt->both));
    return request_then(rq, IN_POOL, signin_verify);
done:
    return err;
}

/* POST /api/users/signin {email, password}: a session for someone who has an account.
 * 200 {"email","id"} and the cookie; 400 Email must be valid, You must supply a password, Invalid
 * credentials: the same answer after the same work for an unknown email, a wrong password and
 * someone banned; 429 after SIGNIN_FAILURES_PER_MINUTE for the account or from the address, longer
 * each time up to a quarter of an hour. No upper bound on the password but the body's: one too long
 * matches nothing. */
static enum err post_users_signin(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct auth *auth = rq->env->state;
    struct attempt *attempt;
    enum err err;

    (void)tx;
    (void)rp;
    TRY(attempt_begin(rq, &attempt));
    if (attempt->password.len == 0) {
        request_reject(rq, "password", "You must supply a password");
    }
    TRY(request_checked(rq));
    TRY(limit_look(auth->address_failures, request_client_network(rq), env_now_ms(rq->env), rq));
    TRY(limit_look(auth->account_failures, attempt->key, env_now_ms(rq->env), rq));
    return request_then(rq, IN_READER, signin_find);
done:
    return err;
}

/* --- sessions ------------------------------------------------------------------------------ */

static enum err reply_signed_out(struct request *rq, struct reply *rp)
{
    struct json_writer json = reply_json(rp, 200);

    json_begin_object(&json);
    json_end_object(&json);
    session_clear(rp, rq->cookie_secure);
    return OK;
}

static enum err signout_end(struct request *rq, struct tx *tx, struct reply *rp)
{
    enum err err;

    TRY(session_end(rq->env, tx, str_of(rq->user.sid_hash)));
    TRY(trail_put(rq, tx, TRAIL_ENDED, rq->user.id));
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

    TRY(sessions_end_all(rq->env, tx, rq->user.id, &ended));
    TRY(trail_put(rq, tx, TRAIL_ENDED, rq->user.id));
    return reply_signed_out(rq, rp);
done:
    return err;
}

static enum err reply_current_user(struct request *rq, struct reply *rp)
{
    const struct session_user *user = &rq->user;
    struct json_writer json = reply_json(rp, 200);

    json_begin_object(&json);
    json_key(&json, "currentUser");
    if (user->id.len) {
        json_begin_object(&json);
        json_key(&json, "id");
        json_put_text(&json, user->id);
        json_key(&json, "email");
        json_put_text(&json, user->email);
        json_key(&json, "iat");
        json_put_int(&json, user->issued_at_s);
        if (user->expires_at_s) {
            json_key(&json, "exp");
            json_put_int(&json, user->expires_at_s);
        }
        json_end_object(&json);
    } else {
        json_put_null(&json);
    }
    json_end_object(&json);
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
    if (session_is_old(&rq->user, env_now_ms(rq->env) / 1000))
        return request_then(rq, IN_WRITER, currentuser_renew);
    return reply_current_user(rq, rp);
}

const struct route auth_routes[AUTH_ROUTES] = {
    {METHOD_POST, "/api/users/signup", ACCESS_PUBLIC, IN_LOOP, post_users_signup},
    {METHOD_POST, "/api/users/signin", ACCESS_PUBLIC, IN_LOOP, post_users_signin},
    {METHOD_POST, "/api/users/signout", ACCESS_PUBLIC, IN_LOOP, post_users_signout},
    {METHOD_POST, "/api/users/signout-everywhere", ACCESS_SESSION, IN_WRITER,
     post_users_signout_everywhere},
    {METHOD_GET, "/api/users/currentuser", ACCESS_PUBLIC, IN_LOOP, get_users_currentuser},
    {METHOD_GET, "/operator/users/banned", ACCESS_OPERATOR, IN_READER, get_operator_banned},
    {METHOD_POST, "/operator/users/ban", ACCESS_OPERATOR, IN_WRITER, post_operator_ban},
    {METHOD_POST, "/operator/users/unban", ACCESS_OPERATOR, IN_WRITER, post_operator_unban},
};
