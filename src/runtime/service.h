/* runtime/service.h: what a service is to the program, and what its code is handed.
 *
 * A service is one table: routes, listeners, jobs and schema. The runtime gives it a writer (one
 * thread that runs every change as a work item of a group commit), readers, and if it asks for
 * one a pool of threads for slow work. Handlers, listeners and jobs are plain functions, top to
 * bottom, over an open transaction; they see the outside only through struct env. */
#ifndef RUNTIME_SERVICE_H
#define RUNTIME_SERVICE_H

#include "base/clock.h"
#include "base/random.h"
#include "delay/delay.h"
#include "events/events.h"
#include "http/request.h"
#include "identity/session_cookie.h"
#include "runtime/executor/run.h"
#include "runtime/limits.h"
#include "runtime/settings.h"

struct instance;
struct writer;
struct app;

struct env {
    struct instance *instance; /* the runtime's side of it; opaque here … */
    struct writer *writer;     /* … and whose it is; NULL: not a writer's */
    const struct app *app;     /* the whole program: for the administration (runtime/app_view.h) */
    const char *name;
    const struct settings *settings;
    const struct session_keys *keys;
    const struct clock *clock;
    struct random *random;
    struct object_id_source *ids; /* writer only */
    struct arena *arena;          /* writer only: for what a listener, job or resolve reads; emptied
                                   * with every batch */
    struct delay *delay;     /* due times in Redis; in pool threads only. NULL: none (REDIS_URL) */
    const char *dead_reason; /* set by env_dead */
    struct wall_ms event_at; /* in a listener: when its event was published */
    void *state;             /* the service's own, from its start function */
};

/* In a transaction use tx->now: one item, one time. */
static inline struct wall_ms env_now(const struct env *env)
{
    return clock_wall(env->clock);
}
/* For limits and the like, which must not hang on a clock that can be set (struct mono_ms). */
static inline struct mono_ms env_mono(const struct env *env)
{
    return clock_mono(env->clock);
}
/* Appends where people reach the pages, for links that are sent to them: PUBLIC_URL, else where
 * this program listens. Never what a request calls us, which anybody may say. Any thread. */
#define URL_BYTES_MAX 1024 /* of such a link */
void env_public_url(const struct env *env, struct buf *out);
/* A fresh identity, higher than all this process made before. Writer only. */
struct object_id env_new_id(struct env *env, const struct tx *tx);

/* What is asked for belongs to an earlier trace: the request and the item that runs for it follow
 * from that, unless the client said what the request belongs to. Writer only. */
void env_join_trace(struct request *rq, struct tx *tx, const struct trace *trace);

/* --- listeners ----------------------------------------------------------------------------- */

/* event: the decoded struct of the listener's type; its texts live until the function returns. */
struct listener {
    enum event_type type;
    enum verdict (*run)(struct env *env, struct tx *tx, const void *event);
};

/* What a listener returns when its work ended with err: the table's verdict. */
static inline enum verdict verdict_of(enum err err)
{
    return err_verdict(err);
}
/* VERDICT_DEAD with its reason, a constant; in a listener only. */
enum verdict env_dead(struct env *env, const char *reason);
/* The rule of a replica (docs/events.md): version n goes on top of n-1 only. held: -1 when
 * nothing is held. VERDICT_APPLIED means: apply it. */
static inline enum verdict version_verdict(int64_t held, int64_t version)
{
    if (version <= held) return VERDICT_SEEN;
    return version == held + 1 ? VERDICT_APPLIED : VERDICT_EARLY;
}
/* The same for the event that an entity begins with, at version 0; one that was taken over from
 * elsewhere (imported) begins with the version it had there. */
static inline enum verdict first_verdict(int64_t held, int64_t version, bool imported)
{
    return held < 0 && imported ? VERDICT_APPLIED : version_verdict(held, version);
}

/* Whether what this id names was made so long ago that what was kept of it may have been removed
 * (struct retention): longer than RETENTION_DAYS after its time as an order was over. An event
 * about it that finds nothing held then waits for no earlier one, nor does a later one wait for it
 * where it was taken for seen. Never with RETENTION_DAYS 0. */
bool env_is_forgotten(const struct env *env, const struct tx *tx, struct object_id id);

/* --- jobs ---------------------------------------------------------------------------------- */

