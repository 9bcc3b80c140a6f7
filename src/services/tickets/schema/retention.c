/* services/tickets/schema/retention.c: how long the rows of tickets' tables are kept. */
#include "services/tickets/store.h"

const struct retention tickets_retention[] = {
    {"tickets", "for ever: what people have listed, and what became of it", NULL},
    {"order_versions", "for ever: one an order, so that its events apply once", NULL},
    {0},
};
