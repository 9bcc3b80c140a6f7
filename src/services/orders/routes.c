/* services/orders/routes.c: reserve, list, show, cancel. */
#include "services/orders/orders.h"

static enum err reply_order(struct reply *rp, int status, const struct order *order)
{
    struct json_writer json = reply_json(rp, status);

    order_json(&json, order);
    return OK;
}

/* In the writer: the ticket is the first one's to ask for it. */
static enum err reserve(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket_copy ticket;
    struct object_id ticket_id;
    struct order order;
    enum err err;

    TRY(request_body_id(rq, "ticketId", "TicketId must be provided", &ticket_id));
    TRY(ticket_copy_get(tx, rq->arena, ticket_id, &ticket));
    order = order_open(env_new_id(rq->env, tx), &ticket, rq->user.id, tx->now_ms,
                       rq->env->settings->order_expiration_ms);
    TRY(order_insert(tx, &order)); /* ERR_TICKET_RESERVED from the unique index */
    TRY(publish_order_created(tx,
                              &(struct order_created){.id = order.id,
                                                      .version = order.version,
                                                      .status = order_status_text(order.status),
                                                      .user_id = order.user_id,
                                                      .expires_at_ms = order.expires_at_ms,
                                                      .ticket_id = order.ticket.id,
                                                      .price_cents = order.ticket.price_cents}));
    return reply_order(rp, 201, &order);
done:
    return err;
}

/* POST /api/orders {ticketId}: reserve a ticket for ORDER_EXPIRATION_SECONDS.
 * 201 the order; 404 no such ticket; 400 Ticket is already reserved; 429 after ORDERS_PER_MINUTE of
 * one user, before anything is looked at. */
static enum err post_orders(struct request *rq, struct tx *tx, struct reply *rp)
{
    enum err err;

    (void)tx;
    (void)rp;
    TRY(limit_take(rq->env->state, rq->user.id, env_now_ms(rq->env), rq));
    return request_then(rq, IN_WRITER, reserve);
done:
    return err;
}

/* GET /api/orders?limit=&after=: the caller's orders, newest first. */
static enum err get_orders(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    struct list_page page;
    enum err err;

    TRY(request_list_page(rq, &page));
    json = reply_json(rp, 200);
    TRY(orders_of_user(tx, rq->user.id, &page, &json));
    reply_list_page(rq, rp, &page);
done:
    return err;
}

/* The order the path names, when it is the caller's: 400 not an id, 404, 401 someone else's. */
static enum err order_of_caller(struct request *rq, struct tx *tx, struct order *order)
{
    struct object_id id;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(order_get(tx, rq->arena, id, order));
    if (!str_eq(order->user_id, rq->user.id)) return ERR_NOT_AUTHORIZED;
done:
    return err;
}

/* GET /api/orders/:id: one of the caller's orders. 200; 304 by ETag; 401; 404. */
static enum err get_order(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id_text text;
    struct order order;
    enum err err;

    TRY(order_of_caller(rq, tx, &order));
    text = object_id_text(order.id);
    if (reply_etag(rq, rp, str_of(text.hex), order.version)) return OK;
    return reply_order(rp, 200, &order);
done:
    return err;
}

static enum err publish_change(struct tx *tx, const struct order *order, enum order_status before)
{
    if (order->status == before || order->status == ORDER_CREATED ||
        order->status == ORDER_AWAITING_PAYMENT)
        return publish_order_updated(
            tx, &(struct order_updated){.id = order->id,
                                        .version = order->version,
                                        .status = order_status_text(order->status),
                                        .expires_at_ms = order->expires_at_ms,
                                        .ticket_id = order->ticket.id});
    if (order->status == ORDER_CANCELLED)
        return publish_order_cancelled(
            tx, &(struct order_cancelled){
                    .id = order->id, .version = order->version, .ticket_id = order->ticket.id});
    return publish_order_completed(
        tx, &(struct order_completed){.id = order->id,
                                      .version = order->version,
                                      .user_id = order->user_id,
                                      .ticket_id = order->ticket.id,
                                      .price_cents = order->ticket.price_cents});
}

enum err order_save(struct tx *tx, const struct order *order, enum order_status before)
{
    enum err err;

    TRY(order_update(tx, order));
    TRY(publish_change(tx, order, before));
done:
    return err;
}

/* DELETE /api/orders/:id: give the ticket back. 204, also when it was given back before; 400
 * Cannot cancel a completed order; 401; 404. */
static enum err delete_order(struct request *rq, struct tx *tx, struct reply *rp)
{
    enum order_status before;
    enum order_change change;
    struct order order;
    enum err err;

    TRY(order_of_caller(rq, tx, &order));
    before = order.status;
    TRY(order_cancel(&order, &change));
    if (change == ORDER_CHANGED) TRY(order_save(tx, &order, before));
    return reply_empty(rp, 204);
done:
    return err;
}

const struct route orders_routes[ORDERS_ROUTES] = {
    {METHOD_POST, "/api/orders", ACCESS_SESSION, IN_LOOP, post_orders},
    {METHOD_GET, "/api/orders", ACCESS_SESSION, IN_READER, get_orders},
    {METHOD_GET, "/api/orders/:id", ACCESS_SESSION, IN_READER, get_order},
    {METHOD_DELETE, "/api/orders/:id", ACCESS_SESSION, IN_WRITER, delete_order},
};
