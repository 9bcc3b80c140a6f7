/* runtime/executor/thread_group.c: threads that take from one queue. */
#include "runtime/executor/thread_group.h"

#include "base/err.h"

bool thread_group_start(struct thread_group *group, int threads, void *(*run)(void *),
                        void *context)
{
    ASSERT(threads <= THREAD_GROUP_MAX);
    pthread_mutex_init(&group->lock, NULL);
    pthread_cond_init(&group->wake, NULL);
    while (group->count < threads &&
           pthread_create(&group->threads[group->count], NULL, run, context) == 0)
        group->count++;
    if (group->count == threads) return true;
    thread_group_stop(group);
    return false;
}

void thread_group_stop(struct thread_group *group)
{
    pthread_mutex_lock(&group->lock);
    group->stopping = true;
    pthread_cond_broadcast(&group->wake);
    pthread_mutex_unlock(&group->lock);
    for (int i = 0; i < group->count; i++)
        pthread_join(group->threads[i], NULL);
    pthread_cond_destroy(&group->wake);
    pthread_mutex_destroy(&group->lock);
}
