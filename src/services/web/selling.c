/* services/web/selling.c: the visitor's own listings, and their prices, changed in place. */
#include "services/web/web.h"

#define LISTINGS_A_PAGE 100

/* A price that was refused; rq->state, NULL when nothing was. */
struct change {
    struct str id, value, field_error, error;
};

static enum err show_selling(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct change *change = rq->state;
    struct selling_view view = {.error = change ? change->error : STR("")};
    struct ticket_view *tickets;
    const struct json *list;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &list)) return page_refused(rq, rp, STR("/selling"));
    tickets = arena_alloc(rq->arena, LISTINGS_A_PAGE * sizeof *tickets);
    if (!tickets) return ERR_MEMORY;
    for (size_t i = 0; i < json_length(list) && view.tickets.count < LISTINGS_A_PAGE; i++) {
        struct ticket_view *ticket = &tickets[view.tickets.count];

        if (!api_ticket(rq, json_at(list, i), ticket)) continue;
        view.tickets.count++;
        view.state += ticket->version + 1; /* versions and lists only grow */
        if (change && str_eq(change->id, ticket->id))
            ticket->price_field = (struct field){"price", change->value, change->field_error};
    }
    view.tickets.at = tickets;
    view.after = api_next(rq);
    page_begin(rq, &page, TEXT_SELLING_TITLE);
    page.at_selling = true;
    page.here = STR("/selling");
    page.live = live_path(rq, STR(""));
    page_reply(rq, rp, change ? 400 : 200);
    page_selling(&rp->body, &page, &view);
    return OK;
}

static enum err ask_listings(struct request *rq)
{
    return request_call(rq, METHOD_GET, api_list(rq, "/api/tickets/mine", LISTINGS_A_PAGE), STR(""),
                        show_selling);
}

/* GET /selling?after= */
enum err get_selling(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx, (void)rp;
    if (page_session_is_old(rq)) return page_renew(rq);
    return ask_listings(rq);
}

static enum err took_price(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct change *change = rq->state;

    (void)tx;
    if (api_ok(rq, NULL)) return page_redirect(rp, STR("/selling?done=saved"));
    if (rq->call.status != 400) return page_refused(rq, rp, STR("/selling"));
    change->field_error = api_error(rq, "price");
    change->error = api_error(rq, "");
    return ask_listings(rq);
}

/* The API changes a ticket as a whole, so its title is sent along as it is now. */
static enum err took_title(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct change *change = rq->state;
    struct ticket_view ticket;
    const struct json *json;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, STR("/selling"));
    if (!api_ticket(rq, json, &ticket)) return page_problem(rq, rp, 500);
    return request_call(
        rq, METHOD_PUT, path_of(rq, "/api/tickets/", change->id, ""),
        api_body(rq, {"title", ticket.title}, {"price", api_price(rq, change->value)}), took_price);
}

/* POST /selling/:id/price price */
enum err post_price(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct change *change = arena_alloc(rq->arena, sizeof *change);

    (void)tx;
    if (!change) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    change->id = api_path_id(rq, 0);
    change->value = request_form(rq, "price");
    rq->state = change;
    if (!change->id.len) return page_problem(rq, rp, 404);
    return request_call(rq, METHOD_GET, path_of(rq, "/api/tickets/", change->id, ""), STR(""),
                        took_title);
}
