/* services/auth/change_password.c: a new password for who is signed in and knows the old one.
 *
 * The same chain as signing in, with the same limits on guessing: a session left open somewhere is
 * no way to find the password out. */
#include "services/auth/auth.h"
#include "services/auth/email.h"
#include "services/auth/links.h"
#include "services/auth/session.h"
#include "services/auth/store.h"

#include "telemetry/metric.h"

/* rq->run->state; the texts are the request's. */
struct password_change {
    struct object_id user_id;
    struct str old, old_typed, fresh; /* normal; trimmed alone, as passwords once were; normal */
    struct user user;
    struct password_hash hash; /* of the new one */
    bool right;
    struct guesser who;
};

enum err password_tell(struct env *env, struct tx *tx, struct object_id user_id)
{
    struct object_id_text id = object_id_text(user_id);

    return publish_password_changed(
        tx, &(struct password_changed){.id = env_new_id(env, tx), .user_id = str_of(id.hex)});
}

/* The last step, in the writer. The row is read again: whoever changed it meanwhile was first. */
static enum err password_change_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct auth *auth = rq->run->env->state;
    const struct password_change *change = rq->run->state;
    struct json_writer json;
    struct user user;
    int64_t ended;
    enum err err = OK;

    TRY(user_get(tx, rq->arena, change->user_id, &user));
    if (!change->right || user.status != USER_ACTIVE ||
        strcmp(user.hash.text, change->user.hash.text) != 0) {
        TRY(audit_entry_put(rq, tx, AUDIT_REFUSED, rq->user.id));
        metric_add(METRIC_SIGN_INS_REFUSED, 1);
        reply_error(rq, ERR_BAD_CREDENTIALS); /* and what was written stays */
        return OK;
    }
    guess_was_right(&auth->guesses, &change->who);
    TRY(user_rehash(tx, change->user_id, &user.hash, &change->hash));
    TRY(links_delete(tx, LINK_RESET, change->user_id));
    TRY(sessions_end_all(rq->run->env, tx, rq->user.id, &ended));
    TRY(audit_entry_put(rq, tx, AUDIT_ENDED, rq->user.id));
    TRY(password_tell(rq->run->env, tx, change->user_id));
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
    struct auth *auth = rq->run->env->state;
    struct password_change *change = rq->run->state;
    enum err err;

    (void)tx, (void)rp;
    TRY(guess_take(&auth->guesses, &change->who, rq));
    change->right = password_verify(change->old, &change->user.hash) ||
                    (!str_eq(change->old_typed, change->old) &&
                     password_verify(change->old_typed, &change->user.hash));
    if (change->right) TRY(password_hash(change->fresh, &change->hash));
    return request_then(rq, IN_WRITER, password_change_finish);
done:
    return err;
}

static enum err password_change_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct auth *auth = rq->run->env->state;
    struct password_change *change = rq->run->state;
    enum err err = user_get(tx, rq->arena, change->user_id, &change->user);

    (void)rp;
    if (err == ERR_NOT_FOUND) return ERR_NOT_AUTHORIZED; /* a token made elsewhere */
    TRY(err);
    TRY(guesser_of(rq, change->user.email_key, &change->who));
    TRY(guess_check(&auth->guesses, &change->who, rq));
    return request_then_in_pool(rq, change->who.address, rq->user.id, password_change_hash);
done:
    return err;
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
    change->old_typed = str_trim(request_body_text(rq, "password"));
    change->old = password_normal(rq->arena, change->old_typed);
    change->fresh = password_normal(rq->arena, str_trim(request_body_text(rq, "newPassword")));
    if (!change->old.at || !change->fresh.at) return ERR_MEMORY;
    if (change->old.len == 0) request_reject(rq, "password", "You must supply a password");
    password_check(rq, "newPassword", change->fresh);
    TRY(request_checked(rq));
    if (!object_id_parse(rq->user.id, &change->user_id)) return ERR_NOT_AUTHORIZED;
    return request_then(rq, IN_READER, password_change_find);
done:
    return err;
}
