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

/* What a buyer asks for: a ticket, or so many of a listing. */
struct wish {
    struct object_id id; /* the ticket's or the listing's */
    bool of_listing;
    int64_t quantity;
    int64_t price_cents_max; /* what the buyer saw and agrees to, a ticket … */
    int64_t total_cents_max; /* … and all of them together … */
    int64_t version;         /* … in this version of the ticket, or in a later one */
};

/* ticketId, or listingId and quantity. */
static void take_what(struct request *rq, struct wish *wish)
{
    const struct json *quantity = json_get(rq->body, "quantity");

    wish->of_listing = json_get(rq->body, "listingId") != NULL;
    if (wish->of_listing && json_get(rq->body, "ticketId"))
        request_reject(rq, "ticketId", "Send ticketId or listingId, not both");
    if (wish->of_listing)
        (void)request_body_id(rq, "listingId", "ListingId must be the id of a listing", &wish->id);
    else
        (void)request_body_id(rq, "ticketId", "TicketId must be provided", &wish->id);
    if (!quantity && !wish->of_listing) return;
    if (!quantity || !json_int64(quantity, &wish->quantity) || wish->quantity < 1 ||
        wish->quantity > LISTING_TICKETS_MAX)
        request_reject(rq, "quantity", "Quantity must be the number of tickets, 1 to 500");
    else if (!wish->of_listing && wish->quantity != 1)
        request_reject(rq, "quantity", "Send listingId to order more than one ticket");
}

static enum err take_wish(struct request *rq, struct wish *wish)
{
    const struct json *price = json_get(rq->body, "price");
    const struct json *total = json_get(rq->body, "total");
    const struct json *version = json_get(rq->body, "version");

    *wish = (struct wish){
        .quantity = 1, .price_cents_max = PRICE_CENTS_MAX, .total_cents_max = INT64_MAX};
    take_what(rq, wish);
    if (price && !json_price(price, &wish->price_cents_max))
        request_reject(rq, "price", "Price must be greater than 0");
    if (total && !json_price(total, &wish->total_cents_max))
        request_reject(rq, "total", "Total must be greater than 0");
    if (version && (!json_int64(version, &wish->version) || wish->version < 0))
        request_reject(rq, "version", VERSION_MESSAGE);
    else if (version && wish->of_listing)
        request_reject(rq, "version", "Version is a ticket's: leave it out with listingId");
    return request_checked(rq);
}

static bool is_dearer(const struct wish *wish, const struct ticket_copy *tickets, size_t count)
{
    int64_t total_cents = 0;

    for (size_t i = 0; i < count; i++) {
        if (wish->price_cents_max < tickets[i].price_cents) return true;
        total_cents += tickets[i].price_cents;
    }
    return wish->total_cents_max < total_cents;
}

static enum err refuse_with_count(struct request *rq, enum err reason, const char *key,
                                  size_t count)
{
    struct buf value;

    buf_init(&value, rq->arena, 32);
    buf_printf(&value, "%zu", count);
    return request_refuse_with(rq, reason, key, &value);
}

static handler_fn post_orders;

/* --- one ticket ------------------------------------------------------------------------------ */

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
    return request_refuse_with(rq, reason, "ticket", &value);
}

/* The ticket as the buyer saw it, or later. What the buyer saw may still be on its way here: the
 * ticket itself when it was listed a moment ago, the version that is named, a lower price. Then the
 * request waits (*waits), and rather than guess asks to be sent again. */
static enum err ticket_as_seen(struct request *rq, struct tx *tx, const struct wish *wish,
                               struct ticket_copy *ticket, bool *waits)
{
    enum err err = ticket_copy_get(tx, rq->arena, wish->id, ticket);
    bool missing = err == ERR_NOT_FOUND && env_is_recent(tx, wish->id);
    bool older = err == OK && ticket->version < wish->version;
    bool dearer = err == OK && is_dearer(wish, ticket, 1);
    enum news news = missing || older || dearer ? env_news(rq, "tickets") : NEWS_NONE;
    bool hopes = news == NEWS_MAY_COME || (news == NEWS_UNKNOWN && (missing || older));

    *waits = hopes && env_wait_news(rq, wish->id, post_orders);
    if (*waits) return OK;
    /* that a version never was is more than can be known here */
    if (hopes || older) return ERR_NOT_YET;
    return err == ERR_NOT_FOUND ? ticket_refused(tx, wish->id, err) : err; /* long sold */
}

static enum err order_ticket(struct request *rq, struct tx *tx, struct reply *rp,
                             const struct wish *wish)
{
    struct ticket_copy ticket;
    struct order order;
    bool waits;
    enum err err;

    TRY(ticket_as_seen(rq, tx, wish, &ticket, &waits));
    if (waits) return OK;
    if (ticket.withdrawn) return ticket_refused(tx, ticket.id, ERR_TICKET_WITHDRAWN);
    if (ticket.price_cents < rq->run->env->settings->price_minimum_cents) return ERR_PRICE_TOO_LOW;
    if (is_dearer(wish, &ticket, 1)) return refuse_price(rq, tx, &ticket);
    if (ticket_of_listing(&ticket)) {
        err = ticket_may_go_alone(rq, tx, &ticket);
        if (err != OK) return ticket_refused(tx, ticket.id, err);
    }
    TRY(order_reserve(rq, tx, &ticket, 1, &order));
    return reply_order(rp, 201, &order);
done:
    return err;
}

