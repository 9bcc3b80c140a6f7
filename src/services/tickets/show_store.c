/* services/tickets/show_store.c: the SQL of shows, and of what becomes of their tickets. */
#include "services/tickets/show_store.h"

#define MERGES_MAX 32 /* one after another; they are no circle, for the last one is not merged */

static enum err copy_read(struct tx *tx, struct arena *arena, struct object_id id,
                          struct show_copy *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT id, version, title, status, starts_at_ms, max_per_buyer, max_over_face_bps,"
             " merged_into FROM show_copies WHERE id = $1" SQL_FOR_SHARE,
             sql_id(id));
    if (rows_next(&rows)) {
        *out = (struct show_copy){.id = rows_id(&rows, 0),
                                  .version = rows_int(&rows, 1),
                                  .title = arena_copy(arena, rows_text(&rows, 2)),
                                  .status = arena_copy(arena, rows_text(&rows, 3)),
                                  .starts_at = rows_wall(&rows, 4),
                                  .max_per_buyer = rows_int(&rows, 5),
                                  .max_over_face_bps = rows_int(&rows, 6),
                                  .merged_into = rows_id(&rows, 7)};
        err = out->title.at && out->status.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err listed_show_get(struct tx *tx, struct arena *arena, struct object_id id,
                         struct show_copy *out)
{
    enum err err = copy_read(tx, arena, id, out);

    for (int i = 0; err == OK && show_is_merged(out) && i < MERGES_MAX; i++)
        err = copy_read(tx, arena, out->merged_into, out);
    return err;
}

enum err listed_show_version(struct tx *tx, struct object_id id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM show_copies WHERE id = $1" SQL_FOR_UPDATE, sql_id(id));
    return rows_end_int(&rows, -1, version);
}

enum err listed_show_put(struct tx *tx, const struct show_copy *show, bool on_sale)
{
    return tx_exec(
        tx, NULL,
        "INSERT INTO show_copies (id, version, title, status, starts_at_ms, max_per_buyer,"
        " max_over_face_bps, merged_into, on_sale) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (id) DO UPDATE SET version = excluded.version, title = excluded.title,"
        " status = excluded.status, starts_at_ms = excluded.starts_at_ms,"
        " max_per_buyer = excluded.max_per_buyer, max_over_face_bps = excluded.max_over_face_bps,"
        " merged_into = excluded.merged_into, on_sale = excluded.on_sale"
        " WHERE show_copies.version < excluded.version",
        sql_id(show->id), sql_int(show->version), sql_text(show->title), sql_text(show->status),
        sql_wall(show->starts_at), sql_int(show->max_per_buyer), sql_int(show->max_over_face_bps),
        show_is_merged(show) ? sql_id(show->merged_into) : sql_null(), sql_int(on_sale));
}

enum err shows_start(struct tx *tx, struct wall_ms *next)
{
    struct rows rows;
    enum err err;

    *next = WALL_NEVER;
    TRY(tx_exec(tx, NULL,
                "UPDATE show_copies SET on_sale = 0"
                " WHERE on_sale = 1 AND status = 'scheduled' AND starts_at_ms <= $1",
                sql_wall(tx->now)));
    TRY(tx_exec(tx, NULL,
                "UPDATE show_copies SET on_sale = 1 WHERE on_sale = 0 AND status = 'scheduled'"
                " AND merged_into IS NULL AND starts_at_ms > $1",
                sql_wall(tx->now)));
    tx_query_values(tx, &rows,
                    "SELECT starts_at_ms FROM show_copies WHERE on_sale = 1"
                    " AND status = 'scheduled' ORDER BY starts_at_ms LIMIT 1",
                    NULL, 0);
    if (rows_next(&rows)) *next = rows_wall(&rows, 0);
    err = rows_end(&rows);
done:
    return err;
}

/* --- a show that was merged into another one ------------------------------------------------- */

enum err seat_clashes(struct tx *tx, struct object_id from, struct object_id into,
                      struct seat_clash *out, size_t max, size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT a.id, b.id, a.order_id IS NOT NULL FROM tickets a"
             " JOIN tickets b ON b.show_id = $2 AND b.area_key = a.area_key"
             " AND b.seat_key = a.seat_key AND b.seat_key IS NOT NULL"
             " WHERE a.show_id = $1 AND ((a.order_id IS NULL AND a.withdrawn = 0)"
             " OR (a.order_id IS NOT NULL AND b.order_id IS NULL AND b.withdrawn = 0)) LIMIT $3",
             sql_id(from), sql_id(into), sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] =
            (struct seat_clash){rows_id(&rows, 0), rows_id(&rows, 1), rows_int(&rows, 2) != 0};
    return rows_end(&rows);
}

enum err seats_move(struct tx *tx, struct object_id from, struct object_id into)
{
    int64_t moved = 0;
    enum err err = tx_exec(
        tx, &moved,
        "UPDATE tickets SET show_id = $2 WHERE show_id = $1 AND (seat_key IS NULL OR NOT EXISTS"
        " (SELECT 1 FROM tickets b WHERE b.show_id = $2 AND b.area_key = tickets.area_key"
        " AND b.seat_key = tickets.seat_key))",
        sql_id(from), sql_id(into));

    return err == ERR_CONFLICT ? ERR_CONTENTION : err;
}

enum err listings_at_show(struct tx *tx, struct object_id show_id, struct object_id *out,
                          size_t max, size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows, "SELECT id FROM listings WHERE show_id = $1 ORDER BY id LIMIT $2",
             sql_id(show_id), sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] = rows_id(&rows, 0);
    return rows_end(&rows);
}
