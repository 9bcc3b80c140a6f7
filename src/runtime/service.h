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
#include "http/session.h"
#include "runtime/settings.h"

struct service;

struct env {
    struct service *service; /* the runtime's side of it; opaque here */
    const char *name;
    const struct settings *settings;
    const struct session_keys *keys;
    const struct clock *clock;
    struct random *random;
    struct object_id_source ids; /* writer only */
    struct arena *arena;         /* writer only: for what a listener, job or settle reads; emptied
                                  * with every batch */
    struct delay *delay;     /* due times in Redis; in pool threads only. NULL: none (REDIS_URL) */
    const char *dead_reason; /* set by env_dead */
    void *state;             /* the service's own, from its start function */
};

/* In a transaction use tx->now_ms: one item, one time. */
static inline int64_t env_now_ms(const struct env *env)
{
    return clock_now_ms(env->clock);
}
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

/* --- jobs ---------------------------------------------------------------------------------- */

#define JOB_NEVER INT64_MAX

/* Work of the service itself, due at a time it says: runs in the writer's transaction at start and
 * whenever its time comes, and sets *next_ms (UTC ms, JOB_NEVER) to its next time. A job does a
 * bounded batch and asks to be run again at once (*next_ms = tx->now_ms) when there is more. An
 * error rolls it back; it runs again after a pause. On PostgreSQL other replicas run the same job
 * and make work for it: it runs at least every second, and takes rows with SQL_SKIP_LOCKED. */
struct job {
    const char *name;
    enum err (*run)(struct env *env, struct tx *tx, int64_t *next_ms);
};

/* Something is due at time_ms: the job (by its row) runs no later than that. Writer only. */
void env_job_due(struct env *env, size_t job, int64_t time_ms);
/* The same for now, from any thread. */
void env_job_poke(struct env *env, size_t job);

/* --- slow work ----------------------------------------------------------------------------- */

/* A call to the outside that outlives its transaction: `work` runs in a thread of the service's
 * pool after the commit, `settle` then in the writer's transaction, where its answer becomes data.
 * When the commit of settle fails the task is dropped: whoever made it finds it again by a job. */
struct task {
    const char *name;     /* what is called, for traces: "stripe" */
    struct service *from; /* the runtime's: whose writer settles it */
    void (*work)(struct env *env, struct task *task);
    enum err (*settle)(struct env *env, struct tx *tx, struct task *task);
    struct task *link;
    struct trace trace; /* of the item that asked for it; settle's own follows from it */
};

/* How many transactions of this service were not committed since it started: a change tells a job
 * that tasks may have been dropped. Writer only. */
int64_t env_failures(const struct env *env);
/* size bytes, zeroed, beginning with a struct task; NULL when memory ran out. Freed by the runtime
 * after settle, or when it is dropped. */
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

/* --- sessions refused ---------------------------------------------------------------------- *
 * A service with routes of its own refuses the sessions of banned users from the moment it hears
 * user:updated; the runtime listens for it. These are for who knows first, and who must know. */

/* From this commit on: sessions of the user are refused, or taken again. VERDICT_SEEN: this
 * version of the user, or a later one, was applied before. Writer only. */
enum verdict env_user_banned(struct env *env, struct tx *tx, struct str user_id, int64_t version,
                             bool banned);
enum err user_is_banned(struct tx *tx, struct str user_id, bool *banned);
/* From this commit on the session is refused here, until until_ms, when its last token ends.
 * id_hash: session_user.sid_hash. Writer only. */
enum err env_session_ended(struct env *env, struct tx *tx, struct str id_hash, int64_t until_ms);
/* Whether this session is refused by now: its user is banned, or it has ended and auth runs in this
 * program (elsewhere it ends with its token). For what goes on for longer than a request. Any
 * thread. */
bool env_session_refused(const struct env *env, const struct session_user *user, int64_t now_ms);
/* Removes at most max of those whose time is over. */
enum err ended_sessions_forget(struct tx *tx, int64_t max, int64_t *forgotten);

/* --- the audit trail ------------------------------------------------------------------------ */

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
/* The same for what the request's user or operator did. */
enum err audit_request(struct request *rq, struct tx *tx, const char *action, struct str subject,
                       struct str detail);

/* --- the table ----------------------------------------------------------------------------- */

struct service_definition {
    const char *name;
    const struct route *routes;
    size_t route_count;
    const struct listener *listeners;
    size_t listener_count;
    bool every_instance; /* of several, each hears every event from its start on (bus.h) */
    const struct job *jobs;
    size_t job_count;
    const struct migration *schema; /* on top of bus_schema; ends with a NULL name */
    bool delays;                    /* it uses env->delay: with one it has a pool of one thread */
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
