/* events/values.h: values of events that rules know, too. */
#ifndef EVENTS_VALUES_H
#define EVENTS_VALUES_H

#include "base/arena.h"
#include "base/object_id.h"

#define NO_BOUND  (-1) /* a BOUND that is absent */
#define NAMES_MAX 20
#define LISTING_TICKETS_MAX                                                                        \
    500 /* made in one commit, and ordered in one; more are another listing */

struct name_list {
    const struct str *at;
    size_t count;
};

/* Tickets of an order of a listing, in the listing's order, each at the price it was ordered at. */
struct ordered_ticket {
    struct object_id id;
    int64_t price_cents;
};
struct ordered_list {
    const struct ordered_ticket *at;
    size_t count;
};

/* The tickets of an order event: its list, or the one ticket of an order without. */
static inline struct ordered_list ordered_tickets(const struct ordered_list *list,
                                                  const struct ordered_ticket *only)
{
    return list->count ? *list : (struct ordered_list){only, 1};
}
/* What they cost together. */
int64_t ordered_total(const struct ordered_list *list);

/* The names as a column keeps them, one a line: they have no line ends of their own. */
struct str names_joined(struct buf *out, const struct name_list *names);
/* And back, in the arena; what is beyond NAMES_MAX is left out. False: memory ran out. */
bool names_split(struct arena *arena, struct str lines, struct name_list *out);

#endif
