/* services/catalogue/store.c: every SQL statement of the catalogue. */
#include "services/catalogue/store_rows.h"

static struct object_id id_at(struct rows *rows, int column)
{
    return rows_null(rows, column) ? (struct object_id){{0}} : rows_id(rows, column);
}

/* --- venues ---------------------------------------------------------------------------------- */

#define VENUE_COLUMNS VENUE_COLUMNS_OF("")

#define FOLD_BYTES (64 * 1024)

static struct sql_value degrees_or_null(int64_t degrees)
{
    return degrees == DEGREES_UNKNOWN ? sql_null() : sql_int(degrees);
}

static struct sql_value refusal_or_null(struct str refusal)
{
    return refusal.at ? sql_text(refusal) : sql_null();
}

/* Both texts as staff look for them, in the arena. ERR_MEMORY. */
static enum err fold_two(struct arena *arena, struct str first, struct str second, struct str *out)
{
    struct buf both;

    buf_init(&both, arena, FOLD_BYTES);
    buf_append(&both, first);
    buf_char(&both, ' ');
    buf_append(&both, second);
    if (both.failed) return ERR_MEMORY;
    *out = text_folded(arena, buf_str(&both));
    return out->at ? OK : ERR_MEMORY;
}

enum err venue_insert(struct tx *tx, struct arena *arena, const struct venue *venue)
{
    struct str folded;
    enum err err = fold_two(arena, venue->is.name, venue->is.city, &folded);

    if (err != OK) return err;
    return tx_exec(
        tx, NULL,
        "INSERT INTO venues (" VENUE_COLUMNS ", created_at_ms, folded)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        sql_id(venue->id), sql_int(venue->version), sql_text(venue_status_text(venue->status)),
        sql_text(venue->is.name), sql_text(venue->is.city), sql_text(venue->is.country),
        degrees_or_null(venue->is.latitude), degrees_or_null(venue->is.longitude),
        sql_text(venue->is.time_zone), sql_text(venue->user_id), sql_id_or_null(venue->merged_into),
        refusal_or_null(venue->refusal), sql_wall(tx->now), sql_text(folded));
}

enum err venue_update(struct tx *tx, struct arena *arena, const struct venue *venue)
{
    int64_t changed = 0;
    struct str folded;
    enum err err = fold_two(arena, venue->is.name, venue->is.city, &folded);

    if (err != OK) return err;
    err = tx_exec(
        tx, &changed,
        "UPDATE venues SET version = $2, status = $3, name = $4, city = $5, country = $6,"
        " latitude = $7, longitude = $8, time_zone = $9, merged_into = $10, refusal = $11,"
        " folded = $12 WHERE id = $1",
        sql_id(venue->id), sql_int(venue->version), sql_text(venue_status_text(venue->status)),
        sql_text(venue->is.name), sql_text(venue->is.city), sql_text(venue->is.country),
        degrees_or_null(venue->is.latitude), degrees_or_null(venue->is.longitude),
        sql_text(venue->is.time_zone), sql_id_or_null(venue->merged_into),
        refusal_or_null(venue->refusal), sql_text(folded));

    ASSERT(err != OK || changed == 1);
    return err;
}

static int64_t degrees_at(struct rows *rows, int column)
{
    return rows_null(rows, column) ? DEGREES_UNKNOWN : rows_int(rows, column);
}

static struct str refusal_at(struct rows *rows, struct arena *arena, int column)
{
    return rows_null(rows, column) ? (struct str){NULL, 0}
                                   : arena_copy(arena, rows_text(rows, column));
}

enum err venue_read(struct rows *rows, struct arena *arena, int first, struct venue *out)
{
    *out = (struct venue){
        .id = rows_id(rows, first),
        .version = rows_int(rows, first + 1),
        .is = {.name = arena_copy(arena, rows_text(rows, first + 3)),
               .city = arena_copy(arena, rows_text(rows, first + 4)),
               .country = arena_copy(arena, rows_text(rows, first + 5)),
               .time_zone = arena_copy(arena, rows_text(rows, first + 8)),
               .latitude = degrees_at(rows, first + 6),
               .longitude = degrees_at(rows, first + 7)},
        .user_id = arena_copy(arena, rows_text(rows, first + 9)),
        .merged_into = id_at(rows, first + 10),
        .refusal = refusal_at(rows, arena, first + 11),
    };
    if (!out->is.name.at || !out->is.city.at || !out->is.country.at || !out->is.time_zone.at ||
        !out->user_id.at)
        return ERR_MEMORY;
    if (venue_status_parse(rows_text(rows, first + 2), &out->status)) return OK;
    return row_unreadable("venues", rows_text(rows, first), rows_text(rows, first + 2));
}

