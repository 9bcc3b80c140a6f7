/* services/payments/repeats_store.c: Idempotency-Key headers and webhook events. */
#include "services/payments/repeats_store.h"

#include "services/payments/store.h" /* DECLINES_MS */

/* --- Idempotency-Key headers --------------------------------------------------------------- */

enum err payment_key_get(struct tx *tx, struct arena *arena, struct str user_id, struct str key,
                         struct payment_key *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT body_mark, charge_id FROM payment_keys"
             " WHERE user_id = $1 AND key = $2 AND expires_at_ms > $3",
             sql_text(user_id), sql_text(key), sql_wall(tx->now));
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
        sql_wall(wall_after(tx->now, PAYMENT_KEY_MS)), sql_wall(tx->now));

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
                sql_text(id), sql_wall(tx->now)));
    *fresh = inserted == 1;
    if (!*fresh) return OK;
    TRY(tx_exec(tx, NULL,
                "INSERT INTO webhook_counts (type, count) VALUES ($1, 1)"
                " ON CONFLICT (type) DO UPDATE SET count = webhook_counts.count + 1",
                sql_text(type)));
done:
    return err;
}

enum err webhook_event_unknown(struct tx *tx, struct str id, struct str stripe_id)
{
    return tx_exec(tx, NULL, "UPDATE webhook_events SET unknown_charge = $2 WHERE id = $1",
                   sql_text(id), sql_text(stripe_id));
}

enum err webhook_event_waits(struct tx *tx, struct str stripe_id, bool *waits)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM webhook_events WHERE unknown_charge = $1 LIMIT 1",
             sql_text(stripe_id));
    *waits = rows_next(&rows);
    return rows_end(&rows);
}

void webhook_counts(struct tx *tx, struct rows *rows)
{
    tx_query(tx, rows, "SELECT type, count FROM webhook_counts ORDER BY type");
}

bool webhook_count_next(struct rows *rows, struct webhook_count *out)
{
    if (!rows_next(rows)) return false;
    *out = (struct webhook_count){rows_text(rows, 0), rows_int(rows, 1)};
    return true;
}

/* --- what has had its time ----------------------------------------------------------------- */

enum err old_rows_delete(struct tx *tx, int64_t max, bool *more)
{
    int64_t keys = 0, events = 0, networks = 0;
    enum err err;

    TRY(tx_exec(tx, &keys,
                "DELETE FROM payment_keys WHERE (user_id, key) IN (SELECT user_id, key"
                " FROM payment_keys WHERE expires_at_ms <= $1 ORDER BY expires_at_ms LIMIT $2)",
                sql_wall(tx->now), sql_int(max)));
    TRY(tx_exec(tx, &events,
                "DELETE FROM webhook_events WHERE id IN (SELECT id FROM webhook_events"
                " WHERE received_at_ms <= $1 ORDER BY received_at_ms LIMIT $2)",
                sql_wall(wall_after(tx->now, -WEBHOOK_EVENT_MS)), sql_int(max)));
    TRY(tx_exec(tx, &networks,
                "UPDATE charges SET network = NULL WHERE id IN (SELECT id FROM charges"
                " WHERE network IS NOT NULL AND created_at_ms <= $1"
                " AND status IN ('declined', 'refused') ORDER BY created_at_ms LIMIT $2)",
                sql_wall(wall_after(tx->now, -DECLINES_MS)), sql_int(max)));
    *more = keys == max || events == max || networks == max;
done:
    return err;
}
