/* services/tickets/listing_store.c: the SQL of listings. */
#include "services/tickets/listing_store.h"

#include "base/money.h"

#define LISTING_COLUMNS                                                                            \
    "l.id, l.version, l.user_id, l.show_id, l.section, l.place_row, l.split, l.price_cents,"       \
    " l.face_value_cents, l.restrictions, l.delivery, l.quantity, l.withdrawn"
/* Its free tickets: they are at their listing's show and cost what it says, so that the index
 * tickets_for_sale has all that is asked of them. */
#define LISTING_OFFERS                                                                             \
    "tickets t WHERE t.show_id = l.show_id AND t.price_cents = l.price_cents"                      \
    " AND t.listing_id = l.id AND t.listing_id IS NOT NULL AND t.order_id IS NULL"                 \
    " AND t.withdrawn = 0"
#define LISTING_FREE       "(SELECT COUNT(*) FROM " LISTING_OFFERS ")"
#define RESTRICTIONS_BYTES (RESTRICTIONS_MAX * (4 * RESTRICTION_POINTS_MAX + 1))

enum err listing_insert(struct tx *tx, struct arena *arena, const struct listing *listing)
{
    const struct listing_terms *terms = &listing->terms;
    struct str section_key = text_label_key(arena, listing->section), lines;
    struct buf restrictions;

    buf_init(&restrictions, arena, RESTRICTIONS_BYTES);
    lines = names_joined(&restrictions, &terms->restrictions);
    if (restrictions.failed || !section_key.at) return ERR_MEMORY;
    return tx_exec(
        tx, NULL,
        "INSERT INTO listings (id, version, user_id, show_id, section, place_row, split,"
        " price_cents, face_value_cents, restrictions, delivery, quantity, withdrawn,"
        " created_at_ms, section_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
        " $13, $14, $15)",
        sql_id(listing->id), sql_int(listing->version), sql_text(listing->user_id),
        sql_id(listing->show_id), sql_text(listing->section), sql_text(listing->row),
        sql_text(split_text(terms->split)), sql_int(terms->price_cents),
        sql_int(terms->face_value_cents), sql_text(lines),
        sql_text(ticket_delivery_text(terms->delivery)), sql_int(listing->quantity),
        sql_int(listing->withdrawn), sql_wall(tx->now), sql_text(section_key));
}

enum err listing_update(struct tx *tx, struct arena *arena, const struct listing *listing)
{
    const struct listing_terms *terms = &listing->terms;
    struct buf restrictions;
    struct str lines;
    int64_t changed = 0;
    enum err err;

    buf_init(&restrictions, arena, RESTRICTIONS_BYTES);
    lines = names_joined(&restrictions, &terms->restrictions);
    if (restrictions.failed) return ERR_MEMORY;
    err = tx_exec(tx, &changed,
                  "UPDATE listings SET version = $2, show_id = $3, split = $4, price_cents = $5,"
                  " face_value_cents = $6, restrictions = $7, delivery = $8, withdrawn = $9"
                  " WHERE id = $1",
                  sql_id(listing->id), sql_int(listing->version), sql_id(listing->show_id),
                  sql_text(split_text(terms->split)), sql_int(terms->price_cents),
                  sql_int(terms->face_value_cents), sql_text(lines),
                  sql_text(ticket_delivery_text(terms->delivery)), sql_int(listing->withdrawn));
    ASSERT(err != OK || changed == 1);
    return err;
}

static enum err listing_read(struct rows *rows, struct arena *arena, struct listing *out)
{
    struct listing_terms *terms = &out->terms;

