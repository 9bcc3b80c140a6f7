/* services/payments/store.c: order copies and charges. What money did is in ledger_store.c, what
 * tells a repeat in repeats_store.c. */
#include "services/payments/store.h"

static const char *const order_words[] = {
    [PAID_ORDER_CREATED] = "created",
    [PAID_ORDER_COMPLETE] = "complete",
    [PAID_ORDER_CANCELLED] = "cancelled",
};

/* What a job may do something with: what it cannot read it would be given again and again. */
#define KNOWN_STATUS                                                                               \
    "status IN ('pending', 'unknown', 'captured', 'declined', 'refused', 'refund_pending',"        \
    " 'refunded', 'refund_failed')"

/* --- order copies -------------------------------------------------------------------------- */

static bool order_status_read(struct str word, enum paid_order_status *out)
{
    for (size_t i = 0; i < sizeof order_words / sizeof *order_words; i++) {
        if (!str_eq(str_of(order_words[i]), word)) continue;
        *out = (enum paid_order_status)i;
        return true;
    }
    return false;
}

enum err order_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct order_copy *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT version, status, user_id, price_cents, trace, id FROM order_copies"
             " WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    if (rows_next(&rows)) {
        *out = (struct order_copy){
            .id = id,
            .version = rows_int(&rows, 0),
            .user_id = arena_copy(arena, rows_text(&rows, 2)),
            .price_cents = rows_int(&rows, 3),
        };
        (void)trace_parse(rows_text(&rows, 4), &out->trace);
        err = out->user_id.at ? OK : ERR_MEMORY;
        if (!order_status_read(rows_text(&rows, 1), &out->status))
            err = row_unreadable("order_copies", rows_text(&rows, 5), rows_text(&rows, 1));
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err order_copy_insert(struct tx *tx, const struct order_copy *order)
{
    char trace[TRACE_TEXT_LEN];
    size_t trace_len = trace_known(&order->trace) ? sizeof trace : 0;

    if (trace_len) trace_format(&order->trace, trace);
    return tx_exec(tx, NULL,
                   "INSERT INTO order_copies (id, version, status, user_id, price_cents, trace)"
                   " VALUES ($1, $2, $3, $4, $5, $6)",
                   sql_id(order->id), sql_int(order->version),
                   sql_text(str_of(order_words[order->status])), sql_text(order->user_id),
                   sql_int(order->price_cents), sql_text_or_null((struct str){trace, trace_len}));
}

enum err order_copy_status(struct tx *tx, struct object_id id, int64_t version,
                           enum paid_order_status status)
{
    return tx_exec(tx, NULL, "UPDATE order_copies SET version = $2, status = $3 WHERE id = $1",
                   sql_id(id), sql_int(version), sql_text(str_of(order_words[status])));
}

enum err order_copies_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten)
{
    return tx_exec(tx, forgotten,
                   "DELETE FROM order_copies WHERE id IN (SELECT o.id FROM order_copies o"
                   " WHERE o.status = 'cancelled' AND o.id < $1"
                   " AND NOT EXISTS (SELECT 1 FROM charges c WHERE c.order_id = o.id)"
                   " ORDER BY o.id LIMIT $2)",
                   sql_id(object_id_floor(before)), sql_int(max));
}

/* --- charges ------------------------------------------------------------------------------- */

#define CHARGE_COLUMNS                                                                             \
    "id, order_id, status, amount_cents, token, card_mark, stripe_id, refund_id, reason,"          \
    " attempts, refunds, disputed, ask_at_ms, created_at_ms, user_id, network,"                    \
    " given_back_cents, charged_back_cents, notices, asking"

static struct sql_value text_or_null(struct str text)
{
    return text.at ? sql_text(text) : sql_null();
}

static struct sql_value ask_at(const struct charge *charge)
{
    return wall_same(charge->ask_at, WALL_NEVER) ? sql_null() : sql_wall(charge->ask_at);
}

enum err charge_insert(struct tx *tx, const struct charge *charge)
{
    int64_t inserted = 0;
    enum err err;

    TRY(tx_exec(tx, &inserted,
                "INSERT INTO charges (id, order_id, status, amount_cents, token, card_mark,"
                " attempts, ask_at_ms, created_at_ms, user_id, network, asking)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
                " ON CONFLICT (order_id) WHERE status IN ('pending', 'unknown', 'captured')"
                " DO NOTHING",
                sql_id(charge->id), sql_id(charge->order_id),
                sql_text(charge_status_text(charge->status)), sql_int(charge->amount_cents),
                text_or_null(charge->token), sql_text(charge->card_mark), sql_int(charge->attempts),
                ask_at(charge), sql_wall(charge->created_at), sql_text(charge->user_id),
                text_or_null(charge->network), sql_int(charge->asking)));
    if (inserted == 0) return ERR_CONTENTION; /* another was begun meanwhile: look again */
done:
    return err;
}

