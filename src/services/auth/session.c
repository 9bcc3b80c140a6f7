/* services/auth/session.c: how a session begins, goes on and ends. */
#include "services/auth/session.h"
#include "services/auth/account/agent.h"
#include "services/auth/auth.h"
#include "services/auth/factor/factor.h"
#include "services/auth/links.h"
#include "services/auth/store.h"

#define TIDY_EVERY_MS 60000
#define TIDY_MAX      500 /* rows a run */
#define HOLD_LEEWAY_MS                                                                             \
    30000 /* after a hold: to see what became of it, and for clocks that differ */

/* What fits of it, and nothing but printable ASCII. */
static struct str agent_of(struct request *rq)
{
    struct str agent = request_header(rq, "user-agent");
    size_t len = agent.len < AGENT_BYTES_MAX ? agent.len : AGENT_BYTES_MAX;
    char *out = arena_alloc(rq->arena, AGENT_BYTES_MAX);

    if (!out || !agent.at) return STR("");
    for (size_t i = 0; i < len; i++)
        out[i] = agent.at[i] >= ' ' && agent.at[i] <= '~' ? agent.at[i] : '?';
    return (struct str){out, len};
}

static struct wall_ms token_end_of(const struct env *env, const struct session_record *record,
                                   struct wall_ms now)
{
    struct wall_ms end = wall_after(now, env->settings->session_ms);

    return wall_earlier(end, record->ends_at);
}

enum err session_open(struct request *rq, struct tx *tx, struct reply *rp, const struct user *user)
{
    struct env *env = rq->run->env;
    struct object_id_text id = object_id_text(user->id);
    struct session_user session = {.id = str_of(id.hex), .email = user->email};
    struct session_record record = {.user_id = session.id,
                                    .created_at = tx->now,
                                    .seen_at = tx->now,
                                    .ends_at = wall_after(tx->now, env->settings->session_max_ms),
                                    .address = rq->client,
                                    .agent = agent_of(rq)};
    struct str oldest;
    bool withheld;
    enum err err;

    session_id_make(env->random, &session);
    record.id_hash = str_of(session.sid_hash);
    record.alive_until = token_end_of(env, &record, tx->now);
    TRY(session_insert(tx, &record));
    TRY(roles_in_session(env, tx, user->id, &session.roles, &withheld));
    TRY(session_surplus(tx, rq->arena, record.user_id, SESSIONS_PER_USER_MAX, &oldest));
    if (oldest.len) TRY(session_end(env, tx, record.user_id, oldest, WALL_NONE));
    session.issued_at_s = wall_seconds(tx->now);
    session.expires_at_s = wall_seconds(record.alive_until);
    env_job_due(env, TIDY, record.alive_until);
    TRY(session_cookie_set(env->keys, &rp->headers, rq->arena, &session, rq->cookie_secure));
done:
    return err;
}

enum err session_tell(struct request *rq, struct tx *tx, const struct user *user)
{
    const struct auth *auth = rq->run->env->state;
    struct object_id_text id = object_id_text(user->id);
    struct device_added added = {.id = env_new_id(rq->run->env, tx), .user_id = str_of(id.hex)};
    struct buf browser;

    if (limit_take(auth->devices, added.user_id, env_mono(rq->run->env), rq) != OK) return OK;
    buf_init(&browser, rq->arena, AGENT_BYTES_MAX);
    agent_put(&browser, agent_read(agent_of(rq)));
    added.browser = buf_str(&browser);
    return browser.failed ? ERR_MEMORY : publish_device_added(tx, &added);
}

/* The client had a fresh token and did not take it: one that asks for somebody else, as a server
 * that renders pages does, has nowhere to put it. So the token that it has goes on. */
static enum err extend(struct env *env, struct tx *tx, const struct session_record *record,
                       struct wall_ms until)
{
    bool news = false;
    enum err err;

    TRY(session_alive(tx, record->id_hash, until));
    TRY(env_session_extended(env, tx, record->id_hash, until, &news));
    if (news)
        TRY(publish_session_extended(tx, &(struct session_extended){.id_hash = record->id_hash,
                                                                    .user_id = record->user_id,
                                                                    .until = until}));
done:
    return err;
}

/* A session's user whose id is none of ours has no roles. */
static enum err roles_renewed(const struct env *env, struct tx *tx, struct session_user *user)
{
    struct object_id id;
    bool withheld;

    user->roles = (struct role_set){0};
    return object_id_parse(user->id, &id) ? roles_in_session(env, tx, id, &user->roles, &withheld)
                                          : OK;
}

