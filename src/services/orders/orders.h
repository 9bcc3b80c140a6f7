/* services/orders/orders.h: what the files of the orders service share. */
#ifndef SERVICES_ORDERS_ORDERS_H
#define SERVICES_ORDERS_ORDERS_H

#include "runtime/limits.h"
#include "services/orders/store.h"

#define ORDERS_ROUTES    4
#define ORDERS_LISTENERS 8

/* env->state of the service is a struct limit *: reservations by user, NULL without a limit. */

extern const struct route orders_routes[ORDERS_ROUTES];
extern const struct listener orders_listeners[ORDERS_LISTENERS];

/* The changed order and the event that tells of it: order:completed or order:cancelled when it
 * became so (before: its status until now), else order:updated. */
enum err order_save(struct tx *tx, const struct order *order, enum order_status before);

#endif
