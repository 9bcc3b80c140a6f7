/* services/orders/store.c: every SQL statement of the orders service. */
#include "services/orders/store.h"

/* --- orders -------------------------------------------------------------------------------- */

/* What every order has, and what is known of the payment shown with it. */
#define ORDER_COLUMNS                                                                              \
    "o.id, o.version, o.status, o.user_id, o.expires_at_ms, o.reserved_until_ms, o.graced,"        \
    " o.respited, o.ticket_id, o.ticket_title, o.ticket_version, o.price_cents,"                   \
    " p.id, p.status, p.stripe_id, p.refund_id, p.notice"
#define ORDER_TABLES "orders o LEFT JOIN payments p ON p.id = o.payment_id"

enum err order_insert(struct tx *tx, const struct order *order, struct str held_from)
{
    int64_t inserted = 0;
    enum err err;

    /* do nothing: PostgreSQL would otherwise refuse all further work of the transaction */
    TRY(tx_exec(
        tx, &inserted,
        "INSERT INTO orders (id, version, status, user_id, expires_at_ms,"
        " reserved_until_ms, ticket_id, ticket_title, ticket_version, price_cents,"
        " created_at_ms, held_from)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        " ON CONFLICT (ticket_id) WHERE status <> 'cancelled' DO NOTHING",
        sql_id(order->id), sql_int(order->version), sql_text(order_status_text(order->status)),
        sql_text(order->user_id), sql_wall(order->expires_at), sql_wall(order->reserved_until),
        sql_id(order->ticket.id), sql_text(order->ticket.title), sql_int(order->ticket.version),
        sql_int(order->ticket.price_cents), sql_wall(tx->now), sql_text(held_from)));
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
        " reserved_until_ms = $5, graced = $6, respited = $7, payment_id = $8,"
        " held_from = CASE WHEN $3 IN ('created', 'awaiting:payment') THEN held_from ELSE '' END"
        " WHERE id = $1",
        sql_id(order->id), sql_int(order->version), sql_text(order_status_text(order->status)),
        sql_wall(order->expires_at), sql_wall(order->reserved_until), sql_int(order->grace_given),
        sql_int(order->decline_grace_given),
        order_has_payment(order) ? sql_id(order->payment.id) : sql_null());

    ASSERT(err != OK || changed == 1);
    /* a cancelled order that revives, while another takes its ticket: look again who has it */
    return err == ERR_CONFLICT ? ERR_CONTENTION : err;
}

/* The payment that begins at that column; its texts live as long as the row. */
static enum err payment_read(struct rows *rows, int column, struct payment *out)
{
    *out = (struct payment){.id = {{0}}};
    if (rows_null(rows, column)) return OK;
    out->id = rows_id(rows, column);
    if (!rows_null(rows, column + 2)) out->stripe_id = rows_text(rows, column + 2);
    if (!rows_null(rows, column + 3)) out->refund_id = rows_text(rows, column + 3);
    out->notice = rows_int(rows, column + 4);
    if (payment_status_parse(rows_text(rows, column + 1), &out->status)) return OK;
    return row_unreadable("payments", rows_text(rows, column), rows_text(rows, column + 1));
}

static bool payment_keep(struct arena *arena, struct payment *payment)
{
    payment->stripe_id = arena_copy(arena, payment->stripe_id);
    payment->refund_id = arena_copy(arena, payment->refund_id);
    return payment->stripe_id.at && payment->refund_id.at;
}

/* The row the query stands on; its texts live as long as the row. */
static enum err order_read(struct rows *rows, struct order *out)
{
    *out = (struct order){
        .id = rows_id(rows, 0),
        .version = rows_int(rows, 1),
        .user_id = rows_text(rows, 3),
        .expires_at = rows_wall(rows, 4),
        .reserved_until = rows_wall(rows, 5),
        .grace_given = rows_int(rows, 6) != 0,
        .decline_grace_given = rows_int(rows, 7) != 0,
        .ticket = {.id = rows_id(rows, 8),
                   .version = rows_int(rows, 10),
                   .title = rows_text(rows, 9),
                   .price_cents = rows_int(rows, 11)},
    };
    if (!order_status_parse(rows_text(rows, 2), &out->status))
        return row_unreadable("orders", rows_text(rows, 0), rows_text(rows, 2));
    return payment_read(rows, 12, &out->payment);
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
        err = order_read(&rows, out);
        if (err == OK) err = order_keep(arena, out);
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
        if (order_read(&rows, &out[*count]) != OK) continue;
        err = order_keep(arena, &out[(*count)++]);
    }
    end = rows_end(&rows);
    return end ? end : err;
}

