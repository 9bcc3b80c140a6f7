/* services/tickets/availability_store.c: the SQL of what is left of shows. */
#include "services/tickets/availability_store.h"

#define BANNED "(SELECT b.user_id FROM banned_users b WHERE b.banned = 1)"

/* --- what changes ---------------------------------------------------------------------------- */

enum err offer_change_put(struct tx *tx, struct object_id show_id, struct str user_id,
                          int64_t price_cents, int64_t more)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO offer_changes (show_id, user_id, price_cents, more)"
                   " VALUES ($1, $2, $3, $4)",
                   sql_id(show_id), sql_text(user_id), sql_int(price_cents), sql_int(more));
}

static enum err ticket_change_put(struct tx *tx, struct object_id ticket_id, int64_t price_cents,
                                  int64_t more)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO offer_changes (show_id, user_id, price_cents, more)"
                   " SELECT show_id, user_id, CAST($2 AS BIGINT), CAST($3 AS BIGINT) FROM tickets"
                   " WHERE id = $1",
                   sql_id(ticket_id), sql_int(price_cents), sql_int(more));
}

enum err offer_of_ticket_changed(struct tx *tx, struct object_id ticket_id, int64_t was_cents,
                                 int64_t now_cents)
{
    enum err err = OK;

    if (was_cents == now_cents) return OK;
    if (was_cents) TRY(ticket_change_put(tx, ticket_id, was_cents, -1));
    if (now_cents) TRY(ticket_change_put(tx, ticket_id, now_cents, 1));
done:
    return err;
}

enum err show_changed(struct tx *tx, struct object_id show_id)
{
    return tx_exec(tx, NULL, "INSERT INTO changed_shows (show_id) VALUES ($1)", sql_id(show_id));
}

/* What of theirs was noted and not told yet was noted of them as they were. */
enum err shows_of_seller_changed(struct tx *tx, struct str user_id)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO changed_shows (show_id) SELECT show_id FROM tickets"
                   " WHERE user_id = $1 AND listing_id IS NOT NULL AND withdrawn = 0 AND sold = 0"
                   " UNION SELECT show_id FROM offer_changes WHERE user_id = $1",
                   sql_text(user_id));
}

enum err shows_of_other_minimum_changed(struct tx *tx, int64_t minimum_cents, int64_t max,
                                        int64_t *count)
{
    *count = 0;
    return tx_exec(tx, count,
                   "INSERT INTO changed_shows (show_id) SELECT show_id FROM show_offers"
                   " WHERE minimum_cents < $1 OR minimum_cents > $1 LIMIT $2",
                   sql_int(minimum_cents), sql_int(max));
}

/* --- what is told ---------------------------------------------------------------------------- */

enum err changed_shows(struct tx *tx, struct object_id *out, size_t max, size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT show_id FROM changed_shows UNION SELECT show_id FROM offer_changes"
             " ORDER BY show_id LIMIT $1",
             sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] = rows_id(&rows, 0);
    return rows_end(&rows);
}

static enum err offers_read(struct tx *tx, struct object_id show_id, struct offers_told *out,
                            bool *found)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT version, counted_version, minimum_cents, available FROM show_offers"
             " WHERE show_id = $1" SQL_FOR_UPDATE,
             sql_id(show_id));
    *found = rows_next(&rows);
    if (*found)
        *out = (struct offers_told){rows_int(&rows, 0), rows_int(&rows, 1), rows_int(&rows, 2),
                                    rows_int(&rows, 3)};
    return rows_end(&rows);
}

enum err offers_lock(struct tx *tx, struct object_id show_id, struct offers_told *out)
{
    bool found;
    enum err err;

    TRY(offers_read(tx, show_id, out, &found));
    if (found) return OK;
    TRY(tx_exec(tx, NULL,
                "INSERT INTO show_offers (show_id, version, minimum_cents) VALUES ($1, -1, -1)"
                " ON CONFLICT (show_id) DO NOTHING",
                sql_id(show_id)));
    TRY(offers_read(tx, show_id, out, &found));
    ASSERT(found);
done:
    return err;
}

enum err offers_put(struct tx *tx, struct object_id show_id, const struct offers_told *told)
{
    return tx_exec(tx, NULL,
                   "UPDATE show_offers SET version = $2, counted_version = $3, minimum_cents = $4,"
                   " available = $5 WHERE show_id = $1",
                   sql_id(show_id), sql_int(told->version), sql_int(told->counted_version),
                   sql_int(told->minimum_cents), sql_int(told->available));
}

enum err changes_take(struct tx *tx, struct object_id show_id, int64_t minimum_cents, int64_t *more,
                      bool *anew)
{
    int64_t marks = 0;
    struct rows rows;
    enum err err;

    *more = 0;
    TRY(tx_exec(tx, &marks, "DELETE FROM changed_shows WHERE show_id = $1", sql_id(show_id)));
    *anew = marks > 0;
    tx_query(tx, &rows,
             "DELETE FROM offer_changes WHERE show_id = $1 RETURNING CASE WHEN price_cents < $2"
             " OR user_id IN " BANNED " THEN 0 ELSE more END",
             sql_id(show_id), sql_int(minimum_cents));
    while (rows_next(&rows))
        *more += rows_int(&rows, 0);
    err = rows_end(&rows);
done:
    return err;
}

/* $1 the show, $2 the lowest price. */
#define OFFERED_TICKETS                                                                            \
    "FROM tickets t WHERE t.show_id = $1 AND t.listing_id IS NOT NULL AND t.order_id IS NULL"      \
    " AND t.withdrawn = 0 AND t.price_cents >= $2 AND t.user_id NOT IN " BANNED

/* One statement, so that it sees tickets and what is noted of them at one moment. */
enum err offers_count(struct tx *tx, struct object_id show_id, int64_t minimum_cents,
                      int64_t *available)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT (SELECT COUNT(*) " OFFERED_TICKETS
             ") - (SELECT CAST(COALESCE(SUM(c.more), 0) AS BIGINT) FROM offer_changes c"
             " WHERE c.show_id = $1 AND c.price_cents >= $2 AND c.user_id NOT IN " BANNED ")",
             sql_id(show_id), sql_int(minimum_cents));
    return rows_end_int(&rows, 0, available);
}

enum err offers_lowest(struct tx *tx, struct object_id show_id, int64_t minimum_cents,
                       int64_t *lowest_cents)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT t.price_cents " OFFERED_TICKETS " ORDER BY t.price_cents LIMIT 1",
             sql_id(show_id), sql_int(minimum_cents));
    return rows_end_int(&rows, 0, lowest_cents);
}
