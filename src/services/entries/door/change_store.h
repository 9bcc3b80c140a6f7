/* services/entries/door/change_store.h: what gates without a network have to be told of entries. */
#ifndef SERVICES_ENTRIES_DOOR_CHANGE_STORE_H
#define SERVICES_ENTRIES_DOOR_CHANGE_STORE_H

#include "runtime/service.h"

/* The entry is void, has changed hands, or was let in: gates of its show are told. */
enum err door_change(struct tx *tx, struct object_id entry_id, struct object_id show_id);
/* Gates of the other show are told of all that those of the one were. */
enum err door_changes_move(struct tx *tx, struct object_id from, struct object_id into);

/* An entry as it is now. */
struct changed_entry {
    int64_t seq;
    struct str serial; /* until the next row */
    bool valid, admitted;
    int64_t version;
};
/* Those of a show that changed after that, for changed_entry_next; then rows_end. */
void changed_entries(struct tx *tx, struct rows *rows, struct object_id show_id, int64_t after);
bool changed_entry_next(struct rows *rows, struct changed_entry *out);
/* Of the latest change of the show; 0: there is none. */
enum err latest_change(struct tx *tx, struct object_id show_id, int64_t *seq);

/* Shows that were merged into this one, in several steps or one: their codes are its own. At most
 * max, in the order of their ids, for rows_id(rows, 0); then rows_end. */
void shows_merged_into(struct tx *tx, struct rows *rows, struct object_id show_id, int64_t max);

#endif
