/* runtime/executor/thread_group.h: threads that take from one queue: a lock, a wake-up, and a start
 * and a stop that leave none behind. The queue is its owner's. */
#ifndef RUNTIME_EXECUTOR_THREAD_GROUP_H
#define RUNTIME_EXECUTOR_THREAD_GROUP_H

#include <stdbool.h>

#include <pthread.h>

#define THREAD_GROUP_MAX 16

struct thread_group {
    pthread_mutex_t lock; /* the owner's queue is guarded by it, too */
    pthread_cond_t wake;  /* signalled for each piece of work, broadcast to stop */
    bool stopping; /* under the lock: the threads leave `run`, and nothing is taken any more */
    pthread_t threads[THREAD_GROUP_MAX];
    int count;
};

/* All `threads` (at most THREAD_GROUP_MAX) run `run` with `context`. False: not all could be
 * started, those that were have ended, and the group is as after thread_group_stop. */
bool thread_group_start(struct thread_group *group, int threads, void *(*run)(void *),
                        void *context);
/* Says so, and waits for all of them. What they left in the queue is the owner's. */
void thread_group_stop(struct thread_group *group);

#endif
