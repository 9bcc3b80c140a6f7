/* services/tickets/tickets.h: what the files of the tickets service share. */
#ifndef SERVICES_TICKETS_TICKETS_H
#define SERVICES_TICKETS_TICKETS_H

#include "services/tickets/listing_store.h"
#include "services/tickets/show_store.h"
#include "services/tickets/store.h"

#define TICKETS_ROUTES    12
#define TICKETS_LISTENERS 8

extern const struct route tickets_routes[TICKETS_ROUTES];
extern const struct listener tickets_listeners[TICKETS_LISTENERS];

enum tickets_job { JOB_SHOWS_START, JOB_OFFERS };

/* --- listings.c ------------------------------------------------------------------------------- */

struct listing_sale;

handler_fn get_listing, post_listings, put_listing, delete_listing;
/* What a buyer would hear of it. free: of its tickets. */
enum err listing_sale_of(struct request *rq, struct tx *tx, const struct listing *listing,
                         int64_t free, struct listing_sale *out);

/* --- listing_lists.c -------------------------------------------------------------------------- */

handler_fn get_listings, get_listings_mine;

struct places;
/* The show of a new listing's body, as far as it is known, and why nothing of it is listed now: OK,
 * ERR_NOT_FOUND, what keeps it from being sold; ERR_INVALID: the body names none, which is
 * rejected.
 */
enum err listed_show_find(struct request *rq, struct tx *tx, struct show_copy *show, bool *known,
                          enum err *why_not);
void listed_show_refuse(struct request *rq, enum err why_not);
/* What else the body says of it; every field's error is reported. show: NULL: none is known, which
 * was rejected. ERR_INVALID; ERR_ADDRESS_UNCONFIRMED; ERR_MEMORY. */
enum err take_listing(struct request *rq, struct tx *tx, const struct show_copy *show,
                      struct listing *listing, struct places *places);
/* ERR_SEAT_TAKEN, with the seat in the error: it is on the market already. What others list at this
 * moment the index refuses. */
enum err check_seats(struct request *rq, struct tx *tx, struct object_id show_id,
                     const struct places *places);

/* --- bodies.c: what bodies say -------------------------------------------------------------- */

static inline int64_t minimum_of(const struct request *rq)
{
    return rq->run->env->settings->price_minimum_cents;
}
/* A price of the body that can be paid; what is wrong with it is rejected, with the message. */
void take_price(struct request *rq, const char *field, const char *message, int64_t *price_cents);

/* The seats of a new listing, as its body names them. */
struct places {
    struct str area_key;
    struct seat {
        struct str label, key; /* both empty: none is named */
    } * at;
    size_t count;
};
/* What a new listing's body says of where its tickets are; what is wrong is rejected. ERR_MEMORY.
 */
enum err take_places(struct request *rq, struct listing *listing, struct places *out);
/* What may be changed of it. show: that it is of; NULL: none is known, so its bound on prices does
 * not count. count: of the tickets that the split is for; 0: it is not looked at. As above. */
enum err take_terms(struct request *rq, const struct show_copy *show, int64_t count,
                    struct listing_terms *out);

/* --- availability.c: what is left of shows
 * -----------------------------------------------------------
 */

/* Which tickets of listings are offered, and at what price, is noted with each change of them
 * (ticket_update, listing_offer). It is told of their shows soon (offers:updated). */
void offers_tell_soon(struct env *env, const struct tx *tx);
/* The same, where that is not all that has changed: it is counted anew. */
enum err offers_changed(struct env *env, struct tx *tx, struct object_id show_id);
/* The same of all shows that the user sells tickets of. */
enum err offers_changed_of(struct env *env, struct tx *tx, struct str user_id);
enum err offers_job(struct env *env, struct tx *tx, struct wall_ms *next);

/* --- commands.c: rows and events, in the writer's transaction --------------------------------- */

/* ERR_ADDRESS_UNCONFIRMED: this market wants to know that the seller's address is theirs
 * (CONFIRMED_SELLERS), and has not heard that it is. */
enum err seller_may_list(struct env *env, struct tx *tx, struct str user_id);
/* A new ticket and its ticket:created. place: of a ticket of a listing, else NULL. */
enum err ticket_offer(struct tx *tx, const struct ticket *ticket, const struct place *place);
/* The changed ticket and its ticket:updated. */
enum err ticket_save(struct tx *tx, const struct ticket *ticket);

/* A new listing of a show of that title, its tickets, and the events of all. ERR_CONFLICT, or later
 * (tx_exec): a seat is on the market already. */
enum err listing_offer(struct env *env, struct tx *tx, struct arena *arena,
                       const struct listing *listing, struct str show_title,
                       const struct places *places);
/* The changed listing and its listing:updated. */
enum err listing_save(struct env *env, struct tx *tx, struct arena *arena,
                      const struct listing *listing);
/* Its free tickets cost what it says now. */
enum err listing_reprice(struct tx *tx, struct arena *arena, const struct listing *listing);
/* Its free tickets are taken down; held and sold ones stay what they are. */
enum err listing_clear(struct tx *tx, struct arena *arena, const struct listing *listing);
/* What was of a show that was merged into another one is of that now. Where both have a ticket on
 * one seat the one that is free is taken down, the merged show's where both are. */
enum err show_merge_into(struct env *env, struct tx *tx, struct object_id from,
                         struct object_id into);

#endif
