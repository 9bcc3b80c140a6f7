/* base/wait.h: a thread that waits for another, until a moment of the monotonic clock at most: the
 * wall clock may be set meanwhile, which must neither end the wait nor lengthen it. */
#ifndef BASE_WAIT_H
#define BASE_WAIT_H

#include "base/clock.h"

#include <pthread.h>

/* For wait_until. To be ended with pthread_cond_destroy. */
void wait_init(pthread_cond_t *condition);
/* As pthread_cond_wait, with `lock` held. False: `until` is over (MONO_NEVER never is). Like that,
 * it may return true without having been signalled. */
bool wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, struct mono_ms until);

#endif
