/* base/arena.c: a bump allocator over a small kept block and larger ones returned at reset.
 *
 * Under AddressSanitizer whatever is not handed out is poisoned, and pieces stand apart, so that
 * a use after reset or past the end shows as it would with malloc. */
#include "base/arena.h"

#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(at, size)   ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#define GAP                ((size_t)16)
#else
#define POISON(at, size)   ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#define GAP                ((size_t)0)
#endif

#define ALIGNMENT      ((size_t)16)
#define FIRST_BLOCK    ((size_t)4096)
#define BLOCK_LARGEST  ((size_t)64 * 1024)
#define ARENA_MAX      (SIZE_MAX / 4) /* keeps every sum below far from overflow */
#define ROUND_UP(size) (((size) + ALIGNMENT - 1) & ~(ALIGNMENT - 1))
#define FIRST_DATA     ROUND_UP(sizeof(struct arena))
#define BLOCK_DATA     ROUND_UP(sizeof(struct block))

struct block {
    struct block *next;
};

struct arena {
    char *at;  /* the block in use: next free byte */
    char *end; /* and its end */
    size_t used;
    size_t max;
    bool failed;
    size_t next_size;     /* bytes of the next larger block */
    struct block *blocks; /* all but the first */
};

static void start_first_block(struct arena *arena)
{
    arena->at = (char *)arena + FIRST_DATA;
    arena->end = (char *)arena + FIRST_BLOCK;
    arena->used = 0;
    arena->failed = false;
    arena->next_size = 2 * FIRST_BLOCK;
    arena->blocks = NULL;
    POISON(arena->at, FIRST_BLOCK - FIRST_DATA);
}

static void free_blocks(struct arena *arena)
{
    struct block *block = arena->blocks;

    while (block) {
        struct block *next = block->next;

        free(block);
        block = next;
    }
}

struct arena *arena_new(size_t max)
{
    struct arena *arena = malloc(FIRST_BLOCK);

    if (!arena) return NULL;
    arena->max = ROUND_UP(max < ARENA_MAX ? max : ARENA_MAX);
    start_first_block(arena);
    return arena;
}

void arena_free(struct arena *arena)
{
    if (!arena) return;
    free_blocks(arena);
    free(arena);
}

void arena_reset(struct arena *arena)
{
    free_blocks(arena);
    start_first_block(arena);
}

bool arena_failed(const struct arena *arena)
{
    return arena->failed;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

/* size: rounded, gap included. The roomier of the old block and the new one stays in use, so that
 * one large piece does not throw away the rest of a block. */
static char *take_from_new_block(struct arena *arena, size_t size)
{
    size_t total = arena->next_size;
    struct block *block;
    char *at, *end;

    if (total < BLOCK_DATA + size) total = BLOCK_DATA + size;
    block = malloc(total);
    if (!block) return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    if (arena->next_size < BLOCK_LARGEST) arena->next_size *= 2;

    at = (char *)block + BLOCK_DATA;
    end = (char *)block + total;
    POISON(at, total - BLOCK_DATA);
    if ((size_t)(end - at) - size > (size_t)(arena->end - arena->at)) {
        arena->at = at + size;
        arena->end = end;
    }
    return at;
}

static void *arena_take(struct arena *arena, size_t size)
{
    size_t rounded, needed;
    char *at;

    if (size > arena->max) return NULL;
    rounded = size ? ROUND_UP(size) : ALIGNMENT;
    if (rounded > arena->max - arena->used) return NULL;
    needed = rounded + GAP;
    if (needed <= (size_t)(arena->end - arena->at)) {
        at = arena->at;
        arena->at += needed;
    } else {
        at = take_from_new_block(arena, needed);
        if (!at) return NULL;
    }
    arena->used += rounded;
    UNPOISON(at, size);
    return at;
}

void *arena_alloc_raw(struct arena *arena, size_t size)
{
    void *at = arena_take(arena, size);

    if (!at) arena->failed = true;
    return at;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *at = arena_alloc_raw(arena, size);

    if (at) memset(at, 0, size);
    return at;
}

struct str arena_copy(struct arena *arena, struct str text)
{
    char *at = text.len < SIZE_MAX ? arena_alloc_raw(arena, text.len + 1) : NULL;

    if (!at) return (struct str){NULL, 0};
    if (text.len) memcpy(at, text.at, text.len);
    at[text.len] = '\0';
    return (struct str){at, text.len};
}
