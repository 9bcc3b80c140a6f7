/* services/web/sell.c: listing a ticket. */
#include "services/web/web.h"

static void show(struct request *rq, struct reply *rp, int status, struct sell_view *view)
{
    struct page page;

    view->nonce = submission_nonce(rq);
    page_begin(rq, &page, TEXT_SELL_TITLE);
    page.at_new = true;
    if (status != 200) page.here = STR("/tickets/new");
    page_reply(rq, rp, status);
    page_sell(&rp->body, &page, view);
}

/* GET /tickets/new */
enum err get_sell(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct sell_view view = {0};

    (void)tx;
    if (page_session_is_old(rq)) return page_renew(rq);
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/tickets/new"));
    show(rq, rp, 200, &view);
    return OK;
}

static enum err refused(struct request *rq, struct reply *rp)
{
    struct sell_view view = {0};

    if (rq->call.status != 400) return page_refused(rq, rp, STR("/tickets/new"));
    view.fields.title = (struct field){"title", request_form(rq, "title"), api_error(rq, "title")};
    view.fields.price = (struct field){"price", request_form(rq, "price"), api_error(rq, "price")};
    view.error = api_error(rq, "");
    show(rq, rp, 400, &view);
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
        path = path_of(rq, "/tickets/", ticket.id, "?done=listed");
        TRY(page_redirect(rp, path));
    } else {
        TRY(refused(rq, rp));
    }
    return submission_end(rq, nonce, path);
done:
    return err;
}

static enum err list_it(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx, (void)rp;
    return request_call(rq, METHOD_POST, STR("/api/tickets"),
                        api_body(rq, {"title", request_form(rq, "title")},
                                 {"price", api_price(rq, request_form(rq, "price"))}),
                        took_listing);
}

/* POST /tickets/new title, price, nonce: lists one ticket, however often it is clicked. */
enum err post_sell(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/tickets/new"));
    return submission_once(rq, request_form(rq, "nonce"), list_it);
}
