/* services/catalogue/search/search_store.c: every SQL statement of the search index. */
#include "services/catalogue/search/search_store.h"

#include "services/catalogue/store_rows.h"

/* --- the rows that are found ------------------------------------------------------------------ */

static struct sql_value centimetres(const struct search_row *row, int64_t at)
{
    return row->somewhere ? sql_int(at) : sql_null();
}

enum err search_put(struct tx *tx, const struct search_row *row)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO show_search (place, show_id, words, x, y, z)"
                   " VALUES ($1, $2, $3, $4, $5, $6)",
                   sql_int(row->place), sql_id(row->show_id), sql_text(row->words),
                   centimetres(row, row->at.x), centimetres(row, row->at.y),
                   centimetres(row, row->at.z));
}

enum err search_remove(struct tx *tx, struct object_id show_id)
{
    return tx_exec(tx, NULL, "DELETE FROM show_search WHERE show_id = $1", sql_id(show_id));
}

enum err search_remove_strays(struct tx *tx)
{
    return tx_exec_values(tx, NULL,
                          "DELETE FROM show_search WHERE NOT EXISTS"
                          " (SELECT 1 FROM shows WHERE shows.id = show_search.show_id)",
                          NULL, 0);
}

/* Whether there is a row; ends the query. */
static enum err is_there(struct rows *rows, bool *there)
{
    *there = rows_next(rows);
    return rows_end(rows);
}

enum err search_place_taken(struct tx *tx, int64_t place, bool *taken)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM show_search WHERE place = $1", sql_int(place));
    return is_there(&rows, taken);
}

enum err search_count(struct tx *tx, int64_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query_values(tx, &rows, "SELECT COUNT(*) FROM show_search", NULL, 0);
    if (rows_next(&rows)) *count = rows_int(&rows, 0);
    return rows_end(&rows);
}

enum err search_is_known(struct tx *tx, struct str query, bool *known)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT 1 FROM {{matching show_search}} WHERE {{matches show_search}} LIMIT 1",
             sql_text(query));
    return is_there(&rows, known);
}

/* --- finding ---------------------------------------------------------------------------------- */

#define SQUARE                                                                                     \
    "((show_search.x - $4) * (show_search.x - $4) + (show_search.y - $5) * (show_search.y - $5)"   \
    " + (show_search.z - $6) * (show_search.z - $6))"

/* What costs nothing, for there is none, comes last. */
#define CHEAPEST "COALESCE(NULLIF(" OFFERED("lowest_cents", "$11") ", 0), 100000000)"

/* How far ahead of UTC the clocks are where the show is when it starts ("…T19:30+02:00"), in
 * minutes; and the days that are meant there by $12, the minute of the day in UTC being $13. */
#define AHEAD                                                                                      \
    "(CASE substr(shows.starts_local, 17, 1) WHEN '-' THEN -1 ELSE 1 END"                          \
    " * (60 * CAST(substr(shows.starts_local, 18, 2) AS INTEGER)"                                  \
    " + CAST(substr(shows.starts_local, 21, 2) AS INTEGER)))"
#define MEANT(first)                                                                               \
    "substr($12, CAST((CAST($13 AS BIGINT) + " AHEAD " + 1440) / 1440 * 20 + " first               \
    " AS INTEGER), 10)"

/* $1 words, $2 and $3 the places between which it is, $4 $5 $6 where one looks around and $7 how
 * far (its square; -1: nowhere), $8 and $9 days, $10 how many, $11 now, $12 and $13 days that hang
 * on it. The show's row is read for the days alone: it costs as much as all the rest of a match. */
#define MATCHING "{{matching show_search}}"
#define WANTED                                                                                     \
    " WHERE {{matches show_search}}"                                                               \
    " AND {{place show_search}} > $2 AND {{place show_search}} < $3"                               \
    " AND (CAST($7 AS BIGINT) < 0 OR " SQUARE " <= CAST($7 AS BIGINT))"                            \
    " AND (($8 = '' AND $9 = '' AND $12 = '') OR EXISTS"                                           \
    " (SELECT 1 FROM shows WHERE shows.id = show_search.show_id"                                   \
    " AND ($8 = '' OR substr(shows.starts_local, 1, 10) >= $8)"                                    \
    " AND ($9 = '' OR substr(shows.starts_local, 1, 10) <= $9)"                                    \
    " AND ($12 = '' OR substr(shows.starts_local, 1, 10)"                                          \
    " BETWEEN " MEANT("1") " AND " MEANT("11") ")))"
