/* services/auth/user.h: one person who may sign in, and the rules about their details.
 *
 * Pure: what is decided here depends on the arguments alone. Lengths and messages are the
 * contract's (docs/openapi.json, auth). Threads: any. */
#ifndef SERVICES_AUTH_USER_H
#define SERVICES_AUTH_USER_H

#include "base/arena.h"
#include "base/object_id.h"
#include "identity/email.h"
#include "services/auth/password.h"

#define PASSWORD_LENGTH_MIN 8   /* code points */
#define PASSWORD_LENGTH_MAX 128 /* code points */

enum user_status { USER_ACTIVE, USER_BANNED };

struct user {
    struct object_id id;
    int64_t version;
    struct str email;     /* as typed */
    struct str email_key; /* as compared: email_key() of it, or of accounts made before
                             email_key_before() */
    struct password_hash hash;
    enum user_status status;
    struct wall_ms created_at;
    struct str ban_reason;       /* empty unless banned, or banned without one */
    struct wall_ms banned_at;    /* WALL_NONE unless banned */
    struct wall_ms confirmed_at; /* WALL_NONE: nobody has shown yet that the address is theirs */
};

/* "active" or "banned", as rows and events have it; parse is false for any other word. */
struct str user_status_text(enum user_status status);
bool user_status_parse(struct str text, enum user_status *out);

/* Someone new: version 0, active. The texts stay the caller's. */
struct user user_new(struct object_id id, struct str email, struct str key,
                     const struct password_hash *hash, struct wall_ms now);

/* The user's next version, banned or active again. False: so already. reason: the caller's text. */
bool user_ban(struct user *user, struct str reason, struct wall_ms now);
bool user_unban(struct user *user);
/* Somebody opened a link that was mailed to the address: the next version, also when that was known
 * before, so that whoever has not heard of it does. */
void user_confirm(struct user *user, struct wall_ms now);

/* The password as it is counted and hashed: in Unicode's form KC, so that it is the same one from
 * every keyboard (NIST SP 800-63B section 5.1.1.2), and without spaces around it. In the arena; at
 * == NULL when memory ran out. */
struct str password_normal(struct arena *arena, struct str typed);
/* PASSWORD_LENGTH_MIN to PASSWORD_LENGTH_MAX code points. Expects a normal one. */
bool password_length_valid(struct str password);

#endif
