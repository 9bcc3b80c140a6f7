/* unicode/text.c: what people see of a text (text.h has the rules). */
#include "unicode/text.h"

#include "base/arena.h"

#include <utf8proc.h>

#define OPEN_MAX      125 /* deeper levels are not told apart by who shows it (UAX 9, BD2) */
#define CONTROL_BYTES 3   /* of each directional control in UTF-8 */

enum direction { NO_DIRECTION, OVERRIDE, EMBEDDING, END_EMBEDDING, ISOLATE, END_ISOLATE };

static enum direction direction_of(int32_t point)
{
    switch (point) {
    case 0x202D: /* LRO */
    case 0x202E: /* RLO */
        return OVERRIDE;
    case 0x202A: /* LRE */
    case 0x202B: /* RLE */
        return EMBEDDING;
    case 0x202C: /* PDF */
        return END_EMBEDDING;
    case 0x2066: /* LRI */
    case 0x2067: /* RLI */
    case 0x2068: /* FSI */
        return ISOLATE;
    case 0x2069: /* PDI */
        return END_ISOLATE;
    default:
        return NO_DIRECTION;
    }
}

/* The code point at the front of text, which is taken off it. */
static int32_t next_point(struct str *text)
{
    utf8proc_int32_t point;
    utf8proc_ssize_t len =
        utf8proc_iterate((const utf8proc_uint8_t *)text->at, (utf8proc_ssize_t)text->len, &point);

    ASSERT(len > 0);
    text->at += len;
    text->len -= (size_t)len;
    return point;
}

/* --- visible ------------------------------------------------------------------------------- */

/* Symbols that show nothing: the empty Braille pattern, the null note head, and the place of an
 * object that is not there. */
static bool is_blank_symbol(int32_t point)
{
    return point == 0x2800 || point == 0x1D159 || point == 0xFFFC;
}

static bool is_visible(int32_t point)
{
    const utf8proc_property_t *property = utf8proc_get_property(point);

    if (property->ignorable || is_blank_symbol(point)) return false;
    switch (property->category) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return false;
    default:
        return true;
    }
}

bool text_is_visible(struct str text)
{
    while (text.len)
        if (is_visible(next_point(&text))) return true;
    return false;
}

/* --- one line ------------------------------------------------------------------------------ */

static bool is_within(int32_t point, int32_t first, int32_t last)
{
    return point >= first && point <= last;
}

/* Of a file or a program and not of a text: the byte order mark, deprecated format characters
 * (Unicode 23.3) and anchors of annotations (23.8). */
static bool is_foreign(int32_t point)
{
    return point == 0xFEFF || is_within(point, 0x206A, 0x206F) || is_within(point, 0xFFF9, 0xFFFB);
}

