/* services/auth/auth.h: what the parts of the auth service share. */
#ifndef SERVICES_AUTH_AUTH_H
#define SERVICES_AUTH_AUTH_H

#include "runtime/service.h"
#include "services/auth/password.h"

/* env->state of the service. Made at start, never changed: any thread may read it. */
struct auth {
    struct arena *arena; /* holds this struct */
    struct password_hash nobody;
};

#define AUTH_ROUTES 4
extern const struct route auth_routes[AUTH_ROUTES];

#endif
