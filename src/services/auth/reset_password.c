/* services/auth/reset_password.c: a new password for who has lost the old one, by a link that came
 * by another way.
 *
 * A chain as signing in: the link is looked at before anything is hashed, and taken in the writer,
 * so that of many who open it at once one is let in. */
#include "services/auth/auth.h"
#include "services/auth/factor/factor.h"
#include "services/auth/links.h"
#include "services/auth/session.h"
#include "services/auth/store.h"

/* rq->run->state; the texts are the request's. */
struct password_reset {
    struct str token;
    struct str fresh; /* normal */
    struct password_hash hash;
};

/* The user of the link, who may come in. */
static enum err reset_user(struct request *rq, struct tx *tx, const struct link *link,
                           struct user *user)
{
    enum err err = user_get(tx, rq->arena, link->user_id, user);

    if (err == ERR_NOT_FOUND) return ERR_LINK_USED;
    return err == OK && user->status != USER_ACTIVE ? ERR_LINK_USED : err;
}

static enum err reset_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct password_reset *reset = rq->run->state;
    struct object_id_text id;
    struct link link;
    struct user user;
    int64_t ended;
    bool asked;
    enum err err;

    TRY(link_take(rq->run->env, tx, rq->arena, LINK_RESET, reset->token, &link));
    TRY(reset_user(rq, tx, &link, &user));
    id = object_id_text(user.id);
    TRY(user_rehash(tx, user.id, &user.hash, &reset->hash));
    TRY(links_delete(tx, user.id));
    TRY(sessions_end_all(rq->run->env, tx, str_of(id.hex), &ended));
    TRY(audit_put(rq->run->env, tx,
                  &(struct audit){.action = "user.password_reset",
                                  .actor = str_of(id.hex),
                                  .address = rq->client}));
    TRY(password_tell(rq->run->env, tx, user.id));
    user.hash = reset->hash;
    TRY(factor_ask(rq, tx, &user, &asked));
    if (asked) return OK;
    TRY(reply_session(rq, tx, rp, 200, &user));
    TRY(device_remember(rq, rp, user.email_key, device_of(rq, user.email_key)));
    TRY(audit_entry_put(rq, tx, AUDIT_STARTED, str_of(id.hex)));
done:
    return err;
}

/* In the pool. */
static enum err reset_hash(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct password_reset *reset = rq->run->state;
    enum err err;

    (void)tx, (void)rp;
    TRY(password_hash(reset->fresh, &reset->hash));
    return request_then(rq, IN_WRITER, reset_finish);
done:
    return err;
}

static enum err reset_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct password_reset *reset = rq->run->state;
    struct link link;
    struct user user;
    enum err err;

    (void)rp;
    TRY(link_look(rq, tx, LINK_RESET, reset->token, &link));
    TRY(reset_user(rq, tx, &link, &user));
    return request_then_in_pool(rq, request_client_network(rq), user.email_key, reset_hash);
done:
    return err;
}

/* POST /api/users/reset {token, password}: a new password, by a link that was sent. Every session
 * of the account ends, and one begins. 200 {"email","id"} and the cookie; 400 Password must be
 * between 8 and 128 characters, Password is too common, This link was used or is too old; 401
 * factor_required when the account has a second factor: it is changed, and the second step is as at
 * sign-in; 429 after
 * RESETS_PER_HOUR wrong links from one address. */
enum err post_users_reset(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct auth *auth = rq->run->env->state;
    struct password_reset *reset = arena_alloc(rq->arena, sizeof *reset);
    enum err err;

    (void)tx, (void)rp;
    if (!reset) return ERR_MEMORY;
    rq->run->state = reset;
    reset->token = request_body_text(rq, "token");
    reset->fresh = password_normal(rq->arena, str_trim(request_body_text(rq, "password")));
    if (!reset->fresh.at) return ERR_MEMORY;
    password_check(rq, "password", reset->fresh);
    TRY(request_checked(rq));
    TRY(address_check(rq, auth->resets));
    return request_then(rq, IN_READER, reset_find);
done:
    return err;
}

/* POST /operator/users/reset-link {user}: a link to a new password, good once and for an hour, to
 * be handed to whoever the operator knows to be the user. 200 {"id","email","url","expiresAt"};
 * 400; 404; 409 wrong_status: banned. */
enum err post_operator_reset_link(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id_text id;
    struct link_token token;
    struct json_writer json;
    struct link link;
    struct user user;
    struct buf url;
    enum err err;

    TRY(operator_user(rq, tx, &user));
    if (user.status != USER_ACTIVE) return ERR_WRONG_STATUS;
    TRY(link_open(rq->run->env, tx, LINK_RESET, user.id, STR(""), &link));
    token = link_token_make(rq->run->env->keys, LINK_RESET, link.id);
    buf_init(&url, rq->arena, URL_BYTES_MAX);
    env_public_url(rq->run->env, &url);
    buf_append(&url, STR("/auth/reset?token="));
    buf_append(&url, str_of(token.text));
    if (url.failed) return ERR_MEMORY;
    id = object_id_text(user.id);
    TRY(request_changed_id(rq, user.id, STR("")));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_member_text(&json, "id", str_of(id.hex));
    json_member_text(&json, "email", user.email);
    json_member_text(&json, "url", buf_str(&url));
    json_member_time(&json, "expiresAt", link.ends_at);
    json_end_object(&json);
done:
    return err;
}
