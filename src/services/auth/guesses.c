/* services/auth/guesses.c: the budgets of wrong passwords. */
#include "services/auth/guesses.h"

#define MINUTE_MS    (60 * 1000)
#define DAY_MS       (24 * 60 * MINUTE_MS)
#define BLOCK_MS_MAX (15 * MINUTE_MS)
#define DAY_SHARES                                                                                 \
    5 /* no single stranger can use up an account's day: it takes so many addresses */
#define BUDGETS_MAX 5

static enum err make(struct limit **out, const char *name, int64_t count, bool day,
                     const struct env *env)
{
    struct limit_rule rule = {name, count, day ? DAY_MS : MINUTE_MS, day ? 0 : BLOCK_MS_MAX};
    enum err err;

    *out = limit_new(&rule, env->random, &err);
    return err;
}

enum err guesses_init(struct guesses *guesses, const struct env *env)
{
    int64_t minute = env->settings->signin_failures_per_minute;
    int64_t day = env->settings->signin_failures_per_day;
    int64_t share = (day + DAY_SHARES - 1) / DAY_SHARES;
    enum err err;

    *guesses = (struct guesses){0};
    TRY(make(&guesses->device, "signin_device", minute, false, env));
    TRY(make(&guesses->device_day, "signin_device_day", share, true, env));
    TRY(make(&guesses->account, "signin_account", minute, false, env));
    TRY(make(&guesses->account_day, "signin_account_day", share, true, env));
    TRY(make(&guesses->address, "signin_address", minute, false, env));
    TRY(make(&guesses->address_day, "signin_address_day", day, true, env));
    TRY(make(&guesses->strangers_day, "signin_strangers_day", day, true, env));
done:
    return err;
}

void guesses_free(struct guesses *guesses)
{
    limit_free(guesses->device);
    limit_free(guesses->device_day);
    limit_free(guesses->account);
    limit_free(guesses->account_day);
    limit_free(guesses->address);
    limit_free(guesses->address_day);
    limit_free(guesses->strangers_day);
}

enum err guesser_of(struct request *rq, struct str email_key, struct guesser *out)
{
    struct buf both;

    *out = (struct guesser){.account = email_key,
                            .address = request_client_network(rq),
                            .device = device_of(rq, email_key)};
    buf_init(&both, rq->arena, 1024);
    buf_append(&both, out->address);
    buf_char(&both, ' ');
    buf_append(&both, out->account);
    out->both = buf_str(&both);
    return both.failed ? ERR_MEMORY : OK;
}

struct budget {
    struct limit *limit;
    struct str key;
};

/* Whichever apply to them; returns how many. */
static size_t budgets_of(const struct guesses *guesses, const struct guesser *who,
                         struct budget out[BUDGETS_MAX])
{
    if (who->device.len) {
        out[0] = (struct budget){guesses->device, who->device};
        out[1] = (struct budget){guesses->device_day, who->device};
        return 2;
    }
    out[0] = (struct budget){guesses->account, who->both};
    out[1] = (struct budget){guesses->account_day, who->both};
    out[2] = (struct budget){guesses->address, who->address};
    out[3] = (struct budget){guesses->address_day, who->address};
    out[4] = (struct budget){guesses->strangers_day, who->account};
    return 5;
}

enum err guess_check(struct guesses *guesses, const struct guesser *who, struct request *rq)
{
    struct budget budgets[BUDGETS_MAX];
    size_t count = budgets_of(guesses, who, budgets);
    struct mono_ms now = env_mono(rq->run->env);
    int longest_s = 0;

    for (size_t i = 0; i < count; i++) { /* Retry-After is the longest wait: no earlier try helps */
        if (limit_check(budgets[i].limit, budgets[i].key, now, rq) == OK) continue;
        if (rq->retry_after_s > longest_s) longest_s = rq->retry_after_s;
    }
    rq->retry_after_s = longest_s;
    return longest_s ? ERR_BUSY : OK;
}

enum err guess_take(struct guesses *guesses, const struct guesser *who, struct request *rq)
{
    struct budget budgets[BUDGETS_MAX];
    size_t count = budgets_of(guesses, who, budgets);
    struct mono_ms now = env_mono(rq->run->env);

    for (size_t i = 0; i < count; i++) {
        enum err err = limit_take(budgets[i].limit, budgets[i].key, now, rq);

        if (err == OK) continue;
        while (i-- > 0) /* it is not listened to: then it is none */
            limit_give_back(budgets[i].limit, budgets[i].key);
        return err;
    }
    return OK;
}

void guess_was_right(struct guesses *guesses, const struct guesser *who)
{
    struct budget budgets[BUDGETS_MAX];
    size_t count = budgets_of(guesses, who, budgets);

    for (size_t i = 0; i < count; i++)
        limit_give_back(budgets[i].limit, budgets[i].key);
}
