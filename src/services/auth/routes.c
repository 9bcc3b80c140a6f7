/* services/auth/routes.c: sign up, sign in, sign out, and who is asking.
 *
 * Hashing takes milliseconds, so the two that hash are chains: check the request in the loop, hash
 * in the pool, touch the database where that is done. */
#include "services/auth/auth.h"
#include "services/auth/blocklist.h"
#include "services/auth/store.h"

/* A sign-up or sign-in on its way through its chain; rq->state. The texts are the request's. */
struct attempt {
    struct str email;    /* as typed */
    struct str key;      /* as compared */
    struct str password; /* trimmed */
    struct password_hash hash;
    struct user user; /* sign-in: the row, when known */
    bool known;
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

/* {"email","id"} and the session cookie. */
static enum err reply_signed_in(struct request *rq, struct reply *rp, int status,
                                const struct user *user, int64_t now_ms)
{
    struct object_id_text id = object_id_text(user->id);
    struct session_user session = {
        .id = str_of(id.hex),
        .email = user->email,
        .issued_at_s = now_ms / 1000,
        .expires_at_s = now_ms / 1000 + SESSION_MAX_AGE_S,
    };
    struct json_writer json = reply_json(rp, status);

    json_begin_object(&json);
    json_key(&json, "email");
    json_put_text(&json, user->email);
    json_key(&json, "id");
    json_put_text(&json, str_of(id.hex));
    json_end_object(&json);
    return session_start(rq->env->keys, rp, rq->arena, &session, rq->cookie_secure);
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
    return reply_signed_in(rq, rp, 201, &user, tx->now_ms);
done:
    return err;
}

static enum err signup_hash(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct attempt *attempt = rq->state;
    enum err err;

    (void)tx;
    (void)rp;
    TRY(password_hash(attempt->password, &attempt->hash));
    return request_then(rq, IN_WRITER, signup_insert);
done:
    return err;
}

/* POST /api/users/signup {email, password}: make an account and sign it in.
 * 201 {"email","id"} and the cookie; 400 Email must be valid, Password must be between 8 and 128
 * characters, Password is too common (unless AUTH_PASSWORD_BLOCKLIST=off), Email in use. */
static enum err post_users_signup(struct request *rq, struct tx *tx, struct reply *rp)
{
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
    return request_then(rq, IN_POOL, signup_hash);
done:
    return err;
}

/* --- sign in ------------------------------------------------------------------------------- */

/* After the first sign-in of someone from the Node application, in the writer: their password as
 * everybody's. */
static enum err signin_rehash(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct attempt *attempt = rq->state;
    enum err err;

    TRY(user_rehash(tx, attempt->user.id, &attempt->user.hash, &attempt->hash));
    return reply_signed_in(rq, rp, 200, &attempt->user, tx->now_ms);
done:
    return err;
}

/* The last step, in the pool. Whoever the email belongs to, if anyone: the same hashing, then one
 * answer. */
static enum err signin_verify(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct auth *auth = rq->env->state;
    struct attempt *attempt = rq->state;
    const struct password_hash *hash = attempt->known ? &attempt->user.hash : &auth->nobody;
    bool right = password_verify(attempt->password, hash);

    (void)tx;
    if (attempt->both) password_verify_other(attempt->password, hash, &auth->nobody);
    if (!attempt->known || !right) return ERR_BAD_CREDENTIALS;
    if (attempt->user.status != USER_ACTIVE) return ERR_BAD_CREDENTIALS;
    if (password_is_imported(hash) && password_hash(attempt->password, &attempt->hash) == OK)
        return request_then(rq, IN_WRITER, signin_rehash);
    return reply_signed_in(rq, rp, 200, &attempt->user, env_now_ms(rq->env));
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
 * someone banned. No upper bound on the password but the body's: one too long matches nothing. */
static enum err post_users_signin(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct attempt *attempt;
    enum err err;

    (void)tx;
    (void)rp;
    TRY(attempt_begin(rq, &attempt));
    if (attempt->password.len == 0) {
        request_reject(rq, "password", "You must supply a password");
    }
    TRY(request_checked(rq));
    return request_then(rq, IN_READER, signin_find);
done:
    return err;
}

/* --- sessions ------------------------------------------------------------------------------ */

/* POST /api/users/signout: forget the session in this browser. 200 {}, with or without one. */
static enum err post_users_signout(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json = reply_json(rp, 200);

    (void)tx;
    json_begin_object(&json);
    json_end_object(&json);
    session_clear(rp, rq->cookie_secure);
    return OK;
}

/* GET /api/users/currentuser: who the session says is asking.
 * 200 {"currentUser":{"id","email","iat","exp"}}, or {"currentUser":null} without a valid one; exp
 * only when the token has it. */
static enum err get_users_currentuser(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct session_user *user = &rq->user;
    struct json_writer json = reply_json(rp, 200);

    (void)tx;
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

const struct route auth_routes[AUTH_ROUTES] = {
    {METHOD_POST, "/api/users/signup", ACCESS_PUBLIC, IN_LOOP, post_users_signup},
    {METHOD_POST, "/api/users/signin", ACCESS_PUBLIC, IN_LOOP, post_users_signin},
    {METHOD_POST, "/api/users/signout", ACCESS_PUBLIC, IN_LOOP, post_users_signout},
    {METHOD_GET, "/api/users/currentuser", ACCESS_PUBLIC, IN_LOOP, get_users_currentuser},
};
