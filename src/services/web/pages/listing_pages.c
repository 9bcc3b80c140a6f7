/* services/web/pages/listing_pages.c: tickets that are offered together: what is left of them, to
 * reserve some or choose one from, and for their seller to take down. */
#include "services/web/web.h"

#include "base/money.h"
#include "events/sale_rules.h"

#include "services/web/api.h"
#include "services/web/api_listings.h"
#include "services/web/api_shows.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"
#include "services/web/price.h"
#include "services/web/submissions.h"

#define CHOICES_MAX 10 /* of how many to order; programs order more */

/* The page on its way, perhaps after an order was refused; rq->run->state. */
struct listing_page_state {
    struct listing_page_view view;
    struct str id, path;
    struct str nonce; /* of a submission that is to be ended */
    int status;
};

static struct listing_page_state *listing_page_begin(struct request *rq)
{
    struct listing_page_state *state = arena_alloc(rq->arena, sizeof *state);

    if (!state) return NULL;
    *state = (struct listing_page_state){.id = page_path_id(rq, 0), .status = 200};
    state->path = path_of(rq, "/listings/", state->id, "");
    rq->run->state = state;
    return state;
}

/* --- how many ------------------------------------------------------------------------------- */

static enum split split_of(const struct listing_view *listing)
{
    return listing->pairs       ? SPLIT_PAIRS
           : listing->all       ? SPLIT_ALL
           : listing->no_single ? SPLIT_NO_SINGLE
                                : SPLIT_ANY;
}

/* All that is left goes as it is; fewer are side by side. */
static bool may_order(const struct listing_view *listing, int64_t count)
{
    enum split split = split_of(listing);

    return split_allows(split, listing->free, count) &&
           (split == SPLIT_ALL || count <= listing->together) &&
           count * listing->cents <= PRICE_CENTS_MAX;
}

static enum err put_choices(struct request *rq, struct listing_page_view *view)
{
    const struct listing_view *listing = &view->listing;
    struct choice *choices = arena_alloc(rq->arena, CHOICES_MAX * sizeof *choices);
    struct str wanted =
        rq->method == METHOD_GET ? request_query(rq, "quantity") : form_value(rq, "quantity");
    bool chosen = false;

    if (!choices) return ERR_MEMORY;
    view->choices.at = choices;
    if (!listing->on_sale || listing->mine) return OK;
    for (int64_t n = 1; n <= listing->free && view->choices.count < CHOICES_MAX; n++) {
        struct str number = page_number(rq, n), price = page_money(rq, n * listing->cents);

        if (!may_order(listing, n)) continue;
        choices[view->choices.count++] = (struct choice){
            number,
            n == 1 ? page_fill(rq, TEXT_LISTING_CHOICE_ONE, {STR("price"), price})
                   : page_fill(rq, TEXT_LISTING_CHOICE, {STR("n"), number}, {STR("price"), price}),
            str_eq(number, wanted)};
        chosen |= str_eq(number, wanted);
    }
    if (view->choices.count && !chosen) choices[0].chosen = true;
    return OK;
}

/* --- the page ------------------------------------------------------------------------------- */

static enum err show_listing(struct request *rq, struct reply *rp)
{
    struct listing_page_state *state = rq->run->state;
    struct listing_page_view *view = &state->view;
    struct page page;
    enum err err;

    TRY(put_choices(rq, view));
    view->price_value = page_price_input(rq, view->listing.cents);
    view->hold = page_duration(rq, rq->run->env->settings->order_expiration_ms / 1000);
    view->nonce = rq->user.id.len ? submission_nonce(rq) : STR("");
    page_begin(rq, &page, TEXT_LISTING_TITLE);
    page.title = page_fill(rq, TEXT_LISTING_NAME, {STR("title"), view->show.title},
                           {STR("place"), view->listing.place});
    page.live = live_path(rq);
    page.here = state->path;
    if (view->errors.list.count) form_refused(rq, &page);
    if (state->status == 200)
        page_reply_public(rq, rp);
    else
        page_reply(rq, rp, state->status);
    page_listing(&rp->body, &page, view);
    return state->nonce.len ? submission_end(rq, state->nonce, STR("")) : OK;
done:
    return err;
}

