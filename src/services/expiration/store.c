/* services/expiration/store.c: every SQL statement of the expiration service. */
#include "services/expiration/store.h"

enum err timer_version(struct tx *tx, struct object_id order_id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM timers WHERE order_id = $1" SQL_FOR_UPDATE,
             sql_id(order_id));
    return rows_end_int(&rows, -1, version);
}

enum err timer_set(struct tx *tx, struct object_id order_id, int64_t version, struct wall_ms due_at)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO timers (order_id, version, due_at_ms) VALUES ($1, $2, $3)"
                   " ON CONFLICT (order_id) DO UPDATE SET version = excluded.version,"
                   " due_at_ms = excluded.due_at_ms",
                   sql_id(order_id), sql_int(version), sql_wall(due_at));
}

enum err timer_stop(struct tx *tx, struct object_id order_id, int64_t version)
{
    return tx_exec(tx, NULL, "UPDATE timers SET version = $2, due_at_ms = NULL WHERE order_id = $1",
                   sql_id(order_id), sql_int(version));
}

enum err timer_done(struct tx *tx, struct object_id order_id, struct wall_ms now, bool *was_due)
{
    int64_t changes;
    enum err err = tx_exec(tx, &changes,
                           "UPDATE timers SET due_at_ms = NULL "
                           "WHERE order_id = $1 AND due_at_ms <= $2",
                           sql_id(order_id), sql_wall(now));

    *was_due = changes > 0;
    return err;
}

enum err timers_due(struct tx *tx, struct wall_ms now, struct object_id *out, size_t max,
                    size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT order_id FROM timers WHERE due_at_ms IS NOT NULL AND due_at_ms <= $1"
             " ORDER BY due_at_ms LIMIT $2" SQL_SKIP_LOCKED,
             sql_wall(now), sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] = rows_id(&rows, 0);
    return rows_end(&rows);
}

enum err timers_soon(struct tx *tx, struct wall_ms until, struct delayed *out, size_t max,
                     size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT order_id, due_at_ms FROM timers WHERE due_at_ms IS NOT NULL"
             " AND due_at_ms <= $1 ORDER BY due_at_ms LIMIT $2",
             sql_wall(until), sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] = (struct delayed){rows_id(&rows, 0), rows_wall(&rows, 1)};
    return rows_end(&rows);
}

enum err timers_next(struct tx *tx, struct wall_ms *due_at)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT due_at_ms FROM timers WHERE due_at_ms IS NOT NULL ORDER BY due_at_ms LIMIT 1");
    *due_at = rows_next(&rows) ? rows_wall(&rows, 0) : WALL_NEVER;
    return rows_end(&rows);
}

enum err timers_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten)
{
    return tx_exec(tx, forgotten,
                   "DELETE FROM timers WHERE order_id IN (SELECT order_id FROM timers"
                   " WHERE order_id < $1 AND due_at_ms IS NULL ORDER BY order_id LIMIT $2)",
                   sql_id(object_id_floor(before)), sql_int(max));
}
