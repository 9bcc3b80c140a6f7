/* sql/sql.c: sql.h's functions, each handed to the engine of its connection. */
#include "sql/engine.h"

#define TEXT_BYTES_MAX (1024 * 1024)

bool db_place_is_postgres(const char *place)
{
    return strncmp(place, "postgresql://", 13) == 0 || strncmp(place, "postgres://", 11) == 0;
}

enum err db_open(const char *place, enum db_mode mode, struct db **out, struct buf *why)
{
    return db_place_is_postgres(place) ? postgres_open(place, mode, out, why)
                                       : sqlite_open(place, mode, out, why);
}

void db_close(struct db *db)
{
    if (db) db->engine->close(db);
}

bool db_broken(struct db *db)
{
    return db->engine->broken(db);
}

bool db_lease(struct db *db, const char *name)
{
    return db->engine->lease(db, name);
}

bool db_shared(const struct db *db)
{
    return db->engine->shared;
}

/* --- the dialect --------------------------------------------------------------------------- */

/* The word that begins at `at`; NULL: none does. */
static const struct engine_word *word_at(const char *at, const struct engine_word *words)
{
    for (; words->word; words++)
        if (strncmp(at, words->word, strlen(words->word)) == 0) return words;
    return NULL;
}

/* A word with its name; returns what comes behind it. */
static const char *put_named(const struct engine_word *word, const char *text, struct buf *out)
{
    const char *name = text + strlen(word->word), *end = strstr(name, "}}");

    ASSERT(end != NULL);
    for (const char *at = word->means; *at; at++) {
        if (*at == '@')
            buf_append(out, (struct str){name, (size_t)(end - name)});
        else
            buf_char(out, *at);
    }
    return end + 2;
}

enum err engine_translate(const char *text, const struct engine_word *words, struct buf *out)
{
    bool opened = false;

    buf_init(out, NULL, TEXT_BYTES_MAX);
    while (*text) {
        const struct engine_word *word = word_at(text, words);

        if (word && strncmp(word->word, "{{", 2) == 0 &&
            word->word[strlen(word->word) - 1] == ' ') {
            text = put_named(word, text, out);
        } else if (word) {
            buf_append(out, str_of(word->means));
            opened |= strncmp(word->word, "/*", 2) == 0;
            text += strlen(word->word);
        } else if (opened && strncmp(text, "*/", 2) == 0) {
            opened = false;
            text += 2;
        } else {
            buf_char(out, *text++);
        }
    }
    buf_char(out, '\0');
    return out->failed ? ERR_MEMORY : OK;
}

/* --- transactions -------------------------------------------------------------------------- */

enum err tx_begin(struct db *db, struct tx **out)
{
    enum err err = db->engine->begin(db);

    db->tx.published = 0;
    *out = err ? NULL : &db->tx;
    return err;
}

enum err tx_commit(struct tx *tx)
{
    return tx->db->engine->commit(tx->db);
}

void tx_rollback(struct tx *tx)
{
    tx->db->engine->rollback(tx->db);
}

void tx_item_begin(struct tx *tx, int64_t now_ms)
{
    tx->db->engine->item_begin(tx->db);
    tx->now_ms = now_ms;
    tx->trace = (struct trace){0};
}

enum err tx_item_end(struct tx *tx, bool keep)
{
    return tx->db->engine->item_end(tx->db, keep);
}

void tx_without_savepoints(struct tx *tx)
{
    tx->db->engine->without_savepoints(tx->db);
}

enum err tx_check(struct tx *tx)
{
    return tx->db->engine->check(tx->db);
}

struct tx *tx_read(struct db *db, int64_t now_ms)
{
    db->tx.now_ms = now_ms;
    return &db->tx;
}

uint64_t db_commits(const struct db *db)
{
    return db->engine->commits(db);
}

struct tx *tx_snapshot(struct db *db, int64_t now_ms)
{
    db->engine->snapshot(db);
    return tx_read(db, now_ms);
}

void db_snapshot_end(struct db *db)
{
    db->engine->snapshot_end(db);
}

/* --- statements ---------------------------------------------------------------------------- */

enum err tx_exec_values(struct tx *tx, int64_t *changes, const char *sql,
                        const struct sql_value *values, size_t count)
{
    return tx->db->engine->execute(tx->db, changes, sql, values, count);
}

void tx_query_values(struct tx *tx, struct rows *rows, const char *sql,
                     const struct sql_value *values, size_t count)
{
    *rows = (struct rows){.db = tx->db};
    tx->db->engine->query(rows, sql, values, count);
}

bool rows_next(struct rows *rows)
{
    return rows->db->engine->next(rows);
}

bool rows_null(struct rows *rows, int column)
{
    return rows->db->engine->null(rows, column);
}

int64_t rows_int(struct rows *rows, int column)
{
    return rows->db->engine->integer(rows, column);
}

struct str rows_text(struct rows *rows, int column)
{
    return rows->db->engine->text(rows, column);
}

struct object_id rows_id(struct rows *rows, int column)
{
    struct object_id id;

    if (!object_id_parse(rows_text(rows, column), &id)) id = (struct object_id){{0}};
    return id;
}

enum err rows_end(struct rows *rows)
{
    rows->db->engine->end(rows);
    rows->statement = NULL;
    return rows->err;
}
