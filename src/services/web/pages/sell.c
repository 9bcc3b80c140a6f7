/* services/web/pages/sell.c: listing a ticket. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"
#include "services/web/submissions.h"

static void show_sell(struct request *rq, struct reply *rp, int status, struct sell_view *view)
{
    struct page page;

    view->nonce = submission_nonce(rq);
    page_begin(rq, &page, TEXT_SELL_TITLE);
    page.at_new = true;
    page.here = STR("/tickets/new");
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, status);
    page_sell(&rp->body, &page, view);
}

/* GET /tickets/new */
enum err get_sell(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct sell_view view = {.nonce = STR("")};

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/tickets/new"));
    show_sell(rq, rp, 200, &view);
    return OK;
}

/* What was typed, and what is wrong with it as far as the page can tell. */
static struct sell_view *sell_view_read(struct request *rq)
{
    struct sell_view *view = arena_alloc(rq->arena, sizeof *view);

    if (!view) return NULL;
    form_title(rq, &view->errors, &view->fields.title);
    form_price(rq, &view->errors, &view->fields.price, STR("price"));
    return view;
}

static enum err listing_refused(struct request *rq, struct reply *rp)
{
    struct sell_view *view = rq->run->state;

    view->unconfirmed = str_eq(api_code(rq), STR("address_unconfirmed"));
    if (rq->call.status != 400 && !view->unconfirmed)
        return page_refused(rq, rp, STR("/tickets/new"));
    if (view->unconfirmed)
        form_error(&view->errors, STR(""), page_text(rq, TEXT_SELL_UNCONFIRMED));
    else
        form_api_errors(rq, &view->errors, &view->fields, STR("price"));
    show_sell(rq, rp, rq->call.status, view);
    return OK;
}

static enum err took_listing(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str nonce = request_form(rq, "nonce"), path = STR("");
    const struct json *json;
    struct ticket_view ticket;
    enum err err;

    (void)tx;
    if (api_ok(rq, &json) && api_ticket(rq, json, &ticket)) {
        path = path_of(rq, "/tickets/", ticket.id, "");
        TRY(page_redirect_notice(rq, rp, path, "listed"));
    } else {
        TRY(listing_refused(rq, rp));
    }
    return submission_end(rq, nonce, path);
done:
    return err;
}

static enum err list_ticket(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct sell_view *view = rq->run->state;

    (void)tx, (void)rp;
    return request_call(rq, METHOD_POST, STR("/api/tickets"),
                        api_body(rq, {"title", view->fields.title.value, false},
                                 {"price", view->fields.price.value, false}),
                        took_listing);
}

/* POST /tickets/new title, price, nonce: lists one ticket, however often it is clicked. */
enum err post_sell(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct sell_view *view;

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/tickets/new"));
    view = sell_view_read(rq);
    if (!view) return ERR_MEMORY;
    rq->run->state = view;
    if (form_is_draft(rq)) {
        view->errors = (struct form_errors){.list = {.count = 0}};
        view->fields.title.error = view->fields.price.error = STR("");
        show_sell(rq, rp, 200, view);
    } else if (view->errors.list.count) {
        show_sell(rq, rp, 400, view);
    } else {
        return submission_once(rq, request_form(rq, "nonce"), list_ticket);
    }
    return OK;
}
