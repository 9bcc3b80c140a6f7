/* services/orders/store.c: every SQL statement of the orders service. */
#include "services/orders/store.h"

/* --- ticket copies ------------------------------------------------------------------------- */

enum err ticket_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                         struct ticket_copy *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT version, title, price_cents FROM ticket_copies WHERE id = $1",
             sql_id(id));
    if (rows_next(&rows)) {
        *out = (struct ticket_copy){id, rows_int(&rows, 0), arena_copy(arena, rows_text(&rows, 1)),
                                    rows_int(&rows, 2)};
        err = out->title.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err ticket_copy_version(struct tx *tx, struct object_id id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM ticket_copies WHERE id = $1", sql_id(id));
    *version = rows_next(&rows) ? rows_int(&rows, 0) : -1;
    return rows_end(&rows);
}

enum err ticket_copy_put(struct tx *tx, const struct ticket_copy *ticket)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO ticket_copies (id, version, title, price_cents)"
                   " VALUES ($1, $2, $3, $4)"
                   " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
                   " title = excluded.title, price_cents = excluded.price_cents",
                   sql_id(ticket->id), sql_int(ticket->version), sql_text(ticket->title),
                   sql_int(ticket->price_cents));
}

/* --- orders -------------------------------------------------------------------------------- */

#define ORDER_COLUMNS                                                                              \
    "id, version, status, user_id, expires_at_ms, ticket_id, ticket_title, ticket_version,"        \
    " price_cents"

enum err order_insert(struct tx *tx, const struct order *order)
{
    int64_t inserted = 0;
    enum err err;

    /* do nothing: PostgreSQL would otherwise refuse all further work of the transaction */
    TRY(tx_exec(tx, &inserted,
                "INSERT INTO orders (" ORDER_COLUMNS ", created_at_ms)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
                " ON CONFLICT (ticket_id) WHERE status <> 'cancelled' DO NOTHING",
                sql_id(order->id), sql_int(order->version),
                sql_text(order_status_text(order->status)), sql_text(order->user_id),
                sql_int(order->expires_at_ms), sql_id(order->ticket.id),
                sql_text(order->ticket.title), sql_int(order->ticket.version),
                sql_int(order->ticket.price_cents), sql_int(tx->now_ms)));
    if (inserted == 0) return ERR_TICKET_RESERVED;
done:
    return err;
}

enum err order_update(struct tx *tx, const struct order *order)
{
    int64_t changed = 0;
    enum err err =
        tx_exec(tx, &changed,
                "UPDATE orders SET version = $2, status = $3, expires_at_ms = $4"
                " WHERE id = $1",
                sql_id(order->id), sql_int(order->version),
                sql_text(order_status_text(order->status)), sql_int(order->expires_at_ms));

    ASSERT(err != OK || changed == 1);
    return err == ERR_CONFLICT ? ERR_TICKET_RESERVED : err;
}

/* The row the query stands on; its texts live as long as the row. */
static struct order order_read(struct rows *rows)
{
    struct order order = {
        .id = rows_id(rows, 0),
        .version = rows_int(rows, 1),
        .user_id = rows_text(rows, 3),
        .expires_at_ms = rows_int(rows, 4),
        .ticket = {rows_id(rows, 5), rows_int(rows, 7), rows_text(rows, 6), rows_int(rows, 8)},
    };

    ASSERT(order_status_parse(rows_text(rows, 2), &order.status)); /* the table's CHECK */
    return order;
}

enum err order_get(struct tx *tx, struct arena *arena, struct object_id id, struct order *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT " ORDER_COLUMNS " FROM orders WHERE id = $1", sql_id(id));
    if (rows_next(&rows)) {
        *out = order_read(&rows);
        out->user_id = arena_copy(arena, out->user_id);
        out->ticket.title = arena_copy(arena, out->ticket.title);
        err = out->user_id.at && out->ticket.title.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err ticket_is_taken(struct tx *tx, struct object_id ticket_id, bool *taken)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM orders WHERE ticket_id = $1 AND status <> 'cancelled'",
             sql_id(ticket_id));
    *taken = rows_next(&rows);
    return rows_end(&rows);
}

void order_json(struct json_writer *json, const struct order *order)
{
    struct object_id_text id = object_id_text(order->id);
    struct object_id_text ticket_id = object_id_text(order->ticket.id);

    json_begin_object(json);
    json_key(json, "status");
    json_put_text(json, order_status_text(order->status));
    json_key(json, "userId");
    json_put_text(json, order->user_id);
    json_key(json, "expiresAt");
    json_put_time(json, order->expires_at_ms);
    json_key(json, "ticket");
    json_begin_object(json);
    json_key(json, "title");
    json_put_text(json, order->ticket.title);
    json_key(json, "price");
    json_put_money(json, order->ticket.price_cents);
    json_key(json, "version");
    json_put_int(json, order->ticket.version);
    json_key(json, "id");
    json_put_text(json, (struct str){ticket_id.hex, OBJECT_ID_HEX});
    json_end_object(json);
    json_key(json, "version");
    json_put_int(json, order->version);
    json_key(json, "id");
    json_put_text(json, (struct str){id.hex, OBJECT_ID_HEX});
    json_end_object(json);
}

enum err orders_of_user(struct tx *tx, struct str user_id, struct object_id after, int64_t limit,
                        struct json_writer *json, int64_t *count, struct object_id *last)
{
    struct rows rows;

    *count = 0;
    json_begin_array(json);
    tx_query(tx, &rows,
             "SELECT " ORDER_COLUMNS " FROM orders"
             " WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
             sql_text(user_id), sql_id(after), sql_int(limit));
    while (rows_next(&rows)) {
        struct order order = order_read(&rows);

        order_json(json, &order);
        *last = order.id;
        ++*count;
    }
    json_end_array(json);
    return rows_end(&rows);
}
