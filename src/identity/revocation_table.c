/* identity/revocation_table.c: banned users, ended and extended sessions: a hash table with open
 * addressing behind a lock, which nobody takes while the table is empty. */
#include "identity/revocation_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SLOTS_MIN 64 /* a power of two */
#define LONG_OVER ((struct wall_ms){1})

struct slot {
    struct wall_ms until; /* WALL_NONE: never used */
    uint32_t hash;        /* of kind and key: what differs in it is not looked at further */
    uint32_t by;          /* of a banned user: who knows it */
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

/* The key's slot, made when it has none; NULL: no memory. */
static struct slot *slot_for(struct revocation_table *revoked, enum revocation_kind kind,
                             struct str key, struct wall_ms now)
{
    struct slot *slot = slot_of(revoked->slots, revoked->slot_count, kind, key);
    char *copy;

    ASSERT(key.len > 0 && key.len <= UINT16_MAX);
    if (slot->until.ms != 0) return slot;
    if (4 * (atomic_load(&revoked->used) + 1) > 3 * revoked->slot_count) {
        if (!table_rebuild(revoked, now)) return NULL;
        slot = slot_of(revoked->slots, revoked->slot_count, kind, key);
    }
    copy = malloc(key.len);
    if (!copy) return NULL;
    memcpy(copy, key.at, key.len);
    *slot = (struct slot){.until = LONG_OVER,
                          .hash = str_hash(STR_HASH + kind, key),
                          .kind = (uint8_t)kind,
                          .len = (uint16_t)key.len,
                          .key = copy};
    atomic_fetch_add(&revoked->used, 1);
    return slot;
}

bool revocation_table_put(struct revocation_table *revoked, enum revocation_kind kind,
                          struct str id_hash, struct wall_ms until, struct wall_ms now)
{
    struct slot *slot = NULL;
    bool over = wall_reached(now, until);

    ASSERT(kind != REVOKED_USER);
    pthread_rwlock_wrlock(&revoked->lock);
    if (!over) slot = slot_for(revoked, kind, id_hash, now);
    if (slot) slot->until = wall_later(until, slot->until);
    pthread_rwlock_unlock(&revoked->lock);
    return over || slot;
}

static void slot_ban(struct slot *slot, uint32_t by, bool banned)
{
    slot->by = banned ? slot->by | by : slot->by & ~by;
    slot->until = slot->by ? WALL_NEVER : LONG_OVER;
}

bool revocation_table_ban(struct revocation_table *revoked, uint32_t by, struct str user_id,
                          bool banned, struct wall_ms now)
{
    struct slot *slot;

    pthread_rwlock_wrlock(&revoked->lock);
    slot = banned ? slot_for(revoked, REVOKED_USER, user_id, now)
                  : slot_of(revoked->slots, revoked->slot_count, REVOKED_USER, user_id);
    if (slot && slot->until.ms != 0) slot_ban(slot, by, banned);
    pthread_rwlock_unlock(&revoked->lock);
    return slot;
}

static bool table_bans(const struct revocation_table *revoked, uint32_t by, struct str user_id)
{
    return slot_of(revoked->slots, revoked->slot_count, REVOKED_USER, user_id)->by & by;
}

/* Those that come first, because it is they that need memory. */
bool revocation_table_ban_only(struct revocation_table *revoked, uint32_t by,
                               const struct revocation_table *fresh, struct wall_ms now)
{
    bool room = true;

    pthread_rwlock_wrlock(&revoked->lock);
    for (size_t i = 0; room && i < fresh->slot_count; i++) {
        const struct slot *from = &fresh->slots[i];
        struct slot *slot;

        if (!(from->by & by)) continue;
        slot = slot_for(revoked, REVOKED_USER, (struct str){from->key, from->len}, now);
        if (slot) slot_ban(slot, by, true);
        room = slot;
    }
    for (size_t i = 0; room && i < revoked->slot_count; i++) {
        struct slot *slot = &revoked->slots[i];

        if (slot->by & by && !table_bans(fresh, by, (struct str){slot->key, slot->len}))
            slot_ban(slot, by, false);
    }
    pthread_rwlock_unlock(&revoked->lock);
    return room;
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

bool session_is_revoked(struct revocation_table *revoked, uint32_t by,
                        const struct session_user *user, struct wall_ms now)
{
    struct str id_hash = str_of(user->sid_hash);
    bool found;

    if (!revoked || !user->id.len || !revocation_table_any(revoked)) return false;
    pthread_rwlock_rdlock(&revoked->lock);
    found =
        table_bans(revoked, by, user->id) ||
        (id_hash.len &&
         !wall_reached(
             now, slot_of(revoked->slots, revoked->slot_count, REVOKED_SESSION, id_hash)->until));
    pthread_rwlock_unlock(&revoked->lock);
    return found;
}
