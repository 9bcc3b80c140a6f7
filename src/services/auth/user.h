/* services/auth/user.h: one person who may sign in, and the rules about their details.
 *
 * Pure: what is decided here depends on the arguments alone. Lengths and messages are the
 * contract's (docs/openapi.json, auth). Threads: any. */
#ifndef SERVICES_AUTH_USER_H
#define SERVICES_AUTH_USER_H

#include "base/arena.h"
#include "base/object_id.h"
#include "services/auth/password.h"

#define EMAIL_MAX           254 /* bytes: RFC 5321's longest path, without its angle brackets */
#define EMAIL_LOCAL_MAX     64  /* bytes: RFC 5321 section 4.5.3.1.1 */
#define DOMAIN_LABEL_MAX    63  /* bytes: RFC 1035 section 2.3.4 */
#define PASSWORD_LENGTH_MIN 8   /* code points */
#define PASSWORD_LENGTH_MAX 128 /* code points */

enum user_status { USER_ACTIVE, USER_BANNED };

struct user {
    struct object_id id;
    int64_t version;
    struct str email;     /* as typed */
    struct str email_key; /* as compared: email_key() of it */
    struct password_hash hash;
    enum user_status status;
    int64_t created_at_ms;
    struct str ban_reason; /* empty unless banned, or banned without one */
    int64_t banned_at_ms;  /* 0 unless banned */
};

/* "active" or "banned", as rows and events have it; parse is false for any other word. */
struct str user_status_text(enum user_status status);
bool user_status_parse(struct str text, enum user_status *out);

/* Someone new: version 0, active. The texts stay the caller's. */
struct user user_new(struct object_id id, struct str email, struct str key,
                     const struct password_hash *hash, int64_t now_ms);

/* The user's next version, banned or active again. False: so already. reason: the caller's text. */
bool user_ban(struct user *user, struct str reason, int64_t now_ms);
bool user_unban(struct user *user);

/* True for local@domain: the local part a dot-atom (RFC 5322 section 3.2.3), the domain two or more
 * labels, the last one letters. Both may hold letters beyond ASCII (RFC 6531). No quoted local
 * parts, no comments, no address literals. Spaces around it are not valid. */
bool email_valid(struct str email);

/* What emails are compared by: the same text in lower case (ASCII, and the Latin, Greek, Cyrillic
 * and Armenian letters of two UTF-8 bytes; others compare as they are). In the arena; ERR_MEMORY.
 */
enum err email_key(struct arena *arena, struct str email, struct str *out);

/* PASSWORD_LENGTH_MIN to PASSWORD_LENGTH_MAX code points. Expects text already trimmed. */
bool password_length_valid(struct str password);

#endif
