/* identity/role.h: what staff may do (docs/security.md, "Roles"): in auth's rows, in session tokens
 * and wherever a service asks. Threads: any. */
#ifndef IDENTITY_ROLE_H
#define IDENTITY_ROLE_H

#include "base/str.h"

/*    enum      word */
#define ROLE_MAP(X)                                                                                \
    X(SUPPORT, "support")                                                                          \
    X(FINANCE, "finance")                                                                          \
    X(CATALOGUE, "catalogue")                                                                      \
    X(ADMIN, "admin")

enum role {
#define X(name, word) ROLE_##name,
    ROLE_MAP(X)
#undef X
        ROLE_COUNT
};

/* Several: one bit a role. */
struct role_set {
    uint32_t bits;
};

static inline void role_add(struct role_set *roles, enum role role)
{
    roles->bits |= (uint32_t)1 << role;
}
static inline bool role_in(struct role_set roles, enum role role)
{
    return (roles.bits >> role & 1) != 0;
}
/* Whether what is for that role is allowed: to whoever has it, and to an admin. */
static inline bool role_allows(struct role_set roles, enum role role)
{
    return role_in(roles, role) || role_in(roles, ROLE_ADMIN);
}

struct str role_text(enum role role);
/* False for any other word. */
bool role_parse(struct str word, enum role *out);

#endif
