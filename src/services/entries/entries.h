/* services/entries/entries.h: what the files of the entries service share. */
#ifndef SERVICES_ENTRIES_ENTRIES_H
#define SERVICES_ENTRIES_ENTRIES_H

#include "services/entries/code.h"
#include "services/entries/store.h"

#define ENTRIES_ROUTES    12
#define ENTRIES_LISTENERS 9

extern const struct route entries_routes[ENTRIES_ROUTES];
extern const struct listener entries_listeners[ENTRIES_LISTENERS];

/* --- keys.c ----------------------------------------------------------------------------------- */

enum err first_key_make(struct env *env, struct tx *tx, struct wall_ms *next);
enum err get_entry_keys(struct request *rq, struct tx *tx, struct reply *rp);
enum err post_operator_rotate_key(struct request *rq, struct tx *tx, struct reply *rp);
enum err post_operator_verify(struct request *rq, struct tx *tx, struct reply *rp);
/* Whether a text is a code that was made here. *fault: what is wrong with it, in a word: truncated,
 * too_long, no_code, unknown_key, forged; empty: nothing, and *code is what it says. */
enum err code_prove(struct tx *tx, struct str text, struct code *code, struct str *fault);
/* What everybody may know of the keys, as the JSON Web Keys of an array that is open. *newest:
 * the newest one's text; empty: there is none; NULL: nobody asks. */
enum err public_keys_json(struct tx *tx, struct arena *arena, struct json_writer *json,
                          struct str *newest);

/* --- commands.c: rows and events, in the writer's transaction --------------------------------- */

/* A valid entry of the order's ticket for its buyer, and entry:created. ERR_NOT_FOUND: there is no
 * key for its code yet. ERR_CONTENTION: what it was
 * drawn is another one's serial, or the ticket has a valid entry. */
enum err entry_make(struct env *env, struct tx *tx, struct object_id ticket_id,
                    struct object_id order_id, struct str buyer_id, struct object_id show_id);
/* The order's valid entries are void from now on; entry:updated of each. */
enum err order_entries_void(struct tx *tx, struct arena *arena, struct object_id order_id);

#endif
