/* services/auth/links.h: links that were sent to somebody and may be opened once, in time. */
#ifndef SERVICES_AUTH_LINKS_H
#define SERVICES_AUTH_LINKS_H

#include "runtime/service.h"
#include "services/auth/link_store.h"

#define LINK_LIVES_MS (60 * 60 * 1000)

/* A fresh one for the user, for LINK_LIVES_MS. email: the address that it was sent to and confirms,
 * or empty (link_store.h). In the writer. */
enum err link_open(struct env *env, struct tx *tx, enum link_kind kind, struct object_id user_id,
                   struct str email, struct link *out);
/* The link that the token opens, and nothing changes: ERR_LINK_USED when there is none (any more),
 * or its time is over; that is logged, and counted against the address it came from. email in the
 * arena. In a reader. */
enum err link_look(struct request *rq, struct tx *tx, enum link_kind kind, struct str token,
                   struct link *out);
/* It is opened, after link_look: of many who ask, by one, the others are told ERR_LINK_USED. In the
 * writer. */
enum err link_take(struct env *env, struct tx *tx, struct arena *arena, enum link_kind kind,
                   struct str token, struct link *out);

#endif
