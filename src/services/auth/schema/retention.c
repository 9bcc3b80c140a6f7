/* services/auth/schema/retention.c: how long the rows of auth's tables are kept. */
#include "services/auth/store.h"

const struct retention auth_retention[] = {
    {"users", "for ever: people's accounts", NULL},
    {"user_roles", "until the operator takes the role back", NULL},
    {"sessions", "until the last token ends (session.c)", NULL},
    {"factors", "until its user, or the operator, turns it off", NULL},
    {"recovery_codes", "until it is used, or the factor is turned off", NULL},
    {"links", "until it is opened or its time is over (links.c)", NULL},
    {"reset_requests", "until it was looked whose it is, at once (forgot_password.c)", NULL},
    {0},
};
