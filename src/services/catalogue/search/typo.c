/* services/catalogue/search/typo.c: one slip of the fingers in a word. */
#include "services/catalogue/search/typo.h"

bool typo_counts(struct str word)
{
    /* of the letters beyond U+2E80 nearly every one is a syllable or a word */
    return str_code_points(word) >= TYPO_POINTS_MIN && (unsigned char)word.at[0] < 0xE3;
}

/* Bytes of the first `points` letters; all, when there are fewer. */
static size_t bytes_of(struct str word, size_t points)
{
    size_t at = 0;

    while (points-- && at < word.len)
        at += str_utf8_length((struct str){word.at + at, word.len - at});
    return at;
}

static void add(struct str rest, struct str out[TYPO_RESTS_MAX], size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if (str_eq(out[i], rest)) return;
    out[(*count)++] = rest;
}

size_t typo_rests(struct arena *arena, struct str word, struct str out[TYPO_RESTS_MAX])
{
    struct str beginning = {word.at, bytes_of(word, TYPO_BEGINNING)};
    size_t count = 0, at = 0;

    add(beginning, out, &count);
    while (at < beginning.len) {
        size_t len = str_utf8_length((struct str){word.at + at, word.len - at});
        char *rest = arena_alloc_raw(arena, beginning.len);

        if (!rest) return 0;
        memcpy(rest, word.at, at);
        memcpy(rest + at, word.at + at + len, beginning.len - at - len);
        add((struct str){rest, beginning.len - len}, out, &count);
        at += len;
    }
    return count;
}

static struct str after(struct str text, size_t points)
{
    size_t skipped = bytes_of(text, points);

    return (struct str){text.at + skipped, text.len - skipped};
}

/* The first letter of a is the second of b, and the other way round. */
static bool is_swapped(struct str a, struct str b)
{
    size_t first = bytes_of(a, 1), two = bytes_of(a, 2);

    return first && two > first && bytes_of(b, 2) == two &&
           str_eq((struct str){a.at, first}, (struct str){b.at + two - first, first}) &&
           str_eq((struct str){a.at + first, two - first}, (struct str){b.at, two - first});
}

bool typo_is_near(struct str typed, struct str word)
{
    size_t same = 0;

    while (same < typed.len && same < word.len && typed.at[same] == word.at[same])
        same++;
    while (same && same < typed.len && ((unsigned char)typed.at[same] & 0xC0) == 0x80)
        same--; /* not within a letter */
    typed = (struct str){typed.at + same, typed.len - same};
    word = (struct str){word.at + same, word.len - same};
    return str_starts(word, typed) ||                     /* none */
           str_starts(after(word, 1), after(typed, 1)) || /* another letter */
           str_starts(word, after(typed, 1)) ||           /* one too many */
           str_starts(after(word, 1), typed) ||           /* one is missing */
           (is_swapped(typed, word) && str_starts(after(word, 2), after(typed, 2)));
}
