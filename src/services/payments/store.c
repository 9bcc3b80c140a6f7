/* services/payments/store.c: every SQL statement of the payments service. */
#include "services/payments/store.h"

/* --- words for states ---------------------------------------------------------------------- */

static const char *const order_words[] = {
    [PAID_ORDER_CREATED] = "created",
    [PAID_ORDER_COMPLETE] = "complete",
    [PAID_ORDER_CANCELLED] = "cancelled",
};

static const char *const charge_words[] = {
    [CHARGE_PENDING] = "pending",   [CHARGE_UNKNOWN] = "unknown",
    [CHARGE_CAPTURED] = "captured", [CHARGE_DECLINED] = "declined",
    [CHARGE_REFUSED] = "refused",   [CHARGE_REFUND_PENDING] = "refund_pending",
    [CHARGE_REFUNDED] = "refunded", [CHARGE_REFUND_FAILED] = "refund_failed",
};
#define CHARGE_WORDS (sizeof charge_words / sizeof *charge_words)

struct str charge_status_text(enum charge_status status)
{
    return str_of(charge_words[status]);
}

bool charge_status_known(struct str text)
{
    for (size_t i = 0; i < CHARGE_WORDS; i++)
        if (str_eq(str_of(charge_words[i]), text)) return true;
    return false;
}

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
             "SELECT version, status, user_id, price_cents, trace FROM order_copies WHERE id = "
             "$1" SQL_FOR_UPDATE,
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
        (void)trace_parse(rows_text(&rows, 4), &out->trace);
        err = out->user_id.at ? OK : ERR_MEMORY;
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

/* --- charges ------------------------------------------------------------------------------- */

#define CHARGE_COLUMNS                                                                             \
    "id, order_id, status, amount_cents, token, card_mark, stripe_id, refund_id, reason,"          \
    " attempts, refunds, disputed, ask_at_ms, created_at_ms"

static struct sql_value text_or_null(struct str text)
{
    return text.at ? sql_text(text) : sql_null();
}

static struct sql_value ask_at(const struct charge *charge)
{
    return charge->ask_at_ms == JOB_NEVER ? sql_null() : sql_int(charge->ask_at_ms);
}

enum err charge_insert(struct tx *tx, const struct charge *charge)
{
    int64_t inserted = 0;
    enum err err;

    TRY(tx_exec(tx, &inserted,
                "INSERT INTO charges (id, order_id, status, amount_cents, token, card_mark,"
                " attempts, ask_at_ms, created_at_ms)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
                " ON CONFLICT (order_id) WHERE status IN ('pending', 'unknown', 'captured')"
                " DO NOTHING",
                sql_id(charge->id), sql_id(charge->order_id),
                sql_text(charge_status_text(charge->status)), sql_int(charge->amount_cents),
                text_or_null(charge->token), sql_text(charge->card_mark), sql_int(charge->attempts),
                ask_at(charge), sql_int(charge->created_at_ms)));
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
                sql_text(charge->stripe_id), sql_int(charge->created_at_ms)));
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
                " reason = $6, attempts = $7, refunds = $8, disputed = $9, ask_at_ms = $10"
                " WHERE id = $1",
                sql_id(charge->id), sql_text(charge_status_text(charge->status)),
                text_or_null(charge->token), text_or_null(charge->stripe_id),
                text_or_null(charge->refund_id), text_or_null(charge->reason),
                sql_int(charge->attempts), sql_int(charge->refunds), sql_int(charge->disputed),
                ask_at(charge)));
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
        .status = (enum charge_status)word_index(charge_words, CHARGE_WORDS, rows_text(rows, 2)),
        .amount_cents = rows_int(rows, 3),
        .token = copy_text(rows, 4, arena, &err),
        .card_mark = copy_text(rows, 5, arena, &err),
        .stripe_id = copy_text(rows, 6, arena, &err),
        .refund_id = copy_text(rows, 7, arena, &err),
        .reason = copy_text(rows, 8, arena, &err),
        .attempts = rows_int(rows, 9),
        .refunds = rows_int(rows, 10),
        .disputed = rows_int(rows, 11) != 0,
        .ask_at_ms = rows_null(rows, 12) ? JOB_NEVER : rows_int(rows, 12),
        .created_at_ms = rows_int(rows, 13),
    };
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
    while (err == OK && *count < max && rows_next(rows))
        err = charge_read(rows, arena, &out[(*count)++]);
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

enum err charges_to_ask(struct tx *tx, struct arena *arena, int64_t now_ms, struct charge *out,
                        size_t max, size_t *count)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " CHARGE_COLUMNS " FROM charges"
             " WHERE ask_at_ms IS NOT NULL AND ask_at_ms <= $1 ORDER BY ask_at_ms LIMIT "
             "$2" SQL_SKIP_LOCKED,
             sql_int(now_ms), sql_int((int64_t)max));
    return charge_many(&rows, arena, out, max, count);
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

