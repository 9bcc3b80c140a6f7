/* services/auth/refusals.c: see services/auth/refusals.h. */
#include "services/auth/refusals.h"

#include "services/auth/auth.h"
#include "telemetry/log.h"

static const char *const reasons[] = {
    [REFUSED_PASSWORD] = "wrong_password", [REFUSED_UNKNOWN] = "unknown_account",
    [REFUSED_BANNED] = "banned_account",   [REFUSED_OWN_PASSWORD] = "wrong_own_password",
    [REFUSED_LINK] = "bad_link",           [REFUSED_CODE] = "wrong_code",
    [REFUSED_BUSY] = "too_many_tries"};

/* Whether the address may have one more line; what the request is told stays as it is. */
static bool is_worth_a_line(struct request *rq)
{
    const struct auth *auth = rq->run->env->state;
    int retry_after_s = rq->retry_after_s;
    enum err err =
        limit_take(auth->refusal_lines, request_client_network(rq), env_mono(rq->run->env), rq);

    rq->retry_after_s = retry_after_s;
    return err == OK;
}

void refusal_log(struct request *rq, enum refusal why, struct str account)
{
    struct log_field reason = log_text("reason", str_of(reasons[why]));
    struct log_field address = log_text("address", rq->client);

    if (!is_worth_a_line(rq)) return;
    if (account.len)
        log_event(LOG_INFO, "auth", "auth.refused", reason, log_text("account", account), address);
    else
        log_event(LOG_INFO, "auth", "auth.refused", reason, address);
}

enum err busy_told(struct request *rq, enum err err)
{
    if (err == ERR_BUSY) refusal_log(rq, REFUSED_BUSY, rq->user.id);
    return err;
}

enum err address_take(struct request *rq, struct limit *limit)
{
    return busy_told(rq, limit_take(limit, request_client_network(rq), env_mono(rq->run->env), rq));
}

enum err address_check(struct request *rq, struct limit *limit)
{
    return busy_told(rq,
                     limit_check(limit, request_client_network(rq), env_mono(rq->run->env), rq));
}