static enum err read_unpaid(struct rows *rows, struct unpaid *out)
{
    *out = (struct unpaid){.count = 0};
    if (rows_next(rows)) *out = (struct unpaid){rows_int(rows, 0), rows_wall(rows, 1)};
    return rows_end(rows);
}

enum err orders_unpaid_of_user(struct tx *tx, struct str user_id, struct unpaid *out)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT COUNT(*), COALESCE(MIN(expires_at_ms), 0) FROM orders"
             " WHERE user_id = $1 AND status IN ('created', 'awaiting:payment')",
             sql_text(user_id));
    return read_unpaid(&rows, out);
}

enum err orders_unpaid_from(struct tx *tx, struct str network, struct unpaid *out)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT COUNT(*), COALESCE(MIN(expires_at_ms), 0) FROM orders"
             " WHERE held_from = $1 AND held_from <> ''",
             sql_text(network));
    return read_unpaid(&rows, out);
}

enum err order_nth_of_ticket(struct tx *tx, struct str user_id, struct object_id ticket_id,
                             struct wall_ms since, int64_t nth, struct wall_ms *made_at)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT created_at_ms FROM orders WHERE user_id = $1 AND id >= $2 AND ticket_id = $3"
             " AND created_at_ms > $4 AND created_at_ms <= $5"
             " ORDER BY id DESC LIMIT 1 OFFSET $6",
             sql_text(user_id), sql_id(object_id_floor(since)), sql_id(ticket_id), sql_wall(since),
             sql_wall(tx->now), sql_int(nth - 1));
    *made_at = rows_next(&rows) ? rows_wall(&rows, 0) : WALL_NONE;
    return rows_end(&rows);
}

enum err ticket_is_taken(struct tx *tx, struct object_id ticket_id, bool *taken)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM orders WHERE ticket_id = $1 AND status <> 'cancelled'",
             sql_id(ticket_id));
    *taken = rows_next(&rows);
    return rows_end(&rows);
}

void orders_of_user(struct tx *tx, struct rows *rows, struct str user_id,
                    const struct list_page *page)
{
    tx_query(tx, rows,
             "SELECT " ORDER_COLUMNS " FROM " ORDER_TABLES
             " WHERE o.user_id = $1 AND o.id < $2 ORDER BY o.id DESC LIMIT $3",
             sql_text(user_id), sql_id(page->after), sql_int(page->limit));
}

bool order_next(struct rows *rows, struct list_page *page, struct order *out)
{
    while (rows_next(rows)) {
        enum err err = order_read(rows, out);

        list_page_add(page, out->id);
        if (err == OK) return true;
    }
    return false;
}

/* --- payments ------------------------------------------------------------------------------ */

enum err payment_get(struct tx *tx, struct arena *arena, struct object_id id, struct payment *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT id, status, stripe_id, refund_id, notice FROM payments WHERE id = $1",
             sql_id(id));
    if (rows_next(&rows)) {
        err = payment_read(&rows, 0, out);
        if (err == OK && !payment_keep(arena, out)) err = ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err payment_put(struct tx *tx, struct object_id order_id, const struct payment *payment)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO payments (id, order_id, status, stripe_id, refund_id, notice)"
                   " VALUES ($1, $2, $3, $4, $5, $6)"
                   " ON CONFLICT (id) DO UPDATE SET status = excluded.status,"
                   " stripe_id = excluded.stripe_id, refund_id = excluded.refund_id,"
                   " notice = excluded.notice",
                   sql_id(payment->id), sql_id(order_id),
                   sql_text(payment_status_text(payment->status)),
                   sql_text_or_null(payment->stripe_id), sql_text_or_null(payment->refund_id),
                   sql_int(payment->notice));
}

enum err payment_is_pending(struct tx *tx, struct object_id order_id, bool *pending)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM payments WHERE order_id = $1 AND status = 'pending'",
             sql_id(order_id));
    *pending = rows_next(&rows);
    return rows_end(&rows);
}
