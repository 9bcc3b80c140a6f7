/* base/random.h: randomness as something handed in, so that a seed can replay a run. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

struct random {
    void (*fill)(struct random *random, void *bytes, size_t size);
};

static inline void random_fill(struct random *random, void *bytes, size_t size)
{
    random->fill(random, bytes, size);
}

/* The real one: the kernel's generator (getrandom(2)). Threads: any. */
extern struct random random_system;

#endif
