/* services/auth/auth.c: the auth service's one table. It owns users, who may sign in, and their
 * sessions.
 *
 * It listens for reservations alone, because no session ends inside one it made. Its pool exists
 * for argon2: two threads keep a burst of sign-ins from taking the machine, and what does not fit
 * the queue is told to come again (429). Guessing is slowed by counting failures by account and by
 * address, and sign-ups by address. */
#include "services/auth/auth.h"
#include "services/auth/session.h"
#include "services/auth/store.h"
#include "services/services.h"

#define HASH_THREADS   2
#define HASH_NICE      10 /* a flood of guesses must not slow those who read and buy */
#define HASH_QUEUE_MAX 64 /* about a second of work for the two */

#define HOUR_MS               (60 * 60 * 1000)
#define DAY_MS                (24 * HOUR_MS)
#define CONFIRMATIONS_AN_HOUR 5 /* of one account: nobody fills a mailbox */

#define MINUTE_MS      (60 * 1000)
#define LINES_A_MINUTE 60 /* of one address about what it was refused: nobody fills a disk */

static enum err make_limits(struct auth *auth, const struct env *env)
{
    struct limit_rule signups = {"signup_address", env->settings->signups_per_hour, HOUR_MS, 0};
    struct limit_rule resets = {"reset_address", env->settings->resets_per_hour, HOUR_MS, 0};
    struct limit_rule confirmations = {"confirmation_account", CONFIRMATIONS_AN_HOUR, HOUR_MS, 0};
    struct limit_rule devices = {"device_account", DEVICES_A_DAY, DAY_MS, 0};
    struct limit_rule lines = {"refusal_lines", LINES_A_MINUTE, MINUTE_MS, 0};
    enum err err;

    TRY(guesses_init(&auth->guesses, env));
    auth->signups = limit_new(&signups, env->random, &err);
    TRY(err);
    auth->resets = limit_new(&resets, env->random, &err);
    TRY(err);
    auth->confirmations = limit_new(&confirmations, env->random, &err);
    TRY(err);
    auth->devices = limit_new(&devices, env->random, &err);
    TRY(err);
    auth->refusal_lines = limit_new(&lines, env->random, &err);
done:
    return err;
}

static void auth_free(struct auth *auth)
{
    guesses_free(&auth->guesses);
    limit_free(auth->signups);
    limit_free(auth->resets);
    limit_free(auth->confirmations);
    limit_free(auth->devices);
    limit_free(auth->refusal_lines);
    arena_free(auth->arena);
}

static enum err auth_start(struct env *env, struct buf *why)
{
    struct arena *arena = NULL;
    struct auth *auth = NULL;
    enum err err;

    TRY(password_init());
    err = ERR_MEMORY;
    arena = arena_new(sizeof *auth + 64);
    if (!arena) goto done;
    auth = arena_alloc(arena, sizeof *auth);
    if (!auth) goto done;
    auth->arena = arena;
    TRY(make_limits(auth, env));
    TRY(password_hash_of_nobody(&auth->nobody));
    env->state = auth;
    return OK;
done:
    if (auth)
        auth_free(auth);
    else if (arena)
        arena_free(arena);
    buf_append(why, err == ERR_MEMORY ? STR("auth: no memory to hash a password (19 MiB)")
                                      : STR("auth: no source of random numbers"));
    return err;
}

static void auth_stop(struct env *env)
{
    struct auth *auth = env->state;

    env->state = NULL;
    if (auth) auth_free(auth);
}

#define GATHER_MS 100
static const struct listener listeners[] = {{EVENT_ORDER_CREATED, on_order_created}};

#define REKEY_MAX 200 /* a run */

enum err emails_rekey(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct user users[REKEY_MAX];
    size_t count;
    enum err err;

    TRY(emails_of_old_rule(tx, env->arena, users, REKEY_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        struct str key = users[i].email_key;

        err = email_key(env->arena, users[i].email, &key);
        if (err == ERR_INVALID) key = users[i].email_key; /* no domain that is one: it stays */
        if (err != ERR_INVALID) TRY(err);
        TRY(email_rekey(tx, &users[i], key));
    }
    *next = count == REKEY_MAX ? tx->now : WALL_NEVER;
    err = OK;
done:
    return err;
}

static const struct job jobs[] = {[TIDY] = {"tidy", sessions_tidy},
                                  [REKEY] = {"rekey", emails_rekey},
                                  [RESETS] = {"resets", resets_send}};

const struct service_definition auth_service = {
    .name = "auth",
    .routes = auth_routes,
    .route_count = AUTH_ROUTES,
    .listeners = listeners,
    .listener_count = sizeof listeners / sizeof *listeners,
    .gather_ms = GATHER_MS,
    .jobs = jobs,
    .job_count = sizeof jobs / sizeof *jobs,
    .schema = auth_schema,
    .retention = auth_retention,
    .pool_threads = HASH_THREADS,
    .pool_nice = HASH_NICE,
    .pool_queue_max = HASH_QUEUE_MAX,
    .start = auth_start,
    .stop = auth_stop,
};
