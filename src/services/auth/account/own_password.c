/* services/auth/account/own_password.c: see services/auth/account/own_password.h. */
#include "services/auth/account/own_password.h"

#include "services/auth/store.h"

#include "telemetry/metric.h"

enum err own_password_read(struct request *rq, struct own_password *out)
{
    out->typed = str_trim(request_body_text(rq, "password"));
    out->text = password_normal(rq->arena, out->typed);
    if (!out->text.at) return ERR_MEMORY;
    if (out->text.len == 0) request_reject(rq, "password", "You must supply a password");
    return OK;
}

enum err own_password_find(struct request *rq, struct tx *tx, struct own_password *own,
                           handler_fn *verify)
{
    struct auth *auth = rq->run->env->state;
    enum err err;

    TRY(account_of(rq, tx, &own->user));
    TRY(guesser_of(rq, own->user.email_key, &own->who));
    TRY(busy_told(rq, guess_check(&auth->guesses, &own->who, rq)));
    return request_then_in_pool(rq, own->who.address, rq->user.id, verify);
done:
    return err;
}

enum err own_password_verify(struct request *rq, struct own_password *own)
{
    struct auth *auth = rq->run->env->state;
    enum err err;

    TRY(busy_told(rq, guess_take(&auth->guesses, &own->who, rq)));
    own->right = password_verify(own->text, &own->user.hash) ||
                 (!str_eq(own->typed, own->text) && password_verify(own->typed, &own->user.hash));
    if (!own->right) refusal_log(rq, REFUSED_OWN_PASSWORD, rq->user.id);
done:
    return err;
}

enum err own_password_settle(struct request *rq, struct tx *tx, struct own_password *own,
                             struct user *user, bool *right)
{
    struct auth *auth = rq->run->env->state;
    enum err err;

    TRY(user_get(tx, rq->arena, own->user.id, user));
    *right = own->right && user->status == USER_ACTIVE &&
             strcmp(user->hash.text, own->user.hash.text) == 0;
    if (*right) {
        guess_was_right(&auth->guesses, &own->who);
        return OK;
    }
    TRY(audit_entry_put(rq, tx, AUDIT_REFUSED, rq->user.id));
    metric_add(METRIC_SIGN_INS_REFUSED, 1);
    reply_error(rq, ERR_BAD_CREDENTIALS);
done:
    return err;
}