#define WITH_SHOWS " JOIN shows ON shows.id = show_search.show_id" WITH_OFFERS
#define FOUND(rank)                                                                                \
    "SELECT " SHOW_COLUMNS_OF("shows.") ", " VENUE_COLUMNS_OF(                                     \
        "venues.") ", show_search.place, " SQUARE ", " OFFER_COLUMNS("$11") ", " rank " FROM "
#define WITH_VENUES " JOIN venues ON venues.id = shows.venue_id"

/* Rows come in the order of their places: no more are read than are wanted. */
#define BY_TIME(order)                                                                             \
    FOUND("0")                                                                                     \
    MATCHING WITH_SHOWS WITH_VENUES WANTED " ORDER BY {{place show_search}}" order " LIMIT $10"
/* Of the soonest of what matches (SEARCH_RANKED_MAX), whose number is $16: to rank takes a look at
 * each, and at what is joined with it. */
#define RANKED(rank, joined)                                                                       \
    FOUND("best.rank")                                                                             \
    "(SELECT place, rank FROM (SELECT show_search.place AS place, " rank                           \
    " AS rank FROM " MATCHING joined WANTED                                                        \
    " ORDER BY {{place show_search}} LIMIT $16) AS soonest "                                       \
    "WHERE rank > $14 OR (rank = $14 AND place > $15)"                                             \
    " ORDER BY rank, place LIMIT $10) AS best JOIN show_search ON show_search.place = "            \
    "best.place" WITH_SHOWS WITH_VENUES " ORDER BY best.rank, best.place"

#define FOUND_VALUES(search, query, above, below)                                                  \
    sql_text(query), sql_int(above), sql_int(below), sql_int(centre.x), sql_int(centre.y),         \
        sql_int(centre.z), sql_int(furthest), sql_text((search)->from), sql_text((search)->to),    \
        sql_int((search)->limit), sql_wall(tx->now), sql_text(str_of((search)->when)),             \
        sql_int((search)->minute)
#define RANKED_VALUES                                                                              \
    sql_int(search->continued ? search->after_rank : -1),                                          \
        sql_int(search->continued ? search->after : -1), sql_int(SEARCH_RANKED_MAX)

void search_query(struct tx *tx, struct rows *rows, const struct search *search, struct str query)
{
    struct globe_point centre = globe_point(search->latitude, search->longitude);
    int64_t furthest = search->around ? globe_square(search->radius_km * 100000) : -1;
    int64_t above = search->above, below = search->below;

    if (search->continued && search->sort == SORT_SOONEST && search->after > above)
        above = search->after;
    if (search->continued && search->sort == SORT_LATEST && search->after < below)
        below = search->after;
    if (search->sort == SORT_SOONEST)
        tx_query(tx, rows, BY_TIME(""), FOUND_VALUES(search, query, above, below));
    else if (search->sort == SORT_LATEST)
        tx_query(tx, rows, BY_TIME(" DESC"), FOUND_VALUES(search, query, above, below));
    else if (search->sort == SORT_PRICE)
        tx_query(tx, rows, RANKED(CHEAPEST, WITH_SHOWS), FOUND_VALUES(search, query, above, below),
                 RANKED_VALUES);
    else
        tx_query(tx, rows, RANKED(SQUARE, ""), FOUND_VALUES(search, query, above, below),
                 RANKED_VALUES);
}

enum err found_next(struct rows *rows, struct arena *arena, struct found_show *out)
{
    while (rows_next(rows)) {
        enum err err = show_read(rows, arena, 0, &out->show);

        if (err == OK) err = venue_read(rows, arena, SHOW_COLUMNS_COUNT, &out->venue);
        out->place = rows_int(rows, SHOW_COLUMNS_COUNT + VENUE_COLUMNS_COUNT);
        out->square = rows_int(rows, SHOW_COLUMNS_COUNT + VENUE_COLUMNS_COUNT + 1);
        out->offers = offers_read(rows, SHOW_COLUMNS_COUNT + VENUE_COLUMNS_COUNT + 2);
        out->rank = rows_int(rows, SHOW_COLUMNS_COUNT + VENUE_COLUMNS_COUNT + 4);
        if (err != ERR_UNREADABLE) return err;
    }
    return ERR_NOT_FOUND;
}

