/* services/auth/factor/factor_sign_in.c: the second step of signing in. */
#include "services/auth/factor/factor.h"
#include "services/auth/store.h"

/* rq->run->state */
struct second_step {
    struct str device_key; /* what the device is sealed for: email_key of the address */
    struct guesser who;
    struct user user;
    struct factor_use use;
};

/* The first step is asked again: a ban, another password, or the end of the factor may have come.
 */
static enum err step_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct second_step *step = rq->run->state;
    enum err err;

    TRY(factor_asked(rq, tx, request_body_text(rq, "token"), &step->user));
    TRY(factor_take(rq, tx, step->user.id, &step->use));
    TRY(reply_signed_in(rq, tx, rp, &step->user, step->device_key, step->who.device));
done:
    return err;
}

static enum err device_key(struct request *rq, struct second_step *step)
{
    enum err err = email_key(rq->arena, step->user.email, &step->device_key);

    if (err == ERR_INVALID) err = email_key_before(rq->arena, step->user.email, &step->device_key);
    return err;
}

static enum err step_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct second_step *step = rq->run->state;
    struct auth *auth = rq->run->env->state;
    struct factor factor;
    enum err err;

    (void)rp;
    TRY(factor_asked(rq, tx, request_body_text(rq, "token"), &step->user));
    err = factor_get(tx, step->user.id, &factor);
    if (err == ERR_NOT_FOUND || (err == OK && !factor.on)) return ERR_FACTOR_OVER;
    TRY(err);
    TRY(device_key(rq, step));
    TRY(guesser_of(rq, step->device_key, &step->who));
    TRY(busy_told(rq, guess_check(&auth->guesses, &step->who, rq)));
    TRY(factor_look(rq, tx, &step->user, &factor, &step->who, &step->use));
    return request_then(rq, IN_WRITER, step_finish);
done:
    return err;
}

/* POST /api/users/signin/factor {token, code}: a session for who was asked for a code, with the
 * token of that answer. 200 {"email","id"} and the cookie; 400 You must supply a code, This code is
 * not right, or was used, That took too long, sign in again; 429 as for signing in. */
enum err post_users_signin_factor(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct second_step *step = arena_alloc(rq->arena, sizeof *step);

    (void)tx, (void)rp;
    if (!step) return ERR_MEMORY;
    rq->run->state = step;
    return request_then(rq, IN_READER, step_find);
}
