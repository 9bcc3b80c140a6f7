/* services/entries/door/gate_store.h: the devices at doors. Texts read live in the arena. */
#ifndef SERVICES_ENTRIES_DOOR_GATE_STORE_H
#define SERVICES_ENTRIES_DOOR_GATE_STORE_H

#include "runtime/service.h"

#define GATES_OF_SHOW_MAX 100

struct gate {
    struct object_id id;
    struct object_id show_id; /* that one, or the one it was merged into */
    struct str name;
    struct wall_ms created_at;
    struct wall_ms revoked_at; /* WALL_NONE: its key is good */
};
enum err gate_insert(struct tx *tx, const struct gate *gate, struct str key_hash,
                     struct str created_by);
/* By the hash of its key, whether that is good or not. ERR_NOT_FOUND. In a writer its key is not
 * taken back before the transaction ends. */
enum err gate_of_key(struct tx *tx, struct arena *arena, struct str key_hash, struct gate *out);
/* ERR_NOT_FOUND. In a writer the row is locked. */
enum err gate_get(struct tx *tx, struct arena *arena, struct object_id id, struct gate *out);
/* From now on its key is good no more. */
enum err gate_revoke(struct tx *tx, struct object_id id);
enum err gates_count(struct tx *tx, struct object_id show_id, int64_t *count);
/* Those of the one show are of the other one. */
enum err gates_move(struct tx *tx, struct object_id from, struct object_id into);

/* A gate with what it has done. */
struct gate_work {
    struct gate gate;
    int64_t admitted, wrong;
    struct wall_ms scanned_at; /* its latest scan was received; WALL_NONE: none was */
};
/* All of a show, the oldest first, for gate_work_next; then rows_end. */
void gates_of_show(struct tx *tx, struct rows *rows, struct object_id show_id);
/* ERR_NOT_FOUND: no more. */
enum err gate_work_next(struct rows *rows, struct arena *arena, struct gate_work *out);

#endif