/* --- known words ------------------------------------------------------------------------------ */

enum err typo_put(struct tx *tx, struct str rest, struct str word)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO search_typos (rest, word) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                   sql_text(rest), sql_text(word));
}

enum err typo_known(struct tx *tx, struct str rest, struct str word, bool *known)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM search_typos WHERE rest = $1 AND word = $2", sql_text(rest),
             sql_text(word));
    return is_there(&rows, known);
}

enum err typo_words(struct tx *tx, struct arena *arena, struct str rest, struct str *out,
                    size_t max, size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows, "SELECT word FROM search_typos WHERE rest = $1 ORDER BY word LIMIT $2",
             sql_text(rest), sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] = arena_copy(arena, rows_text(&rows, 0));
    return rows_end(&rows);
}

enum err typos_remove(struct tx *tx)
{
    return tx_exec_values(tx, NULL, "DELETE FROM search_typos", NULL, 0);
}

/* --- making it anew --------------------------------------------------------------------------- */

enum err rebuild_begin(struct tx *tx)
{
    return tx_exec_values(tx, NULL,
                          "INSERT INTO search_rebuild (one, show_id) VALUES (1, '')"
                          " ON CONFLICT (one) DO UPDATE SET show_id = ''",
                          NULL, 0);
}

enum err rebuild_get(struct tx *tx, struct arena *arena, struct str *show_id)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query_values(tx, &rows, "SELECT show_id FROM search_rebuild" SQL_SKIP_LOCKED, NULL, 0);
    if (rows_next(&rows)) {
        *show_id = arena_copy(arena, rows_text(&rows, 0));
        err = show_id->at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end == OK ? err : end;
}

enum err rebuild_put(struct tx *tx, struct object_id show_id)
{
    return tx_exec(tx, NULL, "UPDATE search_rebuild SET show_id = $1", sql_id(show_id));
}

enum err rebuild_end(struct tx *tx)
{
    return tx_exec_values(tx, NULL, "DELETE FROM search_rebuild", NULL, 0);
}

enum err rebuild_is_on(struct tx *tx, bool *on)
{
    struct rows rows;

    tx_query_values(tx, &rows, "SELECT 1 FROM search_rebuild", NULL, 0);
    return is_there(&rows, on);
}

static enum err read_shows(struct rows *rows, struct arena *arena, struct show *out, size_t max,
                           size_t *count)
{
    enum err err = OK, end;

    *count = 0;
    while (err == OK && *count < max && rows_next(rows))
        err = show_read(rows, arena, 0, &out[(*count)++]);
    end = rows_end(rows);
    return err == OK ? end : err;
}

enum err rebuild_shows(struct tx *tx, struct arena *arena, struct str after, struct show *out,
                       size_t max, size_t *count)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " SHOW_COLUMNS_OF(
                 "") " FROM shows WHERE id > $1 ORDER BY id LIMIT $2" SQL_FOR_UPDATE,
             sql_text(after), sql_int((int64_t)max));
    return read_shows(&rows, arena, out, max, count);
}

enum err search_shows_at(struct tx *tx, struct arena *arena, struct object_id venue_id,
                         struct object_id after, struct show *out, size_t max, size_t *count)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " SHOW_COLUMNS_OF("") " FROM shows WHERE venue_id = $1 AND id > $2"
                                           " ORDER BY id LIMIT $3" SQL_FOR_UPDATE,
             sql_id(venue_id), sql_id(after), sql_int((int64_t)max));
    return read_shows(&rows, arena, out, max, count);
}

enum err search_venue(struct tx *tx, struct arena *arena, struct object_id id, struct venue *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT " VENUE_COLUMNS_OF("") " FROM venues WHERE id = $1", sql_id(id));
    if (rows_next(&rows)) err = venue_read(&rows, arena, 0, out);
    end = rows_end(&rows);
    return end == OK ? err : end;
}
