/* services/entries/known_store.c: the SQL of what entries knows of venues, shows, listings and
 * tickets. */
#include "services/entries/known_store.h"

#define MERGES_MAX 32 /* of shows, one into the next; the last one is not merged */

/* --- venues ---------------------------------------------------------------------------------- */

enum err entry_venue_version(struct tx *tx, struct object_id id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM venue_copies WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    return rows_end_int(&rows, -1, version);
}

enum err entry_venue_put(struct tx *tx, const struct entry_venue *venue)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO venue_copies (id, version, name, city, country, time_zone)"
                   " VALUES ($1, $2, $3, $4, $5, $6)"
                   " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
                   " name = excluded.name, city = excluded.city, country = excluded.country,"
                   " time_zone = excluded.time_zone"
                   " WHERE venue_copies.version < excluded.version",
                   sql_id(venue->id), sql_int(venue->version), sql_text(venue->name),
                   sql_text(venue->city), sql_text(venue->country), sql_text(venue->time_zone));
}

/* --- shows ----------------------------------------------------------------------------------- */

enum err entry_show_version(struct tx *tx, struct object_id id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM show_copies WHERE id = $1" SQL_FOR_UPDATE, sql_id(id));
    return rows_end_int(&rows, -1, version);
}

enum err entry_show_put(struct tx *tx, const struct entry_show *show)
{
    return tx_exec(
        tx, NULL,
        "INSERT INTO show_copies (id, version, title, status, venue_id, starts_at_ms, starts_local,"
        " doors_at_ms, doors_local, merged_into) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (id) DO UPDATE SET version = excluded.version, title = excluded.title,"
        " status = excluded.status, venue_id = excluded.venue_id,"
        " starts_at_ms = excluded.starts_at_ms, starts_local = excluded.starts_local,"
        " doors_at_ms = excluded.doors_at_ms, doors_local = excluded.doors_local,"
        " merged_into = excluded.merged_into WHERE show_copies.version < excluded.version",
        sql_id(show->id), sql_int(show->version), sql_text(show->title), sql_text(show->status),
        sql_id(show->venue_id), sql_wall(show->starts_at), sql_text(show->starts_local),
        sql_wall(show->doors_at), sql_text(show->doors_local), sql_id_or_null(show->merged_into));
}

static enum err show_read(struct rows *rows, struct arena *arena, struct entry_show *out)
{
    *out = (struct entry_show){.id = rows_id(rows, 0),
                               .version = rows_int(rows, 1),
                               .title = arena_copy(arena, rows_text(rows, 2)),
                               .status = arena_copy(arena, rows_text(rows, 3)),
                               .venue_id = rows_id(rows, 4),
                               .starts_at = rows_wall(rows, 5),
                               .starts_local = arena_copy(arena, rows_text(rows, 6)),
                               .doors_at = rows_wall(rows, 7),
                               .doors_local = arena_copy(arena, rows_text(rows, 8)),
                               .merged_into = rows_id(rows, 9)};
    return out->title.at && out->status.at && out->starts_local.at && out->doors_local.at
               ? OK
               : ERR_MEMORY;
}

enum err entry_show_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct entry_show *out)
{
    struct rows rows;
    enum err err, end;

    tx_query(tx, &rows,
             "SELECT id, version, title, status, venue_id, starts_at_ms, starts_local, doors_at_ms,"
             " doors_local, merged_into FROM show_copies WHERE id = $1",
             sql_id(id));
    err = rows_next(&rows) ? show_read(&rows, arena, out) : ERR_NOT_FOUND;
    end = rows_end(&rows);
    return end ? end : err;
}

/* *into: all zero: it is not merged. */
static enum err merge_of(struct tx *tx, struct object_id id, struct object_id *into)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT merged_into FROM show_copies WHERE id = $1" SQL_FOR_SHARE,
             sql_id(id));
    if (rows_next(&rows)) {
        *into = rows_id(&rows, 0);
        err = OK;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err entry_show_now(struct tx *tx, struct object_id id, struct object_id *now)
{
    struct object_id into = id;
    enum err err = OK;

    for (int i = 0; i < MERGES_MAX && !object_id_eq(into, (struct object_id){{0}}); i++) {
        *now = into;
        TRY(merge_of(tx, *now, &into));
    }
done:
    return err;
}

/* --- listings and tickets -------------------------------------------------------------------- */

enum err entry_listing_version(struct tx *tx, struct object_id id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM listing_copies WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    return rows_end_int(&rows, -1, version);
}

enum err entry_listing_put(struct tx *tx, struct arena *arena, const struct entry_listing *listing)
{
    struct buf restrictions;
    struct str lines;

    buf_init(&restrictions, arena, EVENT_PAYLOAD_MAX);
    lines = names_joined(&restrictions, &listing->restrictions);
    if (restrictions.failed) return ERR_MEMORY;
    return tx_exec(tx, NULL,
                   "INSERT INTO listing_copies (id, version, show_id, section, row_label,"
                   " restrictions, delivery) VALUES ($1, $2, $3, $4, $5, $6, $7)"
                   " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
                   " show_id = excluded.show_id, section = excluded.section,"
                   " row_label = excluded.row_label, restrictions = excluded.restrictions,"
                   " delivery = excluded.delivery WHERE listing_copies.version < excluded.version",
                   sql_id(listing->id), sql_int(listing->version), sql_id(listing->show_id),
                   sql_text(listing->section), sql_text(listing->row), sql_text(lines),
                   sql_text(listing->delivery));
}

enum err entry_ticket_put(struct tx *tx, struct object_id id, struct object_id listing_id,
                          struct str seat)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO ticket_copies (id, listing_id, seat) VALUES ($1, $2, $3)"
                   " ON CONFLICT (id) DO NOTHING",
                   sql_id(id), sql_id(listing_id), sql_text(seat));
}

enum err entry_ticket_show(struct tx *tx, struct object_id id, struct object_id *show_id)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT l.show_id FROM ticket_copies t JOIN listing_copies l ON l.id = t.listing_id"
             " WHERE t.id = $1",
             sql_id(id));
    if (rows_next(&rows)) {
        *show_id = rows_id(&rows, 0);
        err = OK;
    }
    end = rows_end(&rows);
    return end ? end : err;
}