static bool is_control(int32_t point)
{
    utf8proc_propval_t category = utf8proc_get_property(point)->category;

    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

bool text_is_one_line(struct str text)
{
    while (text.len) {
        int32_t point = next_point(&text);

        if (is_control(point) || is_foreign(point)) return false;
    }
    return true;
}

/* --- contained ----------------------------------------------------------------------------- */

struct kept {
    char *at;
    size_t len;
    /* the embeddings and isolates that are open, outermost first, and where they are in `at` */
    enum direction open[OPEN_MAX];
    size_t open_at[OPEN_MAX];
    size_t open_count;
    int marks; /* on the present letter */
};

static void append(struct kept *kept, struct str bytes)
{
    memcpy(kept->at + kept->len, bytes.at, bytes.len);
    kept->len += bytes.len;
}

/* The innermost open one was not closed: it goes. */
static void take_out(struct kept *kept)
{
    size_t at = kept->open_at[--kept->open_count];

    memmove(kept->at + at, kept->at + at + CONTROL_BYTES, kept->len - at - CONTROL_BYTES);
    kept->len -= CONTROL_BYTES;
}

static bool is_open(const struct kept *kept, enum direction kind)
{
    for (size_t i = 0; i < kept->open_count; i++)
        if (kept->open[i] == kind) return true;
    return false;
}

/* What ends an isolate ends the embeddings in it, too; what ends an embedding does not reach out of
 * its isolate. */
static void close_innermost(struct kept *kept, enum direction kind, struct str bytes)
{
    if (!is_open(kept, kind)) return;
    if (kind == EMBEDDING && kept->open[kept->open_count - 1] != EMBEDDING) return;
    while (kept->open[kept->open_count - 1] != kind)
        take_out(kept);
    kept->open_count--;
    append(kept, bytes);
}

static void direct(struct kept *kept, enum direction direction, struct str bytes)
{
    ASSERT(bytes.len == CONTROL_BYTES);
    if (direction == END_EMBEDDING) close_innermost(kept, EMBEDDING, bytes);
    if (direction == END_ISOLATE) close_innermost(kept, ISOLATE, bytes);
    if ((direction != EMBEDDING && direction != ISOLATE) || kept->open_count == OPEN_MAX) return;
    kept->open[kept->open_count] = direction;
    kept->open_at[kept->open_count++] = kept->len;
    append(kept, bytes);
}

/* Whether the mark is one too many. What is ignorable or joins neither is a mark nor ends the
 * letter: it would be a way round the rule. */
static bool is_too_much(struct kept *kept, int32_t point)
{
    const utf8proc_property_t *property = utf8proc_get_property(point);

    if (property->ignorable || property->category == UTF8PROC_CATEGORY_CF) return false;
    if (property->category == UTF8PROC_CATEGORY_MC) return false;
    if (property->category != UTF8PROC_CATEGORY_MN && property->category != UTF8PROC_CATEGORY_ME) {
        kept->marks = 0;
        return false;
    }
    return ++kept->marks > TEXT_MARKS_MAX;
}

struct str text_contained(struct arena *arena, struct str text)
{
    struct kept kept = {.at = NULL};
    struct str rest = text;

    if (str_is_ascii(text)) return text;
    kept.at = arena_alloc_raw(arena, text.len);
    if (!kept.at) return (struct str){NULL, 0};
    while (rest.len) {
        const char *at = rest.at;
        int32_t point = next_point(&rest);
        struct str bytes = {at, (size_t)(rest.at - at)};
        enum direction direction = direction_of(point);

        if (direction != NO_DIRECTION)
            direct(&kept, direction, bytes);
        else if (!is_too_much(&kept, point))
            append(&kept, bytes);
    }
    while (kept.open_count)
        take_out(&kept);
    return kept.len == text.len ? text : (struct str){kept.at, kept.len};
}

/* --- folded -------------------------------------------------------------------------------- */

#define FOLDING                                                                                    \
    (UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE)

/* The bytes are the arena's: whoever asked may write to them. */
static struct str mapped(struct arena *arena, struct str text, utf8proc_option_t options)
{
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text.at;
    utf8proc_ssize_t count =
        utf8proc_decompose(bytes, (utf8proc_ssize_t)text.len, NULL, 0, options);
    utf8proc_int32_t *points;

    ASSERT(count >= 0);
    /* reencode writes UTF-8 over the code points, and a zero after them */
    points = arena_alloc(arena, ((size_t)count + 1) * sizeof *points);
    if (!points) return (struct str){NULL, 0};
    count = utf8proc_decompose(bytes, (utf8proc_ssize_t)text.len, points, count, options);
    count = utf8proc_reencode(points, count, options);
    ASSERT(count >= 0);
    return (struct str){(const char *)points, (size_t)count};
}

struct str text_folded(struct arena *arena, struct str text)
{
    return mapped(arena, text, FOLDING | UTF8PROC_STRIPMARK);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

struct str text_label_key(struct arena *arena, struct str text)
{
    struct str key = mapped(arena, text, FOLDING);
    char *out = (char *)(uintptr_t)key.at;
    bool in_number = false;
    size_t len = 0;

    for (size_t i = 0; i < key.len; i++) {
        char c = key.at[i];

        if (c == ' ') continue;
        if (c == '0' && !in_number && i + 1 < key.len && is_digit(key.at[i + 1])) continue;
        in_number = is_digit(c);
        out[len++] = c;
    }
    return (struct str){key.at, len};
}
