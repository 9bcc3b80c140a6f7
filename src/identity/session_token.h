/* identity/session_token.h: who is signed in, as a token says it: JWT (RFC 7519). */
#ifndef IDENTITY_SESSION_TOKEN_H
#define IDENTITY_SESSION_TOKEN_H

#include "base/json.h"
#include "base/random.h"
#include "identity/revocation_table.h"
#include "identity/session_keys.h"

#define SESSION_MAX_AGE_S (30 * 24 * 3600) /* for a token without exp, from its iat */

/* True when the token is good: signed by one of the keys, its claims in order, no claim twice, not
 * expired, valid by now, its id valid (identity/user_id.h). user's strings live in the arena.
 * now_s: seconds since 1970. nbf has a leeway of 30 s, the clocks of two machines differ (RFC 7519
 * section 4.1.5); exp has none, but a session that `known` has as extended goes on (NULL: none
 * has). */
bool session_token_verify(const struct session_keys *keys, struct revocation_table *known,
                          struct arena *arena, struct str token, int64_t now_s,
                          struct session_user *user);
/* The same for a user that was verified before: whether the token, or what was added to it, goes
 * on. user gets what was added. */
bool session_is_current(struct revocation_table *known, struct session_user *user, int64_t now_s);
/* Appends a token for the user; check token->failed. */
void session_token_make(const struct session_keys *keys, struct arena *arena,
                        const struct session_user *user, struct buf *token);

/* The member roles, as a token has it; nothing when there are none. */
void json_put_roles(struct json_writer *writer, struct role_set roles);

/* A fresh session id: 128 random bits (the claim sid of OpenID Connect Front-Channel Logout), and
 * its SHA-256, which is all that is ever stored. */
void session_id_make(struct random *random, struct session_user *user);
/* Less than half of a token's life is left, and its session may have a record: time to ask auth. */
bool session_is_old(const struct session_user *user, int64_t now_s);

#endif
