/* services/entries/view_store.c: the SQL of entries as people see them. */
#include "services/entries/view_store.h"

#include "services/entries/view_rows.h"

#define VIEW_COLUMNS                                                                               \
    ENTRY_COLUMNS                                                                                  \
    ", s.title, s.status, s.starts_at_ms, s.starts_local, s.doors_at_ms, s.doors_local,"           \
    " v.version, v.id, v.name, v.city, v.country, v.time_zone,"                                    \
    " l.id, l.section, l.row_label, l.restrictions, l.delivery, t.seat,"                           \
    " CASE WHEN EXISTS (SELECT 1 FROM transfers g WHERE g.entry_id = e.id"                         \
    " AND g.status = 'taken') THEN 1 ELSE 0 END, " TRANSFER_COLUMNS
#define VIEW_JOINS                                                                                 \
    " JOIN show_copies s ON s.id = e.now_show_id"                                                  \
    " JOIN ticket_copies t ON t.id = e.ticket_id JOIN listing_copies l ON l.id = t.listing_id"     \
    " LEFT JOIN venue_copies v ON v.id = s.venue_id"
/* An entry with the transfer that waits, where one does. */
#define VIEW_SELECT                                                                                \
    "SELECT " VIEW_COLUMNS " FROM entries e"                                                       \
    " LEFT JOIN transfers w ON w.entry_id = e.id AND w.status = 'waiting'" VIEW_JOINS
/* A transfer with its entry. */
#define GIVEN_SELECT                                                                               \
    "SELECT " VIEW_COLUMNS " FROM transfers w JOIN entries e ON e.id = w.entry_id" VIEW_JOINS

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
    out->received = rows_int(rows, 28) > 0;
    out->transfer = (struct transfer){.version = -1};
    if (!rows_null(rows, 29)) TRY(transfer_read(rows, arena, 29, &out->transfer));
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

/* --- those on their way ----------------------------------------------------------------------- */

enum err given_view_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct entry_view *out)
{
    struct rows rows;
    enum err err, end;

    tx_query(tx, &rows, GIVEN_SELECT " WHERE w.id = $1", sql_id(id));
    err = rows_next(&rows) ? view_read(&rows, arena, out) : ERR_NOT_FOUND;
    end = rows_end(&rows);
    return end ? end : err;
}

void entries_coming(struct tx *tx, struct rows *rows, struct str email_key,
                    const struct list_page *page)
{
    tx_query(tx, rows,
             GIVEN_SELECT " WHERE w.email_key = $1 AND w.status = 'waiting' AND w.id < $2"
                          " ORDER BY w.id DESC LIMIT $3",
             sql_text(email_key), sql_id(page->after), sql_int(page->limit));
}

void entries_given(struct tx *tx, struct rows *rows, struct str giver_id,
                   const struct list_page *page)
{
    tx_query(tx, rows,
             GIVEN_SELECT " WHERE w.giver_id = $1 AND w.id < $2 ORDER BY w.id DESC LIMIT $3",
             sql_text(giver_id), sql_id(page->after), sql_int(page->limit));
}
