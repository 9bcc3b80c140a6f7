/* runtime/house.h: the runtime's own view of a running program: its services, their writers and
 * pools. Services never include this. */
#ifndef RUNTIME_HOUSE_H
#define RUNTIME_HOUSE_H

#include "base/metric.h"
#include "http/client.h"
#include "http/server.h"
#include "http/spans.h"
#include "runtime/service.h"

#include <pthread.h>
#include <stdatomic.h>

#define SERVICES_MAX     8
#define LOOPS_MAX        16
#define JOBS_MAX         4
#define WAIT_BUCKETS     256  /* a power of two */
#define WRITER_QUEUE_MAX 8192 /* requests waiting for a writer; over it: 503 */
#define WRITER_BATCH_MAX 512  /* requests of one commit */
#define LANES_MAX        4    /* writers of one service on PostgreSQL */
#define READERS_MAX      4    /* connections that read for one service on PostgreSQL */

struct house;
struct pool;
struct readers;

struct request_list {
    struct request *head, *tail;
    size_t count;
};

struct task_list {
    struct task *head, *tail;
};

/* A wake-up call, kept in the batch's arena until its transaction has committed. */
struct wake {
    struct wake *link;
    struct str key;
};

/* A span of the batch that runs: recorded when its transaction has ended. */
struct item_span {
    struct item_span *link;
    struct span span;
};

/* Counted by the writer, read by anybody. */
struct writer_figures {
    struct histogram batch;  /* items of a transaction */
    struct histogram commit; /* how long its commit took */
    _Atomic uint64_t requests, tasks, jobs, failures;
    _Atomic uint64_t events[VERDICTS];
};

/* Likewise: what memory is to learn of the refused with the commit. */
struct revocation {
    struct revocation *link;
    enum revoked_kind kind;
    struct str key;
    int64_t until_ms;
};

/* What of the bus is kept in a service's tables, for monitoring. */
enum kept { KEPT_WAITING, KEPT_DEAD, KEPT_UNRELAYED, KEPT_FIGURES };
enum err kept_count(enum kept which, struct tx *tx, int64_t *count); /* writer.c */

struct service {
    const struct service_definition *def;
    struct env env;
    struct house *house;
    char *path;    /* the place of its database (db_open) */
    struct db *db; /* the writer's connection; NULL while it is being opened again */
    bool migrated; /* … has the schema this program needs */
    bool away;     /* the log says that it cannot be reached */

    /* PostgreSQL: a round trip is long, so a service has several writers, its lanes, that differ in
     * their connection alone. The first is the service itself: events, jobs and what only one may
     * do are its own. Requests about one thing go to one lane, so that they keep their order and
     * do not wait for each other's locks. */
    struct service *first;            /* of a lane: whose it is; NULL: itself */
    struct service *lanes[LANES_MAX]; /* beginning with itself */
    size_t lane_count;                /* 0 or 1: no others */
    struct readers *reading;          /* PostgreSQL: where reads run; NULL: in the loops */

    struct db *readers[LOOPS_MAX];          /* one a loop */
    struct pages *pages[LOOPS_MAX];         /* answers that are still true, one set a loop */
    struct subscription *subscription;      /* NULL without listeners */
    const char *subjects[EVENT_TYPES + 1];  /* it listens to; NULL-terminated */
    const char *published[EVENT_TYPES + 1]; /* its own; NULL-terminated */
    struct pool *pool;                      /* NULL without pool_threads */
    struct revoked *revoked;                /* NULL without routes for sessions */

    /* shared, under lock */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct request_list queue;
    struct task_list settles;
    bool poked;
    int64_t job_asked_ms[JOBS_MAX]; /* by other threads; JOB_NEVER: not */
    bool stopping;

