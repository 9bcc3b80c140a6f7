/* runtime/executor/instance.h: one service in this process: what its executors share. The app makes
 * it before they start and takes it down when they have ended; what changes meanwhile is atomic or
 * says whose it is. */
#ifndef RUNTIME_EXECUTOR_INSTANCE_H
#define RUNTIME_EXECUTOR_INSTANCE_H

#include "bus/bus.h"
#include "identity/session_cookie.h"
#include "runtime/service.h"

#include <stdatomic.h>

#define SERVICES_MAX 16
#define LOOPS_MAX    16
#define JOBS_MAX     4
#define SHARDS_MAX   4 /* writers of one service on PostgreSQL */

struct instance {
    const struct service_definition *def;
    size_t index;   /* among the app's */
    struct env env; /* of its handlers in loops and pool; a writer has its own */
    struct object_id_source ids;
    char *dsn;
    struct bus *bus;                      /* NULL until it is open */
    struct revocation_table *revocations; /* the process's */
    uint32_t revoked_by; /* its bit of the bans there; 0: it looks at no session, and keeps none */

    /* One writer; on PostgreSQL, where a round trip is long, several, its shards, that differ in
     * their connection alone. Events, jobs and what only one may do are the first one's. Requests
     * about one thing go to one shard, so that they keep their order and do not wait for each
     * other's locks. */
    struct writer *writers[SHARDS_MAX];
    size_t writer_count;
    struct pool *pool;   /* NULL without pool_threads */
    struct limit *limit; /* of its limited routes, by user; NULL: none */

    /* Where it reads: in the loops, over a connection each, or (PostgreSQL) in a reader pool. */
    int loops;
    struct db *readers[LOOPS_MAX];
    struct response_cache *caches[LOOPS_MAX];
    struct reader_pool *reader_pool; /* NULL: in the loops */

    struct http_route *routes;              /* what HTTP matches of its table */
    const char *subjects[EVENT_TYPES + 1];  /* it listens to; NULL-terminated */
    const char *published[EVENT_TYPES + 1]; /* its own; NULL-terminated */

    /* A request whose handler named another executor goes there, else is answered: dispatch.c. Not
     * in a loop thread. */
    void (*pass_on)(struct instance *instance, struct request *rq);
};

/* Whether the bus brings it what is published under that subject: for its listeners, or for the
 * runtime's own books. Any thread, once it has subscribed. */
bool instance_listens(const struct instance *instance, struct str subject);

#endif
