/* services/web/market.c: what is for sale, one ticket, its editing and its reservation. */
#include "services/web/web.h"

#define TICKETS_A_PAGE 100

/* --- the list -------------------------------------------------------------------------------- */

static enum err show_market(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct market_view view = {.hero = !rq->user.id.len && !request_query(rq, "after").len};
    struct page page;
    enum err err;

    (void)tx;
    if (!api_ok(rq, NULL)) return page_refused(rq, rp, STR("/"));
    TRY(fragment_cards(rq, &view.cards, &view.count));
    view.after = api_next(rq);
    page_begin(rq, &page, TEXT_MARKET_TITLE);
    page.at_market = true;
    page.live = live_path(rq, STR(""));
    page_reply(rq, rp, 200);
    page_market(&rp->body, &page, &view);
done:
    return err;
}

/* GET /?after=: tickets for sale, newest first. */
enum err get_market(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx, (void)rp;
    if (page_session_is_old(rq)) return page_renew(rq);
    return request_call(rq, METHOD_GET, api_list(rq, "/api/tickets", TICKETS_A_PAGE), STR(""),
                        show_market);
}

/* --- one ticket ------------------------------------------------------------------------------- */

/* The way to a ticket's page, perhaps after something was refused; rq->state. */
struct visit {
    struct str id, path;
    struct ticket_page_view view;
    bool edited;   /* the seller's form came back with errors */
    bool reserved; /* the visitor just tried to */
    int status;
};

static struct visit *visit_begin(struct request *rq)
{
    struct visit *visit = arena_alloc(rq->arena, sizeof *visit);

    if (!visit) return NULL;
    visit->id = api_path_id(rq, 0);
    visit->path = path_of(rq, "/tickets/", visit->id, "");
    visit->status = 200;
    rq->state = visit;
    return visit;
}

static enum err show_ticket(struct request *rq, struct reply *rp)
{
    struct visit *visit = rq->state;
    struct ticket_page_view *view = &visit->view;
    struct page page;

    if (visit->reserved && view->my_order.len)
        return page_redirect(rp, path_of(rq, "/orders/", view->my_order, ""));
    if (!visit->edited) {
        view->fields.title = (struct field){"title", view->ticket.title, STR("")};
        view->fields.price = (struct field){"price", view->ticket.price_value, STR("")};
    }
    page_begin(rq, &page, TEXT_MARKET_TITLE);
    page.title = view->ticket.title;
    page.live = live_path(rq, STR(""));
    if (visit->status != 200 || visit->reserved) page.here = visit->path;
    page_reply(rq, rp, visit->status);
    page_ticket(&rp->body, &page, view);
    return OK;
}

/* Whether the order that holds the ticket is the visitor's: only then may one see it. */
static enum err took_order(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct visit *visit = rq->state;

    (void)tx;
    if (api_ok(rq, NULL)) visit->view.my_order = visit->view.ticket.order_id;
    return show_ticket(rq, rp);
}

static enum err took_ticket(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct visit *visit = rq->state;
    struct ticket_page_view *view = &visit->view;
    const struct json *json;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, visit->path);
    if (!api_ticket(rq, json, &view->ticket)) return page_problem(rq, rp, 500);
    view->mine = rq->user.id.len && str_eq(view->ticket.user_id, rq->user.id);
    if (!view->ticket.order_id.len || !rq->user.id.len) return show_ticket(rq, rp);
    return request_call(rq, METHOD_GET, path_of(rq, "/api/orders/", view->ticket.order_id, ""),
                        STR(""), took_order);
}

static enum err ask_ticket(struct request *rq)
{
    const struct visit *visit = rq->state;

    return request_call(rq, METHOD_GET, path_of(rq, "/api/tickets/", visit->id, ""), STR(""),
                        took_ticket);
}

/* GET /tickets/:id: to look at, to reserve, or for its seller to edit. */
enum err get_ticket_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct visit *visit;

    (void)tx;
    if (page_session_is_old(rq)) return page_renew(rq);
    visit = visit_begin(rq);
    if (!visit) return ERR_MEMORY;
    if (!visit->id.len) return page_problem(rq, rp, 404);
    return ask_ticket(rq);
}

/* --- editing ---------------------------------------------------------------------------------- */

static enum err took_edit(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct visit *visit = rq->state;
    struct ticket_page_view *view = &visit->view;

    (void)tx;
    if (api_ok(rq, NULL))
        return page_redirect(rp, path_of(rq, "/tickets/", visit->id, "?done=saved"));
    if (rq->call.status != 400) return page_refused(rq, rp, visit->path);
    visit->edited = true;
    visit->status = 400;
    view->fields.title.error = api_error(rq, "title");
    view->fields.price.error = api_error(rq, "price");
    view->error = api_error(rq, "");
    return ask_ticket(rq);
}

/* POST /tickets/:id title, price: the seller's changes. */
enum err post_ticket_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct visit *visit = visit_begin(rq);

    (void)tx;
    if (!visit) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    if (!visit->id.len) return page_problem(rq, rp, 404);
    visit->view.fields.title = (struct field){"title", request_form(rq, "title"), STR("")};
    visit->view.fields.price = (struct field){"price", request_form(rq, "price"), STR("")};
    return request_call(rq, METHOD_PUT, path_of(rq, "/api/tickets/", visit->id, ""),
                        api_body(rq, {"title", visit->view.fields.title.value},
                                 {"price", api_price(rq, visit->view.fields.price.value)}),
                        took_edit);
}

/* --- reserving -------------------------------------------------------------------------------- */

/* Reserved a moment ago by the same visitor (a double click) leads to that order all the same. */
static enum err took_reservation(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct visit *visit = rq->state;
    const struct json *json;
    struct order_view order;

    (void)tx;
    if (api_ok(rq, &json)) {
        if (!api_order(rq, json, &order)) return page_problem(rq, rp, 500);
        return page_redirect(rp, path_of(rq, "/orders/", order.id, ""));
    }
    if (!str_eq(api_code(rq), STR("ticket_reserved"))) return page_refused(rq, rp, visit->path);
    visit->reserved = true;
    visit->status = 409;
    visit->view.error = page_text(rq, TEXT_TICKET_TAKEN);
    return ask_ticket(rq);
}

/* POST /tickets/:id/reserve. */
enum err post_reserve(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct visit *visit = visit_begin(rq);

    (void)tx;
    if (!visit) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    if (!visit->id.len) return page_problem(rq, rp, 404);
    return request_call(rq, METHOD_POST, STR("/api/orders"), api_body(rq, {"ticketId", visit->id}),
                        took_reservation);
}