enum err charges_crowded(struct tx *tx, int64_t max, bool *crowded)
{
    struct rows rows;

    /* in the index's order, so that nobody reads the whole table for it */
    tx_query(
        tx, &rows,
        "SELECT 1 FROM charges WHERE ask_at_ms IS NOT NULL ORDER BY ask_at_ms LIMIT 1 OFFSET $1",
        sql_int(max));
    *crowded = rows_next(&rows);
    return rows_end(&rows);
}

enum err charges_resume(struct tx *tx)
{
    return tx_exec(tx, NULL, "UPDATE charges SET ask_at_ms = 0 WHERE ask_at_ms > 0");
}

/* --- Idempotency-Key headers --------------------------------------------------------------- */

enum err payment_key_get(struct tx *tx, struct arena *arena, struct str user_id, struct str key,
                         struct payment_key *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT body_mark, charge_id FROM payment_keys"
             " WHERE user_id = $1 AND key = $2 AND expires_at_ms > $3",
             sql_text(user_id), sql_text(key), sql_int(tx->now_ms));
    if (rows_next(&rows)) {
        *out = (struct payment_key){arena_copy(arena, rows_text(&rows, 0)), rows_id(&rows, 1)};
        err = out->body_mark.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err payment_key_put(struct tx *tx, struct str user_id, struct str key,
                         const struct payment_key *entry)
{
    int64_t put = 0;
    enum err err = tx_exec(
        tx, &put,
        "INSERT INTO payment_keys (user_id, key, body_mark, charge_id, expires_at_ms)"
        " VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (user_id, key) DO UPDATE SET body_mark = excluded.body_mark,"
        " charge_id = excluded.charge_id, expires_at_ms = excluded.expires_at_ms"
        " WHERE payment_keys.expires_at_ms <= $6 OR payment_keys.body_mark = excluded.body_mark",
        sql_text(user_id), sql_text(key), sql_text(entry->body_mark), sql_id(entry->charge_id),
        sql_int(tx->now_ms + PAYMENT_KEY_MS), sql_int(tx->now_ms));

    /* used for another body meanwhile: look again */
    return err == OK && put == 0 ? ERR_CONTENTION : err;
}

/* --- webhook events ------------------------------------------------------------------------ */

enum err webhook_event_put(struct tx *tx, struct str id, struct str type, bool *fresh)
{
    int64_t inserted = 0;
    enum err err;

    TRY(tx_exec(tx, &inserted,
                "INSERT INTO webhook_events (id, received_at_ms) VALUES ($1, $2)"
                " ON CONFLICT (id) DO NOTHING",
                sql_text(id), sql_int(tx->now_ms)));
    *fresh = inserted == 1;
    if (!*fresh) return OK;
    TRY(tx_exec(tx, NULL,
                "INSERT INTO webhook_counts (type, count) VALUES ($1, 1)"
                " ON CONFLICT (type) DO UPDATE SET count = webhook_counts.count + 1",
                sql_text(type)));
done:
    return err;
}

enum err webhook_counts_json(struct tx *tx, struct json_writer *json)
{
    struct rows rows;

    json_begin_array(json);
    tx_query(tx, &rows, "SELECT type, count FROM webhook_counts ORDER BY type");
    while (rows_next(&rows)) {
        json_begin_object(json);
        json_key(json, "type");
        json_put_text(json, rows_text(&rows, 0));
        json_key(json, "count");
        json_put_int(json, rows_int(&rows, 1));
        json_end_object(json);
    }
    json_end_array(json);
    return rows_end(&rows);
}

/* --- what has had its time ----------------------------------------------------------------- */

enum err old_rows_delete(struct tx *tx, int64_t max, bool *more)
{
    int64_t keys = 0, events = 0;
    enum err err;

    TRY(tx_exec(tx, &keys,
                "DELETE FROM payment_keys WHERE (user_id, key) IN (SELECT user_id, key"
                " FROM payment_keys WHERE expires_at_ms <= $1 ORDER BY expires_at_ms LIMIT $2)",
                sql_int(tx->now_ms), sql_int(max)));
    TRY(tx_exec(tx, &events,
                "DELETE FROM webhook_events WHERE id IN (SELECT id FROM webhook_events"
                " WHERE received_at_ms <= $1 ORDER BY received_at_ms LIMIT $2)",
                sql_int(tx->now_ms - WEBHOOK_EVENT_MS), sql_int(max)));
    *more = keys == max || events == max;
done:
    return err;
}
