/* runtime/executor/pool.h: a service's threads for slow or blocking work; bounded. */
#ifndef RUNTIME_EXECUTOR_POOL_H
#define RUNTIME_EXECUTOR_POOL_H

#include "runtime/executor/instance.h"

struct pool;

/* NULL: could not be made. */
struct pool *pool_start(struct instance *instance, int threads, size_t queue_max);
/* Ends what runs, answers what waits 503 and forgets its tasks. NULL is fine. */
void pool_stop(struct pool *pool);
/* Any thread. False: the queue is full, the caller keeps it. */
bool pool_submit_request(struct pool *pool, struct request *rq);
bool pool_submit_task(struct pool *pool, struct task *task);
size_t pool_queue_length(struct pool *pool); /* any thread */

#endif
