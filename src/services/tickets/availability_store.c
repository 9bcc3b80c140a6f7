/* services/tickets/availability_store.c: the SQL of what is left of shows. */
#include "services/tickets/availability_store.h"

enum err show_changed(struct tx *tx, struct object_id show_id)
{
    return tx_exec(tx, NULL, "INSERT INTO changed_shows (show_id) VALUES ($1)", sql_id(show_id));
}

enum err show_of_ticket_changed(struct tx *tx, struct object_id ticket_id)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO changed_shows (show_id) SELECT show_id FROM tickets"
                   " WHERE id = $1 AND show_id IS NOT NULL",
                   sql_id(ticket_id));
}

enum err shows_of_seller_changed(struct tx *tx, struct str user_id)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO changed_shows (show_id) SELECT DISTINCT show_id FROM tickets"
                   " WHERE user_id = $1 AND listing_id IS NOT NULL AND withdrawn = 0 AND sold = 0",
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

enum err changed_shows(struct tx *tx, struct changed_show *out, size_t max, size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT place, show_id FROM changed_shows ORDER BY place LIMIT $1" SQL_SKIP_LOCKED,
             sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] = (struct changed_show){rows_int(&rows, 0), rows_id(&rows, 1)};
    return rows_end(&rows);
}

enum err changed_show_done(struct tx *tx, int64_t place)
{
    return tx_exec(tx, NULL, "DELETE FROM changed_shows WHERE place = $1", sql_int(place));
}

enum err offers_version_next(struct tx *tx, struct object_id show_id, int64_t minimum_cents,
                             int64_t *version)
{
    struct rows rows;

    *version = 0;
    tx_query(tx, &rows,
             "INSERT INTO show_offers (show_id, minimum_cents, version) VALUES ($1, $2, 0)"
             " ON CONFLICT (show_id) DO UPDATE SET minimum_cents = excluded.minimum_cents,"
             " version = show_offers.version + 1 RETURNING version",
             sql_id(show_id), sql_int(minimum_cents));
    if (rows_next(&rows)) *version = rows_int(&rows, 0);
    return rows_end(&rows);
}

enum err offers_left(struct tx *tx, struct object_id show_id, int64_t minimum_cents,
                     int64_t *lowest_cents, int64_t *available)
{
    struct rows rows;

    *lowest_cents = *available = 0;
    tx_query(tx, &rows,
             "SELECT COALESCE(MIN(g.price_cents), 0), CAST(COALESCE(SUM(g.free), 0) AS BIGINT) FROM"
             " (SELECT t.listing_id, t.price_cents, COUNT(*) AS free FROM tickets t"
             " WHERE t.show_id = $1 AND t.listing_id IS NOT NULL AND t.order_id IS NULL"
             " AND t.withdrawn = 0 AND t.price_cents >= $2 GROUP BY t.price_cents, t.listing_id) g"
             " JOIN listings l ON l.id = g.listing_id WHERE l.user_id NOT IN"
             " (SELECT b.user_id FROM banned_users b WHERE b.banned = 1)",
             sql_id(show_id), sql_int(minimum_cents));
    if (rows_next(&rows)) {
        *lowest_cents = rows_int(&rows, 0);
        *available = rows_int(&rows, 1);
    }
    return rows_end(&rows);
}
