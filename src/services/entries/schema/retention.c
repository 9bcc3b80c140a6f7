/* services/entries/schema/retention.c: how long the rows of entries' tables are kept. */
#include "services/entries/door/scan_store.h"
#include "services/entries/store.h"

const struct retention entries_retention[] = {
    {"entries", "for ever: who could get in by what", NULL},
    {"entry_keys", "for ever: what was printed stays right", NULL},
    {"gates", "for ever: who let in", NULL},
    {"admissions", "for ever: an entry is let in once", NULL},
    {"scans", "RETENTION_DAYS; for ever where the gate let in what was not to be let in",
     scans_forget},
    {"door_changes", "for ever: the latest change of an entry, for gates without a network", NULL},
    {"transfers", "for ever: whose an entry was", NULL},
    {"confirmed_people", "for ever: one a user whose address was confirmed", NULL},
    {"orders_heard",
     "for ever where it has entries, or may have been complete; else RETENTION_DAYS after the "
     "order "
     "was to end",
     orders_heard_forget},
    {"venue_copies", "for ever: one a venue, so that its events apply once", NULL},
    {"show_copies", "for ever: one a show, so that its events apply once", NULL},
    {"listing_copies", "for ever: one a listing, so that its events apply once", NULL},
    {"ticket_copies", "for ever: one a ticket of a listing, whose money may come late", NULL},
    {0},
};
