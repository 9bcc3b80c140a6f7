/* services/auth/store.h: the rows of the users table; every SQL statement of the service. */
#ifndef SERVICES_AUTH_STORE_H
#define SERVICES_AUTH_STORE_H

#include "services/auth/user.h"
#include "sql/sql.h"

extern const struct migration auth_schema[];

/* ERR_EMAIL_IN_USE: another row has this email_key; nothing was written. */
enum err user_insert(struct tx *tx, const struct user *user);

/* By users_by_email_key. ERR_NOT_FOUND; out's texts live in the arena. */
enum err user_find(struct tx *tx, struct arena *arena, struct str key, struct user *out);

/* Whether anybody's hash still is the Node application's. */
enum err users_imported_left(struct tx *tx, bool *left);
/* Replaces a hash by a better one of the same password, unless it has changed meanwhile. */
enum err user_rehash(struct tx *tx, struct object_id id, const struct password_hash *from,
                     const struct password_hash *to);
enum err user_get(struct tx *tx, struct arena *arena, struct object_id id, struct user *out);
/* Status, version and what is known of the ban. */
enum err user_ban_put(struct tx *tx, const struct user *user);
/* Up to max banned users with an id below `after`, newest first; texts in the arena. */
enum err users_banned(struct tx *tx, struct arena *arena, struct object_id after, struct user *out,
                      size_t max, size_t *count);

struct session_record {
    struct str id_hash, user_id;
    int64_t created_at_ms, seen_at_ms, alive_until_ms, ends_at_ms;
    struct str address, agent;
};

enum err session_insert(struct tx *tx, const struct session_record *record);
/* ERR_NOT_FOUND. user_id in the arena; address and agent are not read. */
enum err session_get(struct tx *tx, struct arena *arena, struct str id_hash,
                     struct session_record *out);
enum err session_seen(struct tx *tx, struct str id_hash, int64_t now_ms, int64_t alive_until_ms);
enum err session_delete(struct tx *tx, struct str id_hash, int64_t *removed);
/* The hash of the one too many of a user's sessions, in the arena; empty: there is none. */
enum err session_surplus(struct tx *tx, struct arena *arena, struct str user_id, int64_t max,
                         struct str *out);
/* Up to max hashes, in the arena. */
enum err sessions_of_user(struct tx *tx, struct arena *arena, struct str user_id, struct str *out,
                          size_t max, size_t *count);
/* Removes at most max whose last token has ended. */
enum err sessions_forget(struct tx *tx, int64_t max, int64_t *forgotten);
/* When the next one will have, or the next ended one can be forgotten; JOB_NEVER: there is none. */
enum err sessions_first_end(struct tx *tx, int64_t *first_ms);

#endif
