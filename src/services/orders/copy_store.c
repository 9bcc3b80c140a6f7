/* services/orders/copy_store.c: the SQL of what orders knows of tickets, listings and shows. */
#include "services/orders/copy_store.h"

#define MERGES_MAX 32 /* of shows, one into the next; the last one is not merged */

/* --- tickets ------------------------------------------------------------------------------- */

#define TICKET_COLUMNS                                                                             \
    "c.id, c.version, c.title, c.price_cents, c.seller_id, c.withdrawn, c.sold, c.listing_id,"     \
    " c.position, c.has_seat"

/* The row the query stands on. */
static enum err ticket_read(struct rows *rows, struct arena *arena, struct ticket_copy *out)
{
    *out = (struct ticket_copy){.id = rows_id(rows, 0),
                                .version = rows_int(rows, 1),
                                .title = arena_copy(arena, rows_text(rows, 2)),
                                .price_cents = rows_int(rows, 3),
                                .seller_id = arena_copy(arena, rows_text(rows, 4)),
                                .withdrawn = rows_int(rows, 5) != 0,
                                .sold = rows_int(rows, 6) != 0,
                                .listing_id = rows_id(rows, 7),
                                .position = rows_int(rows, 8),
                                .has_seat = rows_int(rows, 9) != 0};
    return out->title.at && out->seller_id.at ? OK : ERR_MEMORY;
}

enum err ticket_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                         struct ticket_copy *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " TICKET_COLUMNS " FROM ticket_copies c WHERE c.id = $1 AND NOT EXISTS"
             " (SELECT 1 FROM banned_users b WHERE b.user_id = c.seller_id AND b.banned = 1)",
             sql_id(id));
    if (rows_next(&rows)) err = ticket_read(&rows, arena, out);
    end = rows_end(&rows);
    return end ? end : err;
}

enum err ticket_copy_version(struct tx *tx, struct object_id id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM ticket_copies WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    return rows_end_int(&rows, -1, version);
}

enum err ticket_copy_put(struct tx *tx, const struct ticket_copy *ticket)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO ticket_copies (id, version, title, price_cents, seller_id,"
                   " withdrawn, sold, listing_id, position, has_seat)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
                   " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
                   " title = excluded.title, price_cents = excluded.price_cents,"
                   " seller_id = excluded.seller_id, withdrawn = excluded.withdrawn,"
                   " sold = excluded.sold"
                   " WHERE ticket_copies.version < excluded.version",
                   sql_id(ticket->id), sql_int(ticket->version), sql_text(ticket->title),
                   sql_int(ticket->price_cents), sql_text(ticket->seller_id),
                   sql_int(ticket->withdrawn), sql_int(ticket->sold),
                   ticket_of_listing(ticket) ? sql_id(ticket->listing_id) : sql_null(),
                   sql_int(ticket->position), sql_int(ticket->has_seat));
}

/* What is of a listing stays: late money asks what became of that and of its show. */
enum err ticket_copies_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten)
{
    return tx_exec(tx, forgotten,
                   "DELETE FROM ticket_copies WHERE id IN (SELECT id FROM ticket_copies"
                   " WHERE sold = 1 AND withdrawn = 0 AND listing_id IS NULL"
                   " AND id < $1 ORDER BY id LIMIT $2)",
                   sql_id(object_id_floor(before)), sql_int(max));
}

enum err ticket_copy_withdrawn(struct tx *tx, struct object_id id, bool *withdrawn)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT withdrawn FROM ticket_copies WHERE id = $1" SQL_FOR_SHARE,
             sql_id(id));
    *withdrawn = rows_next(&rows) && rows_int(&rows, 0) != 0;
    return rows_end(&rows);
}

/* --- listings ------------------------------------------------------------------------------ */

enum err listing_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                          struct listing_copy *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT version, show_id, seller_id, split, withdrawn, quantity FROM listing_copies"
             " WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    if (rows_next(&rows)) {
        *out = (struct listing_copy){.id = id,
                                     .version = rows_int(&rows, 0),
                                     .show_id = rows_id(&rows, 1),
                                     .seller_id = arena_copy(arena, rows_text(&rows, 2)),
                                     .withdrawn = rows_int(&rows, 4) != 0,
                                     .quantity = rows_int(&rows, 5)};
        err = out->seller_id.at ? OK : ERR_MEMORY;
        if (err == OK && !split_parse(rows_text(&rows, 3), &out->split)) err = ERR_UNREADABLE;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err listing_copy_version(struct tx *tx, struct object_id id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM listing_copies WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    return rows_end_int(&rows, -1, version);
}

