/* services/web/pages/listing_pages.c: tickets that are offered together: what is left of them, to
 * choose one from, and for their seller to take down. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/api_listings.h"
#include "services/web/api_shows.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"

static enum err took_show(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_page_view *view = rq->run->state;
    const struct json *json;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, STR("/"));
    if (!api_show(rq, json, &view->show)) return page_problem(rq, rp, 500);
    page_begin(rq, &page, TEXT_LISTING_TITLE);
    page.title = page_fill(rq, TEXT_LISTING_NAME, {STR("title"), view->show.title},
                           {STR("place"), view->listing.place});
    page.live = live_path(rq);
    page_reply_public(rq, rp);
    page_listing(&rp->body, &page, view);
    return OK;
}

static enum err took_listing(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_page_view *view = rq->run->state;
    const struct json *json;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, page_here(rq));
    if (!api_listing(rq, json, &view->listing)) return page_problem(rq, rp, 500);
    return request_call(rq, METHOD_GET, path_of(rq, "/api/shows/", view->listing.show_id, ""),
                        STR(""), took_show);
}

/* GET /listings/:id: which of the tickets are left, and what they cost. */
enum err get_listing_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_page_view *view;
    struct str id;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    id = page_path_id(rq, 0);
    if (!id.len) return page_problem(rq, rp, 404);
    view = arena_alloc(rq->arena, sizeof *view);
    if (!view) return ERR_MEMORY;
    rq->run->state = view;
    return request_call(rq, METHOD_GET, path_of(rq, "/api/listings/", id, ""), STR(""),
                        took_listing);
}

static enum err took_withdrawal(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str path = path_of(rq, "/listings/", page_path_id(rq, 0), "");

    (void)tx;
    if (!api_ok(rq, NULL)) return page_refused(rq, rp, path);
    return page_redirect_notice(rq, rp, path, "removed");
}

/* POST /listings/:id/withdraw: its seller takes down what is left of it. */
enum err post_listing_withdraw(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str id = page_path_id(rq, 0);

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!id.len) return page_problem(rq, rp, 404);
    if (!rq->user.id.len) return page_sign_in(rq, rp, path_of(rq, "/listings/", id, ""));
    return request_call(rq, METHOD_DELETE, path_of(rq, "/api/listings/", id, ""), STR(""),
                        took_withdrawal);
}
