/* http/headers.h: the head of a request as it came: its target, and its headers. */
#ifndef HTTP_HEADERS_H
#define HTTP_HEADERS_H

#include "base/arena.h"

#define HEADER_COUNT_MAX 100

struct header {
    uint16_t name_at, name_len, value_at, value_len; /* in the table's text */
};

struct header_table {
    char *text; /* the request target, then names and values without separators */
    size_t len, cap;
    uint16_t target_len;
    uint16_t count;
    bool in_value;
    uint32_t lengths; /* a bit for every name's length, and maybe for others; see header_absent */
    struct arena *arena;
    struct header at[HEADER_COUNT_MAX];
    char first[1024]; /* text starts here and moves into the arena when it grows */
};

/* Empty. What at and first hold is not looked at. */
void header_table_init(struct header_table *table, struct arena *arena);
/* Appends to the text. ERR_HEADERS_TOO_LARGE, ERR_MEMORY. */
enum err header_table_append(struct header_table *table, struct str text);
/* A whole header; there must be room for one more. */
enum err header_table_add(struct header_table *table, struct str name, struct str value);

struct str header_name(const struct header_table *table, size_t index);
/* Without white space around it. */
struct str header_value(const struct header_table *table, size_t index);
/* The next header of that name, compared without case, at or after `from`; table->count when there
 * is none. */
size_t header_find(const struct header_table *table, struct str name, size_t from);

static inline uint32_t header_length_bit(size_t name_len)
{
    return (uint32_t)1 << (name_len & 31);
}
/* True: the head has no header with a name of that many characters, which spares the search for one
 * that hardly anybody sends. */
static inline bool header_absent(const struct header_table *table, size_t name_len)
{
    return !(table->lengths & header_length_bit(name_len));
}

#endif