enum err session_renew(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct session_user *user = &rq->user;
    struct session_record record;
    enum err err = session_get(tx, rq->arena, str_of(user->sid_hash), &record);
    struct wall_ms end;

    if (err == ERR_NOT_FOUND || (err == OK && !str_eq(record.user_id, user->id))) {
        *user = (struct session_user){.id = {NULL, 0}};
        session_cookie_clear(&rp->headers, rq->cookie_secure);
        return OK;
    }
    TRY(err);
    end = token_end_of(rq->run->env, &record, tx->now);
    if (wall_seconds(end) <= user->expires_at_s) return OK; /* it has all the time there is */
    TRY(session_used(tx, record.id_hash, rq->client));
    if (user->issued_at_s < wall_seconds(record.seen_at)) {
        TRY(extend(rq->run->env, tx, &record, end));
        user->expires_at_s = wall_seconds(end);
        return OK;
    }
    TRY(session_seen(tx, record.id_hash, tx->now, end));
    TRY(roles_renewed(rq->run->env, tx, user));
    user->issued_at_s = wall_seconds(tx->now);
    user->expires_at_s = wall_seconds(end);
    TRY(session_cookie_set(rq->run->env->keys, &rp->headers, rq->arena, user, rq->cookie_secure));
done:
    return err;
}

enum err session_end(struct env *env, struct tx *tx, struct str user_id, struct str id_hash,
                     struct wall_ms token_end)
{
    struct session_record record = {.alive_until = WALL_NONE};
    struct session_ended ended = {.id_hash = id_hash, .user_id = user_id, .until = token_end};
    bool news = false;
    enum err err = session_get(tx, env->arena, id_hash, &record);

    if (err != ERR_NOT_FOUND) TRY(err);
    ended.until = wall_later(ended.until, record.alive_until);
    TRY(session_delete(tx, id_hash));
    if (wall_reached(tx->now, ended.until)) return OK; /* no token of it is good any more */
    TRY(env_session_ended(env, tx, id_hash, ended.until, &news));
    if (news) TRY(publish_session_ended(tx, &ended));
done:
    return err;
}

enum err sessions_end_others(struct env *env, struct tx *tx, struct str user_id, struct str but,
                             int64_t *ended)
{
    struct str hashes[SESSIONS_PER_USER_MAX];
    size_t count;
    enum err err;

    *ended = 0;
    do {
        TRY(sessions_of_user(tx, env->arena, user_id, hashes, SESSIONS_PER_USER_MAX, &count));
        for (size_t i = 0; i < count; i++) {
            if (str_eq(hashes[i], but)) continue;
            TRY(session_end(env, tx, user_id, hashes[i], WALL_NONE));
            ++*ended;
        }
    } while (count == SESSIONS_PER_USER_MAX);
done:
    return err;
}

enum err sessions_end_all(struct env *env, struct tx *tx, struct str user_id, int64_t *ended)
{
    return sessions_end_others(env, tx, user_id, STR(""), ended);
}

enum verdict on_order_created(struct env *env, struct tx *tx, const void *event)
{
    const struct order_created *order = event;
    struct session_record record;
    struct wall_ms until =
        wall_after(order->expires_at, env->settings->payment_grace_ms + HOLD_LEEWAY_MS);
    enum err err;

    if (!order->session.len) return VERDICT_SEEN; /* a token of another service, or an import */
    err = session_get(tx, env->arena, order->session, &record);
    if (err == ERR_NOT_FOUND) return VERDICT_SEEN; /* it was ended meanwhile */
    TRY(err);
    if (!str_eq(record.user_id, order->user_id) || wall_reached(record.alive_until, until) ||
        wall_reached(tx->now, record.ends_at))
        return VERDICT_SEEN;
    TRY(extend(env, tx, &record, until));
    env_job_due(env, TIDY, until);
done:
    return verdict_of(err);
}

enum err sessions_tidy(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct wall_ms first_end;
    int64_t sessions = 0, ended = 0, links = 0;
    enum err err;

    (void)env;
    TRY(sessions_forget(tx, TIDY_MAX, &sessions));
    TRY(ended_sessions_forget(tx, TIDY_MAX, &ended));
    TRY(links_forget(tx, TIDY_MAX, &links));
    TRY(sessions_first_end(tx, &first_end));
    *next = wall_after(tx->now, TIDY_EVERY_MS);
    if (sessions == TIDY_MAX || ended == TIDY_MAX || links == TIDY_MAX)
        *next = tx->now;
    else
        *next = wall_later(*next, first_end);
done:
    return err;
}
