/* services/auth/account/change_password.c: a new password for who is signed in and knows the old
 * one. */
#include "services/auth/account/own_password.h"
#include "services/auth/links.h"
#include "services/auth/session.h"
#include "services/auth/store.h"

/* rq->run->state; the texts are the request's. */
struct password_change {
    struct own_password old;
    struct str fresh; /* normal */
    struct password_hash hash;
};

enum err password_tell(struct env *env, struct tx *tx, struct object_id user_id)
{
    struct object_id_text id = object_id_text(user_id);

    return publish_password_changed(
        tx, &(struct password_changed){.id = env_new_id(env, tx), .user_id = str_of(id.hex)});
}

static enum err password_change_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct password_change *change = rq->run->state;
    struct json_writer json;
    struct user user;
    int64_t ended;
    bool right;
    enum err err;

    TRY(own_password_settle(rq, tx, &change->old, &user, &right));
    if (!right) return OK;
    TRY(user_rehash(tx, user.id, &user.hash, &change->hash));
    TRY(links_delete(tx, user.id));
    TRY(sessions_end_all(rq->run->env, tx, rq->user.id, &ended));
    TRY(audit_entry_put(rq, tx, AUDIT_ENDED, rq->user.id));
    TRY(password_tell(rq->run->env, tx, user.id));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_end_object(&json);
    TRY(session_open(rq, tx, rp, &user));
    TRY(audit_entry_put(rq, tx, AUDIT_STARTED, rq->user.id));
done:
    return err;
}

/* In the pool. */
static enum err password_change_hash(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct password_change *change = rq->run->state;
    enum err err;

    (void)tx, (void)rp;
    TRY(own_password_verify(rq, &change->old));
    if (change->old.right) TRY(password_hash(change->fresh, &change->hash));
    return request_then(rq, IN_WRITER, password_change_finish);
done:
    return err;
}

static enum err password_change_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct password_change *change = rq->run->state;

    (void)rp;
    return own_password_find(rq, tx, &change->old, password_change_hash);
}

/* POST /api/users/password {password, newPassword}: another password. All sessions end, and this
 * one goes on with a new cookie. 200 {}; 400 You must supply a password, Password must be between 8
 * and 128 characters, Password is too common, Invalid credentials; 401 no session, or one of an
 * account that is not kept here; 429 as for signing in. */
enum err post_users_password(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct password_change *change = arena_alloc(rq->arena, sizeof *change);
    enum err err;

    (void)tx, (void)rp;
    if (!change) return ERR_MEMORY;
    rq->run->state = change;
    TRY(own_password_read(rq, &change->old));
    change->fresh = password_normal(rq->arena, str_trim(request_body_text(rq, "newPassword")));
    if (!change->fresh.at) return ERR_MEMORY;
    password_check(rq, "newPassword", change->fresh);
    TRY(request_checked(rq));
    return request_then(rq, IN_READER, password_change_find);
done:
    return err;
}
