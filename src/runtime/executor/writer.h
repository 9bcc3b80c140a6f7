/* runtime/executor/writer.h: a writer: one thread, or one turn of the simulator, that makes every
 * change of a service (Idea 1 of docs/architecture.md). Queues in (writer_queue.c), one batch at a
 * time (writer.c, batch.c), over a connection of its own (writer_connection.c). */
#ifndef RUNTIME_EXECUTOR_WRITER_H
#define RUNTIME_EXECUTOR_WRITER_H

#include "telemetry/log.h"
#include "telemetry/metric.h"
#include "telemetry/span_export.h"
#include "runtime/executor/instance.h"
#include "runtime/executor/queue.h"

#include <pthread.h>

#define WAIT_BUCKETS     256  /* a power of two */
#define WRITER_QUEUE_MAX 8192 /* requests waiting for a writer; over it: 503 */

/* A wake-up call, kept in the batch's arena until its transaction has committed. */
struct wake {
    struct wake *link;
    struct str key;
};

/* Likewise: what memory is to learn of the refused with the commit. */
struct revocation {
    struct revocation *link;
    enum revocation_kind kind;
    struct str key;
    struct wall_ms until;
};

/* A span of the batch that runs: recorded when its transaction has ended. */
struct item_span {
    struct item_span *link;
    struct span span;
};

/* Counted by the writer, read by anybody. */
struct writer_metrics {
    struct histogram batch;  /* items of a transaction */
    struct histogram commit; /* how long its commit took */
    _Atomic uint64_t requests, tasks, jobs, failures;
    _Atomic uint64_t removed; /* rows whose time was over */
    _Atomic uint64_t events[VERDICTS];
};

/* What of the bus is kept in a service's tables, for monitoring. */
enum backlog { BACKLOG_WAITING, BACKLOG_DEAD, BACKLOG_UNRELAYED, BACKLOGS };

struct writer {
    struct instance *instance;
    size_t shard; /* which of the instance's; 0: the first */
    struct env env;

    /* shared, under lock */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct request_list queue;
    struct task_list resolving;
    bool woken;
    struct mono_ms job_asked[JOBS_MAX]; /* by other threads; MONO_NEVER: not */
    bool stopping;

    /* read by anybody */
    _Atomic bool healthy; /* its last transaction could be made */
    _Atomic bool open;    /* the database is there, migrated and subscribed to */
    /* PostgreSQL: when it last polled; -1: it did not yet */
    _Atomic int64_t backlog[BACKLOGS], gauges[GAUGES_MAX];
    struct writer_metrics metrics;

    struct subscription *subscription; /* the first writer's alone; NULL without listeners */

    /* the thread's own: its connection … */
    struct db *db; /* NULL while it is being opened again */
    bool migrated; /* … has the schema this program needs */
    bool away;     /* the log says that it cannot be reached */
    struct mono_ms reopen_at;
    struct mono_ms poll_at;         /* PostgreSQL: what others have done meanwhile */
    struct mono_ms fold_at;         /* PostgreSQL: outbox_fold */
    struct mono_ms retention_at;    /* when to remove what has had its time */
    struct mono_ms revoked_poll_at; /* when to read them again, if others write them */
    struct log_pause failing;       /* what its transactions failed of */
    int64_t failures;               /* batches that were not committed */
    struct mono_ms probe_at;        /* when to look whether it is healthy again */

    /* … what waits … */
    pthread_t thread;
    bool thread_runs;
    struct request_list ready;             /* woken: first of the next batch */
    struct request *waiting[WAIT_BUCKETS]; /* by wake key, linked by link */
    struct mono_ms wait_due;               /* when the first of them looks by itself */
    struct mono_ms now;                    /* of the latest step … */
    struct wall_ms wall;                   /* … and by the wall clock */
    struct mono_ms job_due[JOBS_MAX];

    /* … and what the batch's items asked for, until its transaction has ended */
    struct arena *arena;            /* of one batch */
    struct task_list tasks;         /* to start after the commit */
    struct wake *wakes;             /* to call after the commit */
    struct revocation *revocations; /* newest first */
    struct trace_source traces;
    struct item_span *spans;
};

static inline bool writer_is_first(const struct writer *writer)
{
    return writer->shard == 0;
}
static inline struct writer *writer_first(const struct instance *instance)
{
    return instance->writers[0];
}

/* --- writer_queue.c ------------------------------------------------------------------------ */

/* Makes the instance's next writer, ready to be woken and for requests, and adds it. NULL: memory
 * ran out. */
struct writer *writer_new(struct instance *instance);
/* When nobody can send it anything any more; its connection is closed. */
void writer_free(struct writer *writer);
/* Any thread. Takes the whole list; what finds no room is answered 503. */
void writer_enqueue(struct writer *writer, struct request_list *list);
/* Any thread. The task's work is done: its resolve runs in the writer. */
void writer_resolve(struct writer *writer, struct task *task);
/* Any thread: there may be something to fetch. context: the writer. */
void writer_wake(void *context);
/* Any thread. The job runs no later than that; of the first writer. */
void writer_ask_job(struct writer *writer, size_t job, struct mono_ms at);
size_t writer_queue_length(struct writer *writer); /* requests; any thread */

/* --- writer.c ------------------------------------------------------------------------------ */

enum err writer_start(struct writer *writer);
/* Finishes what is queued, then ends the thread; requests that wait are answered 503. */
void writer_stop(struct writer *writer);
/* One batch: everything that waits, in one transaction. False: there was nothing to do. Called by
 * the writer's thread, or step by step by whoever runs a service without threads. */
bool writer_step(struct writer *writer);
/* When writer_step has something to do without being woken; MONO_NEVER: never. */
struct mono_ms writer_next(const struct writer *writer);
enum err backlog_count(enum backlog which, struct tx *tx, int64_t *count);

/* --- writer_connection.c
 * --------------------------------------------------------------------------- */

/* Opens the writer's connection; the first writer's, the first time, also brings the schema up to
 * date and subscribes. ERR_UNAVAILABLE: the server is away, try again. */
enum err writer_connect(struct writer *writer, struct buf *why);
/* The connection is there, or it was time to try and it is there again. An unknown outcome is
 * resolved by looking: a new connection sees what is there. */
bool writer_reconnect(struct writer *writer, struct mono_ms now);
/* Closes it when it is of no more use (db_broken). */
void writer_close_broken(struct writer *writer);
/* Opens the instance's subscription, when the bus and the first writer's connection are there. */
enum err instance_subscribe(struct instance *instance);

#endif
