/* base/arena.h: memory for one request or event, capped at birth and given back all at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena; /* not thread-safe: one owner at a time */

/* max: bytes the arena may hand out before arena_alloc returns NULL. NULL when memory ran out.
 * The first block (4 KiB, struct included) is kept over resets; larger ones are returned. */
struct arena *arena_new(size_t max);
void arena_free(struct arena *arena);
void arena_reset(struct arena *arena);
/* Bytes handed out since the last reset, each piece counted in steps of 16. */
size_t arena_used(const struct arena *arena);

/* Something was asked for since the last reset that it could not give: what looks absent may only
 * not have been read. */
bool arena_failed(const struct arena *arena);

/* Zeroed, aligned for any type; NULL past max or out of memory. Lives until reset. size may be 0.
 */
void *arena_alloc(struct arena *arena, size_t size);
/* The same, but not zeroed: for callers who fill it at once. */
void *arena_alloc_raw(struct arena *arena, size_t size);
/* A copy with a NUL after it (not counted in len); at is NULL when memory ran out. */
struct str arena_copy(struct arena *arena, struct str text);

#endif