/* --- tickets of a listing -------------------------------------------------------------------- */

/* 409 with the order as it would be now. */
static enum err refuse_total(struct request *rq, const struct tx *tx,
                             const struct ticket_copy *tickets, size_t count)
{
    struct order order = order_open(tickets->id, tickets, count, rq->user.id, tx->now, 0);
    struct json_writer json;
    struct buf value;

    buf_init(&value, rq->arena, EVENT_PAYLOAD_MAX);
    json = json_writer_to(&value);
    json_begin_object(&json);
    order_tickets_json(&json, &order);
    json_end_object(&json);
    return request_refuse_with(rq, ERR_PRICE_CHANGED, "order", &value);
}

/* The same as ticket_as_seen of what can be had of a listing: *tickets are those that the buyer
 * gets, by what is known here. */
static enum err offer_as_seen(struct request *rq, struct tx *tx, const struct wish *wish,
                              struct offer *offer, const struct ticket_copy **tickets, bool *waits)
{
    enum err err = offer_get(rq, tx, wish->id, offer);
    bool missing, dearer;
    enum news news;

    if (err == OK) err = offer_choose(rq, offer, (size_t)wish->quantity, tickets);
    missing = (err == ERR_NOT_FOUND && env_is_recent(tx, wish->id)) || err == ERR_NOT_YET;
    dearer = err == OK && is_dearer(wish, *tickets, (size_t)wish->quantity);
    news = missing || dearer ? env_news(rq, "tickets") : NEWS_NONE;
    *waits = (news == NEWS_MAY_COME || (news == NEWS_UNKNOWN && missing)) &&
             env_wait_news(rq, wish->id, post_orders);
    if (*waits) return OK;
    return missing && news != NEWS_NONE ? ERR_NOT_YET : err;
}

static enum err refuse_offer(struct request *rq, const struct offer *offer, enum err reason)
{
    if (reason == ERR_TOO_FEW || reason == ERR_SPLIT)
        return refuse_with_count(rq, reason, "left", offer->count);
    if (reason == ERR_NOT_TOGETHER)
        return refuse_with_count(rq, reason, "together", offer_together(rq, offer));
    return reason;
}

static enum err order_listed(struct request *rq, struct tx *tx, struct reply *rp,
                             const struct wish *wish)
{
    size_t count = (size_t)wish->quantity;
    const struct ticket_copy *tickets;
    struct offer offer;
    struct order order;
    bool waits;
    enum err err = offer_as_seen(rq, tx, wish, &offer, &tickets, &waits);

    if (err != OK) return refuse_offer(rq, &offer, err);
    if (waits) return OK;
    for (size_t i = 0; i < count; i++)
        if (tickets[i].price_cents < rq->run->env->settings->price_minimum_cents)
            return ERR_PRICE_TOO_LOW;
    if (is_dearer(wish, tickets, count)) return refuse_total(rq, tx, tickets, count);
    TRY(order_reserve(rq, tx, tickets, count, &order));
    return reply_order(rp, 201, &order);
done:
    return err;
}

/* POST /api/orders {ticketId, price?, total?, version?} or {listingId, quantity, price?, total?}:
 * reserve a ticket, or neighbours of a listing, for ORDER_EXPIRATION_SECONDS. 201 the order, at the
 * tickets' prices now; 503 not_yet when what the buyer saw has not come here; 404 no such ticket or
 * listing; 410 taken down; 400 Ticket is already reserved; 409 price_changed when a price or a
 * total was sent and it is more by now; 409 for what the listing or its show does not allow
 * (offer_get, offer_choose); 429 after ORDERS_PER_MINUTE of one user, before anything is looked at,
 * and for who holds too much (order_reserve). In the writer, where the tickets are the first one's
 * to ask for them. */
static enum err post_orders(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct wish wish;
    enum err err;

    TRY(take_wish(rq, &wish));
    return wish.of_listing ? order_listed(rq, tx, rp, &wish) : order_ticket(rq, tx, rp, &wish);
done:
    return err;
}

/* --- those that were made -------------------------------------------------------------------- */

/* GET /api/orders?limit=&after=: the caller's orders, newest first. */
static enum err get_orders(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    struct list_page page;
    struct order *orders;
    size_t count;
    enum err err;

    TRY(request_list_page(rq, &page));
    TRY(orders_of_user(tx, rq->arena, rq->user.id, &page, &orders, &count));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        order_json(&json, &orders[i]);
    json_end_array(&json);
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

/* DELETE /api/orders/:id: give its tickets back. 204, also when it was given back before; 400
 * Cannot cancel a completed order; 401; 404. */
static enum err delete_order(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct order order;
    enum err err;

    TRY(order_of_caller(rq, tx, &order));
    TRY(order_give_back(tx, rq->arena, &order));
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
