/* services/auth/auth.h: what the parts of the auth service share. */
#ifndef SERVICES_AUTH_AUTH_H
#define SERVICES_AUTH_AUTH_H

#include "runtime/limits.h"
#include "runtime/service.h"
#include "services/auth/password.h"

/* env->state of the service. Made at start; any thread may read it, and the limits guard
 * themselves. */
struct auth {
    struct arena *arena; /* holds this struct */
    struct password_hash nobody;
    struct limit *account_failures, *address_failures; /* of signing in */
    struct limit *signups;                             /* by address */
};

#define AUTH_ROUTES 4
extern const struct route auth_routes[AUTH_ROUTES];

#endif
