/* runtime/schema/retention.c: how long the rows of the runtime's tables are kept. */
#include "runtime/revocations.h"

const struct retention runtime_retention[] = {
    {"banned_users", "for ever: one a user that ever changed, whose bans must not be forgotten",
     NULL},
    {"ended_sessions", "until the session's last token ends (revocations.c)", NULL},
    {"extended_sessions", "until the session's last token ends (revocations.c)", NULL},
    {"audit", "for a year (audit.c); the engine refuses less", NULL},
    {0},
};