enum err venue_get(struct tx *tx, struct arena *arena, struct object_id id, struct venue *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT " VENUE_COLUMNS " FROM venues WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    if (rows_next(&rows)) err = venue_read(&rows, arena, 0, out);
    end = rows_end(&rows);
    return end == OK ? err : end;
}

void venues_list(struct tx *tx, struct rows *rows, enum listed which, struct str of,
                 const struct staff_filter *filter, const struct list_page *page)
{
    if (which == LISTED_OF_USER)
        tx_query(tx, rows,
                 "SELECT " VENUE_COLUMNS " FROM venues WHERE user_id = $1 AND id < $2"
                 " ORDER BY id DESC LIMIT $3",
                 sql_text(of), sql_id(page->after), sql_int(page->limit));
    else if (which == LISTED_FOR_STAFF)
        tx_query(tx, rows,
                 "SELECT " VENUE_COLUMNS " FROM venues"
                 " WHERE merged_into IS NULL AND id < $1 AND (status = $2 OR $2 = 'any')"
                 " AND folded LIKE $3 ESCAPE '!' ORDER BY id DESC LIMIT $4",
                 sql_id(page->after), sql_text(filter->status), sql_text(filter->pattern),
                 sql_int(page->limit));
    else
        tx_query(tx, rows,
                 "SELECT " VENUE_COLUMNS " FROM venues"
                 " WHERE status = 'accepted' AND merged_into IS NULL AND id < $1"
                 " ORDER BY id DESC LIMIT $2",
                 sql_id(page->after), sql_int(page->limit));
}

enum err venue_next(struct rows *rows, struct arena *arena, struct list_page *page,
                    struct venue *out)
{
    while (rows_next(rows)) {
        enum err err = venue_read(rows, arena, 0, out);

        list_page_add(page, rows_id(rows, 0));
        if (err != ERR_UNREADABLE) return err;
    }
    return ERR_NOT_FOUND;
}

/* --- shows ----------------------------------------------------------------------------------- */

#define SHOW_COLUMNS SHOW_COLUMNS_OF("")

#define PERFORMERS_BYTES (NAMES_MAX * (4 * NAME_POINTS_MAX + 1))

enum err show_insert(struct tx *tx, struct arena *arena, const struct show *show)
{
    const struct show_fields *is = &show->is;
    struct buf performers;
    struct str folded;
    enum err err;

    buf_init(&performers, arena, PERFORMERS_BYTES);
    err = fold_two(arena, is->title, names_joined(&performers, &is->performers), &folded);
    if (err != OK || performers.failed) return ERR_MEMORY;
    return tx_exec(
        tx, NULL,
        "INSERT INTO shows (" SHOW_COLUMNS ", created_at_ms, folded)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
        " $17, $18)",
        sql_id(show->id), sql_int(show->version), sql_text(show_status_text(show->status)),
        sql_id(is->venue_id), sql_text(is->title), sql_text(buf_str(&performers)),
        sql_text(is->category), sql_wall(is->starts.at), sql_text(str_of(is->starts.local)),
        sql_wall(is->doors.at), sql_text(str_of(is->doors.local)), sql_int(is->max_per_buyer),
        sql_int(is->max_over_face_bps), sql_text(show->user_id), sql_id_or_null(show->merged_into),
        refusal_or_null(show->refusal), sql_wall(tx->now), sql_text(folded));
}

enum err show_update(struct tx *tx, struct arena *arena, const struct show *show)
{
    const struct show_fields *is = &show->is;
    struct buf performers;
    struct str folded;
    int64_t changed = 0;
    enum err err;

