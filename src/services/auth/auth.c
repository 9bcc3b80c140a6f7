/* services/auth/auth.c: the auth service's one table. It owns users, who may sign in, and their
 * sessions.
 *
 * It listens to nobody. Its pool exists for argon2: two threads keep a burst of sign-ins from
 * taking the machine, and what does not fit the queue is told to come again (429). Guessing is
 * slowed by counting failures by account and by address, and sign-ups by address. */
#include "services/auth/auth.h"
#include "services/auth/session.h"
#include "services/auth/store.h"
#include "services/services.h"

#define HASH_THREADS   2
#define HASH_NICE      10 /* a flood of guesses must not slow those who read and buy */
#define HASH_QUEUE_MAX 64 /* about a second of work for the two */

#define MINUTE_MS (60 * 1000)
#define SIGNIN_BLOCK_MS_MAX                                                                        \
    (15 * MINUTE_MS) /* then an account may be guessed at 480 times a day                          \
                      */

static enum err make_limits(struct auth *auth, const struct env *env)
{
    struct limit_rule failures = {"signin_account", env->settings->signin_failures_per_minute,
                                  MINUTE_MS, SIGNIN_BLOCK_MS_MAX};
    struct limit_rule signups = {"signup_address", env->settings->signups_per_hour, 60 * MINUTE_MS,
                                 0};
    enum err err;

    auth->account_failures = limit_new(&failures, env->random, &err);
    if (err) return err;
    failures.name = "signin_address";
    auth->address_failures = limit_new(&failures, env->random, &err);
    if (err) return err;
    auth->signups = limit_new(&signups, env->random, &err);
    return err;
}

static void auth_free(struct auth *auth)
{
    limit_free(auth->account_failures);
    limit_free(auth->address_failures);
    limit_free(auth->signups);
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

static const struct job jobs[] = {[TIDY] = {"tidy", sessions_tidy}};

const struct service_definition auth_service = {
    .name = "auth",
    .routes = auth_routes,
    .route_count = AUTH_ROUTES,
    .jobs = jobs,
    .job_count = sizeof jobs / sizeof *jobs,
    .schema = auth_schema,
    .pool_threads = HASH_THREADS,
    .pool_nice = HASH_NICE,
    .pool_queue_max = HASH_QUEUE_MAX,
    .start = auth_start,
    .stop = auth_stop,
};
