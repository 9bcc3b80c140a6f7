/* services/entries/door/scan_store.c: the SQL of scans and admissions. */
#include "services/entries/door/scan_store.h"

#define MINUTE_MS 60000

/* --- who was let in -------------------------------------------------------------------------- */

enum err admission_insert(struct tx *tx, const struct admission *admission, bool *first)
{
    int64_t inserted = 0;
    enum err err =
        tx_exec(tx, &inserted,
                "INSERT INTO admissions (entry_id, gate_id, scan_id, at_ms, offline)"
                " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (entry_id) DO NOTHING",
                sql_id(admission->entry_id), sql_id(admission->gate_id), sql_id(admission->scan_id),
                sql_wall(admission->at), sql_int(admission->offline));

    *first = inserted == 1;
    return err;
}

enum err admission_get(struct tx *tx, struct arena *arena, struct object_id entry_id,
                       struct admission *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT a.gate_id, a.scan_id, a.at_ms, a.offline, g.name FROM admissions a"
             " JOIN gates g ON g.id = a.gate_id WHERE a.entry_id = $1",
             sql_id(entry_id));
    if (rows_next(&rows)) {
        *out = (struct admission){.entry_id = entry_id,
                                  .gate_id = rows_id(&rows, 0),
                                  .scan_id = rows_id(&rows, 1),
                                  .at = rows_wall(&rows, 2),
                                  .offline = rows_int(&rows, 3) != 0,
                                  .gate_name = arena_copy(arena, rows_text(&rows, 4))};
        err = out->gate_name.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

static enum err scanned_read(struct rows *rows, struct arena *arena, struct scanned_entry *out)
{
    struct object_id_text id = object_id_text(rows_id(rows, 0));

    *out = (struct scanned_entry){.id = rows_id(rows, 0),
                                  .ticket_id = rows_id(rows, 1),
                                  .order_id = rows_id(rows, 2),
                                  .show_id = rows_id(rows, 3),
                                  .now_show_id = rows_id(rows, 4),
                                  .version = rows_int(rows, 5),
                                  .holder_id = arena_copy(arena, rows_text(rows, 7)),
                                  .issued = str_eq(rows_text(rows, 8), STR("issued")),
                                  .same_title_there = rows_int(rows, 9) != 0};
    if (!out->holder_id.at) return ERR_MEMORY;
    if (entry_status_parse(rows_text(rows, 6), &out->status)) return OK;
    return row_unreadable("entries", str_of(id.hex), rows_text(rows, 6));
}

enum err scanned_entry_get(struct tx *tx, struct arena *arena, struct str serial, struct str title,
                           struct object_id venue_id, struct scanned_entry *out)
{
    struct rows rows;
    enum err err, end;

    tx_query(tx, &rows,
             "SELECT e.id, e.ticket_id, e.order_id, e.show_id, e.now_show_id, e.version, e.status,"
             " e.holder_id, l.delivery,"
             " CASE WHEN s.title = $2 AND s.venue_id = $3 THEN 1 ELSE 0 END"
             " FROM entries e JOIN ticket_copies t ON t.id = e.ticket_id"
             " JOIN listing_copies l ON l.id = t.listing_id"
             " JOIN show_copies s ON s.id = e.now_show_id"
             " WHERE e.serial = $1" SQL_FOR_UPDATE_OF("e"),
             sql_text(serial), sql_text(title), sql_id(venue_id));
    err = rows_next(&rows) ? scanned_read(&rows, arena, out) : ERR_NOT_FOUND;
    end = rows_end(&rows);
    return end ? end : err;
}

enum err valid_entry_of_ticket(struct tx *tx, struct object_id ticket_id,
                               struct object_id *order_id)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT order_id FROM entries WHERE ticket_id = $1 AND status = 'valid'",
             sql_id(ticket_id));
    if (rows_next(&rows)) {
        *order_id = rows_id(&rows, 0);
        err = OK;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

/* --- what was read --------------------------------------------------------------------------- */

enum err scan_insert(struct tx *tx, const struct scan *scan)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO scans (gate_id, scan_id, entry_id, answer, reason, wrong, at_ms,"
                   " gate_at_ms, received_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                   sql_id(scan->gate_id), sql_id(scan->id), sql_id_or_null(scan->entry_id),
                   sql_text(scan_answer_text(scan->answer)), sql_text(scan->reason),
                   sql_int(scan->wrong), sql_wall(scan->at), sql_wall(scan->gate_at),
                   sql_wall(scan->received_at));
}

#define SCAN_COLUMNS                                                                               \
    "w.gate_id, w.scan_id, w.entry_id, w.answer, w.reason, w.wrong, w.at_ms, w.gate_at_ms,"        \
    " w.received_at_ms"

