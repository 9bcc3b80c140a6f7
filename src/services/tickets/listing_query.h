/* services/tickets/listing_query.h: what may be asked of the listings of a show. Pure. */
#ifndef SERVICES_TICKETS_LISTING_QUERY_H
#define SERVICES_TICKETS_LISTING_QUERY_H

#include "services/tickets/listing.h"

enum listing_sort { LISTINGS_BY_PRICE, LISTINGS_NEWEST };

/* Where a page ends. */
struct listing_mark {
    int64_t price_cents;
    struct object_id id;
};

struct listing_query {
    struct object_id show_id;
    int64_t quantity;       /* that can be bought together; 0: any */
    int64_t min_cents;      /* of one ticket … */
    int64_t max_cents;      /* … at least and at most */
    struct str section_key; /* text_label_key; empty: any */
    enum listing_sort sort;
    uint64_t fingerprint;      /* of all that is asked, but for the page */
    struct listing_mark after; /* the page begins behind this one */
    int64_t limit;
};

/* How many tickets the query's prices in full are of. */
static inline int64_t query_tickets(const struct listing_query *query)
{
    return query->quantity ? query->quantity : 1;
}

#define LISTING_CURSOR_LEN 56
/* Where a page ended, for the same query alone. */
void listing_cursor_write(const struct listing_query *query, const struct listing_mark *end,
                          char out[LISTING_CURSOR_LEN + 1]);
/* False: it is no cursor, or one of another query. */
bool listing_cursor_read(struct listing_query *query, struct str text);

#endif
