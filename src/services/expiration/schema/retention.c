/* services/expiration/schema/retention.c: how long the rows of expiration's tables are kept. */
#include "services/expiration/store.h"

const struct retention expiration_retention[] = {
    {"timers", "for ever: one an order, so that its events apply once", NULL},
    {0},
};
