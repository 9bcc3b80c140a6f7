/* sql/engine.h: what an engine offers the rest of src/sql. Functions of sql.h without a word here
 * mean the same. */
#ifndef SQL_ENGINE_H
#define SQL_ENGINE_H

#include "sql/sql.h"

#define PARAMETERS_MAX 24 /* of one statement */

/* The beginning of an engine's connection. */
struct db {
    const struct engine *engine;
    struct tx tx;
};

/* How an engine's text search wants to be asked. */
struct text_query_words {
    char quote;
    const char *beginning, *both, *either;
};

struct engine {
    bool shared; /* see db_shared */
    const struct text_query_words *query_words;
    void (*close)(struct db *db);
    bool (*broken)(struct db *db);
    /* Several statements in the open transaction, in the engine's own words. */
    enum err (*script)(struct db *db, const char *text);
    /* Before (begins) and after migrations, outside a transaction: alone with the schema, which
     * exists. */
    enum err (*migrating)(struct db *db, bool begins);
    /* What an operator can do about the last error, when that is known. NULL: it never is. */
    void (*explain)(struct db *db, struct buf *why);
    bool (*lease)(struct db *db, const char *name);
    enum err (*begin)(struct db *db);
    enum err (*commit)(struct db *db);
    void (*rollback)(struct db *db);
    void (*item_begin)(struct db *db);
    enum err (*item_end)(struct db *db, bool keep);
    void (*without_savepoints)(struct db *db);
    enum err (*check)(struct db *db);
    void (*scrub)(struct db *db);
    bool (*scrubbing)(const struct db *db);
    uint64_t (*commits)(const struct db *db);
    void (*snapshot)(struct db *db);
    void (*snapshot_end)(struct db *db);
    enum err (*execute)(struct db *db, int64_t *changes, const char *sql,
                        const struct sql_value *values, size_t count);
    void (*query)(struct rows *rows, const char *sql, const struct sql_value *values,
                  size_t count); /* rows: zeroed but for db */
    bool (*next)(struct rows *rows);
    bool (*null)(struct rows *rows, int column);
    int64_t (*integer)(struct rows *rows, int column);
    struct str (*text)(struct rows *rows, int column);
    void (*end)(struct rows *rows);
};

extern const struct engine sqlite_engine;
extern const struct engine postgres_engine;

enum err sqlite_open(const char *path, enum db_mode mode, struct db **out, struct buf *why);
enum err postgres_open(const char *dsn, enum db_mode mode, struct db **out, struct buf *why);

/* What the dialect's words mean to an engine; a list ends with a NULL word. One that opens a
 * comment takes away the comment's end as well. One that begins with
 * "{{" and ends with a space is followed by a name and "}}"; the name takes the place of each '@'
 * in what it means, but for one behind a backslash, which is an '@'. */
struct engine_word {
    const char *word, *means;
};
/* out gets the text with its words replaced and a NUL; to be freed in any case. ERR_MEMORY. */
enum err engine_translate(const char *text, const struct engine_word *words, struct buf *out);

#endif
