/* services/tickets/store.c: every SQL statement of the tickets service. */
#include "services/tickets/store.h"

#define TICKET_COLUMNS                                                                             \
    "id, version, title, price_cents, user_id, order_id, sold, edited_title, edited_price_cents,"  \
    " withdrawn"

static struct sql_value order_or_null(const struct ticket *ticket)
{
    return ticket_held(ticket) ? sql_id(ticket->order_id) : sql_null();
}

enum err ticket_insert(struct tx *tx, const struct ticket *ticket)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO tickets (" TICKET_COLUMNS ", created_at_ms)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                   sql_id(ticket->id), sql_int(ticket->version), sql_text(ticket->title),
                   sql_int(ticket->price_cents), sql_text(ticket->user_id), order_or_null(ticket),
                   sql_int(ticket->sold), sql_text(ticket->edited_title),
                   sql_int(ticket->edited_price_cents), sql_int(ticket->withdrawn),
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
done:
    return err;
}

/* The row the query stands on; its texts live as long as the row. */
static struct ticket ticket_read(struct rows *rows)
{
    return (struct ticket){
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
    };
}

enum err ticket_get(struct tx *tx, struct arena *arena, struct object_id id, struct ticket *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT " TICKET_COLUMNS " FROM tickets WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    if (rows_next(&rows)) {
        *out = ticket_read(&rows);
        out->title = arena_copy(arena, out->title);
        out->user_id = arena_copy(arena, out->user_id);
        out->edited_title = arena_copy(arena, out->edited_title);
        err = out->title.at && out->user_id.at && out->edited_title.at ? OK : ERR_MEMORY;
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

enum err order_version(struct tx *tx, struct object_id order_id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM order_versions WHERE order_id = $1" SQL_FOR_UPDATE,
             sql_id(order_id));
    *version = rows_next(&rows) ? rows_int(&rows, 0) : -1;
    return rows_end(&rows);
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
