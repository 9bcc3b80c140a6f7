/* services/entries/store.c: the SQL of entries. */
#include "services/entries/store.h"

#include "services/entries/door/change_store.h"
#include "services/entries/view_rows.h"

enum err entry_read(struct rows *rows, struct arena *arena, struct entry *out)
{
    struct object_id_text id = object_id_text(rows_id(rows, 0));

    *out = (struct entry){.id = rows_id(rows, 0),
                          .version = rows_int(rows, 1),
                          .serial = arena_copy(arena, rows_text(rows, 2)),
                          .holder_id = arena_copy(arena, rows_text(rows, 4)),
                          .ticket_id = rows_id(rows, 5),
                          .order_id = rows_id(rows, 6),
                          .show_id = rows_id(rows, 7),
                          .now_show_id = rows_id(rows, 8),
                          .key_id = rows_int(rows, 9)};
    if (!out->serial.at || !out->holder_id.at) return ERR_MEMORY;
    if (entry_status_parse(rows_text(rows, 3), &out->status)) return OK;
    return row_unreadable("entries", str_of(id.hex), rows_text(rows, 3));
}

enum err entry_insert(struct tx *tx, const struct entry *entry)
{
    int64_t inserted = 0;
    enum err err;

    TRY(tx_exec(tx, &inserted,
                "INSERT INTO entries (id, version, serial, status, holder_id, ticket_id, order_id,"
                " show_id, now_show_id, key_id, created_at_ms)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
                sql_id(entry->id), sql_int(entry->version), sql_text(entry->serial),
                sql_text(entry_status_text(entry->status)), sql_text(entry->holder_id),
                sql_id(entry->ticket_id), sql_id(entry->order_id), sql_id(entry->show_id),
                sql_id(entry->now_show_id), sql_int(entry->key_id), sql_wall(tx->now)));
    if (!inserted) err = ERR_CONTENTION;
done:
    return err;
}

enum err entry_get(struct tx *tx, struct arena *arena, struct str serial, struct entry *out)
{
    struct rows rows;
    enum err err, end;

    tx_query(tx, &rows, "SELECT " ENTRY_COLUMNS " FROM entries e WHERE e.serial = $1",
             sql_text(serial));
    err = rows_next(&rows) ? entry_read(&rows, arena, out) : ERR_NOT_FOUND;
    end = rows_end(&rows);
    return end ? end : err;
}

enum err entry_lock(struct tx *tx, struct arena *arena, struct object_id id, struct entry *out)
{
    struct rows rows;
    enum err err, end;

    tx_query(tx, &rows, "SELECT " ENTRY_COLUMNS " FROM entries e WHERE e.id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    err = rows_next(&rows) ? entry_read(&rows, arena, out) : ERR_NOT_FOUND;
    end = rows_end(&rows);
    return end ? end : err;
}

enum err entry_update(struct tx *tx, const struct entry *entry)
{
    enum err err;

    TRY(tx_exec(tx, NULL,
                "UPDATE entries SET version = $2, status = $3, holder_id = $4 WHERE id = $1",
                sql_id(entry->id), sql_int(entry->version),
                sql_text(entry_status_text(entry->status)), sql_text(entry->holder_id)));
    TRY(door_change(tx, entry->id, entry->now_show_id));
done:
    return err;
}

enum err entry_of_other(struct tx *tx, struct object_id ticket_id, struct object_id order_id,
                        bool *found)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT 1 FROM entries WHERE ticket_id = $1 AND order_id <> $2 AND status = 'valid'",
             sql_id(ticket_id), sql_id(order_id));
    *found = rows_next(&rows);
    return rows_end(&rows);
}

enum err entries_of_order(struct tx *tx, struct arena *arena, struct object_id order_id,
                          struct entry **out, size_t *count)
{
    struct entry *entries = arena_alloc(arena, LISTING_TICKETS_MAX * sizeof *entries);
    enum err err = OK, end;
    struct rows rows;

    if (!entries) return ERR_MEMORY;
    *out = entries;
    *count = 0;
    tx_query(tx, &rows,
             "SELECT " ENTRY_COLUMNS " FROM entries e WHERE e.order_id = $1"
             " AND e.status = 'valid' ORDER BY e.id" SQL_FOR_UPDATE,
             sql_id(order_id));
    while (err == OK && *count < LISTING_TICKETS_MAX && rows_next(&rows))
        err = entry_read(&rows, arena, &entries[(*count)++]);
    end = rows_end(&rows);
    return end ? end : err;
}

enum err entries_move(struct tx *tx, struct object_id from, struct object_id into)
{
    return tx_exec(tx, NULL, "UPDATE entries SET now_show_id = $2 WHERE now_show_id = $1",
                   sql_id(from), sql_id(into));
}

/* --- orders ---------------------------------------------------------------------------------- */

enum err order_heard_lock(struct tx *tx, struct object_id order_id, int64_t *version)
{
    struct rows rows;
    enum err err;

    TRY(tx_exec(tx, NULL,
                "INSERT INTO orders_heard (order_id, version) VALUES ($1, -1)"
                " ON CONFLICT (order_id) DO NOTHING",
                sql_id(order_id)));
    tx_query(tx, &rows, "SELECT version FROM orders_heard WHERE order_id = $1" SQL_FOR_UPDATE,
             sql_id(order_id));
    err = rows_end_int(&rows, -1, version);
done:
    return err;
}

enum err order_heard_set(struct tx *tx, struct object_id order_id, int64_t version)
{
    return tx_exec(tx, NULL, "UPDATE orders_heard SET version = $2 WHERE order_id = $1",
                   sql_id(order_id), sql_int(version));
}

/* An order that ended with its second version never was complete. Of any other one the completion
 * may still be waiting for what it is about, overtaken by the end, and must be known for old then.
 */
#define NEVER_COMPLETE 1

enum err orders_heard_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten)
{
    return tx_exec(tx, forgotten,
                   "DELETE FROM orders_heard WHERE order_id IN (SELECT h.order_id"
                   " FROM orders_heard h WHERE h.order_id < $1 AND h.version <= $3 AND NOT EXISTS"
                   " (SELECT 1 FROM entries e WHERE e.order_id = h.order_id)"
                   " ORDER BY h.order_id LIMIT $2)",
                   sql_id(object_id_floor(before)), sql_int(max), sql_int(NEVER_COMPLETE));
}
