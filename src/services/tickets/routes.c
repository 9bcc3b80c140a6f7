/* services/tickets/routes.c: list, show, create, edit. */
#include "services/tickets/tickets.h"

static enum err reply_ticket(struct reply *rp, int status, const struct ticket *ticket)
{
    struct json_writer json = reply_json(rp, status);

    ticket_json(&json, ticket);
    return OK;
}

/* GET /api/tickets?limit=&after=: what is on sale, newest first.
 * 200 an array, Link to the next page when this one is full. */
static enum err get_tickets(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    struct list_page page;
    enum err err;

    TRY(request_list_page(rq, &page));
    json = reply_json(rp, 200);
    TRY(tickets_on_sale(tx, &page, &json));
    reply_list_page(rq, rp, &page);
done:
    return err;
}

/* GET /api/tickets/mine?limit=&after=: what the caller listed, whatever became of it, newest first.
 */
static enum err get_tickets_mine(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    struct list_page page;
    enum err err;

    TRY(request_list_page(rq, &page));
    json = reply_json(rp, 200);
    TRY(tickets_of_seller(tx, rq->user.id, &page, &json));
    reply_list_page(rq, rp, &page);
done:
    return err;
}

/* GET /api/tickets/:id: one ticket, whatever its state. 200; 304 by ETag; 404. */
static enum err get_ticket(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id_text text;
    struct ticket ticket;
    struct object_id id;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(ticket_get(tx, rq->arena, id, &ticket));
    text = object_id_text(id);
    if (reply_etag(rq, rp, str_of(text.hex), ticket.version)) return OK;
    return reply_ticket(rp, 200, &ticket);
done:
    return err;
}

/* The body's title and price; every field's error is reported. */
static enum err take_ticket(struct request *rq, const char *price_message, struct str *title,
                            int64_t *price_cents)
{
    *title = request_body_text(rq, "title");
    if (!title_valid(*title)) request_reject(rq, "title", "Title is required");
    if (!price_take(json_get(rq->body, "price"), price_cents))
        request_reject(rq, "price", price_message);
    return request_checked(rq);
}

/* POST /api/tickets {title, price}: list a ticket for sale. 201 the ticket, version 0; 400. */
static enum err post_tickets(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket ticket = {.user_id = rq->user.id};
    enum err err;

    TRY(take_ticket(rq, "Price must be greater than 0", &ticket.title, &ticket.price_cents));
    ticket.id = env_new_id(rq->env, tx);
    TRY(ticket_insert(tx, &ticket));
    TRY(publish_ticket_created(tx, &(struct ticket_created){.id = ticket.id,
                                                            .version = ticket.version,
                                                            .title = ticket.title,
                                                            .price_cents = ticket.price_cents,
                                                            .user_id = ticket.user_id}));
    return reply_ticket(rp, 201, &ticket);
done:
    return err;
}

enum err ticket_save(struct tx *tx, const struct ticket *ticket)
{
    enum err err;

    TRY(ticket_update(tx, ticket));
    TRY(publish_ticket_updated(tx, &(struct ticket_updated){.id = ticket->id,
                                                            .version = ticket->version,
                                                            .title = ticket->title,
                                                            .price_cents = ticket->price_cents,
                                                            .user_id = ticket->user_id,
                                                            .order_id = ticket->order_id,
                                                            .sold = ticket->sold}));
done:
    return err;
}

/* PUT /api/tickets/:id {title, price}: change what one sells.
 * 200 the ticket, one version higher; 400 bad fields or reserved; 401 not the seller; 404. */
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
    return reply_ticket(rp, 200, &ticket);
done:
    return err;
}

const struct route tickets_routes[TICKETS_ROUTES] = {
    {METHOD_GET, "/api/tickets", ACCESS_PUBLIC, IN_SHARED_READER, get_tickets},
    {METHOD_GET, "/api/tickets/mine", ACCESS_SESSION, IN_READER, get_tickets_mine},
    {METHOD_GET, "/api/tickets/:id", ACCESS_PUBLIC, IN_SHARED_READER, get_ticket},
    {METHOD_POST, "/api/tickets", ACCESS_SESSION, IN_WRITER, post_tickets},
    {METHOD_PUT, "/api/tickets/:id", ACCESS_SESSION, IN_WRITER, put_ticket},
};
