/* services/auth/audit_entries.c: what of auth's doings is written into the audit log, and how much.
 *
 * Anybody can cause sign-ins and failures. So each kind has its share of a minute; what is beyond
 * it is counted, and the count is written once the next one comes in a later minute. */
#include "services/auth/auth.h"

#include <stdatomic.h>

#define MINUTE_MS 60000

static const struct {
    const char *action, *beyond;
    int64_t a_minute_max;
} kinds[AUDIT_KINDS] = {
    [AUDIT_SIGNED_UP] = {"user.signed_up", "user.signed_up.more", 600},
    [AUDIT_STARTED] = {"session.started", "session.started.more", 600},
    [AUDIT_REFUSED] = {"session.refused", "session.refused.more", 60},
    [AUDIT_ENDED] = {"session.ended", "session.ended.more", 600},
};

static enum err put_count(struct env *env, struct tx *tx, const char *action, int64_t count)
{
    char memory[32];
    struct buf text = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

    buf_int(&text, count);
    return audit_put(env, tx, &(struct audit){.action = action, .detail = buf_str(&text)});
}

enum err audit_entry_put(struct request *rq, struct tx *tx, enum audit_kind kind,
                         struct str user_id)
{
    struct auth *auth = rq->run->env->state;
    struct audit_share *share = &auth->audited[kind];
    int64_t minute = tx->now.ms / MINUTE_MS;
    enum err err = OK;

    if (atomic_exchange(&share->minute, minute) != minute) {
        int64_t beyond = atomic_exchange(&share->beyond, 0);

        atomic_store(&share->written, 0);
        if (beyond) TRY(put_count(rq->run->env, tx, kinds[kind].beyond, beyond));
    }
    if (atomic_fetch_add(&share->written, 1) >= kinds[kind].a_minute_max) {
        atomic_fetch_add(&share->beyond, 1);
        return OK;
    }
    TRY(audit_put(rq->run->env, tx,
                  &(struct audit){.action = kinds[kind].action,
                                  .actor = kind == AUDIT_REFUSED ? STR("") : user_id,
                                  .subject = user_id,
                                  .address = rq->client}));
done:
    return err;
}
