/* tests/fuzz/fuzz.h: what every fuzz target needs. A target's promise is an ASSERT: what must hold
 * for any bytes at all, beyond not crashing under the sanitizers. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "base/arena.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ARENA_MAX (1024 * 1024)
#define FUZZ_TEXT_MAX  (1024 * 1024)

/* One arena for all runs, emptied for each. */
static inline struct arena *fuzz_arena(void)
{
    static struct arena *arena;

    if (!arena) arena = arena_new(FUZZ_ARENA_MAX);
    ASSERT(arena);
    arena_reset(arena);
    return arena;
}

static inline struct str fuzz_text(const uint8_t *data, size_t size)
{
    return (struct str){(const char *)data, size};
}

#endif