    /* the writer thread's own */
    pthread_t thread;
    bool thread_runs;
    struct request_list ready;             /* woken: first of the next batch */
    struct request *waiting[WAIT_BUCKETS]; /* by wake key, linked by link */
    int64_t job_due_ms[JOBS_MAX];
    struct task_list tasks;         /* to start after the commit */
    struct wake *wakes;             /* to call after the commit */
    struct revocation *revocations; /* newest first */
    int64_t revoked_look_ms;        /* when to read them again, if others write them */
    struct arena *arena;            /* of one batch */
    struct trace_source traces;
    struct item_span *spans; /* of one batch */
    struct writer_figures figures;
    int64_t reopen_at_ms;
    int64_t look_at_ms;                 /* PostgreSQL: what others have done meanwhile */
    int64_t fold_at_ms;                 /* PostgreSQL: outbox_fold */
    _Atomic int64_t kept[KEPT_FIGURES]; /* PostgreSQL: at the last look; -1: there was none */
    int64_t failures;                   /* batches that were not committed */
    int64_t probe_at_ms;                /* when to look whether it is healthy again */
    _Atomic bool healthy;               /* its last transaction could be made */
    _Atomic bool open;                  /* the database is there, migrated and subscribed to */
};

struct house {
    const struct settings *settings; /* this and the next three: from whoever makes the house */
    const struct clock *clock;
    struct random *random;
    int loops;
    struct service *services[SERVICES_MAX];
    size_t service_count;
    struct bus *bus;
    _Atomic(struct http_server *) server; /* NULL until it runs */
    struct session_keys *keys;
    struct request_list handover[LOOPS_MAX][SERVICES_MAX]; /* of one round of a loop, to writers */
    struct request_list reads[LOOPS_MAX][SERVICES_MAX];    /* … and to readers */
    int64_t started_at_ms;
    _Atomic bool stopping;
};

/* --- lists (work.c) ------------------------------------------------------------------------ */

static inline void request_list_add(struct request_list *list, struct request *rq)
{
    rq->link = NULL;
    if (list->tail)
        list->tail->link = rq;
    else
        list->head = rq;
    list->tail = rq;
    list->count++;
}
static inline struct request *request_list_take(struct request_list *list)
{
    struct request *rq = list->head;

    if (!rq) return NULL;
    list->head = rq->link;
    if (!list->head) list->tail = NULL;
    list->count--;
    rq->link = NULL;
    return rq;
}
/* Moves everything from one list to the end of another. */
void request_list_append(struct request_list *to, struct request_list *from);
/* Answers every request of it with that error. Not under a lock. */
void request_list_refuse(struct request_list *list, enum err err);
void task_list_add(struct task_list *list, struct task *task);
struct task *task_list_take(struct task_list *list);
void task_list_free(struct task_list *list); /* the tasks in it */

/* --- the writer (writer.c) ----------------------------------------------------------------- */

/* Makes it ready for pokes and requests; before anybody can send one. */
enum err writer_init(struct service *service);
enum err writer_start(struct service *service);
/* Finishes what is queued, then ends the thread; requests that wait are answered 503. */
void writer_stop(struct service *service);
/* When nobody can send it anything any more. */
void writer_free(struct service *service);
/* One batch: everything that waits, in one transaction. False: there was nothing to do. Called by
 * the writer's thread, or step by step by whoever runs a service without threads. */
bool writer_step(struct service *service);
/* When writer_step has something to do without being poked, UTC ms; INT64_MAX: never. */
int64_t writer_next_ms(const struct service *service);
/* Any thread. Takes the whole list; what finds no room is answered 503. */
void writer_enqueue(struct service *service, struct request_list *list);
void writer_settle(struct service *service, struct task *task);
void writer_poke(void *service);
size_t writer_queue_length(struct service *service); /* requests; any thread */

/* --- lanes and readers: PostgreSQL (lanes.c, readers.c) -------------------------------------- */

static inline struct service *first_of(struct service *service)
{
    return service->first ? service->first : service;
}
/* Makes the lanes of a service whose database is shared, when it has use for them. */
enum err lanes_make(struct service *service);
/* The requests to the writers of their lanes; like writer_enqueue. */
void lanes_enqueue(struct service *service, struct request_list *list);
/* Every lane is connected and could make its last transaction. */
bool lanes_healthy(const struct service *service);
/* What jobs this lane's committed items asked for, to the first. */
void lane_jobs(struct service *lane);

/* Threads with a connection each. NULL: could not be made. */
struct readers *readers_start(struct service *service);
void readers_stop(struct readers *readers); /* NULL is fine */
/* Any thread. Takes the whole list; what finds no room is answered 503. */
void readers_enqueue(struct readers *readers, struct request_list *list);