/* Work of the service itself, due at a time it says: runs in the writer's transaction at start and
 * whenever its time comes, and sets *next (WALL_NEVER before) to its next time.
 * When the wall clock is set, every job runs, too, to look what is due by now. A job does a bounded
 * batch and asks to be run again at once (*next = tx->now) when there is more. An error rolls
 * it back; it runs again after a pause. On PostgreSQL other replicas run the same job and make work
 * for it: it runs at least every second, and takes rows with SQL_SKIP_LOCKED. */
struct job {
    const char *name;
    enum err (*run)(struct env *env, struct tx *tx, struct wall_ms *next);
};

/* Something is due at `time`, as it is stored: the job (by its row) runs no later than that,
 * whichever way the clock is set meanwhile. Writer only; an import, which has none, leaves it to
 * the start that follows it. */
void env_job_due(struct env *env, size_t job, struct wall_ms time);
/* The same for a pause of the service's own, which no clock that is set may lengthen. A job may say
 * its own next time like this, too, and leave *next as it was. */
void env_job_due_at(struct env *env, size_t job, struct mono_ms at);
/* The same for now, from any thread. */
void env_job_wake(struct env *env, size_t job);

/* --- slow work ----------------------------------------------------------------------------- */

/* A call to the outside that outlives its transaction: `work` runs in a thread of the service's
 * pool after the commit, `resolve` then in the writer's transaction, where its answer becomes data.
 * When the commit of resolve fails the task is dropped: whoever made it finds it again by a job. */
struct task {
    const char *name;    /* what is called, for traces: "stripe" */
    struct writer *from; /* the runtime's: which resolves it */
    void (*work)(struct env *env, struct task *task);
    enum err (*resolve)(struct env *env, struct tx *tx, struct task *task);
    /* Whose it is (a hash of a user's id, say): nobody's work waits for all of another's. The pool
     * fills in the turn. */
    uint64_t share;
    int64_t turn;
    struct task *link;
    struct trace trace; /* of the item that asked for it; that of `resolve` follows from it */
};

/* How many transactions of this service were not committed since it started: a change tells a job
 * that tasks may have been dropped. Writer only. */
int64_t env_failures(const struct env *env);
/* size bytes, zeroed, beginning with a struct task; NULL when memory ran out. Freed by the runtime
 * after resolve, or when it is dropped. */
void *task_new(size_t size);
/* After this transaction commits, run the task. When it rolls back, or the pool's queue is full,
 * the task is dropped. Writer only. */
void env_task(struct env *env, struct tx *tx, struct task *task);

/* After this transaction commits, the requests that wait for key (request_wait) run on, in the
 * writer. key is copied, at most WAKE_KEY_MAX bytes. Writer only. On PostgreSQL those of other
 * writers and replicas look by themselves, every second: whoever is run on may have to wait again.
 */
#define WAKE_KEY_MAX 32
void env_wake(struct env *env, struct str key);

/* --- rows that cannot be read ---------------------------------------------------------------- */

/* A stored word that this program does not know: a newer one wrote it, or something else did. It is
 * that row's error alone: ERR_UNREADABLE for who asks for it, and lists go on without it. Logs it;
 * table is a constant, id the row's key as it is stored. */
enum err row_unreadable(const char *table, struct str id, struct str word);

/* --- news on its way ------------------------------------------------------------------------ *
 * What another service has just made is known here once its event was applied. A request about it
 * need not be refused for being faster. */

/* Whether events that the publisher had committed when the request first asked are still to be
 * applied here. Writer only. */
enum news {
    NEWS_NONE, /* all were */
    NEWS_MAY_COME,
    NEWS_UNKNOWN /* with a broker, or when the publisher is another program */
};
enum news env_news(struct request *rq, const char *publisher);
/* The id was made a moment ago, as it says itself (NEWS_MS), by whatever clock. */
#define NEWS_MS 10000
bool env_is_recent(const struct tx *tx, struct object_id id);
/* True: `next` runs when env_wake(the id's hex digits) is called, or after a while that grows with
 * each look; all together no longer than some 1.5 s. False: the request has waited for as long as
 * it may. Writer only. */
bool env_wait_news(struct request *rq, struct object_id id, handler_fn *next);
/* The news of this id is there. Writer only. */
void env_wake_id(struct env *env, struct object_id id);

/* --- sessions refused ---------------------------------------------------------------------- *
 * A service with routes of its own refuses the sessions of banned users, and those that ended, from
 * the moment it hears user:updated and session:ended, and takes those that go on after their
 * token's exp (session:extended); the runtime listens for these. Here is what is for who knows
 * first, and who must know. */

/* From this commit on: sessions of the user are refused, or taken again. VERDICT_SEEN: this
 * version of the user, or a later one, was applied before. Writer only. */
