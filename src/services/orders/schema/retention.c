/* services/orders/schema/retention.c: how long the rows of orders' tables are kept. */
#include "services/orders/store.h"

const struct retention orders_retention[] = {
    {"orders", "for ever: what people have bought, and what came of it", NULL},
    {"payments", "for ever: what was paid for each order", NULL},
    {"ticket_copies", "until it is sold, and RETENTION_DAYS after it was listed; else for ever",
     ticket_copies_forget},
    {0},
};
