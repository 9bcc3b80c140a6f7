/* services/tickets/routes.c: list, show, create, edit. */
#include "services/tickets/documents.h"
#include "services/tickets/tickets.h"

static enum err reply_ticket(struct request *rq, struct reply *rp, int status,
                             const struct ticket *ticket)
{
    struct json_writer json = reply_json(rp, status);

    ticket_json(&json, ticket, minimum_of(rq));
    return OK;
}

/* The rest of a query, straight into a JSON array: it may be a thousand tickets long. */
static enum err reply_tickets(struct request *rq, struct reply *rp, struct rows *rows,
                              struct list_page *page)
{
    struct json_writer json = reply_json(rp, 200);
    struct ticket ticket;
    enum err err;

    json_begin_array(&json);
    while (ticket_next(rows, page, &ticket))
        ticket_json(&json, &ticket, minimum_of(rq));
    json_end_array(&json);
    err = rows_end(rows);
    if (err == OK) reply_list_page(rq, rp, page);
    return err;
}

/* GET /api/tickets?limit=&after=: what is on sale, newest first.
 * 200 an array, Link to the next page when this one is full. */
static enum err get_tickets(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct list_page page;
    struct rows rows;
    enum err err;

    TRY(request_list_page(rq, &page));
    tickets_on_sale(tx, &rows, minimum_of(rq), &page);
    return reply_tickets(rq, rp, &rows, &page);
done:
    return err;
}

/* GET /api/tickets/mine?limit=&after=: what the caller listed, whatever became of it, newest first.
 */
static enum err get_tickets_mine(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct list_page page;
    struct rows rows;
    enum err err;

    TRY(request_list_page(rq, &page));
    tickets_of_seller(tx, &rows, rq->user.id, &page);
    return reply_tickets(rq, rp, &rows, &page);
done:
    return err;
}

/* 410 with the ticket as it was, for pages that say so. */
static enum err refuse_withdrawn(struct request *rq, const struct ticket *ticket)
{
    struct json_writer json;
    struct buf value;

    buf_init(&value, rq->arena, 4096);
    json = json_writer_to(&value);
    ticket_json(&json, ticket, minimum_of(rq));
    return request_refuse_with(rq, ERR_TICKET_WITHDRAWN, "ticket", &value);
}

/* GET /api/tickets/:id: one ticket, on sale, reserved or sold. 200; 304 by ETag; 404; 410 taken
 * down. */
static enum err get_ticket(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id_text text;
    struct ticket ticket;
    struct object_id id;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(ticket_get(tx, rq->arena, id, &ticket));
    if (ticket.withdrawn && !ticket_held(&ticket)) return refuse_withdrawn(rq, &ticket);
    text = object_id_text(id);
    if (reply_etag(rq, rp, str_of(text.hex), ticket.version)) return OK;
    return reply_ticket(rq, rp, 200, &ticket);
done:
    return err;
}

/* --- listing and editing ------------------------------------------------------------------- */

static enum err take_title(struct request *rq, struct str *title)
{
    static const struct {
        const char *code, *hint;
    } faults[] = {
        [TITLE_EMPTY] = {"empty", "Give the ticket a title"},
        [TITLE_INVISIBLE] = {"invisible", "Use letters, digits or signs that can be seen"},
        [TITLE_TOO_LONG] = {"too_long", "Use at most 200 characters"},
    };
    enum title_fault fault;

    *title = title_kept(rq->arena, request_body_text(rq, "title"));
    if (!title->at) return ERR_MEMORY;
    fault = title_fault(*title);
    if (fault != TITLE_FINE)
        request_reject_for(rq, "title", "Title is required", faults[fault].code,
                           faults[fault].hint);
    return OK;
}

/* The body's title and price; every field's error is reported. */
static enum err take_ticket(struct request *rq, const char *price_message, struct str *title,
                            int64_t *price_cents)
{
    enum err err;

    TRY(take_title(rq, title));
    take_price(rq, "price", price_message, price_cents);
    return request_checked(rq);
done:
    return err;
}

/* POST /api/tickets {title, price}: list a ticket for sale. 201 the ticket, version 0; 400; 429
 * before anything is looked at: listing and editing count together (LISTINGS_PER_MINUTE). 403
 * address_unconfirmed. */
