/* services/web/pages/market.c: what is for sale, one ticket, its editing and its reservation. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/api_shows.h"
#include "services/web/form.h"
#include "services/web/fragments.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/day_choices.h"
#include "services/web/price.h"
#include "services/web/pages/sign_in.h"

#define TICKETS_A_PAGE 100
#define SOON_ASKED     12 /* shows, for the cities they are in … */
#define SOON_LIMIT     "12"
#define SOON_SHOWN     4 /* … of which so many are shown */

/* --- the list -------------------------------------------------------------------------------- */

static void publish_market(struct request *rq, struct page *page)
{
    struct buf about;

    page_publish(rq, page, STR("/"));
    buf_init(&about, rq->arena, 4096);
    page_about_market(&about, page, page);
    if (!about.failed) page->structured.text = buf_str(&about);
}

static enum err show_market(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct market_view *view = rq->run->state;
    struct page page;
    enum err err;

    (void)tx;
    if (!api_ok(rq, NULL)) return page_refused(rq, rp, STR("/"));
    TRY(fragment_cards(rq, &view->cards, &view->count));
    TRY(day_choices_put(rq, &view->find));
    view->after = api_next(rq);
    page_begin(rq, &page, TEXT_MARKET_TITLE);
    page.at_market = true;
    page.feed = STR("/shows.rss");
    page.live = live_path(rq);
    page.description = page_text(rq, TEXT_MARKET_ABOUT);
    if (!rq->query.len) publish_market(rq, &page);
    page_reply_public(rq, rp);
    page_market(&rp->body, &page, view);
done:
    return err;
}

static enum err ask_market(struct request *rq)
{
    return request_call(rq, METHOD_GET, api_list(rq, "/api/tickets", TICKETS_A_PAGE), STR(""),
                        show_market);
}

static bool is_among(const struct text_block *places, size_t count, struct str city)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(places[i].text, city)) return true;
    return false;
}

/* What is on next, and where. Without the catalogue there are tickets all the same. */
static enum err took_soon(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct market_view *view = rq->run->state;
    struct show_view *shows = arena_alloc(rq->arena, SOON_SHOWN * sizeof *shows);
    struct text_block *places = arena_alloc(rq->arena, SOON_ASKED * sizeof *places);
    const struct json *list;

    (void)tx, (void)rp;
    if (!shows || !places) return ERR_MEMORY;
    if (!api_ok(rq, &list)) return ask_market(rq);
    for (size_t i = 0; i < json_length(list) && i < SOON_ASKED; i++) {
        struct str city = json_member(json_at(list, i), "venue.city");

        if (view->soon.count < SOON_SHOWN)
            view->soon.count += api_show(rq, json_at(list, i), &shows[view->soon.count]);
        if (city.len && !is_among(places, view->places.count, city))
            places[view->places.count++].text = city;
    }
    view->soon.at = shows;
    view->places.at = places;
    return ask_market(rq);
}

/* GET /?after=: what is on soon and where, and tickets for sale, newest first. */
enum err get_market(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct market_view *view;
    bool first = !request_query(rq, "after").len;

    (void)tx, (void)rp;
    if (page_asks_first(rq)) return page_ask_first(rq);
    view = arena_alloc(rq->arena, sizeof *view);
    if (!view) return ERR_MEMORY;
    view->hero = first && !rq->user.id.len;
    rq->run->state = view;
    if (!first) return ask_market(rq);
    return request_call(rq, METHOD_GET, STR("/api/shows?sort=soonest&limit=" SOON_LIMIT), STR(""),
                        took_soon);
}

/* --- one ticket ------------------------------------------------------------------------------- */

/* A ticket's page on its way, perhaps after something was refused; rq->run->state. */
struct ticket_page_state {
    struct str id, path;
    struct ticket_page_view view;
    bool reserved; /* the visitor just tried to */
    int status;
};

static struct ticket_page_state *ticket_page_begin(struct request *rq)
{
    struct ticket_page_state *state = arena_alloc(rq->arena, sizeof *state);

    if (!state) return NULL;
    state->id = page_path_id(rq, 0);
    state->path = path_of(rq, "/tickets/", state->id, "");
    state->status = 200;
    rq->run->state = state;
    return state;
}

/* What the page is called, and what is told of it where it is found or shared. */
static void publish_ticket(struct request *rq, struct page *page,
                           const struct ticket_page_state *state)
{
    const struct ticket_view *ticket = &state->view.ticket;
    const struct message_value values[] = {{STR("title"), ticket->title},
                                           {STR("price"), ticket->price}};
    struct buf about;

    page->title = page_message(rq, TEXT_TICKET_NAME, values, 2);
    page->description = page_message(rq, TEXT_TICKET_ABOUT, values, 2);
    if (state->status != 200) return;
    page_publish(rq, page, state->path);
    buf_init(&about, rq->arena, 16384);
    page_about_ticket(&about, page, ticket);
    if (!about.failed) page->structured.text = buf_str(&about);
}

