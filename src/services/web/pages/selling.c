/* services/web/pages/selling.c: the visitor's own listings, and their prices, changed in place. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"

#define LISTINGS_A_PAGE 100

/* A price that was typed; rq->run->state, NULL when none was. */
struct change {
    struct str id;
    struct field field;
    struct form_errors errors;
};

static enum err show_selling(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct change *change = rq->run->state;
    struct selling_view view = {.here_after = page_after(rq)};
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
        if (ticket->sold) ticket->order_day = page_day(rq, ticket->order_id);
        if (change && str_eq(change->id, ticket->id)) ticket->price_field = change->field;
    }
    view.tickets.at = tickets;
    view.after = api_next(rq);
    page_begin(rq, &page, TEXT_SELLING_TITLE);
    page.at_selling = true;
    if (rq->method != METHOD_GET) page.here = STR("/selling");
    if (change) view.errors = change->errors;
    if (view.errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, view.errors.list.count ? 400 : 200);
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
    if (page_asks_first(rq)) return page_ask_first(rq);
    return ask_listings(rq);
}

static enum err took_price(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct change *change = rq->run->state;
    struct ticket_fields fields = {.price = change->field};
    struct buf path;

    (void)tx;
    if (api_ok(rq, NULL)) {
        buf_init(&path, rq->arena, 128);
        buf_append(&path, STR("/selling"));
        if (page_after(rq).len) buf_append(&path, STR("?after="));
        buf_append(&path, page_after(rq));
        buf_append(&path, STR("#t")); /* its row */
        buf_append(&path, change->id);
        return page_redirect_notice(rq, rp, path.failed ? STR("/selling") : buf_str(&path),
                                    "saved");
    }
    if (rq->call.status != 400) return page_refused(rq, rp, STR("/selling"));
    form_api_errors(rq, &change->errors, &fields, path_of(rq, "p", change->id, ""));
    change->field = fields.price;
    return ask_listings(rq);
}

/* The API changes a ticket as a whole, so its title is sent along as it is now. */
static enum err took_title(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct change *change = rq->run->state;
    struct ticket_view ticket;
    const struct json *json;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, STR("/selling"));
    if (!api_ticket(rq, json, &ticket)) return page_problem(rq, rp, 500);
    return request_call(
        rq, METHOD_PUT, path_of(rq, "/api/tickets/", change->id, ""),
        api_body(rq, {"title", ticket.title, false}, {"price", change->field.value, false}),
        took_price);
}

/* POST /selling/:id/price price, after: of the page it stands on */
enum err post_price(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct change *change = arena_alloc(rq->arena, sizeof *change);

    (void)tx;
    if (!change) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/selling"));
    change->id = page_path_id(rq, 0);
    if (!change->id.len) return page_problem(rq, rp, 404);
    rq->run->state = change;
    form_price(rq, &change->errors, &change->field, path_of(rq, "p", change->id, ""));
    if (form_is_draft(rq)) {
        change->errors = (struct form_errors){.list = {.count = 0}};
        change->field.error = STR("");
    }
    if (form_is_draft(rq) || change->errors.list.count) return ask_listings(rq);
    return request_call(rq, METHOD_GET, path_of(rq, "/api/tickets/", change->id, ""), STR(""),
                        took_title);
}
