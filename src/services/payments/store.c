/* services/payments/store.c: every SQL statement of the payments service. */
#include "services/payments/store.h"

/* --- words for states ---------------------------------------------------------------------- */

static const char *const order_words[] = {
    [PAID_ORDER_CREATED] = "created",
    [PAID_ORDER_COMPLETE] = "complete",
    [PAID_ORDER_CANCELLED] = "cancelled",
};

static const char *const charge_words[] = {
    [CHARGE_PENDING] = "pending",
    [CHARGE_CAPTURED] = "captured",
    [CHARGE_DECLINED] = "declined",
    [CHARGE_REFUSED] = "refused",
};

/* The index of a word the table's CHECK allows. */
static size_t word_index(const char *const *words, size_t count, struct str word)
{
    size_t i = 0;

    while (i < count && !str_eq(str_of(words[i]), word))
        i++;
    ASSERT(i < count);
    return i;
}

/* --- order copies -------------------------------------------------------------------------- */

enum err order_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct order_copy *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT version, status, user_id, price_cents FROM order_copies WHERE id = $1",
             sql_id(id));
    if (rows_next(&rows)) {
        *out = (struct order_copy){
            .id = id,
            .version = rows_int(&rows, 0),
            .status = (enum paid_order_status)word_index(
                order_words, sizeof order_words / sizeof *order_words, rows_text(&rows, 1)),
            .user_id = arena_copy(arena, rows_text(&rows, 2)),
            .price_cents = rows_int(&rows, 3),
        };
        err = out->user_id.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err order_copy_insert(struct tx *tx, const struct order_copy *order)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO order_copies (id, version, status, user_id, price_cents)"
                   " VALUES ($1, $2, $3, $4, $5)",
                   sql_id(order->id), sql_int(order->version),
                   sql_text(str_of(order_words[order->status])), sql_text(order->user_id),
                   sql_int(order->price_cents));
}

enum err order_copy_status(struct tx *tx, struct object_id id, int64_t version,
                           enum paid_order_status status)
{
    return tx_exec(tx, NULL, "UPDATE order_copies SET version = $2, status = $3 WHERE id = $1",
                   sql_id(id), sql_int(version), sql_text(str_of(order_words[status])));
}

/* --- charges ------------------------------------------------------------------------------- */

#define CHARGE_COLUMNS                                                                             \
    "id, order_id, status, amount_cents, token, stripe_id, reason, attempts, ask_at_ms"

static struct sql_value text_or_null(struct str text)
{
    return text.at ? sql_text(text) : sql_null();
}

static struct sql_value ask_at(const struct charge *charge)
{
    return charge->status == CHARGE_PENDING ? sql_int(charge->ask_at_ms) : sql_null();
}

enum err charge_insert(struct tx *tx, const struct charge *charge)
{
    int64_t inserted = 0;
    enum err err;

    TRY(tx_exec(tx, &inserted,
                "INSERT INTO charges (" CHARGE_COLUMNS ", created_at_ms)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
                " ON CONFLICT (order_id) WHERE status IN ('pending', 'captured') DO NOTHING",
                sql_id(charge->id), sql_id(charge->order_id),
                sql_text(str_of(charge_words[charge->status])), sql_int(charge->amount_cents),
                text_or_null(charge->token), text_or_null(charge->stripe_id),
                text_or_null(charge->reason), sql_int(charge->attempts), ask_at(charge),
                sql_int(tx->now_ms)));
    if (inserted == 0) return ERR_CONFLICT;
done:
    return err;
}

enum err charge_update(struct tx *tx, const struct charge *charge)
{
    int64_t changed = 0;
    enum err err;

    TRY(tx_exec(tx, &changed,
                "UPDATE charges SET status = $2, token = $3, stripe_id = $4, reason = $5,"
                " attempts = $6, ask_at_ms = $7 WHERE id = $1",
                sql_id(charge->id), sql_text(str_of(charge_words[charge->status])),
                text_or_null(charge->token), text_or_null(charge->stripe_id),
                text_or_null(charge->reason), sql_int(charge->attempts), ask_at(charge)));
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
        .status = (enum charge_status)word_index(
            charge_words, sizeof charge_words / sizeof *charge_words, rows_text(rows, 2)),
        .amount_cents = rows_int(rows, 3),
        .token = copy_text(rows, 4, arena, &err),
        .stripe_id = copy_text(rows, 5, arena, &err),
        .reason = copy_text(rows, 6, arena, &err),
        .attempts = rows_int(rows, 7),
        .ask_at_ms = rows_int(rows, 8),
    };
    return err;
}

static enum err charge_one(struct rows *rows, struct arena *arena, struct charge *out)
{
    enum err err = rows_next(rows) ? charge_read(rows, arena, out) : ERR_NOT_FOUND;
    enum err end = rows_end(rows);

    return end ? end : err;
}

enum err charge_get(struct tx *tx, struct arena *arena, struct object_id id, struct charge *out)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT " CHARGE_COLUMNS " FROM charges WHERE id = $1", sql_id(id));
    return charge_one(&rows, arena, out);
}

enum err charge_live(struct tx *tx, struct arena *arena, struct object_id order_id,
                     struct charge *out)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " CHARGE_COLUMNS " FROM charges"
             " WHERE order_id = $1 AND status IN ('pending', 'captured')",
             sql_id(order_id));
    return charge_one(&rows, arena, out);
}

enum err charges_to_ask(struct tx *tx, struct arena *arena, int64_t now_ms, struct charge *out,
                        size_t max, size_t *count)
{
    enum err err = OK, end;
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT " CHARGE_COLUMNS " FROM charges"
             " WHERE ask_at_ms IS NOT NULL AND ask_at_ms <= $1 ORDER BY ask_at_ms LIMIT $2",
             sql_int(now_ms), sql_int((int64_t)max));
    while (err == OK && *count < max && rows_next(&rows))
        err = charge_read(&rows, arena, &out[(*count)++]);
    end = rows_end(&rows);
    return end ? end : err;
}

enum err charges_next(struct tx *tx, int64_t *ask_at_ms)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT ask_at_ms FROM charges WHERE ask_at_ms IS NOT NULL ORDER BY ask_at_ms"
             " LIMIT 1");
    *ask_at_ms = rows_next(&rows) ? rows_int(&rows, 0) : JOB_NEVER;
    return rows_end(&rows);
}

enum err charges_resume(struct tx *tx)
{
    return tx_exec(tx, NULL, "UPDATE charges SET ask_at_ms = 0 WHERE ask_at_ms > 0");
}
