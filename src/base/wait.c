/* base/wait.c: see base/wait.h. */
#include "base/wait.h"

#include <errno.h>
#include <time.h>

void wait_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

bool wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, struct mono_ms until)
{
    struct timespec time = {.tv_sec = until.ms / 1000, .tv_nsec = until.ms % 1000 * 1000000};

    if (until.ms != INT64_MAX) return pthread_cond_timedwait(condition, lock, &time) != ETIMEDOUT;
    pthread_cond_wait(condition, lock);
    return true;
}
