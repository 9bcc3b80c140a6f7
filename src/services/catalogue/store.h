/* services/catalogue/store.h: what the catalogue keeps. Texts read live in the arena. */
#ifndef SERVICES_CATALOGUE_STORE_H
#define SERVICES_CATALOGUE_STORE_H

#include "runtime/service.h"
#include "services/catalogue/show.h"
#include "services/catalogue/venue.h"

extern const struct migration catalogue_schema[];
extern const struct retention catalogue_retention[];

/* Which of them a list has. */
enum listed {
    LISTED,           /* for everybody: accepted, not merged */
    LISTED_FOR_STAFF, /* what the filter says, whatever its status */
    LISTED_OF_USER,   /* what one proposed, whatever became of it */
    LISTED_OF_VENUE   /* shows alone: for everybody, at one venue */
};

/* What staff look for. */
struct staff_filter {
    struct str status;  /* one of staff_status; "any": every one of them */
    struct str pattern; /* of LIKE, of a folded text */
    struct wall_ms now; /* shows: scheduled is what is still to come, over what has begun */
};

/* In a writer the row is locked. ERR_NOT_FOUND. */
enum err venue_get(struct tx *tx, struct arena *arena, struct object_id id, struct venue *out);
/* The arena is for the way: nothing stays in it that is needed afterwards. */
enum err venue_insert(struct tx *tx, struct arena *arena, const struct venue *venue);
enum err venue_update(struct tx *tx, struct arena *arena, const struct venue *venue);
/* The rows of a page of them, newest first, for venue_next; then rows_end. of: the user of
 * LISTED_OF_USER; filter: of LISTED_FOR_STAFF, else not looked at. */
void venues_list(struct tx *tx, struct rows *rows, enum listed which, struct str of,
                 const struct staff_filter *filter, const struct list_page *page);
/* The next of them that can be read; the page counts every row. ERR_NOT_FOUND: no more. */
enum err venue_next(struct rows *rows, struct arena *arena, struct list_page *page,
                    struct venue *out);

enum err show_get(struct tx *tx, struct arena *arena, struct object_id id, struct show *out);
enum err show_insert(struct tx *tx, struct arena *arena, const struct show *show);
enum err show_update(struct tx *tx, struct arena *arena, const struct show *show);
/* As of venues; of: the user of LISTED_OF_USER, the venue's id of LISTED_OF_VENUE. */
void shows_list(struct tx *tx, struct rows *rows, enum listed which, struct str of,
                const struct staff_filter *filter, const struct list_page *page);
enum err show_next(struct rows *rows, struct arena *arena, struct list_page *page,
                   struct show *out);
/* Up to max shows of a venue that are neither cancelled nor merged, with an id above `after`. */
enum err shows_at_venue(struct tx *tx, struct arena *arena, struct object_id venue_id,
                        struct object_id after, struct show *out, size_t max, size_t *count);

/* --- what can be had of a show --------------------------------------------------------------- */

struct show_offers {
    int64_t lowest_cents; /* what the cheapest ticket costs in full; 0: there is none */
    int64_t available;    /* tickets */
};
/* *news: no later version was put before. */
enum err show_offers_put(struct tx *tx, struct object_id show_id, int64_t version,
                         const struct show_offers *offers, bool *news);
/* Of the show that show_next gave, of a list for everybody. */
struct show_offers show_offers_read(struct rows *rows);

/* How many proposals of the user wait for staff. */
enum err proposals_open(struct tx *tx, struct str user_id, int64_t *count);

#endif
