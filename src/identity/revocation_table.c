/* identity/revocation_table.c: banned users, ended and extended sessions: a hash table with open
 * addressing behind a lock, which nobody takes while the table is empty. */
#include "identity/revocation_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SLOTS_MIN 64 /* a power of two */

struct slot {
    struct wall_ms until; /* WALL_NONE: never used */
    uint32_t hash;        /* of kind and key: what differs in it is not looked at further */
    uint8_t kind;
    uint16_t len;
    char *key;
};

struct revocation_table {
    pthread_rwlock_t lock;
    struct slot *slots;
    size_t slot_count;   /* a power of two */
    _Atomic size_t used; /* slots, those whose time is over too */
};

struct revocation_table *revocation_table_new(void)
{
    struct revocation_table *revoked = calloc(1, sizeof *revoked);

    if (!revoked) return NULL;
    pthread_rwlock_init(&revoked->lock, NULL);
    revoked->slots = calloc(SLOTS_MIN, sizeof *revoked->slots);
    revoked->slot_count = SLOTS_MIN;
    if (revoked->slots) return revoked;
    revocation_table_free(revoked);
    return NULL;
}

void revocation_table_free(struct revocation_table *revoked)
{
    if (!revoked) return;
    pthread_rwlock_destroy(&revoked->lock);
    for (size_t i = 0; revoked->slots && i < revoked->slot_count; i++)
        free(revoked->slots[i].key);
    free(revoked->slots);
    free(revoked);
}

/* The key's slot, or the free one where it belongs: a quarter at least is free. */
static struct slot *slot_of(struct slot *slots, size_t count, enum revocation_kind kind,
                            struct str key)
{
    uint32_t hash = str_hash(STR_HASH + kind, key);

    for (size_t at = hash;; at++) {
        struct slot *slot = &slots[at & (count - 1)];

        if (slot->until.ms == 0) return slot;
        if (slot->hash == hash && slot->kind == kind &&
            str_eq((struct str){slot->key, slot->len}, key))
            return slot;
    }
}

/* Into a table of the size that fits, without what is over. */
static bool table_rebuild(struct revocation_table *revoked, struct wall_ms now)
{
    size_t live = 0, count = SLOTS_MIN;
    struct slot *slots;

    for (size_t i = 0; i < revoked->slot_count; i++)
        live += !wall_reached(now, revoked->slots[i].until);
    while (count < 2 * (live + 1))
        count *= 2;
    slots = calloc(count, sizeof *slots);
    if (!slots) return false;
    for (size_t i = 0; i < revoked->slot_count; i++) {
        const struct slot *slot = &revoked->slots[i];

        if (wall_reached(now, slot->until)) {
            free(slot->key);
            continue;
        }
        *slot_of(slots, count, slot->kind, (struct str){slot->key, slot->len}) = *slot;
    }
    free(revoked->slots);
    revoked->slots = slots;
    revoked->slot_count = count;
    atomic_store(&revoked->used, live);
    return true;
}

static bool table_put(struct revocation_table *revoked, enum revocation_kind kind, struct str key,
                      struct wall_ms until, struct wall_ms now)
{
    struct slot *slot = slot_of(revoked->slots, revoked->slot_count, kind, key);
    char *copy;

    if (slot->until.ms == 0) {
        if (wall_reached(now, until)) return true;
        if (4 * (atomic_load(&revoked->used) + 1) > 3 * revoked->slot_count) {
            if (!table_rebuild(revoked, now)) return false;
            slot = slot_of(revoked->slots, revoked->slot_count, kind, key);
        }
        copy = malloc(key.len);
        if (!copy) return false;
        memcpy(copy, key.at, key.len);
        *slot = (struct slot){.hash = str_hash(STR_HASH + kind, key),
                              .kind = (uint8_t)kind,
                              .len = (uint16_t)key.len,
                              .key = copy};
        atomic_fetch_add(&revoked->used, 1);
    }
    if (kind != REVOKED_USER) until = wall_later(until, slot->until);
    slot->until = wall_later(until, (struct wall_ms){1}); /* 1: long over */
    return true;
}

bool revocation_table_put(struct revocation_table *revoked, enum revocation_kind kind,
                          struct str key, struct wall_ms until, struct wall_ms now)
{
    bool there;

    ASSERT(key.len > 0 && key.len <= UINT16_MAX);
    pthread_rwlock_wrlock(&revoked->lock);
    there = table_put(revoked, kind, key, until, now);
    pthread_rwlock_unlock(&revoked->lock);
    return there;
}

void revocation_table_replace(struct revocation_table *to, struct revocation_table *from)
{
    struct slot *slots;

    pthread_rwlock_wrlock(&to->lock);
    slots = to->slots;
    to->slots = from->slots;
    to->slot_count = from->slot_count;
    atomic_store(&to->used, atomic_load(&from->used));
    pthread_rwlock_unlock(&to->lock);
    from->slots = slots;
    revocation_table_free(from);
}

static bool table_has(const struct revocation_table *revoked, enum revocation_kind kind,
                      struct str key, struct wall_ms now)
{
    if (key.len == 0) return false;
    return !wall_reached(now, slot_of(revoked->slots, revoked->slot_count, kind, key)->until);
}

struct wall_ms revocation_table_extended(struct revocation_table *known, struct str id_hash)
{
    struct wall_ms until;

    if (!known || !id_hash.len || !revocation_table_any(known)) return WALL_NONE;
    pthread_rwlock_rdlock(&known->lock);
    until = slot_of(known->slots, known->slot_count, SESSION_EXTENDED, id_hash)->until;
    pthread_rwlock_unlock(&known->lock);
    return until;
}

bool revocation_table_any(const struct revocation_table *revoked)
{
    return atomic_load_explicit(&revoked->used, memory_order_acquire) != 0;
}

bool session_is_revoked(struct revocation_table *revoked, const struct session_user *user,
                        struct wall_ms now)
{
    bool found;

    if (!revoked || !user->id.len || !revocation_table_any(revoked)) return false;
    pthread_rwlock_rdlock(&revoked->lock);
    found = table_has(revoked, REVOKED_USER, user->id, now) ||
            table_has(revoked, REVOKED_SESSION, str_of(user->sid_hash), now);
    pthread_rwlock_unlock(&revoked->lock);
    return found;
}
