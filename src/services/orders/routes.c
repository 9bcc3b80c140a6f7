/* services/orders/routes.c: reserve, list, show, cancel. */
#include "services/orders/documents.h"
#include "services/orders/orders.h"

#include "base/money.h"

#define VERSION_MESSAGE "Version must be one the ticket has had"

static enum err reply_order(struct reply *rp, int status, const struct order *order)
{
    struct json_writer json = reply_json(rp, status);

    order_json(&json, order);
    return OK;
}

/* What a buyer asks for. */
struct wish {
    struct object_id ticket_id;
    int64_t price_cents_max; /* what the buyer saw and agrees to … */
    int64_t version;         /* … in this version of the ticket, or in a later one */
};

static enum err take_wish(struct request *rq, struct wish *wish)
{
    const struct json *price = json_get(rq->body, "price");
    const struct json *version = json_get(rq->body, "version");

    *wish = (struct wish){.price_cents_max = PRICE_CENTS_MAX};
    (void)request_body_id(rq, "ticketId", "TicketId must be provided", &wish->ticket_id);
    if (price && !json_price(price, &wish->price_cents_max))
        request_reject(rq, "price", "Price must be greater than 0");
    if (version && (!json_int64(version, &wish->version) || wish->version < 0))
        request_reject(rq, "version", VERSION_MESSAGE);
    return request_checked(rq);
}

/* 409 with the ticket as it is now, so that its new price can be agreed to. */
static enum err refuse_price(struct request *rq, struct tx *tx, const struct ticket_copy *ticket)
{
    enum err reason = ticket_refused(tx, ticket->id, ERR_PRICE_CHANGED);
    struct json_writer json;
    struct buf value;

    if (reason != ERR_PRICE_CHANGED) return reason;
    buf_init(&value, rq->arena, 4096);
    json = json_writer_to(&value);
    ticket_copy_json(&json, ticket);
    if (value.failed) return ERR_MEMORY;
    rq->error_key = "ticket";
    rq->error_value = buf_str(&value);
    return reason;
}

static handler_fn post_orders;

/* The ticket as the buyer saw it, or later. What the buyer saw may still be on its way here: the
 * ticket itself when it was listed a moment ago, the version that is named, a lower price. Then the
 * request waits (*waits), and rather than guess asks to be sent again. */
static enum err ticket_as_seen(struct request *rq, struct tx *tx, const struct wish *wish,
                               struct ticket_copy *ticket, bool *waits)
{
    enum err err = ticket_copy_get(tx, rq->arena, wish->ticket_id, ticket);
    bool missing = err == ERR_NOT_FOUND && env_is_recent(tx, wish->ticket_id);
    bool older = err == OK && ticket->version < wish->version;
    bool dearer = err == OK && wish->price_cents_max < ticket->price_cents;
    enum news news = missing || older || dearer ? env_news(rq, "tickets") : NEWS_NONE;
    bool hopes = news == NEWS_MAY_COME || (news == NEWS_UNKNOWN && (missing || older));

    *waits = hopes && env_wait_news(rq, wish->ticket_id, post_orders);
    if (*waits) return OK;
    /* that a version never was is more than can be known here */
    if (hopes || older) return ERR_NOT_YET;
    return err == ERR_NOT_FOUND ? ticket_refused(tx, wish->ticket_id, err) : err; /* long sold */
}

/* POST /api/orders {ticketId, price?, version?}: reserve a ticket for ORDER_EXPIRATION_SECONDS.
 * 201 the order, at the ticket's price now; 503 not_yet when what the buyer saw has not come here;
 * 404 no such ticket; 410 taken down; 400 Ticket is already reserved; 409 price_changed when a
 * price was sent and the ticket costs more by now; 409 when a ticket of a listing does not go alone
 * (ticket_may_go_alone); 429 after ORDERS_PER_MINUTE of one user, before
 * anything is looked at, and for who holds too much (order_reserve). In the writer, where the
 * ticket is the first one's to ask for it. */
static enum err post_orders(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket_copy ticket;
    struct order order;
    struct wish wish;
    bool waits;
    enum err err;

    TRY(take_wish(rq, &wish));
    TRY(ticket_as_seen(rq, tx, &wish, &ticket, &waits));
    if (waits) return OK;
    if (ticket.withdrawn) return ticket_refused(tx, ticket.id, ERR_TICKET_WITHDRAWN);
    if (ticket.price_cents < rq->run->env->settings->price_minimum_cents) return ERR_PRICE_TOO_LOW;
    if (wish.price_cents_max < ticket.price_cents) return refuse_price(rq, tx, &ticket);
    if (ticket_of_listing(&ticket)) {
        err = ticket_may_go_alone(rq, tx, &ticket);
        if (err != OK) return ticket_refused(tx, ticket.id, err);
    }
    TRY(order_reserve(rq, tx, &ticket, &order));
    return reply_order(rp, 201, &order);
done:
    return err;
}

/* GET /api/orders?limit=&after=: the caller's orders, newest first. */
static enum err get_orders(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    struct list_page page;
    struct order order;
    struct rows rows;
    enum err err;

    TRY(request_list_page(rq, &page));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    orders_of_user(tx, &rows, rq->user.id, &page);
    while (order_next(&rows, &page, &order))
        order_json(&json, &order);
    json_end_array(&json);
    TRY(rows_end(&rows));
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

/* DELETE /api/orders/:id: give the ticket back. 204, also when it was given back before; 400
 * Cannot cancel a completed order; 401; 404. */
static enum err delete_order(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct order order;
    enum err err;

    TRY(order_of_caller(rq, tx, &order));
    TRY(order_give_back(tx, &order));
    return reply_empty(rp, 204);
done:
    return err;
}

const struct route orders_routes[ORDERS_ROUTES] = {
    {METHOD_POST, "/api/orders", ACCESS_SESSION, IN_WRITER, .run = post_orders, .limited = true,
     .about = "ticketId"},
    {METHOD_GET, "/api/orders", ACCESS_SESSION, IN_READER, .run = get_orders},
    {METHOD_GET, "/api/orders/:id", ACCESS_SESSION, IN_READER, .run = get_order},
    {METHOD_DELETE, "/api/orders/:id", ACCESS_SESSION, IN_WRITER, .run = delete_order},
};
