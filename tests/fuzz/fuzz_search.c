/* Any bytes as what somebody looks for. Promise: its words are text of letters and digits, each
 * takes a bounded number of rests, of which it is near itself; and a text index can be asked for
 * them: no bytes are more than words to it. */
#include "fuzz.h"
#include "services/catalogue/search/typo.h"
#include "sql/sql.h"
#include "unicode/words.h"

#include <stdio.h>
#include <unistd.h>

#define WORDS_MAX 16

static const struct migration schema[] = {
    {"fuzz/0001", "CREATE TABLE found (place {{serial}}, words TEXT NOT NULL);"
                  "{{text index found}}"},
    {NULL, NULL},
};

static struct db *database(void)
{
    static struct db *db;
    char path[64];

    if (db) return db;
    snprintf(path, sizeof path, "/tmp/fuzz-search-%d.db", (int)getpid());
    ASSERT(db_open(path, DB_WRITER, &db, NULL) == OK);
    ASSERT(db_migrate(db, schema, (struct wall_ms){0}, NULL) == OK);
    unlink(path);
    return db;
}

static void check_word(struct arena *arena, struct str word)
{
    struct str rests[TYPO_RESTS_MAX];
    size_t count = typo_rests(arena, word, rests);

    ASSERT(word.len && str_is_utf8(word) && str_code_points(word) <= 2 * WORD_POINTS_MAX);
    for (size_t i = 0; i < word.len; i++)
        ASSERT((unsigned char)word.at[i] >= 0x80 || (word.at[i] >= 'a' && word.at[i] <= 'z') ||
               (word.at[i] >= '0' && word.at[i] <= '9'));
    ASSERT(count >= 1 && count <= TYPO_RESTS_MAX && typo_is_near(word, word));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = fuzz_arena();
    struct str text = fuzz_text(data, size);
    struct tx *tx = tx_read(database(), (struct wall_ms){0});
    struct text_query query;
    struct word_list words;
    struct rows rows;

    if (!str_is_utf8(text)) return 0;
    if (!text_words(arena, text, true, WORDS_MAX, &words)) return 0;
    ASSERT(words.count <= WORDS_MAX);
    text_query_init(&query, database(), arena, 1 << 16);
    for (size_t i = 0; i < words.count; i++) {
        check_word(arena, words.at[i]);
        text_query_word(&query, words.at[i], i & 1);
    }
    if (!words.count) return 0;
    ASSERT(!query.text.failed);
    tx_query(tx, &rows, "SELECT 1 FROM {{matching found}} WHERE {{matches found}}",
             sql_text(buf_str(&query.text)));
    ASSERT(!rows_next(&rows));
    ASSERT(rows_end(&rows) == OK);
    return 0;
}
