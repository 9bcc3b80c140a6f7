/* services/payments/schema/retention.c: how long the rows of payments' tables are kept. */
#include "services/payments/store.h"

const struct retention payments_retention[] = {
    {"charges", "for ever: money", NULL},
    {"ledger", "for ever: money", NULL},
    {"refunds", "for ever: money", NULL},
    {"disputes", "for ever: money", NULL},
    {"order_copies",
     "for ever where somebody tried to pay: money; of others, until RETENTION_DAYS after they were "
     "to end",
     order_copies_forget},
    {"payment_keys", "for a day (store.c)", NULL},
    {"webhook_events", "for 30 days, longer than they are sent again (store.c)", NULL},
    {"webhook_counts", "for ever: one a type", NULL},
    {0},
};
