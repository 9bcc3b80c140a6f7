/* Preloaded into the program by clock.py: its wall clock, as somebody sets it. The file CLOCK_FILE
 * holds by how many milliseconds, as one int64_t. The monotonic clock is the kernel's, and a wait
 * until a moment of the wall clock is one until that moment of the shifted one. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define CONDITIONS_MAX 4096

static volatile int64_t *shift_ms;
static int (*real_gettime)(clockid_t, struct timespec *);
static int (*real_init)(pthread_cond_t *, const pthread_condattr_t *);
static int (*real_wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static _Atomic(pthread_cond_t *) monotonic[CONDITIONS_MAX];

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    real_init = dlsym(RTLD_NEXT, "pthread_cond_init");
    real_wait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    if (file < 0) abort();
    shift_ms = mmap(NULL, sizeof *shift_ms, PROT_READ, MAP_SHARED, file, 0);
    if (shift_ms == MAP_FAILED) abort();
    close(file);
}

static struct timespec shifted(struct timespec time, int64_t by_ms)
{
    time.tv_sec += by_ms / 1000;
    time.tv_nsec += by_ms % 1000 * 1000000;
    if (time.tv_nsec < 0) time.tv_sec--, time.tv_nsec += 1000000000;
    if (time.tv_nsec >= 1000000000) time.tv_sec++, time.tv_nsec -= 1000000000;
    return time;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int code = real_gettime(clock, time);

    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        *time = shifted(*time, *shift_ms);
    return code;
}

int gettimeofday(struct timeval *time, void *zone)
{
    struct timespec now;
    int code = clock_gettime(CLOCK_REALTIME, &now);

    (void)zone;
    *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return code;
}

time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    clockid_t clock = CLOCK_REALTIME;
    size_t i = 0;

    if (attributes) pthread_condattr_getclock(attributes, &clock);
    for (; clock == CLOCK_MONOTONIC && i < CONDITIONS_MAX; i++) {
        pthread_cond_t *none = NULL;

        if (monotonic[i] == condition ||
            __atomic_compare_exchange_n((pthread_cond_t **)&monotonic[i], &none, condition, 0, 5,
                                        5))
            break;
    }
    return real_init(condition, attributes);
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
                           const struct timespec *until)
{
    struct timespec time = *until;

    for (size_t i = 0; i < CONDITIONS_MAX && monotonic[i]; i++)
        if (monotonic[i] == condition) return real_wait(condition, lock, until);
    time = shifted(time, -*shift_ms);
    return real_wait(condition, lock, &time);
}
