/* services/auth/factor/factor_setup.c: a second factor is set up: a secret for the user's app, and
 * a code of it that shows that the app has it. */
#include "base/percent.h"

#include "services/auth/account/own_password.h"
#include "services/auth/factor/factor.h"
#include "services/auth/store.h"

#define URL_BYTES 1024

/* GET /api/users/factor: whether sign-in asks for a code, and how many recovery codes are left. 200
 * {"on","recoveryCodes"}; 401. */
enum err get_users_factor(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    struct user user;
    int64_t left;
    bool on;
    enum err err;

    TRY(account_of(rq, tx, &user));
    TRY(factor_is_on(tx, user.id, &on));
    TRY(recovery_count(tx, user.id, &left));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_member_bool(&json, "on", on);
    json_member_int(&json, "recoveryCodes", left);
    json_end_object(&json);
done:
    return err;
}

/* --- a secret ------------------------------------------------------------------------------ */

/* What apps read from a link or a picture: otpauth://totp/Boxoffice:EMAIL?secret=…&issuer=… */
static bool put_url(struct buf *out, struct str email, struct str secret)
{
    buf_append(out, STR("otpauth://totp/Boxoffice:"));
    percent_encode(out, email, "@");
    buf_append(out, STR("?secret="));
    buf_append(out, secret);
    buf_append(out, STR("&issuer=Boxoffice"));
    return !out->failed;
}

static enum err setup_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct totp_secret secret;
    struct totp_text text;
    struct json_writer json;
    struct buf url;
    struct user user;
    bool right, put;
    enum err err;

    TRY(own_password_settle(rq, tx, rq->run->state, &user, &right));
    if (!right) return OK;
    random_fill(rq->run->env->random, secret.bytes, sizeof secret.bytes);
    TRY(factor_put(tx, user.id, &secret, &put));
    if (!put) return ERR_WRONG_STATUS;
    text = totp_secret_text(&secret);
    buf_init(&url, rq->arena, URL_BYTES);
    if (!put_url(&url, user.email, str_of(text.text))) return ERR_MEMORY;
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_member_text(&json, "secret", str_of(text.text));
    json_member_text(&json, "url", buf_str(&url));
    json_end_object(&json);
done:
    return err;
}

/* In the pool. */
static enum err setup_verify(struct request *rq, struct tx *tx, struct reply *rp)
{
    enum err err;

    (void)tx, (void)rp;
    TRY(own_password_verify(rq, rq->run->state));
    return request_then(rq, IN_WRITER, setup_finish);
done:
    return err;
}

static enum err setup_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rp;
    return own_password_find(rq, tx, rq->run->state, setup_verify);
}

/* POST /api/users/factor {password}: a secret for the user's app. Sign-in asks for no code before
 * one was confirmed; asking again makes another secret. 200 {"secret","url"}; 400 You must supply a
 * password, Invalid credentials; 401; 409 wrong_status: there is one that is on; 429 as for signing
 * in. */
enum err post_users_factor(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct own_password *own = arena_alloc(rq->arena, sizeof *own);
    enum err err;

    (void)tx, (void)rp;
    if (!own) return ERR_MEMORY;
    rq->run->state = own;
    TRY(own_password_read(rq, own));
    TRY(request_checked(rq));
    return request_then(rq, IN_READER, setup_find);
done:
    return err;
}

/* --- the app has it ------------------------------------------------------------------------ */

/* rq->run->state */
struct confirmation {
    struct user user;
    struct factor_use use;
};

static enum err confirm_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct confirmation *state = rq->run->state;
    struct factor factor;
    struct json_writer json;
    enum err err = factor_get(tx, state->user.id, &factor);

    if (err == ERR_NOT_FOUND || (err == OK && factor.on)) return ERR_WRONG_STATUS;
    TRY(err);
    TRY(factor_take(rq, tx, state->user.id, &state->use));
    TRY(factor_turn_on(tx, state->user.id));
    TRY(factor_told(rq, tx, state->user.id, true));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_key(&json, "recoveryCodes");
    TRY(recovery_codes_make(rq->run->env, tx, state->user.id, &json));
    json_end_object(&json);
done:
    return err;
}

/* POST /api/users/factor/confirm {code}: from now on sign-in asks for a code. 200
 * {"recoveryCodes"}, which are shown this once; 400 You must supply a code, This code is not right,
 * or was used; 401; 409 wrong_status: none is being set up; 429 as for signing in. */
enum err post_users_factor_confirm(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct confirmation *state = arena_alloc(rq->arena, sizeof *state);
    struct guesser who;
    struct factor factor;
    enum err err;

    (void)rp;
    if (!state) return ERR_MEMORY;
    rq->run->state = state;
    TRY(account_of(rq, tx, &state->user));
    err = factor_get(tx, state->user.id, &factor);
    if (err == ERR_NOT_FOUND || (err == OK && factor.on)) return ERR_WRONG_STATUS;
    TRY(err);
    TRY(guesser_of(rq, state->user.email_key, &who));
    TRY(factor_look(rq, tx, &state->user, &factor, &who, &state->use));
    return request_then(rq, IN_WRITER, confirm_finish);
done:
    return err;
}
