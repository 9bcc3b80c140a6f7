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

/* A user of this id. */
enum err user_exists(struct tx *tx, struct object_id id, bool *exists);

/* Whether anybody's hash still is the Node application's. */
enum err users_imported_left(struct tx *tx, bool *left);
/* Replaces a hash by a better one of the same password, unless it has changed meanwhile. */
enum err user_rehash(struct tx *tx, struct object_id id, const struct password_hash *from,
                     const struct password_hash *to);

#endif
