/* base/object_id.c: making, reading and showing 12-byte ids in BSON's ObjectId layout. */
#include "base/object_id.h"

#include "base/random.h"

#include <stdatomic.h>

#define COUNTER_BITS 24

void object_id_source_init(struct object_id_source *source, struct random *random)
{
    *source = (struct object_id_source){0};
    random_fill(random, source->unique, sizeof source->unique);
}

/* The second an id is made in; the layout's 32 bits last until the year 2106. */
static uint32_t second_of(int64_t time_ms)
{
    if (time_ms < 0) return 0;
    return time_ms / 1000 < UINT32_MAX ? (uint32_t)(time_ms / 1000) : UINT32_MAX;
}

struct object_id object_id_new(struct object_id_source *source, int64_t now_ms)
{
    uint64_t now = (uint64_t)second_of(now_ms) << COUNTER_BITS;
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

/* 0 to 15, or 255 for what is no hex digit. */
static unsigned hex_value(char c)
{
    if (c >= '0' && c <= '9') return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f') return (unsigned)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return (unsigned)(c - 'A' + 10);
    return 255;
}

bool object_id_parse(struct str text, struct object_id *out)
{
    struct object_id id;

    if (text.len != OBJECT_ID_HEX) return false;
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        unsigned high = hex_value(text.at[2 * i]), low = hex_value(text.at[2 * i + 1]);

        if ((high | low) > 15) return false;
        id.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = id;
    return true;
}

struct object_id_text object_id_text(struct object_id id)
{
    static const char digits[] = "0123456789abcdef";
    struct object_id_text text;

    for (size_t i = 0; i < sizeof id.bytes; i++) {
        text.hex[2 * i] = digits[id.bytes[i] >> 4];
        text.hex[2 * i + 1] = digits[id.bytes[i] & 15];
    }
    text.hex[OBJECT_ID_HEX] = '\0';
    return text;
}
