/* base/object_id.c: making, reading and showing 12-byte ids in BSON's ObjectId layout. */
#include "base/object_id.h"

#include "base/hex.h"
#include "base/random.h"

#include <stdatomic.h>

#define COUNTER_BITS 24

void object_id_source_init(struct object_id_source *source, struct random *random)
{
    *source = (struct object_id_source){0};
    random_fill(random, source->unique, sizeof source->unique);
}

/* The second an id is made in; the layout's 32 bits last until the year 2106. */
static uint32_t second_of(struct wall_ms time)
{
    if (time.ms < 0) return 0;
    return time.ms / 1000 < UINT32_MAX ? (uint32_t)(time.ms / 1000) : UINT32_MAX;
}

struct object_id object_id_new(struct object_id_source *source, struct wall_ms time)
{
    uint64_t now = (uint64_t)second_of(time) << COUNTER_BITS;
    uint64_t last = atomic_load(&source->last), next;
    struct object_id id;

    do /* a counter that is full makes the next second: ahead of the clock rather than back */
        next = now > last ? now : last + 1;
    while (!atomic_compare_exchange_weak(&source->last, &last, next));
    ASSERT(next >> COUNTER_BITS <= UINT32_MAX);
    for (int i = 0; i < 4; i++)
        id.bytes[i] = (uint8_t)(next >> (48 - 8 * i));
    memcpy(id.bytes + 4, source->unique, sizeof source->unique);
    for (int i = 0; i < 3; i++)
        id.bytes[9 + i] = (uint8_t)(next >> (16 - 8 * i));
    return id;
}

bool object_id_parse(struct str text, struct object_id *out)
{
    struct object_id id;

    if (text.len != OBJECT_ID_HEX) return false;
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        int high = hex_digit(text.at[2 * i]), low = hex_digit(text.at[2 * i + 1]);

        if (high < 0 || low < 0) return false;
        id.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = id;
    return true;
}

struct object_id_text object_id_text(struct object_id id)
{
    struct object_id_text text;

    hex_encode(id.bytes, sizeof id.bytes, text.hex);
    return text;
}
