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

/* A new order of the ticket for the request's user. ERR_TICKET_RESERVED; ERR_TOO_MANY_UNPAID,
 * ERR_HELD_TOO_OFTEN: nobody holds more than a share of the market without paying, nor one ticket
 * again and again; then rq has when to come again. Texts stay the ticket's and the request's. */
enum err order_reserve(struct request *rq, struct tx *tx, const struct ticket_copy *ticket,
                       struct order *out);
/* Why the ticket is not this buyer's: the reason, or ERR_TICKET_RESERVED, which goes before it. */
enum err ticket_refused(struct tx *tx, struct object_id ticket_id, enum err reason);
/* Whether the ticket of a listing may be ordered by itself, by this buyer and now. Its listing is
 * locked: the next order of it finds what this one leaves. ERR_OWN_LISTING, ERR_SHOW_…, ERR_SPLIT;
 * ERR_LISTING_WITHDRAWN; ERR_NOT_YET: news of the listing or its show are on their way. */
enum err ticket_may_go_alone(struct request *rq, struct tx *tx, const struct ticket_copy *ticket);
/* *closed: why nothing of the ticket's show is sold any more; OK: it is, or the ticket is of none.
 */
enum err ticket_closed_by_show(struct tx *tx, struct arena *arena, struct object_id ticket_id,
                               enum err *closed);
/* A ticket of a listing that was taken down: ticket:closed, once no order has it. */
enum err ticket_close(struct tx *tx, struct object_id ticket_id);
/* Cancels it, unless it is cancelled. ERR_ORDER_COMPLETE. */
enum err order_give_back(struct tx *tx, struct order *order);
/* The changed order and the event that tells of it: order:completed or order:cancelled when it
 * became so (before: its status until now), else order:updated. */
enum err order_save(struct tx *tx, const struct order *order, enum order_status before);

#endif