/* --- the pool (pool.c) --------------------------------------------------------------------- */

struct pool *pool_start(struct service *service, int threads, size_t queue_max);
void pool_stop(struct pool *pool);
/* False: the queue is full, the caller keeps it. */
bool pool_submit_request(struct pool *pool, struct request *rq);
bool pool_submit_task(struct pool *pool, struct task *task);
size_t pool_queue_length(struct pool *pool); /* any thread */

/* --- answers given again (pages.c) ---------------------------------------------------------- */

/* A loop's own small store of answers of IN_SHARED_READER routes. NULL when memory ran out. */
struct pages *pages_new(void);
void pages_free(struct pages *pages);
/* True: rq has the answer that was given to the same target while the database has seen `commits`
 * commits. It must be sent before the next page is kept. */
bool pages_find(const struct pages *pages, struct request *rq, uint64_t commits);
/* Keeps rq's answer, when it is one that may be given again. */
void pages_keep(struct pages *pages, const struct request *rq, uint64_t commits);

/* --- on their way (dispatch.c) ------------------------------------------------------------- */

/* http_config.dispatch, resume and loop_end. context: the house. */
void house_dispatch(void *context, int loop, struct request *rq);
void house_resume(void *context, int loop, struct request *rq);
void house_loop_end(void *context, int loop);
/* The API is somewhere else (API_BASE_URL): calls of pages go over HTTP, from the pool. */
bool house_calls_out(const struct service *service);
/* In a pool thread: asks what rq->call says; rq->call gets the answer, 503 when none came. */
void request_call_out(struct http_client *client, struct request *rq);
/* Runs one handler and turns its error into an answer. OK: keep what it wrote. */
enum err request_run(struct request *rq, handler_fn *handler, struct tx *tx);
/* The handler said where to go on: hand the request over, or answer it. Not in a loop thread. */
void request_go_on(struct service *service, struct request *rq);

/* --- sessions refused (revocations.c) ------------------------------------------------------- */

extern const struct migration runtime_schema[]; /* of every service, on top of bus_schema */

/* Reads the service's books into memory. */
enum err revocations_read(struct service *service, int64_t now_ms);
/* When to do so again; INT64_MAX: nobody else writes to the database. */
int64_t revocations_next_ms(const struct service *service);
/* After the commit. */
void revocations_committed(struct service *service, int64_t now_ms);
/* user:updated came. */
enum verdict user_updated_apply(struct service *service, struct tx *tx,
                                const struct user_updated *user);

/* --- the audit trail (audit.c) -------------------------------------------------------------- */

#define AUDIT_TEXTS 5 /* action, actor, subject, address, detail */
struct audit_row {
    struct object_id id;
    int64_t at_ms;
    struct str texts[AUDIT_TEXTS];
};
/* Up to max entries with an id below `after`, newest first; texts in the arena. */
enum err audit_page(struct tx *tx, struct arena *arena, struct object_id after,
                    struct audit_row *out, size_t max, size_t *count);

/* --- opening and closing (serve.c) ---------------------------------------------------------- */

/* Databases, bus, subscriptions, pools: all but the writers' threads and HTTP, so that whoever owns
 * time may step the writers. house: zeroed but for its first members. To be closed also after an
 * error. */
enum err house_open(struct house *house, const struct service_definition *const *definitions,
                    size_t count, struct buf *why);
void house_close(struct house *house);
/* What house_open does last for each service, in this order. */
enum err service_subscribe(struct service *service);
/* Whether the bus brings it what is published under that subject: for its listeners, or for the
 * runtime's own books. */
bool service_listens(const struct service *service, struct str subject);
enum err service_start(struct service *service, struct buf *why);
/* Opens the writer's connection; the first time also brings the schema up to date and subscribes.
 * ERR_UNAVAILABLE: the server is away, try again. */
enum err service_connect(struct service *service, struct buf *why);
/* The writer's connection is there, or it was time to try and it is there again. An unknown outcome
 * is settled by looking: a new connection sees what is there. */
bool service_reopen(struct service *service, int64_t now_ms);
/* Closes it when it is of no more use (db_broken). */
void service_close_broken(struct service *service);

#endif
