/* services/auth/account/confirm_address.c: that an address is its user's own, by a link that was
 * mailed to it; with it a new one becomes the account's. */
#include "services/auth/auth.h"
#include "services/auth/documents.h"
#include "services/auth/factor/factor.h"
#include "services/auth/links.h"
#include "services/auth/session.h"
#include "services/auth/store.h"

/* GET /api/users/me: the account of who asks, as it is now, whatever the token says of it.
 * 200 {"id","email","confirmed"}; 401 no session, or one of an account that is not kept here. */
enum err get_users_me(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    struct role_set roles;
    struct user user;
    bool withheld;
    enum err err;

    TRY(account_of(rq, tx, &user));
    TRY(roles_in_session(rq->run->env, tx, user.id, &roles, &withheld));
    json = reply_json(rp, 200);
    account_json(&json, &user, withheld);
done:
    return err;
}

enum err address_asked(struct request *rq)
{
    const struct auth *auth = rq->run->env->state;
    struct mono_ms now = env_mono(rq->run->env);
    enum err err;

    TRY(busy_told(rq, limit_check(auth->confirmations, rq->user.id, now, rq)));
    TRY(address_take(rq, auth->resets));
    TRY(busy_told(rq, limit_take(auth->confirmations, rq->user.id, now, rq)));
done:
    return err;
}

static enum err verification_send(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    struct user user;
    enum err err;

    TRY(account_of(rq, tx, &user));
    TRY(address_ask(rq->run->env, tx, user.id, user.email));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_end_object(&json);
done:
    return err;
}

/* POST /api/users/verification: the link that confirms the account's address is mailed once more.
 * 200 {}; 401 as above; 429 after CONFIRMATIONS_AN_HOUR of one account, or RESETS_PER_HOUR from one
 * address. */
enum err post_users_verification(struct request *rq, struct tx *tx, struct reply *rp)
{
    enum err err;

    (void)tx, (void)rp;
    TRY(address_asked(rq));
    return request_then(rq, IN_WRITER, verification_send);
done:
    return err;
}

/* What the link says of its user becomes so; *changed: it is another address than before. */
static enum err address_confirm(struct request *rq, struct tx *tx, const struct link *link,
                                struct user *user, bool *changed)
{
    struct object_id_text id = object_id_text(link->user_id);
    enum err err = user_get(tx, rq->arena, link->user_id, user);

    if (err == ERR_NOT_FOUND) return ERR_LINK_USED;
    TRY(err);
    if (user->status != USER_ACTIVE) return ERR_LINK_USED;
    *changed = !str_eq(link->email, user->email);
    if (*changed) TRY(address_change(rq, tx, link->email, user));
    user_confirm(user, tx->now);
    TRY(user_save(rq->run->env, tx, user));
    TRY(audit_put(
        rq->run->env, tx,
        &(struct audit){.action = *changed ? "user.address_changed" : "user.address_confirmed",
                        .actor = str_of(id.hex),
                        .address = rq->client}));
done:
    return err;
}

/* Of the sessions that ended the one in this browser goes on, anew. */
static enum err session_go_on(struct request *rq, struct tx *tx, struct reply *rp,
                              const struct user *user)
{
    enum err err;

    TRY(session_open(rq, tx, rp, user));
    TRY(device_remember(rq, rp, user->email_key, STR("")));
    TRY(audit_entry_put(rq, tx, AUDIT_STARTED, rq->user.id));
done:
    return err;
}

static enum err verify_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id_text id;
    struct json_writer json;
    struct link link;
    struct user user;
    bool changed;
    enum err err;

    TRY(link_take(rq->run->env, tx, rq->arena, LINK_ADDRESS, request_body_text(rq, "token"),
                  &link));
    TRY(address_confirm(rq, tx, &link, &user, &changed));
    id = object_id_text(user.id);
    json = reply_json(rp, 200);
    account_json(&json, &user, false);
    reply_header(rp, "Cache-Control", STR("no-store"));
    if (changed && str_eq(rq->user.id, str_of(id.hex))) TRY(session_go_on(rq, tx, rp, &user));
done:
    return err;
}

static enum err verify_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct link link;
    enum err err;

    (void)rp;
    TRY(link_look(rq, tx, LINK_ADDRESS, request_body_text(rq, "token"), &link));
    return request_then(rq, IN_WRITER, verify_finish);
done:
    return err;
}

/* POST /api/users/verify {token}: the address is confirmed, by a link that was mailed to it. When
 * it is another one than the account's, it becomes that: every session ends, and the caller's, if
 * it is one of them, goes on with a new cookie. Nobody else is signed in by that. 200
 * {"id","email","confirmed"}; 400 This link was used or is too old, Email in use; 429 after
 * RESETS_PER_HOUR wrong links from one address. */
enum err post_users_verify(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct auth *auth = rq->run->env->state;
    enum err err;

    (void)tx, (void)rp;
    TRY(address_check(rq, auth->resets));
    return request_then(rq, IN_READER, verify_find);
done:
    return err;
}
