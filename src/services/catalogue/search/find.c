/* services/catalogue/search/find.c: asking the search index. */
#include "services/catalogue/search/find.h"

#include "services/catalogue/search/typo.h"

#define QUERY_BYTES    (128 * 1024)
#define CANDIDATES_MAX 64 /* words that share a rest; what is beyond is not looked at */

static enum err is_known(struct tx *tx, struct arena *arena, struct str word, bool *known)
{
    struct text_query query;

    text_query_init(&query, tx->db, arena, QUERY_BYTES);
    text_query_word(&query, word, true);
    return query.text.failed ? ERR_MEMORY : search_is_known(tx, buf_str(&query.text), known);
}

static void add_near(struct asked_word *asked, struct str word)
{
    for (size_t i = 0; i < asked->near_count; i++)
        if (str_eq(asked->near[i], word)) return;
    if (asked->near_count < NEAR_WORDS_MAX) asked->near[asked->near_count++] = word;
}

/* What the word is taken for. */
static enum err guess(struct tx *tx, struct arena *arena, struct asked_word *asked)
{
    struct str rests[TYPO_RESTS_MAX], *words;
    size_t rest_count = typo_rests(arena, asked->text, rests), count;
    enum err err = OK;

    words = arena_alloc(arena, CANDIDATES_MAX * sizeof *words);
    if (!words || !rest_count) return ERR_MEMORY;
    for (size_t rest = 0; rest < rest_count; rest++) {
        TRY(typo_words(tx, arena, rests[rest], words, CANDIDATES_MAX, &count));
        for (size_t i = 0; i < count; i++) {
            if (!words[i].at) return ERR_MEMORY;
            if (typo_is_near(asked->text, words[i])) add_near(asked, words[i]);
        }
    }
done:
    return err;
}

enum err find_words(struct tx *tx, struct arena *arena, struct str typed, struct search *search)
{
    struct word_list words;
    bool known;
    enum err err = OK;

    search->word_count = 0;
    if (!typed.len) return OK;
    if (!text_words(arena, typed, true, ASKED_WORDS_MAX, &words)) return ERR_MEMORY;
    search->nothing = words.count == 0;
    for (size_t i = 0; i < words.count; i++) {
        struct asked_word *asked = &search->words[search->word_count++];

        *asked = (struct asked_word){.text = words.at[i]};
        if (!typo_counts(asked->text)) continue;
        TRY(is_known(tx, arena, asked->text, &known));
        if (!known) TRY(guess(tx, arena, asked));
    }
done:
    return err;
}

bool find_guessed(const struct search *search)
{
    for (size_t i = 0; i < search->word_count; i++)
        if (search->words[i].near_count) return true;
    return false;
}

static void ask_word(struct text_query *query, const struct asked_word *asked)
{
    if (!asked->near_count) {
        text_query_word(query, asked->text, true);
        return;
    }
    text_query_group(query);
    for (size_t i = 0; i < asked->near_count; i++)
        text_query_word(query, asked->near[i], false);
    text_query_group_end(query);
}

/* Of places alone: those in the cells that cover the circle. */
static bool ask_cells(struct text_query *query, struct arena *arena, const struct search *search)
{
    char cells[CELLS_MAX][CELL_BYTES];
    size_t count =
        globe_cells_around(search->latitude, search->longitude, search->radius_km, cells);

    if (!count) return true;
    text_query_group(query);
    for (size_t i = 0; i < count; i++) {
        struct str word = narrowing_word(arena, NARROW_CELL, str_of(cells[i]));

        if (!word.at) return false;
        text_query_word(query, word, false);
    }
    text_query_group_end(query);
    return true;
}

enum err find_shows(struct tx *tx, struct arena *arena, const struct search *search,
                    struct rows *rows)
{
    struct text_query query;

    text_query_init(&query, tx->db, arena, QUERY_BYTES);
    for (size_t i = 0; i < search->narrowed_count; i++)
        text_query_word(&query, search->narrowed[i], false);
    for (size_t i = 0; i < search->word_count; i++)
        ask_word(&query, &search->words[i]);
    if (search->around && !ask_cells(&query, arena, search)) return ERR_MEMORY;
    if (!query.begun) {
        struct str every = narrowing_word(arena, NARROW_NOT, STR(""));

        if (!every.at) return ERR_MEMORY;
        text_query_word(&query, every, false);
    }
    if (query.text.failed) return ERR_MEMORY;
    search_query(tx, rows, search, buf_str(&query.text));
    return OK;
}
