/* base/random.c: the kernel's random generator. */
#include "base/random.h"

#include "base/err.h"

#include <errno.h>
#include <sys/random.h>

static void system_fill(struct random *random, void *bytes, size_t size)
{
    unsigned char *at = bytes;

    (void)random;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);

        if (got < 0) {
            ASSERT(errno == EINTR); /* nothing may go on with bytes that are not random */
            continue;
        }
        at += got;
        size -= (size_t)got;
    }
}

struct random random_system = {system_fill};
