/* services/mail/mail.c: the mail service's one table. It owns what is written to people, and
 * whether it arrived. */
#include "services/mail/attendance.h"

#include "client/smtp_client.h"
#include "services/services.h"

#define SMTP_THREADS   4
#define SMTP_QUEUE_MAX 64
#define STATE_BYTES    1024
#define GATHER_MS      100

static const struct gauge gauges[] = {
    {"boxoffice_mails_waiting", "Mails that wait to be sent, or are being sent.",
     mails_waiting_count},
    {"boxoffice_mails_lost", "Mails that were refused, not taken in time, or may not have arrived.",
     mails_lost_count},
};

static const struct job jobs[] = {[SEND] = {"send", mails_send}, [TELL] = {"tell", shows_tell}};

static enum err mail_start(struct env *env, struct buf *why)
{
    struct arena *arena = arena_new(STATE_BYTES);
    struct mail_service_state *state = arena ? arena_alloc(arena, sizeof *state) : NULL;

    (void)why;
    if (!state) return ERR_MEMORY;
    state->arena = arena;
    env->state = state;
    return OK;
}

static void mail_stop(struct env *env)
{
    struct mail_service_state *state = env->state;

    env->state = NULL;
    arena_free(state->arena);
    smtp_close();
}

/* Who holds what is copied from what comes: of entries of before nobody hears of a change. */
static const char *const partial_sources[] = {"catalogue", "entries", NULL};

const struct service_definition mail_service = {
    .name = "mail",
    .routes = mail_routes,
    .route_count = MAIL_ROUTES,
    .listeners = mail_listeners,
    .listener_count = MAIL_LISTENERS,
    .partial_sources = partial_sources,
    .gather_ms = GATHER_MS,
    .jobs = jobs,
    .job_count = sizeof jobs / sizeof *jobs,
    .gauges = gauges,
    .gauge_count = sizeof gauges / sizeof *gauges,
    .schema = mail_schema,
    .retention = mail_retention,
    .pool_threads = SMTP_THREADS,
    .pool_queue_max = SMTP_QUEUE_MAX,
    .start = mail_start,
    .stop = mail_stop,
};
