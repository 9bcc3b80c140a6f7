/* services/orders/store.h: what the orders service keeps. Texts read live in the arena. */
#ifndef SERVICES_ORDERS_STORE_H
#define SERVICES_ORDERS_STORE_H

#include "services/orders/order.h"

extern const struct migration orders_schema[];

/* A ticket that can be ordered. ERR_NOT_FOUND: no ticket:created of it has come yet, or its seller
 * is banned. */
enum err ticket_copy_get(struct tx *tx, struct arena *arena, struct object_id id,
                         struct ticket_copy *out);
/* -1: unknown. */
enum err ticket_copy_version(struct tx *tx, struct object_id id, int64_t *version);
enum err ticket_copy_put(struct tx *tx, const struct ticket_copy *ticket);

/* ERR_TICKET_RESERVED: another live or complete order has the ticket. */
enum err order_insert(struct tx *tx, const struct order *order);
/* All that changes in an order's life. ERR_TICKET_RESERVED as above, when a cancelled one comes
 * back. */
enum err order_update(struct tx *tx, const struct order *order);
enum err order_get(struct tx *tx, struct arena *arena, struct object_id id,
                   struct order *out); /* ERR_NOT_FOUND */
/* Whether an order that is not cancelled has the ticket. */
enum err ticket_is_taken(struct tx *tx, struct object_id ticket_id, bool *taken);

/* Up to max of one buyer's orders that are neither complete nor cancelled. */
enum err orders_live_of_user(struct tx *tx, struct arena *arena, struct str user_id,
                             struct order *out, size_t max, size_t *count);
/* A page of one buyer's orders, straight into a JSON array. */
enum err orders_of_user(struct tx *tx, struct str user_id, struct list_page *page,
                        struct json_writer *json);
/* One order as docs/openapi.json shows it. */
void order_json(struct json_writer *json, const struct order *order);

enum err payment_get(struct tx *tx, struct arena *arena, struct object_id id,
                     struct payment *out); /* ERR_NOT_FOUND: no event of it has come yet */
enum err payment_put(struct tx *tx, struct object_id order_id, const struct payment *payment);
/* Whether any charge of the order is in flight. */
enum err payment_is_pending(struct tx *tx, struct object_id order_id, bool *pending);

#endif
