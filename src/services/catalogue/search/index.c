/* services/catalogue/search/index.c: keeping the search index. */
#include "services/catalogue/search/index.h"

#include "services/catalogue/search/typo.h"

#define SHOWS_AT_ONCE  100        /* of a rebuild's transaction; of a venue, read at a time */
#define ARENA_BYTES    (1 << 20)  /* for the words of one show */
#define SHOWS_BYTES    (16 << 20) /* for SHOWS_AT_ONCE shows of the longest texts */
#define WORDS_TEXT_MAX (128 * 1024)

/* Every rest of the word leads to it. A word's first rest is there only with the others. */
static enum err learn(struct tx *tx, struct arena *arena, struct str word)
{
    struct str rests[TYPO_RESTS_MAX];
    size_t count;
    bool known;
    enum err err;

    if (is_narrowing_word(word) || !typo_counts(word)) return OK;
    count = typo_rests(arena, word, rests);
    if (!count) return ERR_MEMORY;
    TRY(typo_known(tx, rests[0], word, &known));
    for (size_t i = 0; i < count && !known; i++)
        TRY(typo_put(tx, rests[i], word));
done:
    return err;
}

static enum err put_show(struct tx *tx, struct arena *arena, const struct show *show,
                         const struct venue *venue)
{
    struct search_row row = {.place = show_place(show), .show_id = show->id};
    struct word_list words;
    struct buf text;
    bool taken = true;
    enum err err = OK;

    if (!show_words(arena, show, venue, &words)) return ERR_MEMORY;
    buf_init(&text, arena, WORDS_TEXT_MAX);
    for (size_t i = 0; i < words.count; i++) {
        if (i) buf_char(&text, ' ');
        buf_append(&text, words.at[i]);
        TRY(learn(tx, arena, words.at[i]));
    }
    if (text.failed) return ERR_MEMORY;
    row.words = buf_str(&text);
    row.somewhere = venue->is.latitude != DEGREES_UNKNOWN;
    if (row.somewhere) row.at = globe_point(venue->is.latitude, venue->is.longitude);
    while (taken) {
        TRY(search_place_taken(tx, row.place, &taken));
        row.place += taken;
    }
    TRY(search_put(tx, &row));
done:
    return err;
}

enum err index_show(struct tx *tx, struct arena *arena, const struct show *show)
{
    struct venue venue;
    enum err err;

    TRY(search_remove(tx, show->id));
    if (!show_is_public(show)) return OK;
    TRY(search_venue(tx, arena, show->is.venue_id, &venue));
    TRY(put_show(tx, arena, show, &venue));
done:
    return err;
}

enum err index_venue(struct tx *tx, const struct venue *venue)
{
    struct arena *shows_arena = arena_new(SHOWS_BYTES), *arena = arena_new(ARENA_BYTES);
    struct object_id after = {{0}};
    struct show *shows;
    size_t count = 0;
    enum err err = shows_arena && arena ? OK : ERR_MEMORY;

    if (err != OK) goto done;
    do {
        arena_reset(shows_arena);
        shows = arena_alloc(shows_arena, SHOWS_AT_ONCE * sizeof *shows);
        if (!shows) err = ERR_MEMORY;
        if (err != OK) goto done;
        TRY(search_shows_at(tx, shows_arena, venue->id, after, shows, SHOWS_AT_ONCE, &count));
        for (size_t i = 0; i < count; i++) {
            arena_reset(arena);
            after = shows[i].id;
            TRY(index_show(tx, arena, &shows[i]));
        }
    } while (count == SHOWS_AT_ONCE);
done:
    if (shows_arena) arena_free(shows_arena);
    if (arena) arena_free(arena);
    return err;
}

/* --- making it anew --------------------------------------------------------------------------- */

static enum err index_some(struct tx *tx, struct arena *shows_arena, struct arena *arena,
                           struct str after, bool *more)
{
    struct show *shows = arena_alloc(shows_arena, SHOWS_AT_ONCE * sizeof *shows);
    size_t count = 0;
    enum err err;

    if (!shows) return ERR_MEMORY;
    if (!after.len) TRY(typos_remove(tx));
    TRY(rebuild_shows(tx, shows_arena, after, shows, SHOWS_AT_ONCE, &count));
    for (size_t i = 0; i < count; i++) {
        arena_reset(arena);
        TRY(index_show(tx, arena, &shows[i]));
    }
    *more = count == SHOWS_AT_ONCE;
    if (*more) return rebuild_put(tx, shows[count - 1].id);
    TRY(search_remove_strays(tx));
    return rebuild_end(tx);
done:
    return err;
}

enum err index_rebuild(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct arena *shows_arena = arena_new(SHOWS_BYTES), *arena = arena_new(ARENA_BYTES);
    struct str after;
    bool more = false;
    enum err err = shows_arena && arena ? OK : ERR_MEMORY;

    (void)env;
    if (err == OK) err = rebuild_get(tx, shows_arena, &after);
    if (err == OK) err = index_some(tx, shows_arena, arena, after, &more);
    if (more) *next = tx->now;
    if (shows_arena) arena_free(shows_arena);
    if (arena) arena_free(arena);
    return err == ERR_NOT_FOUND ? OK : err;
}
