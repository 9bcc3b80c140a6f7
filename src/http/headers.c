/* http/headers.c: the head of a request as it came. */
#include "http/headers.h"

#include "http/sizes.h"

void header_table_init(struct header_table *table, struct arena *arena)
{
    table->text = table->first;
    table->cap = sizeof table->first;
    table->len = 0;
    table->target_len = table->count = 0;
    table->in_value = false;
    table->lengths = 0;
    table->arena = arena;
}

enum err header_table_append(struct header_table *table, struct str text)
{
    if (text.len > HTTP_HEADERS_MAX - table->len) return ERR_HEADERS_TOO_LARGE;
    if (text.len > table->cap - table->len) {
        size_t cap = 4 * table->cap > table->len + text.len ? 4 * table->cap : HTTP_HEADERS_MAX;
        char *larger = arena_alloc_raw(table->arena, cap);

        if (!larger) return ERR_MEMORY;
        memcpy(larger, table->text, table->len);
        table->text = larger;
        table->cap = cap;
    }
    if (text.len) memcpy(table->text + table->len, text.at, text.len);
    table->len += text.len;
    return OK;
}

enum err header_table_add(struct header_table *table, struct str name, struct str value)
{
    size_t at = table->len;
    enum err err;

    ASSERT(table->count < HEADER_COUNT_MAX);
    TRY(header_table_append(table, name));
    TRY(header_table_append(table, value));
    table->at[table->count++] = (struct header){.name_at = (uint16_t)at,
                                                .name_len = (uint16_t)name.len,
                                                .value_at = (uint16_t)(at + name.len),
                                                .value_len = (uint16_t)value.len};
    table->lengths |= header_length_bit(name.len);
done:
    return err;
}

struct str header_name(const struct header_table *table, size_t index)
{
    return (struct str){table->text + table->at[index].name_at, table->at[index].name_len};
}

struct str header_value(const struct header_table *table, size_t index)
{
    const struct header *header = &table->at[index];

    return str_trim((struct str){table->text + header->value_at, header->value_len});
}

size_t header_find(const struct header_table *table, struct str name, size_t from)
{
    for (; from < table->count; from++) {
        if (table->at[from].name_len != name.len) continue;
        if (str_eq_nocase(header_name(table, from), name)) break;
    }
    return from;
}
