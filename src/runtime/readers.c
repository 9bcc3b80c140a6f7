/* runtime/readers.c: threads that read for a service whose database is PostgreSQL: the loop must
 * not wait for a server's answer. Each has a connection of its own. */
#include "runtime/house.h"

#include <stdlib.h>

#define READS_AT_ONCE   16   /* taken from the queue in one go, answered in one go */
#define READS_MAX       8192 /* waiting; over it: 503 */
#define REOPEN_PAUSE_MS 1000

struct readers {
    struct service *service;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct request_list queue;
    bool stopping;
    pthread_t threads[READERS_MAX];
    int thread_count;
};

/* Blocks until there is something; false: stop. */
static bool take(struct readers *readers, struct request_list *out)
{
    struct request *rq;

    *out = (struct request_list){0};
    pthread_mutex_lock(&readers->lock);
    while (!readers->stopping && !readers->queue.head)
        pthread_cond_wait(&readers->wake, &readers->lock);
    while (!readers->stopping && out->count < READS_AT_ONCE &&
           (rq = request_list_take(&readers->queue)))
        request_list_add(out, rq);
    if (readers->queue.head) pthread_cond_signal(&readers->wake);
    pthread_mutex_unlock(&readers->lock);
    return out->count > 0;
}

/* The thread's connection, opened again when the server hung up. NULL: it is away. */
static struct db *connection(struct readers *readers, struct db *db, int64_t *reopen_at_ms)
{
    int64_t now_ms = env_now_ms(&readers->service->env);

    if (db && !db_broken(db)) return db;
    db_close(db);
    db = NULL;
    if (now_ms < *reopen_at_ms) return NULL;
    if (db_open(readers->service->path, DB_READER, &db, NULL) != OK)
        *reopen_at_ms = now_ms + REOPEN_PAUSE_MS;
    return db;
}

static void run(struct readers *readers, struct db *db, struct request *rq)
{
    struct tx *tx = db ? tx_read(db, env_now_ms(&readers->service->env)) : NULL;

    if (tx)
        (void)request_run(rq, rq->next ? rq->next : rq->route->run, tx);
    else
        reply_error(rq, ERR_UNAVAILABLE);
    if (!tx) rq->next = NULL;
}

static void *reader_main(void *context)
{
    struct readers *readers = context;
    struct request_list taken, answered;
    int64_t reopen_at_ms = 0;
    struct db *db = NULL;
    struct request *rq;

    while (take(readers, &taken)) {
        answered = (struct request_list){0};
        db = connection(readers, db, &reopen_at_ms);
        while ((rq = request_list_take(&taken))) {
            run(readers, db, rq);
            if (rq->next)
                request_go_on(readers->service, rq);
            else
                request_list_add(&answered, rq);
        }
        if (answered.head) http_answer_all(answered.head);
    }
    db_close(db);
    return NULL;
}

struct readers *readers_start(struct service *service)
{
    struct readers *readers = calloc(1, sizeof *readers);

    if (!readers) return NULL;
    readers->service = service;
    pthread_mutex_init(&readers->lock, NULL);
    pthread_cond_init(&readers->wake, NULL);
    while (readers->thread_count < READERS_MAX &&
           pthread_create(&readers->threads[readers->thread_count], NULL, reader_main, readers) ==
               0)
        readers->thread_count++;
    if (readers->thread_count == READERS_MAX) return readers;
    readers_stop(readers);
    return NULL;
}

void readers_stop(struct readers *readers)
{
    if (!readers) return;
    pthread_mutex_lock(&readers->lock);
    readers->stopping = true;
    pthread_cond_broadcast(&readers->wake);
    pthread_mutex_unlock(&readers->lock);
    for (int i = 0; i < readers->thread_count; i++)
        pthread_join(readers->threads[i], NULL);
    request_list_refuse(&readers->queue, ERR_STOPPING);
    pthread_cond_destroy(&readers->wake);
    pthread_mutex_destroy(&readers->lock);
    free(readers);
}

void readers_enqueue(struct readers *readers, struct request_list *list)
{
    struct request_list refused = {0};
    bool stopping;

    if (!list->head) return;
    pthread_mutex_lock(&readers->lock);
    stopping = readers->stopping;
    if (stopping || readers->queue.count + list->count > READS_MAX)
        refused = *list;
    else
        request_list_append(&readers->queue, list);
    if (readers->queue.head) pthread_cond_signal(&readers->wake);
    pthread_mutex_unlock(&readers->lock);
    *list = (struct request_list){0};
    request_list_refuse(&refused, stopping ? ERR_STOPPING : ERR_QUEUE_FULL);
}
