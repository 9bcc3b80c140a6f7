/* services/auth/factor/factor_off.c: a second factor is turned off, by who has it and knows the
 * password, or by the operator for who lost it. */
#include "services/auth/account/own_password.h"
#include "services/auth/factor/factor.h"
#include "services/auth/session.h"
#include "services/auth/store.h"

/* rq->run->state */
struct turning_off {
    struct own_password password;
    struct factor_use use;
};

enum err factor_remove(struct request *rq, struct tx *tx, struct object_id user_id, bool *deleted)
{
    struct object_id_text id = object_id_text(user_id);
    struct role_set roles;
    bool withheld;
    int64_t ended;
    enum err err;

    TRY(factor_delete(tx, user_id, deleted));
    if (!*deleted) return OK;
    TRY(factor_told(rq, tx, user_id, false));
    TRY(roles_in_session(rq->run->env, tx, user_id, &roles, &withheld));
    if (withheld) TRY(sessions_end_all(rq->run->env, tx, str_of(id.hex), &ended));
done:
    return err;
}

static enum err off_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct turning_off *state = rq->run->state;
    struct json_writer json;
    struct user user;
    bool right, deleted;
    enum err err;

    TRY(own_password_settle(rq, tx, &state->password, &user, &right));
    if (!right) return OK;
    TRY(factor_take(rq, tx, user.id, &state->use));
    TRY(factor_remove(rq, tx, user.id, &deleted));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_end_object(&json);
done:
    return err;
}

/* In the pool. */
static enum err off_verify(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct turning_off *state = rq->run->state;
    enum err err;

    (void)tx, (void)rp;
    TRY(own_password_verify(rq, &state->password));
    return request_then(rq, IN_WRITER, off_finish);
done:
    return err;
}

static enum err off_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct turning_off *state = rq->run->state;
    struct guesser who;
    struct factor factor;
    struct user user;
    enum err err;

    (void)rp;
    TRY(account_of(rq, tx, &user));
    err = factor_get(tx, user.id, &factor);
    if (err == ERR_NOT_FOUND || (err == OK && !factor.on)) return ERR_WRONG_STATUS;
    TRY(err);
    TRY(guesser_of(rq, user.email_key, &who));
    TRY(factor_look(rq, tx, &user, &factor, &who, &state->use));
    return own_password_find(rq, tx, &state->password, off_verify);
done:
    return err;
}

/* POST /api/users/factor/off {password, code}: sign-in asks for the password alone again, and the
 * recovery codes open nothing. 200 {}; 400 You must supply a password, You must supply a code, This
 * code is not right, or was used, Invalid credentials; 401; 409 wrong_status: there is none; 429 as
 * for signing in. */
enum err post_users_factor_off(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct turning_off *state = arena_alloc(rq->arena, sizeof *state);
    enum err err;

    (void)tx, (void)rp;
    if (!state) return ERR_MEMORY;
    rq->run->state = state;
    TRY(own_password_read(rq, &state->password));
    TRY(request_checked(rq));
    return request_then(rq, IN_READER, off_find);
done:
    return err;
}

/* POST /operator/users/factor-off {user}: for who has lost app and recovery codes. 200 the user,
 * also when there was none; 400; 404. */
enum err post_operator_factor_off(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct user user;
    bool deleted;
    enum err err;

    TRY(operator_user(rq, tx, &user));
    TRY(factor_remove(rq, tx, user.id, &deleted));
    if (deleted) TRY(request_changed_id(rq, user.id, STR("")));
    return reply_user(rp, &user);
done:
    return err;
}
