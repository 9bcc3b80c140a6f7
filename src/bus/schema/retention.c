/* bus/schema/retention.c: how long the rows of the bus's tables are kept. */
#include "bus/bus.h"

const struct retention bus_retention[] = {
    {"schema_migrations", "for ever: what this database is", NULL},
    {"outbox",
     "until RETENTION_DAYS are over and every reader is beyond it (outbox_prune); the newest for "
     "ever: sequences go on after it",
     NULL},
    {"outbox_unrelayed", "until the broker has acknowledged it (relay.c)", NULL},
    {"bus_channels", "for ever: one a subject", NULL},
    {"bus_positions", "for ever: one a service", NULL},
    {"bus_waiting", "for a day at most, then it is a dead letter (subscription.c)", NULL},
    {"bus_inbox", "for a day longer than the broker's stream keeps an event (inbox.c)", NULL},
    {"bus_dead", "until the operator retries or drops it, a year at most", dead_letters_forget},
    {"bus_members", "for ever: one a service", NULL},
    {0},
};
