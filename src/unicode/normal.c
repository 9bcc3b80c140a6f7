/* unicode/normal.c: one form for texts that are the same to whoever typed them. */
#include "unicode/normal.h"

#include <stdlib.h>
#include <utf8proc.h>

static utf8proc_int32_t lower(utf8proc_int32_t point, void *context)
{
    (void)context;
    return utf8proc_tolower(point);
}

static struct str map(struct arena *arena, struct str text, utf8proc_option_t options,
                      utf8proc_custom_func change)
{
    utf8proc_uint8_t *mapped = NULL;
    struct str out = {NULL, 0};
    utf8proc_ssize_t len =
        utf8proc_map_custom((const utf8proc_uint8_t *)text.at, (utf8proc_ssize_t)text.len, &mapped,
                            options, change, NULL);

    if (len >= 0) out = arena_copy(arena, (struct str){(const char *)mapped, (size_t)len});
    free(mapped);
    return out;
}

struct str text_compatible(struct arena *arena, struct str text)
{
    if (str_is_ascii(text)) return text;
    return map(arena, text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT, NULL);
}

/* Twice: a letter may be a capital only once it is in its form (the Kelvin sign), and lower case
 * may take another form than its capital had. */
struct str text_lower(struct arena *arena, struct str text)
{
    struct str form = text_compatible(arena, text);

    if (!form.at) return form;
    return map(arena, form, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT, lower);
}
