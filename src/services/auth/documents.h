/* services/auth/documents.h: people as docs/openapi.json shows them. */
#ifndef SERVICES_AUTH_DOCUMENTS_H
#define SERVICES_AUTH_DOCUMENTS_H

#include "base/json.h"
#include "identity/role.h"
#include "identity/session_token.h"
#include "services/auth/store.h"
#include "services/auth/user.h"

/* To who has signed in. */
void signed_in_json(struct json_writer *json, const struct user *user);
/* Who the session says is asking; null when there is none. */
void current_user_json(struct json_writer *json, const struct session_user *user);
/* To the user. */
void account_json(struct json_writer *json, const struct user *user, bool withheld);
/* To the user; current: it is the one that asks. */
void session_json(struct json_writer *json, const struct session_record *record, bool current);
/* To the operator; roles: NULL leaves them out. */
void user_json(struct json_writer *json, const struct user *user, const struct role_set *roles);

#endif