/* The price went up between looking and reserving: both are said, and one may choose. */
static void put_price_change(struct request *rq, struct ticket_page_view *view)
{
    int64_t was;

    view->dearer = view->dearer && view->ticket.on_sale;
    if (!view->dearer || price_read(form_value(rq, "price"), &was) != PRICE_READ) return;
    form_error(&view->errors, STR(""),
               page_fill(rq, TEXT_LIVE_PRICE, {STR("price"), view->ticket.price},
                         {STR("was"), page_money(rq, was)}));
}

static enum err show_ticket(struct request *rq, struct reply *rp)
{
    struct ticket_page_state *state = rq->run->state;
    struct ticket_page_view *view = &state->view;
    struct page page;

    if (state->reserved && view->my_order.len)
        return page_redirect(rp, path_of(rq, "/orders/", view->my_order, ""));
    if (!view->edited) {
        view->fields.title = (struct field){.name = "title", .value = view->ticket.title};
        view->fields.price = (struct field){.name = "price", .value = view->ticket.price_value};
    }
    put_price_change(rq, view);
    view->hold = page_duration(rq, rq->run->env->settings->order_expiration_ms / 1000);
    view->address = page_url(rq, state->path).text;
    view->version = page_number(rq, view->ticket.version);
    if (view->mine && view->ticket.sold)
        view->ticket.order_day = page_day(rq, view->ticket.order_id);
    page_begin(rq, &page, TEXT_MARKET_TITLE);
    page.live = live_path(rq);
    if (rq->method != METHOD_GET) page.here = state->path;
    publish_ticket(rq, &page, state);
    if (view->errors.list.count) form_refused(rq, &page);
    if (rq->method == METHOD_GET && state->status == 200)
        page_reply_public(rq, rp);
    else
        page_reply(rq, rp, state->status);
    page_ticket(&rp->body, &page, view);
    return OK;
}

/* Whether the order that holds the ticket is the visitor's: only then may one see it. */
static enum err took_order(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket_page_state *state = rq->run->state;

    (void)tx;
    if (api_ok(rq, NULL)) state->view.my_order = state->view.ticket.order_id;
    return show_ticket(rq, rp);
}

static enum err took_ticket(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket_page_state *state = rq->run->state;
    struct ticket_page_view *view = &state->view;
    const struct json *json;

    (void)tx;
    if (!api_ok(rq, &json)) {
        json = api_error_member(rq, "ticket"); /* taken down: it is said of which */
        if (!json) return page_refused(rq, rp, state->path);
        state->status = rq->call.status;
    }
    if (!api_ticket(rq, json, &view->ticket)) return page_problem(rq, rp, 500);
    view->mine = rq->user.id.len && str_eq(view->ticket.user_id, rq->user.id);
    if (!view->ticket.order_id.len || !rq->user.id.len) return show_ticket(rq, rp);
    return request_call(rq, METHOD_GET, path_of(rq, "/api/orders/", view->ticket.order_id, ""),
                        STR(""), took_order);
}

static enum err ask_ticket(struct request *rq)
{
    const struct ticket_page_state *state = rq->run->state;

    return request_call(rq, METHOD_GET, path_of(rq, "/api/tickets/", state->id, ""), STR(""),
                        took_ticket);
}

/* GET /tickets/:id: to look at, to reserve, or for its seller to edit. */
enum err get_ticket_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct ticket_page_state *state;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    state = ticket_page_begin(rq);
    if (!state) return ERR_MEMORY;
    if (!state->id.len) return page_problem(rq, rp, 404);
    return ask_ticket(rq);
}

/* --- editing ---------------------------------------------------------------------------------- */

static enum err took_edit(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket_page_state *state = rq->run->state;
    struct ticket_page_view *view = &state->view;

    (void)tx;
    if (api_ok(rq, NULL)) return page_redirect_notice(rq, rp, state->path, "saved");
    if (rq->call.status != 400) return page_refused(rq, rp, state->path);
    state->status = 400;
    if (str_eq(api_code(rq), STR("ticket_locked")))
        form_error(&view->errors, STR(""), page_text(rq, TEXT_TICKET_EDIT_LATE));
    else
        form_api_errors(rq, &view->errors, &view->fields, STR("price"));
    return ask_ticket(rq);
}

