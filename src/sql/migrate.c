/* sql/migrate.c: brings a database's schema up to date; plain SQL over sql.h's connection. */
#include "sql/engine.h"

/* FNV-1a: tells an edited step from the one that was applied; no defence against malice needed. */
static int64_t fingerprint(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return (int64_t)(hash >> 1);
}

static enum err recorded(struct tx *tx, const char *name, bool *found, int64_t *print)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT fingerprint FROM schema_migrations WHERE name = $1",
             sql_text(str_of(name)));
    *found = rows_next(&rows);
    if (*found) *print = rows_int(&rows, 0);
    return rows_end(&rows);
}

static enum err apply(struct db *db, struct tx *tx, const struct migration *step,
                      struct wall_ms now, struct buf *why)
{
    int64_t print = 0;
    bool found = false;
    enum err err = OK;

    TRY(recorded(tx, step->name, &found, &print));
    if (found) {
        if (print == fingerprint(step->text)) return OK;
        if (why)
            buf_printf(why,
                       "migration %s was changed after it was applied; use the release "
                       "that applied it, or restore a backup",
                       step->name);
        return ERR_CONFLICT;
    }
    TRY(db->engine->script(db, step->text));
    TRY(tx_exec(tx, NULL,
                "INSERT INTO schema_migrations (name, fingerprint, applied_at_ms) "
                "VALUES ($1, $2, $3)",
                sql_text(str_of(step->name)), sql_int(fingerprint(step->text)), sql_wall(now)));
done:
    if (err && why && why->len == 0) buf_printf(why, "migration %s failed", step->name);
    return err;
}

static enum err in_transaction(struct db *db, const struct migration *step, struct wall_ms now,
                               struct buf *why)
{
    struct tx *tx;
    enum err err = tx_begin(db, &tx);

    if (err) return err;
    tx_item_begin(tx, now);
    if (step)
        err = apply(db, tx, step, now, why);
    else
        err = db->engine->script(db, "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                     "name TEXT PRIMARY KEY, fingerprint BIGINT NOT NULL, "
                                     "applied_at_ms BIGINT NOT NULL)");
    if (err == OK) err = tx_item_end(tx, true);
    if (err == OK) return tx_commit(tx);
    tx_rollback(tx);
    return err;
}

static void add_remedy(struct db *db, struct buf *why)
{
    char memory[512];
    struct buf remedy = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

    db->engine->explain(db, &remedy);
    if (!remedy.len) return;
    if (why->len) buf_append(why, STR(": "));
    buf_append(why, buf_str(&remedy));
}

enum err db_migrate(struct db *db, const struct migration *steps, struct wall_ms now,
                    struct buf *why)
{
    enum err err = db->engine->migrating(db, true);

    if (err == OK) err = in_transaction(db, NULL, now, why);
    for (; err == OK && steps->name; steps++)
        err = in_transaction(db, steps, now, why);
    if (err && why && db->engine->explain) add_remedy(db, why);
    if (err == OK) return db->engine->migrating(db, false);
    (void)db->engine->migrating(db, false);
    return err;
}

enum err db_has_table(struct tx *tx, const char *name, bool *found)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT 1 FROM /*sqlite sqlite_schema WHERE type = 'table' AND name = $1*/"
             "/*postgresql information_schema.tables WHERE table_schema = current_schema() "
             "AND table_name = $1*/",
             sql_text(str_of(name)));
    *found = rows_next(&rows);
    return rows_end(&rows);
}

enum err db_steps(struct tx *tx, struct arena *arena, struct str *out, size_t max, size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows, "SELECT name FROM schema_migrations ORDER BY name LIMIT $1",
             sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] = arena_copy(arena, rows_text(&rows, 0));
    return rows_end(&rows);
}
