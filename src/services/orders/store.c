/* services/orders/store.c: every SQL statement of the orders service. */
#include "services/orders/store.h"

/* --- orders -------------------------------------------------------------------------------- */

/* What every order has, and what is known of the payment shown with it. */
#define ORDER_COLUMNS                                                                              \
    "o.id, o.version, o.status, o.user_id, o.expires_at_ms, o.reserved_until_ms, o.graced,"        \
    " o.respited, o.ticket_id, o.ticket_title, o.ticket_version, o.price_cents, o.listing_id,"     \
    " p.id, p.status, p.stripe_id, p.refund_id, p.notice"
#define ORDER_TABLES "orders o LEFT JOIN payments p ON p.id = o.payment_id"

/* Each of its tickets is its own from now on. */
static enum err tickets_insert(struct tx *tx, const struct order *order)
{
    enum err err = OK;

    for (size_t i = 0; i < order->ticket_count; i++) {
        const struct ticket_copy *ticket = &order->tickets[i];
        int64_t inserted = 0;

        TRY(tx_exec(tx, &inserted,
                    "INSERT INTO order_tickets (ticket_id, order_id, position, title, version,"
                    " price_cents, held) VALUES ($1, $2, $3, $4, $5, $6, 1)"
                    " ON CONFLICT (ticket_id) WHERE held = 1 DO NOTHING",
                    sql_id(ticket->id), sql_id(order->id), sql_int((int64_t)i),
                    sql_text(ticket->title), sql_int(ticket->version),
                    sql_int(ticket->price_cents)));
        if (inserted == 0) return ERR_TICKET_RESERVED;
    }
done:
    return err;
}

enum err order_insert(struct tx *tx, const struct order *order, struct str held_from)
{
    const struct ticket_copy *first = &order->tickets[0];
    int64_t inserted = 0;
    enum err err;

    /* do nothing: PostgreSQL would otherwise refuse all further work of the transaction */
    TRY(tx_exec(tx, &inserted,
                "INSERT INTO orders (id, version, status, user_id, expires_at_ms,"
                " reserved_until_ms, ticket_id, ticket_title, ticket_version, price_cents,"
                " created_at_ms, held_from, listing_id)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
                " ON CONFLICT (ticket_id) WHERE status <> 'cancelled' DO NOTHING",
                sql_id(order->id), sql_int(order->version),
                sql_text(order_status_text(order->status)), sql_text(order->user_id),
                sql_wall(order->expires_at), sql_wall(order->reserved_until), sql_id(first->id),
                sql_text(first->title), sql_int(first->version), sql_int(first->price_cents),
                sql_wall(tx->now), sql_text(held_from),
                order_of_listing(order) ? sql_id(order->listing_id) : sql_null()));
    if (inserted == 0) return ERR_TICKET_RESERVED;
    if (order_of_listing(order)) TRY(tickets_insert(tx, order));
done:
    return err;
}

/* An order that is cancelled lets go of its tickets, and one that comes back takes them again. */
static enum err tickets_hold(struct tx *tx, const struct order *order)
{
    bool held = order->status != ORDER_CANCELLED;

    return tx_exec(tx, &(int64_t){0},
                   "UPDATE order_tickets SET held = $2 WHERE order_id = $1 AND held <> $2",
                   sql_id(order->id), sql_int(held));
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
    if (err == OK && order_of_listing(order)) err = tickets_hold(tx, order);
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

/* The row the query stands on; its texts live as long as the row. Of several tickets the first. */
static enum err order_read(struct rows *rows, struct arena *arena, struct order *out)
{
    struct ticket_copy *first = arena_alloc(arena, sizeof *first);
    enum err err;

