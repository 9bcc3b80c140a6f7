/* runtime/limits.c: counts by key in a table that never grows (limits.h says why it is as it is).
 *
 * The table is 2,048 sets of 8 slots. A key belongs to one set, found by its hash. */
#include "runtime/limits.h"

#include "base/siphash.h"

#include <pthread.h>
#include <stdlib.h>

#define SETS           2048 /* a power of two */
#define WAYS           8
#define VIOLATIONS_MAX 20
#define RETRY_AFTER_S  86400 /* no answer says more */

struct slot {
    uint64_t tag; /* 0: free */
    struct mono_ms since;
    struct mono_ms until; /* refused until then */
    uint32_t count;
    uint32_t violations; /* times it was over the limit, since it was last quiet */
};

struct limit {
    struct limit_rule rule;
    struct limit *next; /* of the process */
    uint64_t key[2];
    uint64_t refused;
    pthread_mutex_t lock;
    struct slot slots[SETS][WAYS];
};

static struct {
    pthread_mutex_t lock;
    struct limit *first;
} all = {PTHREAD_MUTEX_INITIALIZER, NULL};

/* --- slots -------------------------------------------------------------------------------- */

static bool is_refused(const struct slot *slot, struct mono_ms now)
{
    return !mono_reached(now, slot->until);
}

/* Lets go of what is over: the window's count, and violations after a quiet time as long as the
 * longest block. */
static void slot_update(const struct limit *limit, struct slot *slot, struct mono_ms now)
{
    if (is_refused(slot, now)) return;
    if (mono_since(now, slot->since) >= limit->rule.window_ms) slot->count = 0;
    if (mono_since(now, slot->until) >= limit->rule.block_ms_max) slot->violations = 0;
    if (slot->count == 0 && slot->violations == 0) slot->tag = 0;
}

static bool is_lighter(const struct slot *a, const struct slot *b)
{
    if (a->violations != b->violations) return a->violations < b->violations;
    if (a->count != b->count) return a->count < b->count;
    return a->since.ms < b->since.ms;
}

static struct slot *slot_find(struct limit *limit, struct str key, uint64_t *tag)
{
    uint64_t hash = siphash(limit->key, key);
    struct slot *set;

    *tag = hash ? hash : 1; /* 0 marks a free slot */
    set = limit->slots[*tag & (SETS - 1)];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].tag == *tag) return &set[i];
    return NULL;
}

/* A slot for a new key: a free one, else the lightest. One that is refused stays: then *wait_ms
 * says when the first of them is free again. */
static struct slot *make_room(struct limit *limit, uint64_t tag, struct mono_ms now,
                              int64_t *wait_ms)
{
    struct slot *set = limit->slots[tag & (SETS - 1)], *lightest = NULL;
    struct mono_ms first = MONO_NEVER;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].tag) slot_update(limit, &set[i], now);
        if (!set[i].tag) return &set[i];
        if (is_refused(&set[i], now)) {
            first = mono_earlier(first, set[i].until);
        } else if (!lightest || is_lighter(&set[i], lightest)) {
            lightest = &set[i];
        }
    }
    if (!lightest) *wait_ms = mono_since(first, now);
    return lightest;
}

/* One too many: for how long it is refused now. */
static int64_t block(const struct limit *limit, struct slot *slot, struct mono_ms now)
{
    int64_t for_ms = limit->rule.window_ms;

    if (limit->rule.block_ms_max == 0) {
        slot->until = mono_after(slot->since, limit->rule.window_ms);
        return mono_since(slot->until, now);
    }
    for (uint32_t i = 0; i < slot->violations && for_ms < limit->rule.block_ms_max; i++)
        for_ms *= 2;
    if (for_ms > limit->rule.block_ms_max) for_ms = limit->rule.block_ms_max;
    if (slot->violations < VIOLATIONS_MAX) slot->violations++;
    slot->count = 0; /* afterwards it counts anew */
    slot->until = mono_after(now, for_ms);
    return for_ms;
}