static enum err listing_page_problem(struct request *rq, struct reply *rp)
{
    const struct listing_page_state *state = rq->run->state;
    enum err err = page_refused(rq, rp, state->path);

    return err == OK && state->nonce.len ? submission_end(rq, state->nonce, STR("")) : err;
}

static enum err took_show(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_page_state *state = rq->run->state;
    const struct json *json;

    (void)tx;
    if (!api_ok(rq, &json)) return listing_page_problem(rq, rp);
    if (!api_show(rq, json, &state->view.show)) return page_problem(rq, rp, 500);
    return show_listing(rq, rp);
}

static enum err took_listing(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_page_state *state = rq->run->state;
    struct listing_view *listing = &state->view.listing;
    const struct json *json;

    (void)tx;
    if (!api_ok(rq, &json)) return listing_page_problem(rq, rp);
    if (!api_listing(rq, json, listing)) return page_problem(rq, rp, 500);
    return request_call(rq, METHOD_GET, path_of(rq, "/api/shows/", listing->show_id, ""), STR(""),
                        took_show);
}

static enum err ask_listing(struct request *rq)
{
    const struct listing_page_state *state = rq->run->state;

    return request_call(rq, METHOD_GET, path_of(rq, "/api/listings/", state->id, ""), STR(""),
                        took_listing);
}

/* GET /listings/:id: which of the tickets are left, and what they cost. */
enum err get_listing_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct listing_page_state *state;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    state = listing_page_begin(rq);
    if (!state) return ERR_MEMORY;
    if (!state->id.len) return page_problem(rq, rp, 404);
    return ask_listing(rq);
}

/* --- reserving ------------------------------------------------------------------------------ */

/* What the API refuses is said at the listing as it is by now. */
static enum err took_order(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_page_state *state = rq->run->state;
    const struct json *json;
    struct order_view order;
    struct str path;
    enum err err;

    (void)tx;
    if (api_ok(rq, &json)) {
        if (!api_order(rq, json, &order)) return page_problem(rq, rp, 500);
        path = path_of(rq, "/orders/", order.id, "");
        TRY(page_redirect(rp, path));
        return submission_end(rq, state->nonce, path);
    }
    if (rq->call.status != 409 && rq->call.status != 410 && rq->call.status != 400)
        return listing_page_problem(rq, rp);
    state->status = rq->call.status;
    form_error(&state->view.errors, STR(""), api_error(rq, ""));
    form_error(&state->view.errors, STR(""), api_error(rq, "quantity"));
    return ask_listing(rq);
done:
    return err;
}

static enum err send_order(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_page_state *state = rq->run->state;
    struct api_text texts[3] = {{"listingId", state->id, false},
                                {"quantity", form_value(rq, "quantity"), true}};
    struct str price = form_value(rq, "price");
    size_t count = 2;
    int64_t cents;

    (void)tx, (void)rp;
    state->nonce = request_form(rq, "nonce");
    if (price_read(price, &cents) == PRICE_READ)
        texts[count++] = (struct api_text){"price", price, false};
    return request_call(rq, METHOD_POST, STR("/api/orders"), api_body_of(rq, texts, count),
                        took_order);
}

/* POST /listings/:id/reserve quantity, price, nonce, intent: so many of them, at the price that the
 * visitor saw or less, once, however often it is clicked. Comes again after signing in, with the
 * intent: it is what one signed in for. */
enum err post_listing_reserve(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct listing_page_state *state = listing_page_begin(rq);

    (void)tx;
    if (!state) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    if (!state->id.len) return page_problem(rq, rp, 404);
    if (!rq->user.id.len) return page_sign_in(rq, rp, state->path);
    if (form_is_draft(rq) && !str_eq(request_form(rq, "intent"), STR("reserve")))
        return page_redirect(rp, state->path);
    return submission_once(rq, request_form(rq, "nonce"), send_order);
}

/* --- taking down ----------------------------------------------------------------------------- */

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
