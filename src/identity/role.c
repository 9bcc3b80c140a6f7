/* identity/role.c: the words of roles. */
#include "identity/role.h"

static const char *const words[ROLE_COUNT] = {
#define X(name, word) [ROLE_##name] = word,
    ROLE_MAP(X)
#undef X
};

struct str role_text(enum role role)
{
    return str_of(words[role]);
}

bool role_parse(struct str word, enum role *out)
{
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (!str_eq(word, str_of(words[role]))) continue;
        *out = role;
        return true;
    }
    return false;
}