enum err charge_insert_captured(struct tx *tx, const struct charge *charge)
{
    int64_t inserted = 0;
    enum err err;

    TRY(tx_exec(tx, &inserted,
                "INSERT INTO charges (id, order_id, status, amount_cents, card_mark, stripe_id,"
                " attempts, created_at_ms) VALUES ($1, $2, 'captured', $3, '', $4, 0, $5)"
                " ON CONFLICT DO NOTHING",
                sql_id(charge->id), sql_id(charge->order_id), sql_int(charge->amount_cents),
                sql_text(charge->stripe_id), sql_wall(charge->created_at)));
    if (inserted == 0) return ERR_CONFLICT;
done:
    return err;
}

enum err charge_update(struct tx *tx, const struct charge *charge)
{
    int64_t changed = 0;
    enum err err;

    TRY(tx_exec(tx, &changed,
                "UPDATE charges SET status = $2, token = $3, stripe_id = $4, refund_id = $5,"
                " reason = $6, attempts = $7, refunds = $8, disputed = $9, ask_at_ms = $10,"
                " network = $11, given_back_cents = $12, charged_back_cents = $13, notices = $14,"
                " asking = $15 WHERE id = $1",
                sql_id(charge->id), sql_text(charge_status_text(charge->status)),
                text_or_null(charge->token), text_or_null(charge->stripe_id),
                text_or_null(charge->refund_id), text_or_null(charge->reason),
                sql_int(charge->attempts), sql_int(charge->refunds), sql_int(charge->disputed),
                ask_at(charge), text_or_null(charge->network), sql_int(charge->given_back_cents),
                sql_int(charge->charged_back_cents), sql_int(charge->notices),
                sql_int(charge->asking)));
    ASSERT(changed == 1);
done:
    return err;
}

static struct str copy_text(struct rows *rows, int column, struct arena *arena, enum err *err)
{
    struct str text = {NULL, 0};

    if (rows_null(rows, column)) return text;
    text = arena_copy(arena, rows_text(rows, column));
    if (!text.at) *err = ERR_MEMORY;
    return text;
}

/* The row the query stands on. */
static enum err charge_read(struct rows *rows, struct arena *arena, struct charge *out)
{
    enum err err = OK;

    *out = (struct charge){
        .id = rows_id(rows, 0),
        .order_id = rows_id(rows, 1),
        .amount_cents = rows_int(rows, 3),
        .token = copy_text(rows, 4, arena, &err),
        .card_mark = copy_text(rows, 5, arena, &err),
        .stripe_id = copy_text(rows, 6, arena, &err),
        .refund_id = copy_text(rows, 7, arena, &err),
        .reason = copy_text(rows, 8, arena, &err),
        .attempts = rows_int(rows, 9),
        .refunds = rows_int(rows, 10),
        .disputed = rows_int(rows, 11) != 0,
        .ask_at = rows_null(rows, 12) ? WALL_NEVER : rows_wall(rows, 12),
        .created_at = rows_wall(rows, 13),
        .user_id = copy_text(rows, 14, arena, &err),
        .network = copy_text(rows, 15, arena, &err),
        .given_back_cents = rows_int(rows, 16),
        .charged_back_cents = rows_int(rows, 17),
        .notices = rows_int(rows, 18),
        .asking = rows_int(rows, 19) != 0,
    };
    if (!charge_status_parse(rows_text(rows, 2), &out->status))
        return row_unreadable("charges", rows_text(rows, 0), rows_text(rows, 2));
    return err;
}

static enum err charge_one(struct rows *rows, struct arena *arena, struct charge *out)
{
    enum err err = rows_next(rows) ? charge_read(rows, arena, out) : ERR_NOT_FOUND;
    enum err end = rows_end(rows);

    return end ? end : err;
}

static enum err charge_many(struct rows *rows, struct arena *arena, struct charge *out, size_t max,
                            size_t *count)
{
    enum err err = OK, end;

    *count = 0;
    while (err == OK && *count < max && rows_next(rows)) {
        err = charge_read(rows, arena, &out[*count]);
        if (err == OK) (*count)++;
        if (err == ERR_UNREADABLE) err = OK; /* the others are */
    }
    end = rows_end(rows);
    return end ? end : err;
}

enum err charge_get(struct tx *tx, struct arena *arena, struct object_id id, struct charge *out)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT " CHARGE_COLUMNS " FROM charges WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    return charge_one(&rows, arena, out);
}

enum err charge_of_stripe(struct tx *tx, struct arena *arena, struct str stripe_id,
                          struct charge *out)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " CHARGE_COLUMNS " FROM charges WHERE stripe_id = $1" SQL_FOR_UPDATE,
             sql_text(stripe_id));
    return charge_one(&rows, arena, out);
}

