/* services/entries/door/gate_store.c: the SQL of gates. */
#include "services/entries/door/gate_store.h"

#define GATE_COLUMNS "g.id, g.show_id, g.name, g.created_at_ms, g.revoked_at_ms"

static enum err gate_read(struct rows *rows, struct arena *arena, struct gate *out)
{
    *out = (struct gate){.id = rows_id(rows, 0),
                         .show_id = rows_id(rows, 1),
                         .name = arena_copy(arena, rows_text(rows, 2)),
                         .created_at = rows_wall(rows, 3),
                         .revoked_at = rows_wall(rows, 4)};
    return out->name.at ? OK : ERR_MEMORY;
}

/* The one row that the query has. */
static enum err gate_take(struct rows *rows, struct arena *arena, struct gate *out)
{
    enum err err = rows_next(rows) ? gate_read(rows, arena, out) : ERR_NOT_FOUND;
    enum err end = rows_end(rows);

    return end ? end : err;
}

enum err gate_insert(struct tx *tx, const struct gate *gate, struct str key_hash,
                     struct str created_by)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO gates (id, show_id, name, key_hash, created_by, created_at_ms,"
                   " revoked_at_ms) VALUES ($1, $2, $3, $4, $5, $6, 0)",
                   sql_id(gate->id), sql_id(gate->show_id), sql_text(gate->name),
                   sql_text(key_hash), sql_text(created_by), sql_wall(gate->created_at));
}

enum err gate_of_key(struct tx *tx, struct arena *arena, struct str key_hash, struct gate *out)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT " GATE_COLUMNS " FROM gates g WHERE g.key_hash = $1" SQL_FOR_SHARE,
             sql_text(key_hash));
    return gate_take(&rows, arena, out);
}

enum err gate_get(struct tx *tx, struct arena *arena, struct object_id id, struct gate *out)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT " GATE_COLUMNS " FROM gates g WHERE g.id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    return gate_take(&rows, arena, out);
}

enum err gate_revoke(struct tx *tx, struct object_id id)
{
    return tx_exec(tx, NULL, "UPDATE gates SET revoked_at_ms = $2 WHERE id = $1", sql_id(id),
                   sql_wall(tx->now));
}

enum err gates_count(struct tx *tx, struct object_id show_id, int64_t *count)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT COUNT(*) FROM gates WHERE show_id = $1", sql_id(show_id));
    return rows_end_int(&rows, 0, count);
}

enum err gates_move(struct tx *tx, struct object_id from, struct object_id into)
{
    return tx_exec(tx, NULL, "UPDATE gates SET show_id = $2 WHERE show_id = $1", sql_id(from),
                   sql_id(into));
}

void gates_of_show(struct tx *tx, struct rows *rows, struct object_id show_id)
{
    tx_query(tx, rows,
             "SELECT " GATE_COLUMNS ", (SELECT COUNT(*) FROM admissions a WHERE a.gate_id = g.id),"
             " (SELECT COUNT(*) FROM scans w WHERE w.gate_id = g.id AND w.wrong = 1),"
             " COALESCE((SELECT MAX(s.received_at_ms) FROM scans s WHERE s.gate_id = g.id), 0)"
             " FROM gates g WHERE g.show_id = $1 ORDER BY g.id",
             sql_id(show_id));
}

enum err gate_work_next(struct rows *rows, struct arena *arena, struct gate_work *out)
{
    if (!rows_next(rows)) return ERR_NOT_FOUND;
    *out = (struct gate_work){.admitted = rows_int(rows, 5),
                              .wrong = rows_int(rows, 6),
                              .scanned_at = rows_wall(rows, 7)};
    return gate_read(rows, arena, &out->gate);
}
