/* services/orders/orders.h: what the files of the orders service share. */
#ifndef SERVICES_ORDERS_ORDERS_H
#define SERVICES_ORDERS_ORDERS_H

#include "services/orders/copy_store.h"
#include "services/orders/store.h"

#define ORDERS_ROUTES    4
#define ORDERS_LISTENERS 13

extern const struct route orders_routes[ORDERS_ROUTES];
extern const struct listener orders_listeners[ORDERS_LISTENERS];

/* --- commands.c: rows and events, in the writer's transaction --------------------------------- */

/* A new order of the tickets for the request's user. ERR_TICKET_RESERVED; ERR_TOO_MANY_UNPAID,
 * ERR_HELD_TOO_OFTEN: nobody holds more than a share of the market without paying, nor one ticket
 * again and again; then rq has when to come again. ERR_MAX_PER_BUYER: nor more of a show than that
 * allows. Texts stay the tickets' and the request's. */
enum err order_reserve(struct request *rq, struct tx *tx, const struct ticket_copy *tickets,
                       size_t count, struct order *out);
/* Why the ticket is not this buyer's: the reason, or ERR_TICKET_RESERVED, which goes before it. */
enum err ticket_refused(struct tx *tx, struct object_id ticket_id, enum err reason);
/* A ticket of a listing that was taken down: ticket:closed, once no order has it. */
enum err ticket_close(struct tx *tx, struct object_id ticket_id);
/* Cancels it, unless it is cancelled. ERR_ORDER_COMPLETE. */
enum err order_give_back(struct tx *tx, struct arena *arena, struct order *order);
/* The changed order and the event that tells of it: order:completed or order:cancelled when it
 * became so (before: its status until now), else order:updated. */
enum err order_save(struct tx *tx, struct arena *arena, const struct order *order,
                    enum order_status before);

/* --- offers.c: what can be had of a listing --------------------------------------------------- */

/* What can be had of a listing, by the request's user and now; locked: the next order of it finds
 * what this one leaves. ERR_NOT_FOUND: no event of it has come yet, or its seller is banned;
 * ERR_OWN_LISTING, ERR_SHOW_…, ERR_LISTING_WITHDRAWN; ERR_NOT_YET: news of its show or its tickets
 * are on their way. */
struct offer {
    struct listing_copy listing;
    const struct ticket_copy *free; /* in its order */
    size_t count;
};
enum err offer_get(struct request *rq, struct tx *tx, struct object_id listing_id,
                   struct offer *out);
/* Those of the free ones that an order of so many gets: *first and the ones after it. ERR_TOO_FEW,
 * ERR_SPLIT, ERR_NOT_TOGETHER. */
enum err offer_choose(struct request *rq, const struct offer *offer, size_t quantity,
                      const struct ticket_copy **first);
/* The most of the free ones that are neighbours; there is one or more of them. */
size_t offer_together(struct request *rq, const struct offer *offer);
/* Whether the ticket of a listing may be ordered by itself. Reasons as above, and
 * ERR_TICKET_WITHDRAWN. */
enum err ticket_may_go_alone(struct request *rq, struct tx *tx, const struct ticket_copy *ticket);
/* *closed: why nothing of the order's listing is sold any more; OK: it is, or the order is of none.
 */
enum err order_closed_by_show(struct tx *tx, struct arena *arena, const struct order *order,
                              enum err *closed);
/* Whether the buyer of an order of a listing has no more tickets of its show than that allows, with
 * `more` of the order's that are not held yet. The show is locked: two orders of one buyer take
 * turns. */
enum err within_max_per_buyer(struct tx *tx, struct arena *arena, const struct order *order,
                              size_t more, bool *within);

#endif