/* POST /tickets/:id title, price: the seller's changes. */
enum err post_ticket_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket_page_state *state = ticket_page_begin(rq);
    struct ticket_page_view *view;

    (void)tx;
    if (!state) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    if (!state->id.len) return page_problem(rq, rp, 404);
    if (!rq->user.id.len) return page_sign_in(rq, rp, state->path);
    view = &state->view;
    view->edited = true;
    form_title(rq, &view->errors, &view->fields.title);
    form_price(rq, &view->errors, &view->fields.price, STR("price"));
    if (form_is_draft(rq)) {
        view->errors = (struct form_errors){.list = {.count = 0}};
        view->fields.title.error = view->fields.price.error = STR("");
    }
    if (view->errors.list.count) state->status = 400;
    if (form_is_draft(rq) || view->errors.list.count) return ask_ticket(rq);
    return request_call(rq, METHOD_PUT, path_of(rq, "/api/tickets/", state->id, ""),
                        api_body(rq, {"title", view->fields.title.value, false},
                                 {"price", view->fields.price.value, false}),
                        took_edit);
}

/* --- taking down ------------------------------------------------------------------------------ */

static enum err took_withdrawal(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket_page_state *state = rq->run->state;
    struct str code = api_code(rq);

    (void)tx;
    if (api_ok(rq, NULL)) return page_redirect_notice(rq, rp, STR("/selling"), "withdrawn");
    if (rq->call.status != 409) return page_refused(rq, rp, state->path);
    state->status = 409;
    if (str_eq(code, STR("split_left")))
        form_error(&state->view.errors, STR(""), api_error(rq, ""));
    else
        form_error(&state->view.errors, STR(""),
                   page_text(rq, str_eq(code, STR("ticket_sold")) ? TEXT_TICKET_WITHDRAW_SOLD
                                                                  : TEXT_TICKET_WITHDRAW_LATE));
    return ask_ticket(rq);
}

/* POST /tickets/:id/withdraw: its seller takes it down. */
enum err post_withdraw(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct ticket_page_state *state = ticket_page_begin(rq);

    (void)tx;
    if (!state) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    if (!state->id.len) return page_problem(rq, rp, 404);
    if (!rq->user.id.len) return page_sign_in(rq, rp, state->path);
    return request_call(rq, METHOD_DELETE, path_of(rq, "/api/tickets/", state->id, ""), STR(""),
                        took_withdrawal);
}

/* --- reserving -------------------------------------------------------------------------------- */

/* Reserved a moment ago by the same visitor (a double click) leads to that order all the same. */
static enum err took_reservation(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct ticket_page_state *state = rq->run->state;
    const struct json *json;
    struct order_view order;

    (void)tx;
    if (api_ok(rq, &json)) {
        if (!api_order(rq, json, &order)) return page_problem(rq, rp, 500);
        return page_redirect(rp, path_of(rq, "/orders/", order.id, ""));
    }
    state->status = 409;
    state->view.dearer = str_eq(api_code(rq), STR("price_changed"));
    if (state->view.dearer) return ask_ticket(rq);
    if (str_eq(api_code(rq), STR("ticket_withdrawn"))) return ask_ticket(rq);
    if (rq->call.status == 409 || rq->call.status == 410) { /* of a listing, or of its show */
        form_error(&state->view.errors, STR(""), api_error(rq, ""));
        return ask_ticket(rq);
    }
    if (!str_eq(api_code(rq), STR("ticket_reserved"))) return page_refused(rq, rp, state->path);
    state->reserved = true;
    form_error(&state->view.errors, STR(""), page_text(rq, TEXT_TICKET_TAKEN));
    return ask_ticket(rq);
}

/* What the visitor saw: the ticket's price and version, as far as the form says so. */
static struct str wish_of(struct request *rq, struct str id)
{
    struct str price = form_value(rq, "price"), version = form_value(rq, "version");
    struct api_text texts[3] = {{"ticketId", id, false}};
    size_t count = 1;
    int64_t number;

    if (price_read(price, &number) == PRICE_READ)
        texts[count++] = (struct api_text){"price", price, false};
    if (str_to_int64(version, &number) && number >= 0)
        texts[count++] = (struct api_text){"version", version, true};
    return api_body_of(rq, texts, count);
}

/* POST /tickets/:id/reserve price, version, intent: at the price the visitor saw, or less. Comes
 * again after signing in, with the intent: it is what one signed in for. */
enum err post_reserve(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct ticket_page_state *state = ticket_page_begin(rq);

    (void)tx;
    if (!state) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    if (!state->id.len) return page_problem(rq, rp, 404);
    if (!rq->user.id.len) return page_sign_in(rq, rp, state->path);
    if (form_is_draft(rq) && !str_eq(request_form(rq, "intent"), STR("reserve")))
        return page_redirect(rp, state->path);
    return request_call(rq, METHOD_POST, STR("/api/orders"), wish_of(rq, state->id),
                        took_reservation);
}
