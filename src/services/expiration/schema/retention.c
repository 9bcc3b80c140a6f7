/* services/expiration/schema/retention.c: how long the rows of expiration's tables are kept. */
#include "services/expiration/store.h"

const struct retention expiration_retention[] = {
    {"timers", "until it need not ring, and RETENTION_DAYS after its order was to end",
     timers_forget},
    {0},
};