    buf_init(&performers, arena, PERFORMERS_BYTES);
    err = fold_two(arena, is->title, names_joined(&performers, &is->performers), &folded);
    if (err != OK || performers.failed) return ERR_MEMORY;
    err = tx_exec(
        tx, &changed,
        "UPDATE shows SET version = $2, status = $3, venue_id = $4, title = $5,"
        " performers = $6, category = $7, starts_at_ms = $8, starts_local = $9,"
        " doors_at_ms = $10, doors_local = $11, max_per_buyer = $12,"
        " max_over_face_bps = $13, merged_into = $14, refusal = $15, folded = $16"
        " WHERE id = $1",
        sql_id(show->id), sql_int(show->version), sql_text(show_status_text(show->status)),
        sql_id(is->venue_id), sql_text(is->title), sql_text(buf_str(&performers)),
        sql_text(is->category), sql_wall(is->starts.at), sql_text(str_of(is->starts.local)),
        sql_wall(is->doors.at), sql_text(str_of(is->doors.local)), sql_int(is->max_per_buyer),
        sql_int(is->max_over_face_bps), sql_id_or_null(show->merged_into),
        refusal_or_null(show->refusal), sql_text(folded));
    ASSERT(err != OK || changed == 1);
    return err;
}

static void local_read(struct show_time *time, struct rows *rows, int column)
{
    struct str local = rows_text(rows, column + 1);
    size_t len = local.len < WALL_TIME_LEN ? local.len : WALL_TIME_LEN;

    time->at = rows_wall(rows, column);
    memcpy(time->local, local.at, len);
    time->local[len] = '\0';
}

enum err show_read(struct rows *rows, struct arena *arena, int first, struct show *out)
{
    *out = (struct show){
        .id = rows_id(rows, first),
        .version = rows_int(rows, first + 1),
        .is = {.venue_id = rows_id(rows, first + 3),
               .title = arena_copy(arena, rows_text(rows, first + 4)),
               .category = arena_copy(arena, rows_text(rows, first + 6)),
               .max_per_buyer = rows_int(rows, first + 11),
               .max_over_face_bps = rows_int(rows, first + 12)},
        .user_id = arena_copy(arena, rows_text(rows, first + 13)),
        .merged_into = id_at(rows, first + 14),
        .refusal = refusal_at(rows, arena, first + 15),
    };
    local_read(&out->is.starts, rows, first + 7);
    local_read(&out->is.doors, rows, first + 9);
    if (!names_split(arena, rows_text(rows, first + 5), &out->is.performers) || !out->is.title.at ||
        !out->is.category.at || !out->user_id.at)
        return ERR_MEMORY;
    if (show_status_parse(rows_text(rows, first + 2), &out->status)) return OK;
    return row_unreadable("shows", rows_text(rows, first), rows_text(rows, first + 2));
}

enum err show_get(struct tx *tx, struct arena *arena, struct object_id id, struct show *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT " SHOW_COLUMNS " FROM shows WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    if (rows_next(&rows)) err = show_read(&rows, arena, 0, out);
    end = rows_end(&rows);
    return end == OK ? err : end;
}

/* What has begun counts as over: nothing of it is sold any more. */
static void query_shows_for_staff(struct tx *tx, struct rows *rows,
                                  const struct staff_filter *filter, const struct list_page *page)
{
    bool over = str_eq(filter->status, STR("over"));
    bool scheduled = over || str_eq(filter->status, STR("scheduled"));
    bool refused = str_eq(filter->status, STR("refused"));

    tx_query(tx, rows,
             "SELECT " SHOW_COLUMNS " FROM shows WHERE merged_into IS NULL AND id < $1"
             " AND (status = $2 OR $2 = 'any') AND folded LIKE $3 ESCAPE '!'"
             " AND starts_at_ms > $4 AND starts_at_ms <= $5"
             " AND ($2 <> 'cancelled' OR (refusal IS NOT NULL) = ($6 <> 0))"
             " ORDER BY id DESC LIMIT $7",
             sql_id(page->after),
             sql_text(over      ? STR("scheduled")
                      : refused ? STR("cancelled")
                                : filter->status),
             sql_text(filter->pattern), sql_wall(scheduled && !over ? filter->now : WALL_NONE),
             sql_wall(over ? filter->now : WALL_NEVER), sql_int(refused), sql_int(page->limit));
}