enum err listing_copy_put(struct tx *tx, const struct listing_copy *listing)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO listing_copies (id, version, show_id, seller_id, split, withdrawn,"
                   " quantity) VALUES ($1, $2, $3, $4, $5, $6, $7)"
                   " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
                   " show_id = excluded.show_id, split = excluded.split,"
                   " withdrawn = excluded.withdrawn, quantity = excluded.quantity"
                   " WHERE listing_copies.version < excluded.version",
                   sql_id(listing->id), sql_int(listing->version), sql_id(listing->show_id),
                   sql_text(listing->seller_id), sql_text(split_text(listing->split)),
                   sql_int(listing->withdrawn), sql_int(listing->quantity));
}

/* Whether every ticket that it was made with has been heard of. */
static enum err listing_copy_is_whole(struct tx *tx, const struct listing_copy *listing,
                                      bool *whole)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT COUNT(*) FROM ticket_copies WHERE listing_id = $1",
             sql_id(listing->id));
    *whole = rows_next(&rows) && rows_int(&rows, 0) >= listing->quantity;
    return rows_end(&rows);
}

enum err listing_copy_free(struct tx *tx, struct arena *arena, const struct listing_copy *listing,
                           struct ticket_copy **out, size_t *count, bool *all)
{
    struct ticket_copy *tickets = arena_alloc(arena, LISTING_TICKETS_MAX * sizeof *tickets);
    enum err err, end;
    struct rows rows;

    if (!tickets) return ERR_MEMORY;
    *out = tickets;
    *count = 0;
    TRY(listing_copy_is_whole(tx, listing, all));
    tx_query(tx, &rows,
             "SELECT " TICKET_COLUMNS " FROM ticket_copies c WHERE c.listing_id = $1"
             " AND c.withdrawn = 0 AND NOT EXISTS (SELECT 1 FROM order_tickets t"
             " WHERE t.ticket_id = c.id AND t.held = 1) ORDER BY c.position",
             sql_id(listing->id));
    while (err == OK && *count < LISTING_TICKETS_MAX && rows_next(&rows))
        err = ticket_read(&rows, arena, &tickets[(*count)++]);
    end = rows_end(&rows);
    return end ? end : err;
done:
    return err;
}

/* --- shows --------------------------------------------------------------------------------- */

static enum err show_read(struct tx *tx, struct arena *arena, struct object_id id,
                          struct show_copy *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT version, status, starts_at_ms, max_per_buyer, merged_into FROM show_copies"
             " WHERE id = $1" SQL_FOR_SHARE,
             sql_id(id));
    if (rows_next(&rows)) {
        *out = (struct show_copy){.id = id,
                                  .version = rows_int(&rows, 0),
                                  .status = arena_copy(arena, rows_text(&rows, 1)),
                                  .starts_at = rows_wall(&rows, 2),
                                  .max_per_buyer = rows_int(&rows, 3),
                                  .merged_into = rows_id(&rows, 4)};
        err = out->status.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err show_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                       struct show_copy *out)
{
    enum err err = show_read(tx, arena, id, out);

    for (int i = 0; err == OK && show_is_merged(out) && i < MERGES_MAX; i++)
        err = show_read(tx, arena, out->merged_into, out);
    return err;
}

enum err show_copy_version(struct tx *tx, struct object_id id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM show_copies WHERE id = $1" SQL_FOR_UPDATE, sql_id(id));
    return rows_end_int(&rows, -1, version);
}

enum err show_copy_put(struct tx *tx, const struct show_copy *show)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO show_copies (id, version, status, starts_at_ms, max_per_buyer,"
                   " merged_into) VALUES ($1, $2, $3, $4, $5, $6)"
                   " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
                   " status = excluded.status, starts_at_ms = excluded.starts_at_ms,"
                   " max_per_buyer = excluded.max_per_buyer, merged_into = excluded.merged_into"
                   " WHERE show_copies.version < excluded.version",
                   sql_id(show->id), sql_int(show->version), sql_text(show->status),
                   sql_wall(show->starts_at), sql_int(show->max_per_buyer),
                   show_is_merged(show) ? sql_id(show->merged_into) : sql_null());
}
