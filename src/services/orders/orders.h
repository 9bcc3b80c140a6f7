/* services/orders/orders.h: what the files of the orders service share. */
#ifndef SERVICES_ORDERS_ORDERS_H
#define SERVICES_ORDERS_ORDERS_H

#include "services/orders/store.h"

#define ORDERS_ROUTES    4
#define ORDERS_LISTENERS 5

extern const struct route orders_routes[ORDERS_ROUTES];
extern const struct listener orders_listeners[ORDERS_LISTENERS];

/* The cancelled order and its order:cancelled, in one transaction. */
enum err order_save_cancelled(struct tx *tx, const struct order *order);

#endif
