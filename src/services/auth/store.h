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

#endif