    if (!first) return ERR_MEMORY;
    *first = (struct ticket_copy){.id = rows_id(rows, 8),
                                  .version = rows_int(rows, 10),
                                  .title = arena_copy(arena, rows_text(rows, 9)),
                                  .price_cents = rows_int(rows, 11)};
    *out = (struct order){
        .id = rows_id(rows, 0),
        .version = rows_int(rows, 1),
        .user_id = arena_copy(arena, rows_text(rows, 3)),
        .expires_at = rows_wall(rows, 4),
        .reserved_until = rows_wall(rows, 5),
        .grace_given = rows_int(rows, 6) != 0,
        .decline_grace_given = rows_int(rows, 7) != 0,
        .tickets = first,
        .ticket_count = 1,
        .listing_id = rows_id(rows, 12),
    };
    if (!order_status_parse(rows_text(rows, 2), &out->status))
        return row_unreadable("orders", rows_text(rows, 0), rows_text(rows, 2));
    TRY(payment_read(rows, 13, &out->payment));
    if (!out->user_id.at || !first->title.at || !payment_keep(arena, &out->payment))
        return ERR_MEMORY;
done:
    return err;
}

/* One more at the end of the list, which has room for a power of two. */
static struct ticket_copy *one_more(struct arena *arena, struct ticket_copy *tickets, size_t count)
{
    struct ticket_copy *wider = tickets;

    if (count & (count - 1)) return tickets; /* there is room */
    wider = arena_alloc(arena, (count ? 2 * count : 1) * sizeof *wider);
    if (wider && count) memcpy(wider, tickets, count * sizeof *wider);
    return wider;
}

/* All the tickets of an order of a listing, in place of the first. */
static enum err tickets_of_order(struct tx *tx, struct arena *arena, struct order *order)
{
    struct ticket_copy *tickets = NULL;
    enum err err = OK, end;
    struct rows rows;
    size_t count = 0;

    tx_query(tx, &rows,
             "SELECT ticket_id, version, title, price_cents FROM order_tickets"
             " WHERE order_id = $1 ORDER BY position",
             sql_id(order->id));
    while (err == OK && rows_next(&rows)) {
        struct str title = arena_copy(arena, rows_text(&rows, 2));

        tickets = one_more(arena, tickets, count);
        err = tickets && title.at ? OK : ERR_MEMORY;
        if (err == OK)
            tickets[count++] = (struct ticket_copy){.id = rows_id(&rows, 0),
                                                    .version = rows_int(&rows, 1),
                                                    .title = title,
                                                    .price_cents = rows_int(&rows, 3),
                                                    .listing_id = order->listing_id};
    }
    end = rows_end(&rows);
    if (end || err) return end ? end : err;
    if (count == 0) {
        struct object_id_text id = object_id_text(order->id);

        return row_unreadable("order_tickets", str_of(id.hex), STR("none"));
    }
    order->tickets = tickets;
    order->ticket_count = count;
    return OK;
}

enum err order_get(struct tx *tx, struct arena *arena, struct object_id id, struct order *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " ORDER_COLUMNS " FROM " ORDER_TABLES
             " WHERE o.id = $1" SQL_FOR_UPDATE_OF("o"),
             sql_id(id));
    if (rows_next(&rows)) err = order_read(&rows, arena, out);
    end = rows_end(&rows);
    if (end) return end;
    return err == OK && order_of_listing(out) ? tickets_of_order(tx, arena, out) : err;
}

/* The rest of a query of at most max orders: those that can be read, with their tickets. page:
 * counts every row; NULL: nobody does. */
static enum err orders_read(struct tx *tx, struct rows *rows, struct arena *arena,
                            struct list_page *page, struct order *out, size_t max, size_t *count)
{
    size_t read = 0;
    enum err err = OK, end;

    *count = 0;
    while (read < max && err != ERR_MEMORY && rows_next(rows)) {
        err = order_read(rows, arena, &out[read]);
        if (page) list_page_add(page, rows_id(rows, 0));
        if (err == OK) read++;
    }
    end = rows_end(rows);
    if (end || err == ERR_MEMORY) return end ? end : err;
    for (size_t i = 0; i < read; i++) {
        err = order_of_listing(&out[i]) ? tickets_of_order(tx, arena, &out[i]) : OK;
        if (err == OK) out[(*count)++] = out[i];
        if (err != OK && err != ERR_UNREADABLE) return err;
    }
    return OK;
}