void shows_list(struct tx *tx, struct rows *rows, enum listed which, struct str of,
                const struct staff_filter *filter, const struct list_page *page)
{
    switch (which) {
    case LISTED_OF_USER:
        tx_query(tx, rows,
                 "SELECT " SHOW_COLUMNS " FROM shows WHERE user_id = $1 AND id < $2"
                 " ORDER BY id DESC LIMIT $3",
                 sql_text(of), sql_id(page->after), sql_int(page->limit));
        break;
    case LISTED_OF_VENUE:
        tx_query(tx, rows,
                 "SELECT " SHOW_COLUMNS ", " OFFER_COLUMNS(
                     "$4") " FROM shows" WITH_OFFERS " WHERE venue_id = $1 AND id < $2"
                           " AND status <> 'proposed' AND merged_into IS NULL AND refusal IS NULL"
                           " ORDER BY id DESC LIMIT $3",
                 sql_text(of), sql_id(page->after), sql_int(page->limit), sql_wall(tx->now));
        break;
    case LISTED_FOR_STAFF:
        query_shows_for_staff(tx, rows, filter, page);
        break;
    case LISTED:
        tx_query(tx, rows,
                 "SELECT " SHOW_COLUMNS ", " OFFER_COLUMNS(
                     "$3") " FROM shows" WITH_OFFERS
                           " WHERE status <> 'proposed' AND merged_into IS NULL AND refusal IS NULL"
                           " AND id < $1"
                           " ORDER BY id DESC LIMIT $2",
                 sql_id(page->after), sql_int(page->limit), sql_wall(tx->now));
        break;
    }
}

enum err show_next(struct rows *rows, struct arena *arena, struct list_page *page, struct show *out)
{
    while (rows_next(rows)) {
        enum err err = show_read(rows, arena, 0, out);

        list_page_add(page, rows_id(rows, 0));
        if (err != ERR_UNREADABLE) return err;
    }
    return ERR_NOT_FOUND;
}

struct show_offers offers_read(struct rows *rows, int first)
{
    return (struct show_offers){rows_int(rows, first), rows_int(rows, first + 1)};
}

struct show_offers show_offers_read(struct rows *rows)
{
    return offers_read(rows, SHOW_COLUMNS_COUNT);
}

enum err show_offers_put(struct tx *tx, struct object_id show_id, int64_t version,
                         const struct show_offers *offers, bool *news)
{
    int64_t changed = 0;
    enum err err =
        tx_exec(tx, &changed,
                "INSERT INTO show_offers (show_id, offers_version, lowest_cents, available)"
                " VALUES ($1, $2, $3, $4) ON CONFLICT (show_id) DO UPDATE SET"
                " offers_version = excluded.offers_version, lowest_cents = excluded.lowest_cents,"
                " available = excluded.available"
                " WHERE show_offers.offers_version < excluded.offers_version",
                sql_id(show_id), sql_int(version), sql_int(offers->lowest_cents),
                sql_int(offers->available));

    *news = changed == 1;
    return err;
}

enum err shows_at_venue(struct tx *tx, struct arena *arena, struct object_id venue_id,
                        struct object_id after, struct show *out, size_t max, size_t *count)
{
    struct rows rows;
    enum err err = OK, end;

    *count = 0;
    tx_query(
        tx, &rows,
        "SELECT " SHOW_COLUMNS " FROM shows WHERE venue_id = $1 AND id > $2"
        " AND status <> 'cancelled' AND merged_into IS NULL ORDER BY id LIMIT $3" SQL_FOR_UPDATE,
        sql_id(venue_id), sql_id(after), sql_int((int64_t)max));
    while (err == OK && *count < max && rows_next(&rows))
        err = show_read(&rows, arena, 0, &out[(*count)++]);
    end = rows_end(&rows);
    return err == OK ? end : err;
}

enum err proposals_open(struct tx *tx, struct str user_id, int64_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT (SELECT COUNT(*) FROM venues WHERE user_id = $1 AND status = 'proposed'"
             " AND merged_into IS NULL) + (SELECT COUNT(*) FROM shows WHERE user_id = $1"
             " AND status = 'proposed' AND merged_into IS NULL)",
             sql_text(user_id));
    if (rows_next(&rows)) *count = rows_int(&rows, 0);
    return rows_end(&rows);
}
