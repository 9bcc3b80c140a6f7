/* services/entries/schema/retention.c: how long the rows of entries' tables are kept. */
#include "services/entries/store.h"

const struct retention entries_retention[] = {
    {"entries", "for ever: who could get in by what", NULL},
    {"entry_keys", "for ever: what was printed stays right", NULL},
    {"transfers", "for ever: whose an entry was", NULL},
    {"confirmed_people", "for ever: one a user whose address was confirmed", NULL},
    {"orders_heard",
     "for ever where it has entries; else RETENTION_DAYS after the order was to end",
     orders_heard_forget},
    {"venue_copies", "for ever: one a venue, so that its events apply once", NULL},
    {"show_copies", "for ever: one a show, so that its events apply once", NULL},
    {"listing_copies", "for ever: one a listing, so that its events apply once", NULL},
    {"ticket_copies", "for ever: one a ticket of a listing, whose money may come late", NULL},
    {0},
};
