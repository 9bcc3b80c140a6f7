/* services/orders/schema/retention.c: how long the rows of orders' tables are kept. */
#include "services/orders/store.h"

const struct retention orders_retention[] = {
    {"orders", "for ever: what people have bought, and what came of it", NULL},
    {"payments", "for ever: what was paid for each order", NULL},
    {"ticket_copies", "for ever: one a ticket, so that its events apply once", NULL},
    {0},
};