/* How long key has to wait, 0: not at all. Under the lock. */
static int64_t limit_take_one(struct limit *limit, struct str key, struct mono_ms now)
{
    uint64_t tag;
    struct slot *slot = slot_find(limit, key, &tag);
    int64_t wait_ms = 0;

    if (slot) slot_update(limit, slot, now);
    if (!slot || !slot->tag) {
        if (!slot) slot = make_room(limit, tag, now, &wait_ms);
        if (!slot) return wait_ms;
        *slot = (struct slot){.tag = tag, .since = now, .until = now};
    }
    if (is_refused(slot, now)) return mono_since(slot->until, now);
    if (slot->count == 0) slot->since = now;
    if (slot->count >= (uint64_t)limit->rule.count) return block(limit, slot, now);
    slot->count++;
    return 0;
}

static int64_t limit_peek(struct limit *limit, struct str key, struct mono_ms now)
{
    uint64_t tag;
    struct slot *slot = slot_find(limit, key, &tag);

    if (!slot) return 0;
    return is_refused(slot, now) ? mono_since(slot->until, now) : 0;
}

/* --- what others call ---------------------------------------------------------------------- */

struct limit *limit_new(const struct limit_rule *rule, struct random *random, enum err *err)
{
    struct limit *limit;

    *err = OK;
    if (rule->count == 0) return NULL;
    *err = ERR_MEMORY;
    limit = calloc(1, sizeof *limit);
    if (!limit) return NULL;
    *err = OK;
    limit->rule = *rule;
    random_fill(random, limit->key, sizeof limit->key);
    pthread_mutex_init(&limit->lock, NULL);
    pthread_mutex_lock(&all.lock);
    limit->next = all.first;
    all.first = limit;
    pthread_mutex_unlock(&all.lock);
    return limit;
}

void limit_free(struct limit *limit)
{
    struct limit **link = &all.first;

    if (!limit) return;
    pthread_mutex_lock(&all.lock);
    while (*link != limit)
        link = &(*link)->next;
    *link = limit->next;
    pthread_mutex_unlock(&all.lock);
    pthread_mutex_destroy(&limit->lock);
    free(limit);
}

static enum err limit_ask(struct limit *limit, struct str key, struct mono_ms now,
                          struct request *rq,
                          int64_t (*question)(struct limit *, struct str, struct mono_ms))
{
    int64_t wait_ms;

    if (!limit) return OK;
    pthread_mutex_lock(&limit->lock);
    wait_ms = question(limit, key, now);
    if (wait_ms > 0) limit->refused++;
    pthread_mutex_unlock(&limit->lock);
    if (wait_ms <= 0) return OK;
    wait_ms = (wait_ms + 999) / 1000;
    rq->retry_after_s = wait_ms < RETRY_AFTER_S ? (int)wait_ms : RETRY_AFTER_S;
    return ERR_BUSY;
}

enum err limit_take(struct limit *limit, struct str key, struct mono_ms now, struct request *rq)
{
    return limit_ask(limit, key, now, rq, limit_take_one);
}

enum err limit_check(struct limit *limit, struct str key, struct mono_ms now, struct request *rq)
{
    return limit_ask(limit, key, now, rq, limit_peek);
}

void limit_give_back(struct limit *limit, struct str key)
{
    uint64_t tag;
    struct slot *slot;

    if (!limit) return;
    pthread_mutex_lock(&limit->lock);
    slot = slot_find(limit, key, &tag);
    if (slot && slot->count > 0) slot->count--;
    pthread_mutex_unlock(&limit->lock);
}

void limit_forget(struct limit *limit, struct str key)
{
    uint64_t tag;
    struct slot *slot;

    if (!limit) return;
    pthread_mutex_lock(&limit->lock);
    slot = slot_find(limit, key, &tag);
    if (slot) *slot = (struct slot){0};
    pthread_mutex_unlock(&limit->lock);
}

void limits_each(void (*see)(void *context, const char *name, uint64_t refused), void *context)
{
    pthread_mutex_lock(&all.lock);
    for (struct limit *limit = all.first; limit; limit = limit->next) {
        uint64_t refused;

        pthread_mutex_lock(&limit->lock);
        refused = limit->refused;
        pthread_mutex_unlock(&limit->lock);
        see(context, limit->rule.name, refused);
    }
    pthread_mutex_unlock(&all.lock);
}
