/* base/object_id.h: identities of the contract, 12 bytes shown as 24 lower-case hex digits.
 *
 * The layout is BSON's ObjectId: 4-byte big-endian seconds, 5 random bytes a source, 3-byte
 * counter. Ids of one source grow, so newest first is descending id. */
#ifndef BASE_OBJECT_ID_H
#define BASE_OBJECT_ID_H

#include "base/clock.h"
#include "base/str.h"

struct clock;
struct random;

#define OBJECT_ID_HEX 24

struct object_id {
    uint8_t bytes[12];
};

struct object_id_text {
    char hex[OBJECT_ID_HEX + 1]; /* NUL-terminated */
};

/* One a service. */
struct object_id_source {
    uint8_t unique[5];
    _Atomic uint64_t last; /* second << 24 | counter, of the newest id */
};

/* Draws the five random bytes. The counter starts at 0, so that it does not wrap in one second. */
void object_id_source_init(struct object_id_source *source, struct random *random);
/* Never goes back when the clock does. Threads: any. */
struct object_id object_id_new(struct object_id_source *source, struct wall_ms now);
/* Either case; false unless text is exactly 24 hex digits. */
bool object_id_parse(struct str text, struct object_id *out);
struct object_id_text object_id_text(struct object_id id);
static inline bool object_id_eq(struct object_id a, struct object_id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

/* By time, then as they were made. */
static inline bool object_id_before(struct object_id a, struct object_id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) < 0;
}

/* What no id of that second or later is below: where a look at the newest ones may end. */
static inline struct object_id object_id_floor(struct wall_ms time)
{
    uint32_t second = time.ms < 0 ? 0 : (uint32_t)(time.ms / 1000);

    return (struct object_id){{(uint8_t)(second >> 24), (uint8_t)(second >> 16),
                               (uint8_t)(second >> 8), (uint8_t)second}};
}

/* When it was made, to the second, as its first four bytes say. */
static inline struct wall_ms object_id_time(struct object_id id)
{
    int64_t second =
        ((int64_t)id.bytes[0] << 24) | (id.bytes[1] << 16) | (id.bytes[2] << 8) | id.bytes[3];

    return (struct wall_ms){1000 * second};
}

#endif
