/* services/entries/door/door.h: what the files of the door share: gates, scans, and what a gate
 * knows without a network. */
#ifndef SERVICES_ENTRIES_DOOR_DOOR_H
#define SERVICES_ENTRIES_DOOR_DOOR_H

#include "services/entries/door/gate_store.h"
#include "services/entries/door/scan_store.h"
#include "services/entries/store.h"

/* --- gates.c ---------------------------------------------------------------------------------- */

/* The gate whose key the request shows (Authorization: Bearer KEY). ERR_NOT_AUTHORIZED;
 * ERR_GATE_REVOKED. In a writer the key is not taken back before the transaction ends. */
enum err gate_authorize(struct request *rq, struct tx *tx, struct gate *gate);
/* The member of that name: {"id", "name"}. */
void gate_member(struct json_writer *json, const char *key, struct object_id id, struct str name);

/* Who was let in before: the member "first", {"gate", "at", "offline"}. */
void first_member(struct json_writer *json, const struct admission *first);

handler_fn get_gates, post_gates, delete_gate, get_admissions, get_wrong_scans;

/* --- scans.c ---------------------------------------------------------------------------------- */

#define SCANS_MAX       1000         /* of one upload */
#define SCANS_BYTES_MAX (512 * 1024) /* of its body */

handler_fn post_scans;

/* --- snapshot.c ------------------------------------------------------------------------------- */

handler_fn get_snapshot;

#endif
