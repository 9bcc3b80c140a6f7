/* services/orders/seats.h: which tickets of a listing an order of several gets. Pure. */
#ifndef SERVICES_ORDERS_SEATS_H
#define SERVICES_ORDERS_SEATS_H

#include "events/sale_rules.h"

/* What can be had of a listing: the places of its free tickets in its order, ascending. */
struct free_places {
    const int64_t *at;
    size_t count;
    bool seats; /* neighbours sit side by side; else one place is as good as another */
};

/* Chooses `quantity` (from 1 to places->count) of them: *first is the index of the first one, the
 * others follow it. They are neighbours; of all such, those that leave no seat alone where that is
 * possible, then those out of the smallest gap, so that the large ones stay for large orders.
 * Whoever takes all that is left takes it as it is. False: so many are left, but not together. */
bool seats_choose(const struct free_places *places, enum split split, size_t quantity,
                  size_t *first);
/* The most of them that are neighbours. */
size_t seats_together(const struct free_places *places);

#endif
