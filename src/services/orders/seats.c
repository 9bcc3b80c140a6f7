/* services/orders/seats.c: see services/orders/seats.h. */
#include "services/orders/seats.h"

/* How many neighbours begin at that index. */
static size_t run_at(const struct free_places *places, size_t from)
{
    size_t end = from + 1;

    if (!places->seats) return places->count - from;
    while (end < places->count && places->at[end] == places->at[end - 1] + 1)
        end++;
    return end - from;
}

bool seats_choose(const struct free_places *places, enum split split, size_t quantity,
                  size_t *first)
{
    size_t least = SIZE_MAX, run;

    ASSERT(quantity >= 1 && quantity <= places->count);
    *first = 0;
    if (split == SPLIT_ALL) return quantity == places->count;
    for (size_t from = 0; from < places->count; from += run) {
        size_t left;

        run = run_at(places, from);
        if (run < quantity) continue;
        left = run - quantity == 1 ? SIZE_MAX - 1 : run - quantity; /* one alone is the worst */
        if (left >= least) continue;
        least = left;
        *first = from;
    }
    return least != SIZE_MAX;
}

size_t seats_together(const struct free_places *places)
{
    size_t most = 0, run;

    for (size_t from = 0; from < places->count; from += run) {
        run = run_at(places, from);
        if (run > most) most = run;
    }
    return most;
}
