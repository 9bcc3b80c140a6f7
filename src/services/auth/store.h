/* services/auth/store.h: the rows of the users table; every SQL statement of the service. */
#ifndef SERVICES_AUTH_STORE_H
#define SERVICES_AUTH_STORE_H

#include "identity/role.h"
#include "services/auth/user.h"
#include "sql/sql.h"

extern const struct migration auth_schema[];
extern const struct retention auth_retention[];

/* ERR_EMAIL_IN_USE: another row has this email_key; nothing was written. */
enum err user_insert(struct tx *tx, const struct user *user);

/* By users_by_email_key: whoever still has the key of before, else whoever has the key; an empty
 * one is nobody's. ERR_NOT_FOUND; out's texts live in the arena. */
enum err user_find(struct tx *tx, struct arena *arena, struct str key, struct str before,
                   struct user *out);
/* Up to max users whose key was not looked at since email_key came; texts in the arena. */
enum err emails_of_old_rule(struct tx *tx, struct arena *arena, struct user *out, size_t max,
                            size_t *count);
/* Gives the user that key, unless somebody has it: then the old one stays. */
enum err email_rekey(struct tx *tx, const struct user *user, struct str key);

/* Whether anybody's hash still is the Node application's. */
enum err users_imported_left(struct tx *tx, bool *left);
/* Replaces a hash by a better one of the same password, unless it has changed meanwhile. */
enum err user_rehash(struct tx *tx, struct object_id id, const struct password_hash *from,
                     const struct password_hash *to);
/* In a writer it is locked: a session is made of what its user is, and nothing of it changes
 * meanwhile. */
enum err user_get(struct tx *tx, struct arena *arena, struct object_id id, struct user *out);
/* All but the password. Whose address it is must be known before: another row with this email_key
 * is an error of the database. */
enum err user_update(struct tx *tx, const struct user *user);
/* Up to max users with an id below `after`, newest first, of that status (NULL: of any); texts in
 * the arena. */
enum err users_page(struct tx *tx, struct arena *arena, const enum user_status *status,
                    struct object_id after, struct user *out, size_t max, size_t *count);
/* Up to max users whose address, as it is compared, has that text in it; as users_page. */
enum err users_called(struct tx *tx, struct arena *arena, struct str text, struct user *out,
                      size_t max, size_t *count);

enum err user_roles(struct tx *tx, struct str user_id, struct role_set *out);
/* *changed: the user did not have it, or had it, before. */
enum err user_role_grant(struct tx *tx, struct str user_id, enum role role, bool *changed);
enum err user_role_revoke(struct tx *tx, struct str user_id, enum role role, bool *changed);

struct session_record {
    struct str id_hash, user_id;
    struct wall_ms created_at, seen_at, alive_until, ends_at, used_at;
    struct str address, agent, used_address;
};

enum err session_insert(struct tx *tx, const struct session_record *record);
/* ERR_NOT_FOUND. user_id in the arena; where it was begun and used is not read. */
enum err session_get(struct tx *tx, struct arena *arena, struct str id_hash,
                     struct session_record *out);
/* A token was made that ends then; one that was made before may end later. */
enum err session_seen(struct tx *tx, struct str id_hash, struct wall_ms now,
                      struct wall_ms alive_until);
/* Its tokens are good until then at least. */
enum err session_alive(struct tx *tx, struct str id_hash, struct wall_ms alive_until);
/* It was used just now, from there. */
enum err session_used(struct tx *tx, struct str id_hash, struct str address);
enum err session_delete(struct tx *tx, struct str id_hash);
/* The hash of the one too many of a user's sessions, in the arena; empty: there is none. */
enum err session_surplus(struct tx *tx, struct arena *arena, struct str user_id, int64_t max,
                         struct str *out);
/* Up to max hashes, in the arena. */
enum err sessions_of_user(struct tx *tx, struct arena *arena, struct str user_id, struct str *out,
                          size_t max, size_t *count);
/* Up to max of a user's that have not ended, what was used last first; texts in the arena. */
enum err sessions_list(struct tx *tx, struct arena *arena, struct str user_id,
                       struct session_record *out, size_t max, size_t *count);
/* Removes at most max whose last token has ended. */
enum err sessions_forget(struct tx *tx, int64_t max, int64_t *forgotten);
/* When the next one will have, or the next ended one can be forgotten; WALL_NEVER: there is none.
 */
enum err sessions_first_end(struct tx *tx, struct wall_ms *first_end);

#endif