enum err charge_live(struct tx *tx, struct arena *arena, struct object_id order_id,
                     struct charge *out)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " CHARGE_COLUMNS " FROM charges"
             " WHERE order_id = $1 AND status IN ('pending', 'unknown', 'captured')" SQL_FOR_UPDATE,
             sql_id(order_id));
    return charge_one(&rows, arena, out);
}

enum err charges_page(struct tx *tx, struct arena *arena, struct str status, struct object_id after,
                      struct charge *out, size_t max, size_t *count)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " CHARGE_COLUMNS " FROM charges"
             " WHERE id < $1 AND ($2 = '' OR status = $2) ORDER BY id DESC LIMIT $3",
             sql_id(after), sql_text(status), sql_int((int64_t)max));
    return charge_many(&rows, arena, out, max, count);
}

enum err charges_ask_by(struct tx *tx, struct wall_ms by)
{
    return tx_exec(tx, NULL, "UPDATE charges SET ask_at_ms = $1 WHERE ask_at_ms > $1",
                   sql_wall(by));
}

enum err charges_to_ask(struct tx *tx, struct arena *arena, struct wall_ms now, struct charge *out,
                        size_t max, size_t *count)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " CHARGE_COLUMNS " FROM charges"
             " WHERE ask_at_ms IS NOT NULL AND ask_at_ms <= $1 AND " KNOWN_STATUS
             " ORDER BY ask_at_ms LIMIT "
             "$2" SQL_SKIP_LOCKED,
             sql_wall(now), sql_int((int64_t)max));
    return charge_many(&rows, arena, out, max, count);
}

enum err charges_next(struct tx *tx, struct wall_ms *ask_at)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT ask_at_ms FROM charges WHERE ask_at_ms IS NOT NULL AND " KNOWN_STATUS
             " ORDER BY ask_at_ms LIMIT 1");
    *ask_at = rows_next(&rows) ? rows_wall(&rows, 0) : WALL_NEVER;
    return rows_end(&rows);
}

enum err charges_too_many(struct tx *tx, int64_t max, bool *too_many)
{
    struct rows rows;

    /* in the index's order, so that nobody reads the whole table for it */
    tx_query(
        tx, &rows,
        "SELECT 1 FROM charges WHERE ask_at_ms IS NOT NULL ORDER BY ask_at_ms LIMIT 1 OFFSET $1",
        sql_int(max));
    *too_many = rows_next(&rows);
    return rows_end(&rows);
}

/* Failed charges of one user, or one network, newest first. */
#define FAILED_OF(column, max)                                                                     \
    "(SELECT COUNT(*) AS failed, MIN(created_at_ms) AS oldest_ms FROM"                             \
    " (SELECT created_at_ms FROM charges WHERE " column " AND status IN ('declined', 'refused')"   \
    " AND created_at_ms > $4 AND created_at_ms <= $5 ORDER BY created_at_ms DESC LIMIT " max       \
    ") AS newest)"

enum err charges_failed(struct tx *tx, const struct charge *charge, const struct failed_max *max,
                        struct failed_charges *out)
{
    struct rows rows;

    *out = (struct failed_charges){0};
    tx_query(tx, &rows,
             "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM charges WHERE order_id = $1"
             " AND status IN ('declined', 'refused') LIMIT $6) AS failed),"
             " of_user.failed, COALESCE(of_user.oldest_ms, 0),"
             " of_network.failed, COALESCE(of_network.oldest_ms, 0),"
             " (SELECT COUNT(*) FROM charges WHERE user_id = $2"
             " AND status IN ('pending', 'unknown'))"
             " FROM " FAILED_OF("user_id = $2", "$7") " AS of_user, " FAILED_OF(
                 "network = $3", "$8") " AS of_network",
             sql_id(charge->order_id), sql_text(charge->user_id), sql_text(charge->network),
             sql_wall(wall_after(tx->now, -DECLINES_MS)), sql_wall(tx->now), sql_int(max->of_order),
             sql_int(max->of_user), sql_int(max->of_network));
    if (rows_next(&rows))
        *out = (struct failed_charges){.of_order = rows_int(&rows, 0),
                                       .of_user = rows_int(&rows, 1),
                                       .user_oldest = rows_wall(&rows, 2),
                                       .of_network = rows_int(&rows, 3),
                                       .network_oldest = rows_wall(&rows, 4),
                                       .in_flight_of_user = rows_int(&rows, 5)};
    return rows_end(&rows);
}

enum err charges_resume(struct tx *tx)
{
    return tx_exec(tx, NULL, "UPDATE charges SET ask_at_ms = 0 WHERE asking = 1 AND ask_at_ms > 0");
}
