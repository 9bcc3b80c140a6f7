/* services/entries/key_store.h: the keys that codes are signed with. */
#ifndef SERVICES_ENTRIES_KEY_STORE_H
#define SERVICES_ENTRIES_KEY_STORE_H

#include "runtime/service.h"
#include "services/entries/code.h"

/* The key of that number. ERR_NOT_FOUND. */
enum err code_key_get(struct tx *tx, int64_t id, struct code_key *out);
/* The number of the key that signs what is issued now. ERR_NOT_FOUND: there is no key yet. */
enum err code_key_signing(struct tx *tx, int64_t *id);
/* The newest key's number and when it begins to sign; 0: there is none. In a writer. */
enum err code_key_newest(struct tx *tx, int64_t *id, struct wall_ms *signs_at);
/* Unless there is one of that number. */
enum err code_key_insert(struct tx *tx, const struct code_key *key, struct wall_ms signs_at);
/* What everybody may know of each, oldest first. */
struct public_key {
    int64_t id;
    uint8_t public[KEY_PUBLIC_BYTES];
    struct wall_ms signs_at;
};
void public_keys(struct tx *tx, struct rows *rows);
/* The next of them; then rows_end. False: no more, or none that can be read. */
bool public_key_next(struct rows *rows, struct public_key *out);

#endif
