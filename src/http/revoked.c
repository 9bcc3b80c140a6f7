/* http/revoked.c: banned users and ended sessions: a hash table with open addressing behind a lock,
 * which nobody takes while the table is empty. */
#include "http/session.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define KEY_MAX   64
#define SLOTS_MIN 64 /* a power of two */

struct slot {
    int64_t until_ms; /* 0: never used */
    uint8_t kind, len;
    char key[KEY_MAX];
};

struct revoked {
    pthread_rwlock_t lock;
    struct slot *slots;
    size_t slot_count;   /* a power of two */
    _Atomic size_t used; /* slots, those whose time is over too */
};

struct revoked *revoked_new(void)
{
    struct revoked *revoked = calloc(1, sizeof *revoked);

    if (!revoked) return NULL;
    pthread_rwlock_init(&revoked->lock, NULL);
    revoked->slots = calloc(SLOTS_MIN, sizeof *revoked->slots);
    revoked->slot_count = SLOTS_MIN;
    if (revoked->slots) return revoked;
    revoked_free(revoked);
    return NULL;
}

void revoked_free(struct revoked *revoked)
{
    if (!revoked) return;
    pthread_rwlock_destroy(&revoked->lock);
    free(revoked->slots);
    free(revoked);
}

/* The key's slot, or the free one where it belongs: a quarter at least is free. */
static struct slot *slot_of(struct slot *slots, size_t count, enum revoked_kind kind,
                            struct str key)
{
    for (size_t at = str_hash(STR_HASH + kind, key);; at++) {
        struct slot *slot = &slots[at & (count - 1)];

        if (slot->until_ms == 0) return slot;
        if (slot->kind == kind && str_eq((struct str){slot->key, slot->len}, key)) return slot;
    }
}

/* Into a table of the size that fits, without what is over. */
static bool rebuild(struct revoked *revoked, int64_t now_ms)
{
    size_t live = 0, count = SLOTS_MIN;
    struct slot *slots;

    for (size_t i = 0; i < revoked->slot_count; i++)
        live += revoked->slots[i].until_ms > now_ms;
    while (count < 2 * (live + 1))
        count *= 2;
    slots = calloc(count, sizeof *slots);
    if (!slots) return false;
    for (size_t i = 0; i < revoked->slot_count; i++) {
        const struct slot *slot = &revoked->slots[i];

        if (slot->until_ms <= now_ms) continue;
        *slot_of(slots, count, slot->kind, (struct str){slot->key, slot->len}) = *slot;
    }
    free(revoked->slots);
    revoked->slots = slots;
    revoked->slot_count = count;
    atomic_store(&revoked->used, live);
    return true;
}

static bool put(struct revoked *revoked, enum revoked_kind kind, struct str key, int64_t until_ms,
                int64_t now_ms)
{
    struct slot *slot = slot_of(revoked->slots, revoked->slot_count, kind, key);

    if (slot->until_ms == 0) {
        if (until_ms <= now_ms) return true;
        if (4 * (atomic_load(&revoked->used) + 1) > 3 * revoked->slot_count) {
            if (!rebuild(revoked, now_ms)) return false;
            slot = slot_of(revoked->slots, revoked->slot_count, kind, key);
        }
        *slot = (struct slot){.kind = (uint8_t)kind, .len = (uint8_t)key.len};
        memcpy(slot->key, key.at, key.len);
        atomic_fetch_add(&revoked->used, 1);
    }
    slot->until_ms = until_ms > 0 ? until_ms : 1; /* 1: long over */
    return true;
}

bool revoked_put(struct revoked *revoked, enum revoked_kind kind, struct str key, int64_t until_ms,
                 int64_t now_ms)
{
    bool there;

    ASSERT(key.len > 0 && key.len <= KEY_MAX);
    pthread_rwlock_wrlock(&revoked->lock);
    there = put(revoked, kind, key, until_ms, now_ms);
    pthread_rwlock_unlock(&revoked->lock);
    return there;
}

void revoked_replace(struct revoked *to, struct revoked *from)
{
    struct slot *slots;

    pthread_rwlock_wrlock(&to->lock);
    slots = to->slots;
    to->slots = from->slots;
    to->slot_count = from->slot_count;
    atomic_store(&to->used, atomic_load(&from->used));
    pthread_rwlock_unlock(&to->lock);
    from->slots = slots;
    revoked_free(from);
}

static bool has(const struct revoked *revoked, enum revoked_kind kind, struct str key,
                int64_t now_ms)
{
    if (key.len == 0 || key.len > KEY_MAX) return false;
    return slot_of(revoked->slots, revoked->slot_count, kind, key)->until_ms > now_ms;
}

bool revoked_any(const struct revoked *revoked)
{
    return atomic_load_explicit(&revoked->used, memory_order_acquire) != 0;
}

bool session_is_revoked(struct revoked *revoked, const struct session_user *user, int64_t now_ms)
{
    bool found;

    if (!revoked || !user->id.len || !revoked_any(revoked)) return false;
    pthread_rwlock_rdlock(&revoked->lock);
    found = has(revoked, REVOKED_USER, user->id, now_ms) ||
            has(revoked, REVOKED_SESSION, str_of(user->sid_hash), now_ms);
    pthread_rwlock_unlock(&revoked->lock);
    return found;
}
