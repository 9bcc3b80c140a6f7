/* services/orders/store.h: what the orders service keeps. Texts read live in the arena. */
#ifndef SERVICES_ORDERS_STORE_H
#define SERVICES_ORDERS_STORE_H

#include "runtime/service.h"
#include "services/orders/order.h"

extern const struct migration orders_schema[];
extern const struct retention orders_retention[];

/* held_from: the network its buyer came from, kept while the order is unpaid; may be empty.
 * ERR_TICKET_RESERVED: another live or complete order has one of the tickets. */
enum err order_insert(struct tx *tx, const struct order *order, struct str held_from);
/* All that changes in an order's life. ERR_CONTENTION: a cancelled one comes back while another
 * takes one of its tickets. */
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
/* When the buyer made the first of the last `count` orders, since then, of a ticket that the new
 * order has, too, whatever became of them; WALL_NONE: there are fewer, of each of its tickets. */
enum err order_held_before(struct tx *tx, const struct order *order, struct wall_ms since,
                           int64_t count, struct wall_ms *made_at);
/* How many tickets of a show, or of one that was merged into it, the buyer has in orders that are
 * not cancelled. */
enum err orders_of_show(struct tx *tx, struct str user_id, struct object_id show_id,
                        int64_t *tickets);

/* Up to max of one buyer's orders that are neither complete nor cancelled. */
enum err orders_live_of_user(struct tx *tx, struct arena *arena, struct str user_id,
                             struct order *out, size_t max, size_t *count);
/* A page of one buyer's orders, newest first; one that cannot be read is left out. The page counts
 * every row. */
enum err orders_of_user(struct tx *tx, struct arena *arena, struct str user_id,
                        struct list_page *page, struct order **out, size_t *count);

enum err payment_get(struct tx *tx, struct arena *arena, struct object_id id,
                     struct payment *out); /* ERR_NOT_FOUND: no event of it has come yet */
enum err payment_put(struct tx *tx, struct object_id order_id, const struct payment *payment);
/* Whether any charge of the order is in flight. */
enum err payment_is_pending(struct tx *tx, struct object_id order_id, bool *pending);

#endif
