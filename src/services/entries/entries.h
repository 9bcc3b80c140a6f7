/* services/entries/entries.h: what the files of the entries service share. */
#ifndef SERVICES_ENTRIES_ENTRIES_H
#define SERVICES_ENTRIES_ENTRIES_H

#include "services/entries/code.h"
#include "services/entries/view_store.h"

#define ENTRIES_ROUTES    17
#define ENTRIES_LISTENERS 10

enum { JOB_FIRST_KEY, JOB_TRANSFERS_END, ENTRIES_JOBS };

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
/* What was changed of it, and entry:updated. */
enum err entry_save(struct tx *tx, const struct entry *entry);
/* The order's valid entries are void from now on; entry:updated of each. What was on its way of
 * them is over. */
enum err order_entries_void(struct tx *tx, struct arena *arena, struct object_id order_id);

/* --- transfers.c: the same of entries on their way; the entry is locked -------------------------
 */

/* It waits for whoever has the address; transfer has giver and receiver, the rest is filled in.
 * transfer_allowed's refusals; ERR_TRANSFER_WAITING. */
enum err transfer_give(struct env *env, struct tx *tx, const struct entry_view *view,
                       struct transfer *transfer);
/* The entry is the taker's from now on. view: of the transfer. transfer_allowed's refusals;
 * ERR_TRANSFER_OVER. */
enum err transfer_accept(struct tx *tx, const struct entry_view *view, struct transfer *transfer,
                         struct str taker_id);
/* It waits no more. ERR_TRANSFER_OVER: it did not. */
enum err transfer_stop(struct tx *tx, struct transfer *transfer, enum transfer_status status);
/* The same of what waits of an entry, if anything does: the entry is void. */
enum err transfer_end_of(struct tx *tx, struct arena *arena, struct object_id entry_id);
/* The show has another time, or other entries: what waits of them ends by it. */
enum err transfers_follow(struct env *env, struct tx *tx, struct object_id show_id);
/* The job: ends what is due. */
enum err transfers_end(struct env *env, struct tx *tx, struct wall_ms *next);

/* --- transfer_routes.c ---------------------------------------------------------------------------
 */

handler_fn post_transfers, get_transfers, get_transfer, post_transfer_accept, delete_transfer;

#endif
