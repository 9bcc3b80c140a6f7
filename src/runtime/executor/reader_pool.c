/* runtime/executor/reader_pool.c: threads that read for a service whose database is PostgreSQL: the
 * loop must not wait for a server's answer. Each has a connection of its own. */
#include "runtime/executor/reader_pool.h"

#include "http/server/server.h"
#include "runtime/executor/instance.h"
#include "runtime/executor/thread_group.h"

#include <stdlib.h>

#define READER_THREADS  4    /* connections that read for one service on PostgreSQL */
#define READS_AT_ONCE   16   /* taken from the queue in one go, answered in one go */
#define READS_MAX       8192 /* waiting; over it: 503 */
#define REOPEN_PAUSE_MS 1000

struct reader_pool {
    struct instance *instance;
    struct thread_group group;
    struct request_list queue;
};

/* Blocks until there is something; false: stop. */
static bool reader_take(struct reader_pool *pool, struct request_list *out)
{
    struct request *rq;

    *out = (struct request_list){0};
    pthread_mutex_lock(&pool->group.lock);
    while (!pool->group.stopping && !pool->queue.head)
        pthread_cond_wait(&pool->group.wake, &pool->group.lock);
    while (!pool->group.stopping && out->count < READS_AT_ONCE &&
           (rq = request_list_take(&pool->queue)))
        request_list_add(out, rq);
    if (pool->queue.head) pthread_cond_signal(&pool->group.wake);
    pthread_mutex_unlock(&pool->group.lock);
    return out->count > 0;
}

/* The thread's connection, opened again when the server hung up. NULL: it is away. */
static struct db *reader_connection(struct reader_pool *pool, struct db *db,
                                    struct mono_ms *reopen_at)
{
    struct mono_ms now = env_mono(&pool->instance->env);

    if (db && !db_broken(db)) return db;
    db_close(db);
    db = NULL;
    if (!mono_reached(now, *reopen_at)) return NULL;
    if (db_open(pool->instance->dsn, DB_READER, &db, NULL) != OK)
        *reopen_at = mono_after(now, REOPEN_PAUSE_MS);
    return db;
}

static void reader_run(struct reader_pool *pool, struct db *db, struct request *rq)
{
    struct tx *tx = db ? tx_read(db, env_now(&pool->instance->env)) : NULL;

    if (tx)
        (void)request_run(rq, rq->run->next ? rq->run->next : rq->route->run, tx);
    else
        reply_error(rq, ERR_UNAVAILABLE);
    if (!tx) rq->run->next = NULL;
}

static void *reader_main(void *context)
{
    struct reader_pool *pool = context;
    struct request_list taken, answered;
    struct mono_ms reopen_at = {0};
    struct db *db = NULL;
    struct request *rq;

    while (reader_take(pool, &taken)) {
        answered = (struct request_list){0};
        db = reader_connection(pool, db, &reopen_at);
        while ((rq = request_list_take(&taken))) {
            reader_run(pool, db, rq);
            if (rq->run->next)
                pool->instance->pass_on(pool->instance, rq);
            else
                request_list_add(&answered, rq);
        }
        if (answered.head) http_answer_all(answered.head);
    }
    db_close(db);
    return NULL;
}

struct reader_pool *reader_pool_start(struct instance *instance)
{
    struct reader_pool *pool = calloc(1, sizeof *pool);

    if (!pool) return NULL;
    pool->instance = instance;
    if (thread_group_start(&pool->group, READER_THREADS, reader_main, pool)) return pool;
    free(pool);
    return NULL;
}

void reader_pool_stop(struct reader_pool *pool)
{
    if (!pool) return;
    thread_group_stop(&pool->group);
    request_list_refuse(&pool->queue, ERR_STOPPING);
    free(pool);
}

void reader_pool_enqueue(struct reader_pool *pool, struct request_list *list)
{
    struct request_list refused = {0};
    bool stopping;

    if (!list->head) return;
    pthread_mutex_lock(&pool->group.lock);
    stopping = pool->group.stopping;
    if (stopping || pool->queue.count + list->count > READS_MAX)
        refused = *list;
    else
        request_list_append(&pool->queue, list);
    if (pool->queue.head) pthread_cond_signal(&pool->group.wake);
    pthread_mutex_unlock(&pool->group.lock);
    *list = (struct request_list){0};
    request_list_refuse(&refused, stopping ? ERR_STOPPING : ERR_QUEUE_FULL);
}