enum err orders_live_of_user(struct tx *tx, struct arena *arena, struct str user_id,
                             struct order *out, size_t max, size_t *count)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " ORDER_COLUMNS " FROM " ORDER_TABLES
             " WHERE o.user_id = $1 AND o.status IN ('created', 'awaiting:payment') LIMIT $2",
             sql_text(user_id), sql_int((int64_t)max));
    return orders_read(tx, &rows, arena, NULL, out, max, count);
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

/* Of a ticket of none: the order's row has it. */
static void held_before_alone(struct tx *tx, struct rows *rows, const struct order *order,
                              struct wall_ms since, int64_t count)
{
    tx_query(tx, rows,
             "SELECT created_at_ms FROM orders WHERE user_id = $1 AND id >= $2 AND ticket_id = $3"
             " AND created_at_ms > $4 AND created_at_ms <= $5 AND id <> $6"
             " ORDER BY id DESC LIMIT 1 OFFSET $7",
             sql_text(order->user_id), sql_id(object_id_floor(since)), sql_id(order->tickets[0].id),
             sql_wall(since), sql_wall(tx->now), sql_id(order->id), sql_int(count - 1));
}

/* There are never more than `count` orders of one ticket, so the first of them is the oldest. */
static void held_before_together(struct tx *tx, struct rows *rows, const struct order *order,
                                 struct wall_ms since, int64_t count)
{
    tx_query(tx, rows,
             "SELECT MIN(o.created_at_ms) FROM order_tickets mine"
             " JOIN order_tickets t ON t.ticket_id = mine.ticket_id"
             " JOIN orders o ON o.id = t.order_id"
             " WHERE mine.order_id = $1 AND o.user_id = $2 AND o.id >= $3 AND o.id <> $1"
             " AND o.created_at_ms > $4 AND o.created_at_ms <= $5"
             " GROUP BY t.ticket_id HAVING COUNT(*) >= $6 ORDER BY 1 DESC LIMIT 1",
             sql_id(order->id), sql_text(order->user_id), sql_id(object_id_floor(since)),
             sql_wall(since), sql_wall(tx->now), sql_int(count));
}

enum err order_held_before(struct tx *tx, const struct order *order, struct wall_ms since,
                           int64_t count, struct wall_ms *made_at)
{
    struct rows rows;

    if (order_of_listing(order))
        held_before_together(tx, &rows, order, since, count);
    else
        held_before_alone(tx, &rows, order, since, count);
    *made_at = rows_next(&rows) ? rows_wall(&rows, 0) : WALL_NONE;
    return rows_end(&rows);
}

enum err orders_of_show(struct tx *tx, struct str user_id, struct object_id show_id,
                        int64_t *tickets)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT COUNT(*) FROM orders o JOIN order_tickets t ON t.order_id = o.id"
             " JOIN listing_copies l ON l.id = o.listing_id"
             " WHERE o.user_id = $1 AND t.held = 1 AND (l.show_id = $2"
             " OR l.show_id IN (SELECT id FROM show_copies WHERE merged_into = $2))",
             sql_text(user_id), sql_id(show_id));
    *tickets = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    return rows_end(&rows);
}

enum err ticket_is_taken(struct tx *tx, struct object_id ticket_id, bool *taken)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT 1 FROM orders WHERE ticket_id = $1 AND status <> 'cancelled'"
             " UNION ALL SELECT 1 FROM order_tickets WHERE ticket_id = $1 AND held = 1",
             sql_id(ticket_id));
    *taken = rows_next(&rows);
    return rows_end(&rows);
}

enum err orders_of_user(struct tx *tx, struct arena *arena, struct str user_id,
                        struct list_page *page, struct order **out, size_t *count)
{
    size_t max = (size_t)page->limit;
    struct rows rows;

    *out = arena_alloc(arena, max * sizeof **out);
    if (!*out) return ERR_MEMORY;
    tx_query(tx, &rows,
             "SELECT " ORDER_COLUMNS " FROM " ORDER_TABLES
             " WHERE o.user_id = $1 AND o.id < $2 ORDER BY o.id DESC LIMIT $3",
             sql_text(user_id), sql_id(page->after), sql_int(page->limit));
    return orders_read(tx, &rows, arena, page, *out, max, count);
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