enum verdict env_user_banned(struct env *env, struct tx *tx, struct str user_id, int64_t version,
                             bool banned);
enum err user_is_banned(struct tx *tx, struct str user_id, bool *banned);
/* From this commit on the session is refused in this program, until then, when its last token
 * ends. id_hash: session_user.sid_hash. *news: it was not known, and who is elsewhere has to be
 * told (session:ended). Writer only. */
enum err env_session_ended(struct env *env, struct tx *tx, struct str id_hash, struct wall_ms until,
                           bool *news);
/* From this commit on all tokens of the session are good until then (session:extended). A ban
 * and the session's end count for more. Writer only. */
enum err env_session_extended(struct env *env, struct tx *tx, struct str id_hash,
                              struct wall_ms until, bool *news);
/* Whether this session is refused by now: its user is banned, or it has ended. For what goes on for
 * longer than a request. Any thread. */
bool env_session_refused(const struct env *env, const struct session_user *user,
                         struct wall_ms now);
/* Removes at most max ended ones and max extended ones whose time is over. */
enum err ended_sessions_forget(struct tx *tx, int64_t max, int64_t *forgotten);

/* --- the audit log ------------------------------------------------------------------------ */

/* Who did what. Texts are cut after 256 bytes; nothing secret belongs into them. */
struct audit {
    const char *action; /* "session.started" */
    struct str actor; /* a user's id, "uid:N" of an operator; empty: nobody known, or the system */
    struct str subject; /* what it was done to; empty: the actor */
    struct str address; /* where the actor was; empty: nowhere outside */
    struct str detail;
};
/* In the transaction of the act; kept for a year. Writer only. */
enum err audit_put(struct env *env, struct tx *tx, const struct audit *entry);
/* The same for what the request's user or operator did: for who runs handlers, whose routes say
 * that they are in the log (route.audit, request_changed). */
enum err audit_request(struct request *rq, struct tx *tx, const char *action, struct str subject,
                       struct str detail);

/* --- the table ----------------------------------------------------------------------------- */

/* A metric of /metrics that is counted in the service's database. */
struct gauge {
    const char *name, *help;
    /* Often, and on PostgreSQL by the writer between two batches: by an index. */
    enum err (*count)(struct tx *tx, int64_t *count);
};
#define GAUGES_MAX 4 /* of one service */

struct service_definition {
    const char *name;
    /* The program's own administration, one a program and the first of it: its database's lock says
     * whose data folder it is, it publishes under any subject, and it looks at no session. */
    bool administration;
    const struct route *routes;
    size_t route_count;
    /* How often one user may ask for its limited routes, all together. NULL: it has none. */
    struct limit_rule (*limit)(const struct settings *settings);
    const struct listener *listeners;
    size_t listener_count;
    /* Publishers whose events it may begin with in the middle, where it never had any and the
     * first ones are no longer kept (RETENTION_DAYS); ends with NULL. NULL: it needs all of them.
     */
    const char *const *partial_sources;
    bool broadcast;    /* of several, each hears every event from its start on (bus.h) */
    int64_t gather_ms; /* events may gather for so long: nobody waits for what becomes of them */
    const struct job *jobs;
    size_t job_count;
    const struct migration *schema; /* on top of bus_schema; ends with a NULL name */
    /* How long the rows of its tables are kept; ends with a NULL table. NULL: it has none. */
    const struct retention *retention;
    /* Beyond what it listens for, it reads other services' outboxes (the administration's durable
     * listeners). up_to: every event of that one's up to it is needed no more; INT64_MAX: none is
     * needed. Over a read view of its own database; outbox is that one's. NULL: it reads none. */
    enum err (*events_needed)(struct tx *tx, const char *source, struct tx *outbox, int64_t *up_to);
    const struct gauge *gauges;
    size_t gauge_count;
    bool delays; /* it uses env->delay: with one it has a pool of one thread */
    /* Its handlers keep state in memory that only the writer may touch: on PostgreSQL too there is
     * one writer in a process, and what it ran is not run again after contention. */
    bool single_writer;
    int pool_threads;      /* 0: no pool */
    int pool_nice;         /* 0 to 19: how far its threads stand back behind the process's others */
    size_t pool_queue_max; /* waiting pieces of work; over it: 429 */
    /* Makes env->state before anything runs; why says what is wrong. NULL: nothing to make. */
    enum err (*start)(struct env *env, struct buf *why);
    void (*stop)(struct env *env);
};

#endif
