/* services/auth/link_store.h: the rows of links that were sent and not opened yet. */
#ifndef SERVICES_AUTH_LINK_STORE_H
#define SERVICES_AUTH_LINK_STORE_H

#include "identity/link_token.h"
#include "sql/sql.h"

struct link {
    struct object_id id;
    enum link_kind kind;
    struct object_id user_id;
    struct str email; /* LINK_ADDRESS: the one that is to be confirmed; else empty */
    struct wall_ms ends_at;
};

enum err link_insert(struct tx *tx, const struct link *link);
/* By id and kind, unless its time is over: ERR_NOT_FOUND. In a writer it is locked. email in the
 * arena. */
enum err link_get(struct tx *tx, struct arena *arena, struct object_id id, enum link_kind kind,
                  struct link *out);
/* *deleted: it was there. */
enum err link_delete(struct tx *tx, struct object_id id, bool *deleted);
/* All that the user has. */
enum err links_delete(struct tx *tx, struct object_id user_id);
/* Those to an address that is not this one. */
enum err links_to_others_delete(struct tx *tx, struct object_id user_id, struct str email);
/* How many of one kind the user has that may still be opened. */
enum err links_count(struct tx *tx, enum link_kind kind, struct object_id user_id, int64_t *count);

/* Somebody who lost a password, by both keys of the address they typed. */
struct reset_request {
    int64_t id;
    struct str key, before;
};
enum err reset_request_put(struct tx *tx, struct str key, struct str before);
/* Takes up to max of them out, the oldest first; texts in the arena. */
enum err reset_requests_take(struct tx *tx, struct arena *arena, struct reset_request *out,
                             size_t max, size_t *count);

/* Removes at most max whose time is over. */
enum err links_forget(struct tx *tx, int64_t max, int64_t *forgotten);

#endif
