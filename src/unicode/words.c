/* unicode/words.c: the words of a text (words.h has the rules). */
#include "unicode/words.h"

#include <stdlib.h>
#include <utf8proc.h>

enum kind { BETWEEN, SKIPPED, LETTER, SPACELESS };

/* Scripts that are written without spaces, by the blocks of their letters. */
static bool is_spaceless(int32_t point)
{
    return (point >= 0x3005 && point <= 0x3007) || /* repeated, closed, zero */
           (point >= 0x3040 && point <= 0x30FF) || /* Hiragana, Katakana */
           (point >= 0x3100 && point <= 0x312F) || /* Bopomofo */
           (point >= 0x3400 && point <= 0x4DBF) || /* Han, extension A */
           (point >= 0x4E00 && point <= 0x9FFF) || /* Han */
           (point >= 0xAC00 && point <= 0xD7A3) || /* Hangul */
           (point >= 0xF900 && point <= 0xFAFF) || /* Han, compatibility */
           (point >= 0x20000 && point <= 0x323AF); /* Han, further extensions */
}

static enum kind kind_of(int32_t point)
{
    utf8proc_propval_t category = utf8proc_get_property(point)->category;

    if (point == '\'' || point == 0x2019 || point == 0x02BC) return SKIPPED;
    if (category < UTF8PROC_CATEGORY_LU || category > UTF8PROC_CATEGORY_NO) return BETWEEN;
    if (category > UTF8PROC_CATEGORY_LO && category < UTF8PROC_CATEGORY_ND)
        return SKIPPED; /* marks */
    return is_spaceless(point) ? SPACELESS : LETTER;
}

/* Letters with a stroke or of two letters, which Unicode does not take apart. */
static struct str plain(int32_t point)
{
    switch (point) {
    case 0x00E6:
        return STR("ae");
    case 0x00F0:
        return STR("d");
    case 0x00F8:
        return STR("o");
    case 0x00FE:
        return STR("th");
    case 0x0111:
        return STR("d");
    case 0x0127:
        return STR("h");
    case 0x0131:
        return STR("i");
    case 0x0142:
        return STR("l");
    case 0x0153:
        return STR("oe");
    default:
        return STR("");
    }
}

/* The text in the form that is compared; NULL: memory ran out. To be freed. */
static utf8proc_uint8_t *folded(struct str text, struct str *out)
{
    const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
                                      UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE;
    utf8proc_uint8_t *bytes = NULL;
    utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)text.at,
                                        (utf8proc_ssize_t)text.len, &bytes, options);

    if (len < 0) return NULL;
    *out = (struct str){(const char *)bytes, (size_t)len};
    return bytes;
}

/* The code point at the front of text, which is taken off it; its bytes in *bytes. */
static int32_t next_point(struct str *text, struct str *bytes)
{
    utf8proc_int32_t point = 0;
    utf8proc_ssize_t len =
        utf8proc_iterate((const utf8proc_uint8_t *)text->at, (utf8proc_ssize_t)text->len, &point);

    ASSERT(len > 0);
    *bytes = (struct str){text->at, (size_t)len};
    text->at += len;
    text->len -= (size_t)len;
    return point;
}

struct splitter {
    struct arena *arena;
    struct word_list *out;
    size_t max;
    bool asked, failed;
    struct buf word; /* the letters of the present word */
    size_t points;
    struct str before; /* the letter before this one in a run without spaces; empty: none … */
    bool paired;       /* … and whether it was a pair's second */
};

static void add(struct splitter *split, struct str first, struct str second)
{
    struct buf word;

    if (split->out->count >= split->max) return;
    buf_init(&word, split->arena, first.len + second.len + 1);
    buf_append(&word, first);
    buf_append(&word, second);
    split->failed |= word.failed;
    if (!word.failed) split->out->at[split->out->count++] = buf_str(&word);
}

static void end_word(struct splitter *split)
{
    if (split->word.len) add(split, buf_str(&split->word), STR(""));
    buf_reset(&split->word);
    split->points = 0;
}

static void end_run(struct splitter *split)
{
    if (split->before.len && (!split->asked || !split->paired)) add(split, split->before, STR(""));
    split->before = STR("");
    split->paired = false;
}

static void put_letter(struct splitter *split, int32_t point, struct str bytes)
{
    struct str simple = plain(point);

    end_run(split);
    if (split->points++ < WORD_POINTS_MAX) buf_append(&split->word, simple.len ? simple : bytes);
}

static void put_spaceless(struct splitter *split, struct str bytes)
{
    end_word(split);
    if (split->before.len) add(split, split->before, bytes);
    split->paired = split->before.len != 0;
    split->before = bytes;
}

bool text_words(struct arena *arena, struct str text, bool asked, size_t max, struct word_list *out)
{
    struct splitter split = {.arena = arena, .out = out, .max = max, .asked = asked};
    struct str rest = {NULL, 0}, bytes;
    utf8proc_uint8_t *memory = folded(text, &rest);

    *out = (struct word_list){arena_alloc(arena, max * sizeof *out->at), 0};
    buf_init(&split.word, arena, 8 * WORD_POINTS_MAX);
    while (memory && out->at && rest.len && out->count < max) {
        int32_t point = next_point(&rest, &bytes);
        enum kind kind = kind_of(point);

        if (kind == LETTER) put_letter(&split, point, bytes);
        if (kind == SPACELESS) put_spaceless(&split, bytes);
        if (kind != BETWEEN) continue;
        end_word(&split);
        end_run(&split);
    }
    end_word(&split);
    end_run(&split);
    free(memory);
    return memory && out->at && !split.failed && !split.word.failed;
}

struct str text_joined(struct arena *arena, struct str text)
{
    struct str rest = {NULL, 0}, bytes;
    utf8proc_uint8_t *memory = folded(text, &rest);
    struct buf joined;

    buf_init(&joined, arena, 2 * rest.len + 1);
    while (memory && rest.len) {
        int32_t point = next_point(&rest, &bytes);
        enum kind kind = kind_of(point);
        struct str simple = plain(point);

        if (kind == LETTER || kind == SPACELESS) buf_append(&joined, simple.len ? simple : bytes);
    }
    free(memory);
    return memory && !joined.failed ? buf_str(&joined) : (struct str){NULL, 0};
}
