/* events/values.c: see events/values.h. */
#include "events/values.h"

int64_t ordered_total(const struct ordered_list *list)
{
    int64_t cents = 0;

    for (size_t i = 0; i < list->count; i++)
        cents += list->at[i].price_cents;
    return cents;
}

struct str names_joined(struct buf *out, const struct name_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (i) buf_char(out, '\n');
        buf_append(out, names->at[i]);
    }
    return buf_str(out);
}

bool names_split(struct arena *arena, struct str lines, struct name_list *out)
{
    struct str *names = arena_alloc(arena, NAMES_MAX * sizeof *names);

    *out = (struct name_list){names, 0};
    lines = arena_copy(arena, lines);
    if (!names || !lines.at) return false;
    while (lines.len && out->count < NAMES_MAX) {
        const char *end = memchr(lines.at, '\n', lines.len);
        size_t len = end ? (size_t)(end - lines.at) : lines.len, step = len + (end ? 1 : 0);

        names[out->count++] = (struct str){lines.at, len};
        lines = (struct str){lines.at + step, lines.len - step};
    }
    return true;
}
