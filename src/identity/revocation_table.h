/* identity/revocation_table.h: what is known of sessions beside what their tokens say: banned
 * users, ended sessions, and those that go on after their token's exp. In memory, because every
 * request asks. Threads: any. */
#ifndef IDENTITY_REVOCATION_TABLE_H
#define IDENTITY_REVOCATION_TABLE_H

#include "base/clock.h"
#include "identity/session_user.h"

enum revocation_kind { REVOKED_USER, REVOKED_SESSION, SESSION_EXTENDED };

struct revocation_table *revocation_table_new(void); /* NULL when memory ran out */
void revocation_table_free(struct revocation_table *revoked);
/* key: a user's id or the SHA-256 of a session's. until in the past takes a user out again; of
 * two times for one session the later one counts. False when memory ran out. */
bool revocation_table_put(struct revocation_table *revoked, enum revocation_kind kind,
                          struct str key, struct wall_ms until, struct wall_ms now);
/* Everything anew: `to` gets what `from` has, and from is freed. */
void revocation_table_replace(struct revocation_table *to, struct revocation_table *from);
/* Whether there is anybody in it at all: cheap, for before the time is read. */
bool revocation_table_any(const struct revocation_table *revoked);
bool session_is_revoked(struct revocation_table *revoked, const struct session_user *user,
                        struct wall_ms now);
/* Until when a session goes on whatever its token says; WALL_NONE: nothing is known of it. */
struct wall_ms revocation_table_extended(struct revocation_table *known, struct str id_hash);

#endif
