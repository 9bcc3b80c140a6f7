/* runtime/executor/reader_pool.h: threads with a connection each that read for a service whose
 * database is PostgreSQL: a loop must not wait for a server's answer. */
#ifndef RUNTIME_EXECUTOR_READER_POOL_H
#define RUNTIME_EXECUTOR_READER_POOL_H

#include "runtime/executor/queue.h"

struct instance;
struct reader_pool;

/* NULL: could not be made. */
struct reader_pool *reader_pool_start(struct instance *instance);
void reader_pool_stop(struct reader_pool *pool); /* NULL is fine */
/* Any thread. Takes the whole list; what finds no room is answered 503. */
void reader_pool_enqueue(struct reader_pool *pool, struct request_list *list);

#endif
