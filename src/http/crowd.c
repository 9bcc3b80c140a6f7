/* http/crowd.c: how many connections each network has open. As many rows as there can be
 * connections, made at start, so that counting never fails and never grows. Shared by all loops. */
#include "http/internal.h"

#include "base/random.h"
#include "base/siphash.h"

#include <pthread.h>
#include <stdlib.h>

#define BUCKETS 16384 /* a power of two */

struct network {
    struct network *next; /* in its bucket, or free */
    uint8_t bytes[8];
    uint8_t len;
    int count;
};

struct crowd {
    pthread_mutex_t lock;
    uint64_t key[2];
    int each_max;
    struct network *free;
    struct network *buckets[BUCKETS];
    struct network rows[];
};

struct crowd *crowd_new(int each_max, int total_max)
{
    struct crowd *crowd = calloc(1, sizeof *crowd + (size_t)total_max * sizeof(struct network));

    if (!crowd) return NULL;
    pthread_mutex_init(&crowd->lock, NULL);
    random_fill(&random_system, crowd->key, sizeof crowd->key);
    crowd->each_max = each_max;
    for (int i = 0; i < total_max; i++) {
        crowd->rows[i].next = crowd->free;
        crowd->free = &crowd->rows[i];
    }
    return crowd;
}

void crowd_free(struct crowd *crowd)
{
    if (!crowd) return;
    pthread_mutex_destroy(&crowd->lock);
    free(crowd);
}

static struct network **bucket_of(struct crowd *crowd, struct str key)
{
    return &crowd->buckets[siphash(crowd->key, key) & (BUCKETS - 1)];
}

static bool is_of(const struct network *network, struct str key)
{
    return network->len == key.len && memcmp(network->bytes, key.at, key.len) == 0;
}

/* Under the lock. NULL when there are more connections than rows. */
static struct network *find_or_make(struct crowd *crowd, struct str key)
{
    struct network **bucket = bucket_of(crowd, key), *network = *bucket;

    while (network && !is_of(network, key))
        network = network->next;
    if (network || !crowd->free) return network;
    network = crowd->free;
    crowd->free = network->next;
    memcpy(network->bytes, key.at, key.len);
    network->len = (uint8_t)key.len;
    network->count = 0;
    network->next = *bucket;
    *bucket = network;
    return network;
}

bool crowd_enter(struct crowd *crowd, const struct address *address, struct network **out)
{
    struct network *network;
    bool room;

    *out = NULL;
    if (!crowd) return true;
    pthread_mutex_lock(&crowd->lock);
    network = find_or_make(crowd, address_network(address));
    room = network && network->count < crowd->each_max;
    if (room) network->count++;
    pthread_mutex_unlock(&crowd->lock);
    if (room) *out = network;
    return room;
}

void crowd_leave(struct crowd *crowd, struct network *network)
{
    struct network **link;

    if (!network) return;
    pthread_mutex_lock(&crowd->lock);
    if (--network->count == 0) {
        link = bucket_of(crowd, (struct str){(const char *)network->bytes, network->len});
        while (*link != network)
            link = &(*link)->next;
        *link = network->next;
        network->next = crowd->free;
        crowd->free = network;
    }
    pthread_mutex_unlock(&crowd->lock);
}