    *out = (struct listing){
        .id = rows_id(rows, 0),
        .version = rows_int(rows, 1),
        .user_id = arena_copy(arena, rows_text(rows, 2)),
        .show_id = rows_id(rows, 3),
        .section = arena_copy(arena, rows_text(rows, 4)),
        .row = arena_copy(arena, rows_text(rows, 5)),
        .terms = {.price_cents = rows_int(rows, 7), .face_value_cents = rows_int(rows, 8)},
        .quantity = rows_int(rows, 11),
        .withdrawn = rows_int(rows, 12) != 0};
    if (!names_split(arena, rows_text(rows, 9), &terms->restrictions) || !out->user_id.at ||
        !out->section.at || !out->row.at)
        return ERR_MEMORY;
    if (!split_parse(rows_text(rows, 6), &terms->split))
        return row_unreadable("listings", rows_text(rows, 0), rows_text(rows, 6));
    if (!ticket_delivery_parse(rows_text(rows, 10), &terms->delivery))
        return row_unreadable("listings", rows_text(rows, 0), rows_text(rows, 10));
    return OK;
}

static enum err listing_first(struct rows *rows, struct arena *arena, struct listing *out)
{
    enum err err = rows_next(rows) ? listing_read(rows, arena, out) : ERR_NOT_FOUND;
    enum err end = rows_end(rows);

    return end ? end : err;
}

enum err listing_get(struct tx *tx, struct arena *arena, struct object_id id, struct listing *out)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT " LISTING_COLUMNS " FROM listings l WHERE l.id = $1", sql_id(id));
    return listing_first(&rows, arena, out);
}

enum err listing_lock(struct tx *tx, struct arena *arena, struct object_id id, struct listing *out)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT " LISTING_COLUMNS " FROM listings l WHERE l.id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    return listing_first(&rows, arena, out);
}

static enum err counted(struct rows *rows, int64_t *count)
{
    *count = rows_next(rows) ? rows_int(rows, 0) : 0;
    return rows_end(rows);
}

enum err listing_free(struct tx *tx, struct object_id id, int64_t *free)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT COUNT(*) FROM tickets WHERE listing_id = $1 AND order_id IS NULL"
             " AND withdrawn = 0",
             sql_id(id));
    return counted(&rows, free);
}

#define FREE(ticket) ticket ".order_id IS NULL AND " ticket ".withdrawn = 0"

/* How many are free, as far as it matters to who wants $5. */
#define SOME_FREE                                                                                  \
    "(SELECT COUNT(*) FROM (SELECT 1 FROM " LISTING_OFFERS                                         \
    " LIMIT CAST($5 AS BIGINT) + 2) AS enough)"
/* split_allows: whether an order may have $5 of them. */
#define SPLIT_ALLOWS                                                                               \
    SOME_FREE " >= $5 AND CASE l.split WHEN 'pairs' THEN $5 % 2 = 0"                               \
              " WHEN 'all' THEN " SOME_FREE " = $5"                                                \
              " WHEN 'no_single' THEN " SOME_FREE " <> $5 + 1 ELSE 1 = 1 END"
/* So many are side by side, or it does not matter: whoever has all of a listing that goes together
 * takes it as it is, and places without a seat are all alike. */
#define TOGETHER                                                                                   \
    "(l.split = 'all' OR EXISTS (SELECT 1 FROM tickets a WHERE a.listing_id = l.id"                \
    " AND " FREE("a") " AND (a.seat = '' OR $5 = (SELECT COUNT(*) FROM tickets b"                  \
                      " WHERE b.listing_id = l.id AND " FREE(                                      \
                          "b") " AND b.position >= a.position"                                     \
                               " AND b.position < a.position + $5))))"

/* $1 show, $2 and $3 what one ticket costs at least and at most, $4 section, $5 how many together,
 * $6 the most that they may cost, $7 behind which listing, $8 how many listings. */
#define FOR_SALE                                                                                   \
    "SELECT " LISTING_COLUMNS ", " LISTING_FREE " FROM listings l WHERE l.show_id = $1"            \
    " AND l.withdrawn = 0 AND l.price_cents >= $2 AND l.price_cents <= $3"                         \
    " AND ($4 = '' OR l.section_key = $4) AND EXISTS (SELECT 1 FROM " LISTING_OFFERS ")"           \
    " AND EXISTS (SELECT 1 FROM show_copies s WHERE s.id = $1 AND s.on_sale = 1)"                  \
    " AND l.user_id NOT IN (SELECT b.user_id FROM banned_users b WHERE b.banned = 1)"              \
    " AND (CAST($5 AS BIGINT) = 0 OR (CAST($6 AS BIGINT) >= $5 * l.price_cents"                    \
    " AND " SPLIT_ALLOWS " AND " TOGETHER "))"

