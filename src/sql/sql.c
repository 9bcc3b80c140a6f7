/* sql/sql.c: sql.h's functions, each handed to the engine of its connection. */
#include "sql/engine.h"

bool db_dsn_is_postgres(const char *dsn)
{
    return strncmp(dsn, "postgresql://", 13) == 0 || strncmp(dsn, "postgres://", 11) == 0;
}

enum err db_open(const char *dsn, enum db_mode mode, struct db **out, struct buf *why)
{
    return db_dsn_is_postgres(dsn) ? postgres_open(dsn, mode, out, why)
                                   : sqlite_open(dsn, mode, out, why);
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

/* --- transactions -------------------------------------------------------------------------- */

enum err tx_begin(struct db *db, struct tx **out)
{
    enum err err = db->engine->begin(db);

    db->tx.published = 0;
    db->tx.published_bytes = 0;
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

void tx_item_begin(struct tx *tx, struct wall_ms now)
{
    tx->db->engine->item_begin(tx->db);
    tx->now = now;
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

void tx_scrub(struct tx *tx)
{
    tx->db->engine->scrub(tx->db);
}

bool tx_scrubbing(const struct tx *tx)
{
    return tx->db->engine->scrubbing(tx->db);
}

enum err tx_check(struct tx *tx)
{
    return tx->db->engine->check(tx->db);
}

struct tx *tx_read(struct db *db, struct wall_ms now)
{
    db->tx.now = now;
    return &db->tx;
}

uint64_t db_commits(const struct db *db)
{
    return db->engine->commits(db);
}

struct tx *tx_snapshot(struct db *db, struct wall_ms now)
{
    db->engine->snapshot(db);
    return tx_read(db, now);
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

struct wall_ms rows_wall(struct rows *rows, int column)
{
    return (struct wall_ms){rows_int(rows, column)};
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

enum err rows_end_int(struct rows *rows, int64_t none, int64_t *out)
{
    *out = rows_next(rows) ? rows_int(rows, 0) : none;
    return rows_end(rows);
}