static enum err post_tickets(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket ticket = {.user_id = rq->user.id};
    enum err err;

    TRY(take_ticket(rq, "Price must be greater than 0", &ticket.title, &ticket.price_cents));
    TRY(seller_may_list(rq->run->env, tx, rq->user.id));
    ticket.id = env_new_id(rq->run->env, tx);
    TRY(ticket_offer(tx, &ticket, NULL));
    return reply_ticket(rq, rp, 201, &ticket);
done:
    return err;
}

/* PUT /api/tickets/:id {title, price}: change what one sells.
 * 200 the ticket, one version higher; 400 bad fields or reserved; 401 not the seller; 404; 409 it
 * is of a listing; 410 taken down; 429 as above. */
static enum err put_ticket(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket ticket;
    struct object_id id;
    struct str title;
    int64_t price_cents;
    enum err err;

    TRY(take_ticket(rq, "Price must be provided and must be greater than 0", &title, &price_cents));
    TRY(request_path_id(rq, 0, &id));
    TRY(ticket_get(tx, rq->arena, id, &ticket));
    if (!str_eq(ticket.user_id, rq->user.id)) return ERR_NOT_AUTHORIZED;
    TRY(ticket_edit(&ticket, title, price_cents));
    TRY(ticket_save(tx, &ticket));
    return reply_ticket(rq, rp, 200, &ticket);
done:
    return err;
}

/* What would be left of its listing can be sold. */
static enum err check_split_left(struct request *rq, struct tx *tx, const struct ticket *ticket)
{
    struct listing listing;
    int64_t free;
    enum err err;

    if (!ticket_of_listing(ticket) || ticket->withdrawn) return OK;
    TRY(listing_lock(tx, rq->arena, ticket->listing_id, &listing));
    TRY(listing_free(tx, listing.id, &free));
    if (!ticket_held(ticket) && !split_fits(listing.terms.split, free - 1)) return ERR_SPLIT_LEFT;
done:
    return err;
}

/* DELETE /api/tickets/:id: take down what one sells, for good. 204, also when it was taken down
 * before; 401 not the seller; 404; 409 reserved or sold, or its listing's split does not let it
 * go alone. */
static enum err delete_ticket(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket ticket;
    struct object_id id;
    bool changed;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(ticket_get(tx, rq->arena, id, &ticket));
    if (!str_eq(ticket.user_id, rq->user.id)) return ERR_NOT_AUTHORIZED;
    TRY(check_split_left(rq, tx, &ticket));
    TRY(ticket_withdraw(&ticket, &changed));
    if (changed) TRY(ticket_save(tx, &ticket));
    if (changed && ticket_of_listing(&ticket)) offers_tell_soon(rq->run->env, tx);
    return reply_empty(rp, 204);
done:
    return err;
}

const struct route tickets_routes[TICKETS_ROUTES] = {
    {METHOD_GET, "/api/tickets", ACCESS_PUBLIC, IN_SHARED_READER, .run = get_tickets},
    {METHOD_GET, "/api/tickets/mine", ACCESS_SESSION, IN_READER, .run = get_tickets_mine},
    {METHOD_GET, "/api/tickets/:id", ACCESS_PUBLIC, IN_SHARED_READER, .run = get_ticket},
    {METHOD_POST, "/api/tickets", ACCESS_SESSION, IN_WRITER, .run = post_tickets, .limited = true},
    {METHOD_PUT, "/api/tickets/:id", ACCESS_SESSION, IN_WRITER, .run = put_ticket, .limited = true},
    {METHOD_DELETE, "/api/tickets/:id", ACCESS_SESSION, IN_WRITER, .run = delete_ticket},
    {METHOD_GET, "/api/listings", ACCESS_PUBLIC, IN_READER, .run = get_listings},
    {METHOD_GET, "/api/listings/mine", ACCESS_SESSION, IN_READER, .run = get_listings_mine},
    {METHOD_GET, "/api/listings/:id", ACCESS_PUBLIC, IN_READER, .run = get_listing},
    {METHOD_POST, "/api/listings", ACCESS_SESSION, IN_WRITER, .run = post_listings, .limited = true,
     .about = "showId"},
    {METHOD_PUT, "/api/listings/:id", ACCESS_SESSION, IN_WRITER, .run = put_listing,
     .limited = true},
    {METHOD_DELETE, "/api/listings/:id", ACCESS_SESSION, IN_WRITER, .run = delete_listing},
};
