/* runtime/limits.c: counts by key in a table that never grows (limits.h says why it is as it is).
 *
 * The table is 2,048 sets of 8 seats. A key belongs to one set, found by its hash. */
#include "runtime/limits.h"

#include "base/siphash.h"

#include <pthread.h>
#include <stdlib.h>

#define SETS          2048 /* a power of two */
#define WAYS          8
#define STRIKES_MAX   20
#define RETRY_AFTER_S 86400 /* no answer says more */

struct seat {
    uint64_t tag; /* 0: free */
    int64_t since_ms;
    int64_t until_ms; /* refused until then */
    uint32_t count;
    uint32_t strikes; /* times it was over the limit, since it was last quiet */
};

struct limit {
    struct limit_rule rule;
    struct limit *next; /* of the process */
    uint64_t key[2];
    uint64_t refused;
    pthread_mutex_t lock;
    struct seat seats[SETS][WAYS];
};

static struct {
    pthread_mutex_t lock;
    struct limit *first;
} all = {PTHREAD_MUTEX_INITIALIZER, NULL};

/* --- seats -------------------------------------------------------------------------------- */

/* The clock may have been put back: no count reaches into the future for longer than it could. */
static void straighten(const struct limit *limit, struct seat *seat, int64_t now_ms)
{
    int64_t longest_ms = limit->rule.block_ms_max > limit->rule.window_ms ? limit->rule.block_ms_max
                                                                          : limit->rule.window_ms;

    if (seat->since_ms > now_ms) seat->since_ms = now_ms;
    if (seat->until_ms > now_ms + longest_ms) seat->until_ms = now_ms + longest_ms;
}

/* Lets go of what is over: the window's count, and strikes after a quiet time as long as the
 * longest block. */
static void settle(const struct limit *limit, struct seat *seat, int64_t now_ms)
{
    straighten(limit, seat, now_ms);
    if (now_ms < seat->until_ms) return;
    if (now_ms - seat->since_ms >= limit->rule.window_ms) seat->count = 0;
    if (now_ms - seat->until_ms >= limit->rule.block_ms_max) seat->strikes = 0;
    if (seat->count == 0 && seat->strikes == 0) seat->tag = 0;
}

static bool is_refused(const struct seat *seat, int64_t now_ms)
{
    return now_ms < seat->until_ms;
}

static bool is_lighter(const struct seat *a, const struct seat *b)
{
    if (a->strikes != b->strikes) return a->strikes < b->strikes;
    if (a->count != b->count) return a->count < b->count;
    return a->since_ms < b->since_ms;
}

static struct seat *find(struct limit *limit, struct str key, uint64_t *tag)
{
    uint64_t hash = siphash(limit->key, key);
    struct seat *set;

    *tag = hash ? hash : 1; /* 0 marks a free seat */
    set = limit->seats[*tag & (SETS - 1)];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].tag == *tag) return &set[i];
    return NULL;
}

/* A seat for a new key: a free one, else the lightest. One that is refused stays: then *wait_ms
 * says when the first of them is free again. */
static struct seat *make_room(struct limit *limit, uint64_t tag, int64_t now_ms, int64_t *wait_ms)
{
    struct seat *set = limit->seats[tag & (SETS - 1)], *lightest = NULL;
    int64_t first_ms = INT64_MAX;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].tag) settle(limit, &set[i], now_ms);
        if (!set[i].tag) return &set[i];
        if (is_refused(&set[i], now_ms)) {
            if (set[i].until_ms < first_ms) first_ms = set[i].until_ms;
        } else if (!lightest || is_lighter(&set[i], lightest)) {
            lightest = &set[i];
        }
    }
    if (!lightest) *wait_ms = first_ms - now_ms;
    return lightest;
}

/* One too many: for how long it is refused now. */
static int64_t block(const struct limit *limit, struct seat *seat, int64_t now_ms)
{
    int64_t for_ms = limit->rule.window_ms;

    if (limit->rule.block_ms_max == 0) {
        seat->until_ms = seat->since_ms + limit->rule.window_ms;
        return seat->until_ms - now_ms;
    }
    for (uint32_t i = 0; i < seat->strikes && for_ms < limit->rule.block_ms_max; i++)
        for_ms *= 2;
    if (for_ms > limit->rule.block_ms_max) for_ms = limit->rule.block_ms_max;
    if (seat->strikes < STRIKES_MAX) seat->strikes++;
    seat->count = 0; /* afterwards it counts anew */
    seat->until_ms = now_ms + for_ms;
    return for_ms;
}

/* How long key has to wait, 0: not at all. Under the lock. */
static int64_t take(struct limit *limit, struct str key, int64_t now_ms)
{
    uint64_t tag;
    struct seat *seat = find(limit, key, &tag);
    int64_t wait_ms = 0;

    if (seat) settle(limit, seat, now_ms);
    if (!seat || !seat->tag) {
        if (!seat) seat = make_room(limit, tag, now_ms, &wait_ms);
        if (!seat) return wait_ms;
        *seat = (struct seat){.tag = tag, .since_ms = now_ms, .until_ms = now_ms};
    }
    if (is_refused(seat, now_ms)) return seat->until_ms - now_ms;
    if (seat->count == 0) seat->since_ms = now_ms;
    if (seat->count >= (uint64_t)limit->rule.count) return block(limit, seat, now_ms);
    seat->count++;
    return 0;
}

static int64_t look(struct limit *limit, struct str key, int64_t now_ms)
{
    uint64_t tag;
    struct seat *seat = find(limit, key, &tag);

    if (!seat) return 0;
    straighten(limit, seat, now_ms);
    return is_refused(seat, now_ms) ? seat->until_ms - now_ms : 0;
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

static enum err ask(struct limit *limit, struct str key, int64_t now_ms, struct request *rq,
                    int64_t (*question)(struct limit *, struct str, int64_t))
{
    int64_t wait_ms;

    if (!limit) return OK;
    pthread_mutex_lock(&limit->lock);
    wait_ms = question(limit, key, now_ms);
    if (wait_ms > 0) limit->refused++;
    pthread_mutex_unlock(&limit->lock);
    if (wait_ms <= 0) return OK;
    wait_ms = (wait_ms + 999) / 1000;
    rq->retry_after_s = wait_ms < RETRY_AFTER_S ? (int)wait_ms : RETRY_AFTER_S;
    return ERR_BUSY;
}

enum err limit_take(struct limit *limit, struct str key, int64_t now_ms, struct request *rq)
{
    return ask(limit, key, now_ms, rq, take);
}

enum err limit_look(struct limit *limit, struct str key, int64_t now_ms, struct request *rq)
{
    return ask(limit, key, now_ms, rq, look);
}

void limit_give_back(struct limit *limit, struct str key)
{
    uint64_t tag;
    struct seat *seat;

    if (!limit) return;
    pthread_mutex_lock(&limit->lock);
    seat = find(limit, key, &tag);
    if (seat && seat->count > 0) seat->count--;
    pthread_mutex_unlock(&limit->lock);
}

void limit_forget(struct limit *limit, struct str key)
{
    uint64_t tag;
    struct seat *seat;

    if (!limit) return;
    pthread_mutex_lock(&limit->lock);
    seat = find(limit, key, &tag);
    if (seat) *seat = (struct seat){0};
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
