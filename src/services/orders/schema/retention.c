/* services/orders/schema/retention.c: how long the rows of orders' tables are kept. */
#include "services/orders/copy_store.h"
#include "services/orders/store.h"

const struct retention orders_retention[] = {
    {"orders", "for ever: what people have bought, and what came of it", NULL},
    {"order_tickets", "for ever: what people have bought of listings", NULL},
    {"payments", "for ever: what was paid for each order", NULL},
    {"ticket_copies",
     "until it is sold, and RETENTION_DAYS after it was listed; else, and of a listing, for ever",
     ticket_copies_forget},
    {"listing_copies", "for ever: one a listing, so that its events apply once", NULL},
    {"show_copies", "for ever: one a show, so that its events apply once", NULL},
    {0},
};
