/* services/orders/store.c: every SQL statement of the orders service. */
#include "services/orders/store.h"

/* --- ticket copies ------------------------------------------------------------------------- */

enum err ticket_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                         struct ticket_copy *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT version, title, price_cents, seller_id FROM ticket_copies WHERE id = $1"
             " AND NOT EXISTS (SELECT 1 FROM banned_users WHERE user_id = seller_id"
             " AND banned = 1)",
             sql_id(id));
    if (rows_next(&rows)) {
        *out = (struct ticket_copy){id, rows_int(&rows, 0), arena_copy(arena, rows_text(&rows, 1)),
                                    rows_int(&rows, 2), arena_copy(arena, rows_text(&rows, 3))};
        err = out->title.at && out->seller_id.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err ticket_copy_version(struct tx *tx, struct object_id id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM ticket_copies WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    *version = rows_next(&rows) ? rows_int(&rows, 0) : -1;
    return rows_end(&rows);
}

enum err ticket_copy_put(struct tx *tx, const struct ticket_copy *ticket)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO ticket_copies (id, version, title, price_cents, seller_id)"
                   " VALUES ($1, $2, $3, $4, $5)"
                   " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
                   " title = excluded.title, price_cents = excluded.price_cents,"
                   " seller_id = excluded.seller_id"
                   " WHERE ticket_copies.version < excluded.version",
                   sql_id(ticket->id), sql_int(ticket->version), sql_text(ticket->title),
                   sql_int(ticket->price_cents), sql_text(ticket->seller_id));
}

/* --- orders -------------------------------------------------------------------------------- */

/* What every order has, and what is known of the payment shown with it. */
#define ORDER_COLUMNS                                                                              \
    "o.id, o.version, o.status, o.user_id, o.expires_at_ms, o.reserved_until_ms, o.graced,"        \
    " o.respited, o.declines, o.ticket_id, o.ticket_title, o.ticket_version, o.price_cents,"       \
    " p.id, p.status, p.stripe_id, p.refund_id"
#define ORDER_TABLES "orders o LEFT JOIN payments p ON p.id = o.payment_id"

static bool has_payment(const struct order *order)
{
    return !object_id_eq(order->payment.id, (struct object_id){{0}});
}

enum err order_insert(struct tx *tx, const struct order *order)
{
    int64_t inserted = 0;
    enum err err;

    /* do nothing: PostgreSQL would otherwise refuse all further work of the transaction */
    TRY(tx_exec(
        tx, &inserted,
        "INSERT INTO orders (id, version, status, user_id, expires_at_ms,"
        " reserved_until_ms, ticket_id, ticket_title, ticket_version, price_cents,"
        " created_at_ms)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " ON CONFLICT (ticket_id) WHERE status <> 'cancelled' DO NOTHING",
        sql_id(order->id), sql_int(order->version), sql_text(order_status_text(order->status)),
        sql_text(order->user_id), sql_int(order->expires_at_ms), sql_int(order->reserved_until_ms),
        sql_id(order->ticket.id), sql_text(order->ticket.title), sql_int(order->ticket.version),
        sql_int(order->ticket.price_cents), sql_int(tx->now_ms)));
    if (inserted == 0) return ERR_TICKET_RESERVED;
done:
    return err;
}

enum err order_update(struct tx *tx, const struct order *order)
{
    int64_t changed = 0;
    enum err err = tx_exec(
        tx, &changed,
        "UPDATE orders SET version = $2, status = $3, expires_at_ms = $4,"
        " reserved_until_ms = $5, graced = $6, respited = $7, declines = $8,"
        " payment_id = $9 WHERE id = $1",
        sql_id(order->id), sql_int(order->version), sql_text(order_status_text(order->status)),
        sql_int(order->expires_at_ms), sql_int(order->reserved_until_ms), sql_int(order->graced),
        sql_int(order->respited), sql_int(order->declines),
        has_payment(order) ? sql_id(order->payment.id) : sql_null());

    ASSERT(err != OK || changed == 1);
    /* a cancelled order that revives, while another takes its ticket: look again who has it */
    return err == ERR_CONFLICT ? ERR_CONTENTION : err;
}

/* The payment that begins at that column; its texts live as long as the row. */
static struct payment payment_read(struct rows *rows, int column)
{
    struct payment payment = {.id = {{0}}};

    if (rows_null(rows, column)) return payment;
    payment.id = rows_id(rows, column);
    ASSERT(payment_status_parse(rows_text(rows, column + 1), &payment.status));
    if (!rows_null(rows, column + 2)) payment.stripe_id = rows_text(rows, column + 2);
    if (!rows_null(rows, column + 3)) payment.refund_id = rows_text(rows, column + 3);
    return payment;
}

static bool payment_keep(struct arena *arena, struct payment *payment)
{
    payment->stripe_id = arena_copy(arena, payment->stripe_id);
    payment->refund_id = arena_copy(arena, payment->refund_id);
    return payment->stripe_id.at && payment->refund_id.at;
}

