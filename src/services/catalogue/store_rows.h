/* services/catalogue/store_rows.h: rows of venues and shows, for who joins their tables. */
#ifndef SERVICES_CATALOGUE_STORE_ROWS_H
#define SERVICES_CATALOGUE_STORE_ROWS_H

#include "services/catalogue/store.h"

/* table: "venues." or "". */
#define VENUE_COLUMNS_OF(table)                                                                    \
    table "id, " table "version, " table "status, " table "name, " table "city, " table            \
          "country, " table "latitude, " table "longitude, " table "time_zone, " table             \
          "user_id, " table "merged_into, " table "refusal"
#define SHOW_COLUMNS_OF(table)                                                                     \
    table "id, " table "version, " table "status, " table "venue_id, " table "title, " table       \
          "performers, " table "category, " table "starts_at_ms, " table "starts_local, " table    \
          "doors_at_ms, " table "doors_local, " table "max_per_buyer, " table                      \
          "max_over_face_bps, " table "user_id, " table "merged_into, " table "refusal"
#define SHOW_COLUMNS_COUNT  16
#define VENUE_COLUMNS_COUNT 12

/* What can be had of a show now (the parameter), and what the cheapest costs: nothing of what was
 * cancelled or has begun. With WITH_OFFERS behind the table of shows. */
#define OFFER_COLUMNS(now) OFFERED("lowest_cents", now) ", " OFFERED("available", now)
#define OFFERED(column, now)                                                                       \
    "CASE WHEN shows.status = 'postponed'"                                                         \
    " OR (shows.status = 'scheduled' AND shows.starts_at_ms > " now ")"                            \
    " THEN COALESCE(show_offers." column ", 0) ELSE 0 END"
#define WITH_OFFERS " LEFT JOIN show_offers ON show_offers.show_id = shows.id"

/* The row the query stands on, its columns from the first-th on; texts in the arena.
 * ERR_UNREADABLE: a word in it is none of ours. */
enum err venue_read(struct rows *rows, struct arena *arena, int first, struct venue *out);
enum err show_read(struct rows *rows, struct arena *arena, int first, struct show *out);
/* OFFER_COLUMNS. */
struct show_offers offers_read(struct rows *rows, int first);

#endif
