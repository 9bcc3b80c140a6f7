/* services/tickets/schema/retention.c: how long the rows of tickets' tables are kept. */
#include "services/tickets/store.h"

const struct retention tickets_retention[] = {
    {"tickets", "for ever: what people have listed, and what became of it", NULL},
    {"listings", "for ever: what people have offered together, and what became of it", NULL},
    {"show_copies", "for ever: one a show, so that its events apply once", NULL},
    {"offer_changes", "until they are told of, a moment later", NULL},
    {"changed_shows", "until they are told of, a moment later", NULL},
    {"show_offers", "for ever: one a show, so that the last word on it is known", NULL},
    {"order_versions",
     "until it has ended, and RETENTION_DAYS after it was to end; for ever when it ended twice",
     order_versions_forget},
    {"confirmed_sellers", "for ever: one a user whose address was confirmed", NULL},
    {0},
};
