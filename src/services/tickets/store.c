/* services/tickets/store.c: every SQL statement of the tickets service. */
#include "services/tickets/store.h"

#include "services/tickets/availability_store.h"

#define TICKET_COLUMNS                                                                             \
    "id, version, title, price_cents, user_id, order_id, sold, edited_title, edited_price_cents,"  \
    " withdrawn, listing_id, position, seat"

static struct sql_value order_or_null(const struct ticket *ticket)
{
    return ticket_held(ticket) ? sql_id(ticket->order_id) : sql_null();
}

enum err ticket_insert(struct tx *tx, const struct ticket *ticket, const struct place *place)
{
    struct sql_value show = sql_null(), area = sql_null(), seat = sql_null(), listing = sql_null();

    if (place) {
        listing = sql_id(ticket->listing_id);
        show = sql_id(place->show_id);
        area = sql_text_or_null(place->area_key);
        seat = sql_text_or_null(place->seat_key);
    }
    return tx_exec(tx, NULL,
                   "INSERT INTO tickets (" TICKET_COLUMNS ", show_id, area_key, seat_key,"
                   " created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
                   " $14, $15, $16, $17)",
                   sql_id(ticket->id), sql_int(ticket->version), sql_text(ticket->title),
                   sql_int(ticket->price_cents), sql_text(ticket->user_id), order_or_null(ticket),
                   sql_int(ticket->sold), sql_text(ticket->edited_title),
                   sql_int(ticket->edited_price_cents), sql_int(ticket->withdrawn), listing,
                   sql_int(ticket->position), sql_text(ticket->seat), show, area, seat,
                   sql_wall(tx->now));
}

enum err ticket_update(struct tx *tx, const struct ticket *ticket)
{
    int64_t changed = 0;
    enum err err;

    TRY(tx_exec(tx, &changed,
                "UPDATE tickets SET version = $2, title = $3, price_cents = $4, order_id = $5,"
                " sold = $6, edited_title = $7, edited_price_cents = $8, withdrawn = $9"
                " WHERE id = $1",
                sql_id(ticket->id), sql_int(ticket->version), sql_text(ticket->title),
                sql_int(ticket->price_cents), order_or_null(ticket), sql_int(ticket->sold),
                sql_text(ticket->edited_title), sql_int(ticket->edited_price_cents),
                sql_int(ticket->withdrawn)));
    ASSERT(changed == 1);
    TRY(offer_of_ticket_changed(tx, ticket->id, ticket->was_offered_cents,
                                ticket_offered_cents(ticket)));
done:
    return err;
}

/* The row the query stands on; its texts live as long as the row. */
static struct ticket ticket_read(struct rows *rows)
{
    struct ticket ticket = {
        .id = rows_id(rows, 0),
        .version = rows_int(rows, 1),
        .title = rows_text(rows, 2),
        .price_cents = rows_int(rows, 3),
        .user_id = rows_text(rows, 4),
        .order_id = rows_id(rows, 5),
        .sold = rows_int(rows, 6) != 0,
        .edited_title = rows_text(rows, 7),
        .edited_price_cents = rows_int(rows, 8),
        .withdrawn = rows_int(rows, 9) != 0,
        .listing_id = rows_id(rows, 10),
        .position = rows_int(rows, 11),
        .seat = rows_text(rows, 12),
    };

    ticket.was_offered_cents = ticket_offered_cents(&ticket);
    return ticket;
}

/* Takes the row's texts into the arena. */
static enum err ticket_keep(struct arena *arena, struct ticket *ticket)
{
    ticket->title = arena_copy(arena, ticket->title);
    ticket->user_id = arena_copy(arena, ticket->user_id);
    ticket->edited_title = arena_copy(arena, ticket->edited_title);
    ticket->seat = arena_copy(arena, ticket->seat);
    return ticket->title.at && ticket->user_id.at && ticket->edited_title.at && ticket->seat.at
               ? OK
               : ERR_MEMORY;
}

