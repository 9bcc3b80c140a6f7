/* services/entries/transfer_store.c: the SQL of entries on their way. */
#include "services/entries/transfer_store.h"

#include "services/entries/view_rows.h"

enum err transfer_read(struct rows *rows, struct arena *arena, int first, struct transfer *out)
{
    struct object_id_text id = object_id_text(rows_id(rows, first));

    *out = (struct transfer){.id = rows_id(rows, first),
                             .version = rows_int(rows, first + 1),
                             .entry_id = rows_id(rows, first + 2),
                             .giver_id = arena_copy(arena, rows_text(rows, first + 4)),
                             .giver_email = arena_copy(arena, rows_text(rows, first + 5)),
                             .email = arena_copy(arena, rows_text(rows, first + 6)),
                             .email_key = arena_copy(arena, rows_text(rows, first + 7)),
                             .taker_id = arena_copy(arena, rows_text(rows, first + 8)),
                             .made_at = rows_wall(rows, first + 9),
                             .ends_at = rows_wall(rows, first + 10)};
    if (!out->giver_id.at || !out->giver_email.at || !out->email.at || !out->email_key.at ||
        !out->taker_id.at)
        return ERR_MEMORY;
    if (transfer_status_parse(rows_text(rows, first + 3), &out->status)) return OK;
    return row_unreadable("transfers", str_of(id.hex), rows_text(rows, first + 3));
}

enum err transfer_insert(struct tx *tx, const struct transfer *transfer)
{
    int64_t inserted = 0;
    enum err err;

    TRY(tx_exec(tx, &inserted,
                "INSERT INTO transfers (id, version, entry_id, status, giver_id, giver_email,"
                " email, email_key, taker_id, made_at_ms, ends_at_ms)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
                sql_id(transfer->id), sql_int(transfer->version), sql_id(transfer->entry_id),
                sql_text(transfer_status_text(transfer->status)), sql_text(transfer->giver_id),
                sql_text(transfer->giver_email), sql_text(transfer->email),
                sql_text(transfer->email_key), sql_text(transfer->taker_id),
                sql_wall(transfer->made_at), sql_wall(transfer->ends_at)));
    if (!inserted) err = ERR_TRANSFER_WAITING;
done:
    return err;
}

static enum err read_one(struct rows *rows, struct arena *arena, struct transfer *out)
{
    enum err err = rows_next(rows) ? transfer_read(rows, arena, 0, out) : ERR_NOT_FOUND, end;

    end = rows_end(rows);
    return end ? end : err;
}

enum err transfer_get(struct tx *tx, struct arena *arena, struct object_id id, struct transfer *out)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT " TRANSFER_COLUMNS " FROM transfers w WHERE w.id = $1", sql_id(id));
    return read_one(&rows, arena, out);
}

enum err transfer_of_entry(struct tx *tx, struct arena *arena, struct object_id entry_id,
                           struct transfer *out)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " TRANSFER_COLUMNS
             " FROM transfers w WHERE w.entry_id = $1 AND w.status = 'waiting'",
             sql_id(entry_id));
    return read_one(&rows, arena, out);
}

enum err transfer_update(struct tx *tx, const struct transfer *transfer)
{
    return tx_exec(tx, NULL,
                   "UPDATE transfers SET version = $2, status = $3, taker_id = $4 WHERE id = $1",
                   sql_id(transfer->id), sql_int(transfer->version),
                   sql_text(transfer_status_text(transfer->status)), sql_text(transfer->taker_id));
}

/* --- their time ------------------------------------------------------------------------------- */

enum err transfers_end_by(struct tx *tx, struct object_id show_id, struct wall_ms latest)
{
    return tx_exec(tx, NULL,
                   "UPDATE transfers SET ends_at_ms = CASE WHEN made_at_ms + $3 < $2"
                   " THEN made_at_ms + $3 ELSE $2 END WHERE status = 'waiting'"
                   " AND entry_id IN (SELECT e.id FROM entries e WHERE e.now_show_id = $1)",
                   sql_id(show_id), sql_wall(latest), sql_int(TRANSFER_LASTS_MS));
}

enum err transfers_due(struct tx *tx, struct object_id *out, size_t max, size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT id FROM transfers WHERE status = 'waiting' AND ends_at_ms <= $1"
             " ORDER BY ends_at_ms LIMIT $2",
             sql_wall(tx->now), sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] = rows_id(&rows, 0);
    return rows_end(&rows);
}

enum err transfers_next(struct tx *tx, struct wall_ms *time)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT ends_at_ms FROM transfers WHERE status = 'waiting'"
             " ORDER BY ends_at_ms LIMIT 1");
    *time = rows_next(&rows) ? rows_wall(&rows, 0) : WALL_NEVER;
    return rows_end(&rows);
}

/* --- people ----------------------------------------------------------------------------------- */

enum err person_confirmed(struct tx *tx, struct str user_id, bool *confirmed)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM confirmed_people WHERE user_id = $1", sql_text(user_id));
    *confirmed = rows_next(&rows);
    return rows_end(&rows);
}

enum err person_confirm(struct tx *tx, struct str user_id)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO confirmed_people (user_id) VALUES ($1)"
                   " ON CONFLICT (user_id) DO NOTHING",
                   sql_text(user_id));
}