/* The row the query stands on; its texts live as long as the row. */
static struct order order_read(struct rows *rows)
{
    struct order order = {
        .id = rows_id(rows, 0),
        .version = rows_int(rows, 1),
        .user_id = rows_text(rows, 3),
        .expires_at_ms = rows_int(rows, 4),
        .reserved_until_ms = rows_int(rows, 5),
        .graced = rows_int(rows, 6) != 0,
        .respited = rows_int(rows, 7) != 0,
        .declines = rows_int(rows, 8),
        .ticket = {.id = rows_id(rows, 9),
                   .version = rows_int(rows, 11),
                   .title = rows_text(rows, 10),
                   .price_cents = rows_int(rows, 12)},
        .payment = payment_read(rows, 13),
    };

    ASSERT(order_status_parse(rows_text(rows, 2), &order.status)); /* the table's CHECK */
    return order;
}

/* Takes the row's texts into the arena. */
static enum err order_keep(struct arena *arena, struct order *order)
{
    order->user_id = arena_copy(arena, order->user_id);
    order->ticket.title = arena_copy(arena, order->ticket.title);
    return payment_keep(arena, &order->payment) && order->user_id.at && order->ticket.title.at
               ? OK
               : ERR_MEMORY;
}

enum err order_get(struct tx *tx, struct arena *arena, struct object_id id, struct order *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " ORDER_COLUMNS " FROM " ORDER_TABLES
             " WHERE o.id = $1" SQL_FOR_UPDATE_OF("o"),
             sql_id(id));
    if (rows_next(&rows)) {
        *out = order_read(&rows);
        err = order_keep(arena, out);
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err orders_live_of_user(struct tx *tx, struct arena *arena, struct str user_id,
                             struct order *out, size_t max, size_t *count)
{
    enum err err = OK, end;
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT " ORDER_COLUMNS " FROM " ORDER_TABLES
             " WHERE o.user_id = $1 AND o.status IN ('created', 'awaiting:payment') LIMIT $2",
             sql_text(user_id), sql_int((int64_t)max));
    while (err == OK && *count < max && rows_next(&rows)) {
        out[*count] = order_read(&rows);
        err = order_keep(arena, &out[(*count)++]);
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

static void put_known(struct json_writer *json, const char *key, struct str text)
{
    if (!text.len) return;
    json_key(json, key);
    json_put_text(json, text);
}

static void payment_json(struct json_writer *json, const struct payment *payment)
{
    json_key(json, "payment");
    json_begin_object(json);
    put_known(json, "status", payment_status_text(payment->status));
    put_known(json, "stripeId", payment->stripe_id);
    put_known(json, "refundId", payment->refund_id);
    json_end_object(json);
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
    if (has_payment(order)) payment_json(json, &order->payment);
    json_key(json, "version");
    json_put_int(json, order->version);
    json_key(json, "id");
    json_put_text(json, (struct str){id.hex, OBJECT_ID_HEX});
    json_end_object(json);
}

enum err orders_of_user(struct tx *tx, struct str user_id, struct list_page *page,
                        struct json_writer *json)
{
    struct rows rows;

    json_begin_array(json);
    tx_query(tx, &rows,
             "SELECT " ORDER_COLUMNS " FROM " ORDER_TABLES
             " WHERE o.user_id = $1 AND o.id < $2 ORDER BY o.id DESC LIMIT $3",
             sql_text(user_id), sql_id(page->after), sql_int(page->limit));
    while (rows_next(&rows)) {
        struct order order = order_read(&rows);

        order_json(json, &order);
        list_page_add(page, order.id);
    }
    json_end_array(json);
    return rows_end(&rows);
}

/* --- payments ------------------------------------------------------------------------------ */

static struct sql_value text_or_null(struct str text)
{
    return text.len ? sql_text(text) : sql_null();
}

enum err payment_get(struct tx *tx, struct arena *arena, struct object_id id, struct payment *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT id, status, stripe_id, refund_id FROM payments WHERE id = $1",
             sql_id(id));
    if (rows_next(&rows)) {
        *out = payment_read(&rows, 0);
        err = payment_keep(arena, out) ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err payment_put(struct tx *tx, struct object_id order_id, const struct payment *payment)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO payments (id, order_id, status, stripe_id, refund_id)"
                   " VALUES ($1, $2, $3, $4, $5)"
                   " ON CONFLICT (id) DO UPDATE SET status = excluded.status,"
                   " stripe_id = excluded.stripe_id, refund_id = excluded.refund_id",
                   sql_id(payment->id), sql_id(order_id),
                   sql_text(payment_status_text(payment->status)), text_or_null(payment->stripe_id),
                   text_or_null(payment->refund_id));
}

enum err payment_is_pending(struct tx *tx, struct object_id order_id, bool *pending)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM payments WHERE order_id = $1 AND status = 'pending'",
             sql_id(order_id));
    *pending = rows_next(&rows);
    return rows_end(&rows);
}
