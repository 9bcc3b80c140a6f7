/* services/admin/schema/retention.c: how long the rows of the administration's tables are kept. */
#include "services/admin/admin.h"

const struct retention admin_retention[] = {
    {"durables",
     "until the operator ends it (events unsubscribe): its events are kept for it meanwhile", NULL},
    {"durable_in_flight", "until it is acknowledged", NULL},
    {0},
};
