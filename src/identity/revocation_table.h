/* identity/revocation_table.h: what is known of sessions beside what their tokens say: banned
 * users, ended sessions, and those that go on after their token's exp. One a process, in memory,
 * because every request asks. Threads: any.
 *
 * A session ends once and is only ever extended, so what one service of the process knows of it
 * counts in all of them. Bans come and go, and of two versions of a user one service may hold the
 * later one already and another not: so each ban is kept with the set of services that know it. */
#ifndef IDENTITY_REVOCATION_TABLE_H
#define IDENTITY_REVOCATION_TABLE_H

#include "base/clock.h"
#include "identity/session_user.h"

enum revocation_kind { REVOKED_USER, REVOKED_SESSION, SESSION_EXTENDED };

/* A set of services: one bit for each. */
#define REVOKED_BY(service) (UINT32_C(1) << (service)) /* its index, below 32 */
#define REVOKED_BY_ANY      UINT32_MAX

struct revocation_table *revocation_table_new(void); /* NULL when memory ran out */
void revocation_table_free(struct revocation_table *revoked);
/* id_hash: the SHA-256 of a session's id. Of two times for one session the later one counts. kind:
 * not REVOKED_USER. False when memory ran out. */
bool revocation_table_put(struct revocation_table *revoked, enum revocation_kind kind,
                          struct str id_hash, struct wall_ms until, struct wall_ms now);
/* A service bans a user, or does no more. False when memory ran out. */
bool revocation_table_ban(struct revocation_table *revoked, uint32_t by, struct str user_id,
                          bool banned, struct wall_ms now);
/* A service's bans anew: whom `fresh` has from it, and nobody else. False when memory ran out: then
 * it may have others, too. fresh is the caller's, who alone knows it. */
bool revocation_table_ban_only(struct revocation_table *revoked, uint32_t by,
                               const struct revocation_table *fresh, struct wall_ms now);
/* Whether there is anybody in it at all: cheap, for before the time is read. */
bool revocation_table_any(const struct revocation_table *revoked);
/* It was ended, or one of those services has banned its user. NULL: no. */
bool session_is_revoked(struct revocation_table *revoked, uint32_t by,
                        const struct session_user *user, struct wall_ms now);
/* Until when a session goes on whatever its token says; WALL_NONE: nothing is known of it. */
struct wall_ms revocation_table_extended(struct revocation_table *known, struct str id_hash);

#endif