#define FOR_SALE_VALUES(query, from_cents)                                                         \
    sql_id((query)->show_id), sql_int(from_cents), sql_int((query)->max_cents),                    \
        sql_text((query)->section_key), sql_int((query)->quantity), sql_int(PRICE_CENTS_MAX),      \
        sql_id((query)->after.id), sql_int((query)->limit)

static void listings_by_price(struct tx *tx, struct rows *rows, const struct listing_query *query)
{
    int64_t after_cents = query->after.price_cents;
    int64_t from_cents = after_cents > query->min_cents ? after_cents : query->min_cents;

    tx_query(tx, rows,
             FOR_SALE " AND (l.price_cents > $9 OR l.id > $7)"
                      " ORDER BY l.price_cents, l.id LIMIT $8",
             FOR_SALE_VALUES(query, from_cents), sql_int(after_cents));
}

void listings_of_show(struct tx *tx, struct rows *rows, const struct listing_query *query)
{
    if (query->sort == LISTINGS_BY_PRICE)
        listings_by_price(tx, rows, query);
    else
        tx_query(tx, rows, FOR_SALE " AND l.id < $7 ORDER BY l.id DESC LIMIT $8",
                 FOR_SALE_VALUES(query, query->min_cents));
}

void listings_of_seller(struct tx *tx, struct rows *rows, struct str user_id,
                        const struct list_page *page)
{
    tx_query(tx, rows,
             "SELECT " LISTING_COLUMNS ", " LISTING_FREE " FROM listings l"
             " WHERE l.user_id = $1 AND l.id < $2 ORDER BY l.id DESC LIMIT $3",
             sql_text(user_id), sql_id(page->after), sql_int(page->limit));
}

enum err listing_next(struct rows *rows, struct arena *arena, struct list_page *page,
                      struct listing *out, int64_t *free)
{
    while (rows_next(rows)) {
        enum err err = listing_read(rows, arena, out);

        *free = rows_int(rows, 13);
        list_page_add(page, rows_id(rows, 0));
        if (err != ERR_UNREADABLE) return err;
    }
    return ERR_NOT_FOUND;
}

/* --- seats ---------------------------------------------------------------------------------- */

enum err tickets_listed(struct tx *tx, struct str user_id, int64_t *count)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT CAST(COALESCE(SUM(listed), 0) AS BIGINT) FROM (SELECT show_id, COUNT(*)"
             " AS listed FROM tickets"
             " WHERE user_id = $1 AND listing_id IS NOT NULL AND withdrawn = 0 AND sold = 0"
             " GROUP BY show_id) AS shows WHERE EXISTS (SELECT 1 FROM show_copies s"
             " WHERE s.id = shows.show_id AND s.on_sale = 1)",
             sql_text(user_id));
    return counted(&rows, count);
}

void seats_on_market(struct tx *tx, struct rows *rows, struct object_id show_id,
                     struct str area_key)
{
    tx_query(tx, rows,
             "SELECT seat_key FROM tickets"
             " WHERE show_id = $1 AND area_key = $2 AND seat_key IS NOT NULL",
             sql_id(show_id), sql_text(area_key));
}

enum err seat_release(struct tx *tx, struct object_id ticket_id, bool *found)
{
    int64_t changed = 0;
    enum err err = tx_exec(tx, &changed,
                           "UPDATE tickets SET area_key = NULL, seat_key = NULL"
                           " WHERE id = $1 AND withdrawn = 1",
                           sql_id(ticket_id));

    *found = changed == 1;
    return err;
}

enum err ticket_show_stands(struct tx *tx, struct object_id ticket_id, bool *stands)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT 1 FROM tickets t JOIN show_copies s ON s.id = t.show_id"
             " WHERE t.id = $1 AND s.merged_into IS NOT NULL",
             sql_id(ticket_id));
    *stands = !rows_next(&rows);
    return rows_end(&rows);
}