enum err ticket_get(struct tx *tx, struct arena *arena, struct object_id id, struct ticket *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT " TICKET_COLUMNS " FROM tickets WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    if (rows_next(&rows)) {
        *out = ticket_read(&rows);
        err = ticket_keep(arena, out);
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err tickets_of_listing(struct tx *tx, struct arena *arena, struct object_id listing_id,
                            bool standing, struct ticket *out, size_t *count)
{
    enum err err = OK, end;
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT " TICKET_COLUMNS " FROM tickets WHERE listing_id = $1 AND withdrawn <= $2"
             " ORDER BY position" SQL_FOR_UPDATE,
             sql_id(listing_id), sql_int(!standing));
    while (err == OK && *count < LISTING_TICKETS_MAX && rows_next(&rows)) {
        out[*count] = ticket_read(&rows);
        err = ticket_keep(arena, &out[(*count)++]);
    }
    end = rows_end(&rows);
    return end ? end : err;
}

bool ticket_next(struct rows *rows, struct list_page *page, struct ticket *out)
{
    if (!rows_next(rows)) return false;
    *out = ticket_read(rows);
    list_page_add(page, out->id);
    return true;
}

void tickets_on_sale(struct tx *tx, struct rows *rows, int64_t minimum_cents,
                     const struct list_page *page)
{
    tx_query(tx, rows,
             "SELECT " TICKET_COLUMNS " FROM tickets"
             " WHERE order_id IS NULL AND withdrawn = 0 AND id < $1 AND price_cents >= $3"
             " AND user_id NOT IN (SELECT b.user_id FROM banned_users b WHERE b.banned = 1)"
             " AND (listing_id IS NULL OR EXISTS (SELECT 1 FROM show_copies s"
             " WHERE s.id = tickets.show_id AND s.on_sale = 1))"
             " ORDER BY id DESC LIMIT $2",
             sql_id(page->after), sql_int(page->limit), sql_int(minimum_cents));
}

void tickets_of_seller(struct tx *tx, struct rows *rows, struct str user_id,
                       const struct list_page *page)
{
    tx_query(tx, rows,
             "SELECT " TICKET_COLUMNS " FROM tickets"
             " WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
             sql_text(user_id), sql_id(page->after), sql_int(page->limit));
}

enum err seller_confirmed(struct tx *tx, struct str user_id, bool *confirmed)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM confirmed_sellers WHERE user_id = $1", sql_text(user_id));
    *confirmed = rows_next(&rows);
    return rows_end(&rows);
}

enum err seller_confirm(struct tx *tx, struct str user_id)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO confirmed_sellers (user_id) VALUES ($1)"
                   " ON CONFLICT (user_id) DO NOTHING",
                   sql_text(user_id));
}

enum err order_version(struct tx *tx, struct object_id order_id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM order_versions WHERE order_id = $1" SQL_FOR_UPDATE,
             sql_id(order_id));
    return rows_end_int(&rows, -1, version);
}

enum err order_version_set(struct tx *tx, struct object_id order_id, int64_t version, int64_t ends)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO order_versions (order_id, version, ends) VALUES ($1, $2, $3)"
                   " ON CONFLICT (order_id) DO UPDATE SET version = excluded.version,"
                   " ends = order_versions.ends + excluded.ends"
                   " WHERE order_versions.version < excluded.version",
                   sql_id(order_id), sql_int(version), sql_int(ends));
}

enum err order_versions_forget(struct tx *tx, struct wall_ms before, int64_t max,
                               int64_t *forgotten)
{
    return tx_exec(tx, forgotten,
                   "DELETE FROM order_versions WHERE order_id IN (SELECT order_id"
                   " FROM order_versions WHERE order_id < $1 AND ends = 1"
                   " ORDER BY order_id LIMIT $2)",
                   sql_id(object_id_floor(before)), sql_int(max));
}
