/* http/server/connection_limiter.c: how many connections each network has open. As many rows as
 * there can be connections, made at start, so that counting never fails and never grows. Shared by
 * all loops. */
#include "http/server/connection_limiter.h"

#include "base/random.h"
#include "base/siphash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BUCKETS 16384 /* a power of two */

struct limiter_slot {
    struct limiter_slot *next; /* in its bucket, or free */
    uint8_t bytes[8];
    uint8_t len;
    int count;
    _Atomic int64_t unread;
};

struct connection_limiter {
    pthread_mutex_t lock;
    uint64_t key[2];
    int each_max;
    struct limiter_slot *free;
    struct limiter_slot *buckets[BUCKETS];
    struct limiter_slot rows[];
};

struct connection_limiter *connection_limiter_new(int each_max, int total_max)
{
    struct connection_limiter *limiter =
        calloc(1, sizeof *limiter + (size_t)total_max * sizeof(struct limiter_slot));

    if (!limiter) return NULL;
    pthread_mutex_init(&limiter->lock, NULL);
    random_fill(&random_system, limiter->key, sizeof limiter->key);
    limiter->each_max = each_max;
    for (int i = 0; i < total_max; i++) {
        limiter->rows[i].next = limiter->free;
        limiter->free = &limiter->rows[i];
    }
    return limiter;
}

void connection_limiter_free(struct connection_limiter *limiter)
{
    if (!limiter) return;
    pthread_mutex_destroy(&limiter->lock);
    free(limiter);
}

static struct limiter_slot **limiter_bucket_of(struct connection_limiter *limiter, struct str key)
{
    return &limiter->buckets[siphash(limiter->key, key) & (BUCKETS - 1)];
}

static bool slot_is_of(const struct limiter_slot *slot, struct str key)
{
    return slot->len == key.len && memcmp(slot->bytes, key.at, key.len) == 0;
}

/* Under the lock. NULL when there are more connections than rows. */
static struct limiter_slot *slot_find_or_make(struct connection_limiter *limiter, struct str key)
{
    struct limiter_slot **bucket = limiter_bucket_of(limiter, key), *slot = *bucket;

    while (slot && !slot_is_of(slot, key))
        slot = slot->next;
    if (slot || !limiter->free) return slot;
    slot = limiter->free;
    limiter->free = slot->next;
    memcpy(slot->bytes, key.at, key.len);
    slot->len = (uint8_t)key.len;
    slot->count = 0;
    atomic_store(&slot->unread, 0);
    slot->next = *bucket;
    *bucket = slot;
    return slot;
}

bool connection_limiter_enter(struct connection_limiter *limiter, const struct address *address,
                              struct limiter_slot **out)
{
    struct limiter_slot *slot;
    bool room;

    *out = NULL;
    if (!limiter) return true;
    pthread_mutex_lock(&limiter->lock);
    slot = slot_find_or_make(limiter, address_network(address));
    room = slot && slot->count < limiter->each_max;
    if (room) slot->count++;
    pthread_mutex_unlock(&limiter->lock);
    if (room) *out = slot;
    return room;
}

int64_t connection_limiter_unread(struct limiter_slot *slot, int64_t more)
{
    return atomic_fetch_add(&slot->unread, more) + more;
}

void connection_limiter_leave(struct connection_limiter *limiter, struct limiter_slot *slot)
{
    struct limiter_slot **link;

    if (!slot) return;
    pthread_mutex_lock(&limiter->lock);
    if (--slot->count == 0) {
        link = limiter_bucket_of(limiter, (struct str){(const char *)slot->bytes, slot->len});
        while (*link != slot)
            link = &(*link)->next;
        *link = slot->next;
        slot->next = limiter->free;
        limiter->free = slot;
    }
    pthread_mutex_unlock(&limiter->lock);
}
