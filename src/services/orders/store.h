/* services/orders/store.h: what the orders service keeps. Texts read live in the arena. */
#ifndef SERVICES_ORDERS_STORE_H
#define SERVICES_ORDERS_STORE_H

#include "runtime/service.h"
#include "services/orders/order.h"

extern const struct migration orders_schema[];
extern const struct retention orders_retention[];

/* held_from: the network its buyer came from, kept while the order is unpaid; may be empty.
 * ERR_TICKET_RESERVED: another live or complete order has the ticket. */
enum err order_insert(struct tx *tx, const struct order *order, struct str held_from);
/* All that changes in an order's life. ERR_CONTENTION: a cancelled one comes back while another
 * takes its ticket. */
enum err order_update(struct tx *tx, const struct order *order);
enum err order_get(struct tx *tx, struct arena *arena, struct object_id id,
                   struct order *out); /* ERR_NOT_FOUND */
/* Whether an order that is not cancelled has the ticket. */
enum err ticket_is_taken(struct tx *tx, struct object_id ticket_id, bool *taken);

/* How many orders of a buyer, or from a network, are live and unpaid, and when the first of them
 * ends. */
struct unpaid {
    int64_t count;
    struct wall_ms first_ends;
};
enum err orders_unpaid_of_user(struct tx *tx, struct str user_id, struct unpaid *out);
enum err orders_unpaid_from(struct tx *tx, struct str network, struct unpaid *out);
/* When the buyer made the nth-newest order of this ticket since then, whatever became of it;
 * WALL_NONE: there are fewer. */
enum err order_nth_of_ticket(struct tx *tx, struct str user_id, struct object_id ticket_id,
                             struct wall_ms since, int64_t nth, struct wall_ms *made_at);

/* Up to max of one buyer's orders that are neither complete nor cancelled. */
enum err orders_live_of_user(struct tx *tx, struct arena *arena, struct str user_id,
                             struct order *out, size_t max, size_t *count);
/* The rows of a page of one buyer's orders, newest first, for order_next; then rows_end. */
void orders_of_user(struct tx *tx, struct rows *rows, struct str user_id,
                    const struct list_page *page);
/* The next of them that can be read; its texts live as long as the row. False: no more. The page
 * counts every row. */
bool order_next(struct rows *rows, struct list_page *page, struct order *out);

enum err payment_get(struct tx *tx, struct arena *arena, struct object_id id,
                     struct payment *out); /* ERR_NOT_FOUND: no event of it has come yet */
enum err payment_put(struct tx *tx, struct object_id order_id, const struct payment *payment);
/* Whether any charge of the order is in flight. */
enum err payment_is_pending(struct tx *tx, struct object_id order_id, bool *pending);

#endif
