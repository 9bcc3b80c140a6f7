/* services/entries/store.c: the SQL of entries. */
#include "services/entries/store.h"

#include "services/entries/door/change_store.h"

#define ENTRY_COLUMNS                                                                              \
    "e.id, e.version, e.serial, e.status, e.holder_id, e.ticket_id, e.order_id, e.show_id,"        \
    " e.now_show_id, e.key_id"

/* The row the query stands on. ERR_UNREADABLE: a status that this program does not know. */
static enum err entry_read(struct rows *rows, struct arena *arena, struct entry *out)
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

enum err orders_heard_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten)
{
    return tx_exec(tx, forgotten,
                   "DELETE FROM orders_heard WHERE order_id IN (SELECT h.order_id"
                   " FROM orders_heard h WHERE h.order_id < $1 AND NOT EXISTS"
                   " (SELECT 1 FROM entries e WHERE e.order_id = h.order_id)"
                   " ORDER BY h.order_id LIMIT $2)",
                   sql_id(object_id_floor(before)), sql_int(max));
}

/* --- as their holders see them --------------------------------------------------------------- */

#define VIEW_SELECT                                                                                \
    "SELECT " ENTRY_COLUMNS                                                                        \
    ", s.title, s.status, s.starts_at_ms, s.starts_local, s.doors_at_ms, s.doors_local,"           \
    " v.version, v.id, v.name, v.city, v.country, v.time_zone,"                                    \
    " l.id, l.section, l.row_label, l.restrictions, l.delivery, t.seat"                            \
    " FROM entries e JOIN show_copies s ON s.id = e.now_show_id"                                   \
    " JOIN ticket_copies t ON t.id = e.ticket_id JOIN listing_copies l ON l.id = t.listing_id"     \
    " LEFT JOIN venue_copies v ON v.id = s.venue_id"

static void show_read(struct rows *rows, struct arena *arena, struct entry_view *out)
{
    out->show = (struct entry_show){.id = out->entry.now_show_id,
                                    .title = arena_copy(arena, rows_text(rows, 10)),
                                    .status = arena_copy(arena, rows_text(rows, 11)),
                                    .starts_at = rows_wall(rows, 12),
                                    .starts_local = arena_copy(arena, rows_text(rows, 13)),
                                    .doors_at = rows_wall(rows, 14),
                                    .doors_local = arena_copy(arena, rows_text(rows, 15))};
    out->venue.version = -1;
    if (rows_null(rows, 16)) return;
    out->venue = (struct entry_venue){.version = rows_int(rows, 16),
                                      .id = rows_id(rows, 17),
                                      .name = arena_copy(arena, rows_text(rows, 18)),
                                      .city = arena_copy(arena, rows_text(rows, 19)),
                                      .country = arena_copy(arena, rows_text(rows, 20)),
                                      .time_zone = arena_copy(arena, rows_text(rows, 21))};
}

static bool view_is_whole(const struct entry_view *view)
{
    const struct entry_venue *venue = &view->venue;

    return view->show.title.at && view->show.status.at && view->show.starts_local.at &&
           view->show.doors_local.at && view->listing.section.at && view->listing.row.at &&
           view->listing.delivery.at && view->seat.at &&
           (venue->version < 0 ||
            (venue->name.at && venue->city.at && venue->country.at && venue->time_zone.at));
}

static enum err view_read(struct rows *rows, struct arena *arena, struct entry_view *out)
{
    enum err err;

    TRY(entry_read(rows, arena, &out->entry));
    show_read(rows, arena, out);
    out->listing = (struct entry_listing){.id = rows_id(rows, 22),
                                          .section = arena_copy(arena, rows_text(rows, 23)),
                                          .row = arena_copy(arena, rows_text(rows, 24)),
                                          .delivery = arena_copy(arena, rows_text(rows, 26))};
    out->seat = arena_copy(arena, rows_text(rows, 27));
    if (!names_split(arena, rows_text(rows, 25), &out->listing.restrictions)) err = ERR_MEMORY;
    if (!view_is_whole(out)) err = ERR_MEMORY;
done:
    return err;
}

enum err entry_view_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct entry_view *out)
{
    struct rows rows;
    enum err err, end;

    tx_query(tx, &rows, VIEW_SELECT " WHERE e.id = $1", sql_id(id));
    err = rows_next(&rows) ? view_read(&rows, arena, out) : ERR_NOT_FOUND;
    end = rows_end(&rows);
    return end ? end : err;
}

/* A page of the holder's entries on one side of a time, in the order of `way`; after: which of them
 * are left, and where the limit stands. */
#define PAGE_SELECT(side, way, after)                                                              \
    VIEW_SELECT " WHERE e.holder_id = $1 AND s.starts_at_ms " side " $2" after                     \
                " ORDER BY s.starts_at_ms " way ", e.id " way
#define PAGE_FIRST(side, way) PAGE_SELECT(side, way, "") " LIMIT $3"
#define PAGE_NEXT(side, way, beyond)                                                               \
    PAGE_SELECT(side, way,                                                                         \
                " AND (s.starts_at_ms, e.id) " beyond " (SELECT a.starts_at_ms, b.id"              \
                " FROM entries b JOIN show_copies a ON a.id = b.now_show_id"                       \
                " WHERE b.id = $3 AND b.holder_id = $1)")                                          \
    " LIMIT $4"

void entries_page(struct tx *tx, struct rows *rows, const struct entries_page *page)
{
    if (object_id_eq(page->after, (struct object_id){{0}}))
        tx_query(tx, rows, page->past ? PAGE_FIRST("<", "DESC") : PAGE_FIRST(">=", "ASC"),
                 sql_text(page->holder_id), sql_wall(page->begins), sql_int(page->limit));
    else
        tx_query(tx, rows, page->past ? PAGE_NEXT("<", "DESC", "<") : PAGE_NEXT(">=", "ASC", ">"),
                 sql_text(page->holder_id), sql_wall(page->begins), sql_id(page->after),
                 sql_int(page->limit));
}

enum err entry_view_next(struct rows *rows, struct arena *arena, struct entry_view *out)
{
    enum err err;

    do {
        if (!rows_next(rows)) return ERR_NOT_FOUND;
        err = view_read(rows, arena, out);
    } while (err == ERR_UNREADABLE);
    return err;
}