static enum err scan_read(struct rows *rows, struct arena *arena, struct scan *out)
{
    struct object_id_text id = object_id_text(rows_id(rows, 1));

    *out = (struct scan){.gate_id = rows_id(rows, 0),
                         .id = rows_id(rows, 1),
                         .entry_id = rows_id(rows, 2),
                         .reason = arena_copy(arena, rows_text(rows, 4)),
                         .wrong = rows_int(rows, 5) != 0,
                         .at = rows_wall(rows, 6),
                         .gate_at = rows_wall(rows, 7),
                         .received_at = rows_wall(rows, 8)};
    if (!out->reason.at) return ERR_MEMORY;
    if (scan_answer_parse(rows_text(rows, 3), &out->answer)) return OK;
    return row_unreadable("scans", str_of(id.hex), rows_text(rows, 3));
}

enum err scan_get(struct tx *tx, struct arena *arena, struct object_id gate_id, struct object_id id,
                  struct scan *out)
{
    struct rows rows;
    enum err err, end;

    tx_query(tx, &rows,
             "SELECT " SCAN_COLUMNS " FROM scans w WHERE w.gate_id = $1 AND w.scan_id = $2",
             sql_id(gate_id), sql_id(id));
    err = rows_next(&rows) ? scan_read(&rows, arena, out) : ERR_NOT_FOUND;
    end = rows_end(&rows);
    return end ? end : err;
}

enum err scans_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten)
{
    return tx_exec(tx, forgotten,
                   "DELETE FROM scans WHERE (gate_id, scan_id) IN (SELECT s.gate_id, s.scan_id"
                   " FROM scans s WHERE s.received_at_ms < $1 AND s.wrong = 0"
                   " ORDER BY s.received_at_ms LIMIT $2)",
                   sql_wall(before), sql_int(max));
}

/* --- as staff see them ----------------------------------------------------------------------- */

void admitted_minutes(struct tx *tx, struct rows *rows, struct object_id show_id, int64_t max)
{
    tx_query(tx, rows,
             "SELECT a.at_ms / 60000, a.gate_id, COUNT(*) FROM gates g"
             " JOIN admissions a ON a.gate_id = g.id WHERE g.show_id = $1"
             " GROUP BY a.at_ms / 60000, a.gate_id ORDER BY 1 DESC, 2 LIMIT $2",
             sql_id(show_id), sql_int(max));
}

bool admitted_minute_next(struct rows *rows, struct admitted_minute *out)
{
    if (!rows_next(rows)) return false;
    *out = (struct admitted_minute){.minute = {rows_int(rows, 0) * MINUTE_MS},
                                    .gate_id = rows_id(rows, 1),
                                    .count = rows_int(rows, 2)};
    return true;
}

void wrong_scans(struct tx *tx, struct rows *rows, struct object_id show_id, int64_t max)
{
    tx_query(tx, rows,
             "SELECT " SCAN_COLUMNS ", g.name, e.serial, a.gate_id, a.scan_id, a.at_ms, a.offline,"
             " f.name FROM gates g JOIN scans w ON w.gate_id = g.id"
             " LEFT JOIN entries e ON e.id = w.entry_id"
             " LEFT JOIN admissions a ON a.entry_id = w.entry_id"
             " LEFT JOIN gates f ON f.id = a.gate_id"
             " WHERE g.show_id = $1 AND w.wrong = 1"
             " ORDER BY w.received_at_ms DESC, w.scan_id DESC LIMIT $2",
             sql_id(show_id), sql_int(max));
}

enum err wrong_scan_next(struct rows *rows, struct arena *arena, struct wrong_scan *out)
{
    enum err err;

    do {
        if (!rows_next(rows)) return ERR_NOT_FOUND;
        *out = (struct wrong_scan){
            .gate_name = arena_copy(arena, rows_text(rows, 9)),
            .serial = rows_null(rows, 10) ? STR("") : arena_copy(arena, rows_text(rows, 10))};
        if (!rows_null(rows, 11))
            out->first = (struct admission){.gate_id = rows_id(rows, 11),
                                            .scan_id = rows_id(rows, 12),
                                            .at = rows_wall(rows, 13),
                                            .offline = rows_int(rows, 14) != 0,
                                            .gate_name = arena_copy(arena, rows_text(rows, 15))};
        err = scan_read(rows, arena, &out->scan);
        if (err == OK && (!out->gate_name.at || !out->serial.at)) err = ERR_MEMORY;
    } while (err == ERR_UNREADABLE);
    return err;
}
