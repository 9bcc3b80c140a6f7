/* services/web/pages/order_pages.c: what the visitor reserved and bought; paying and giving back.
 */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"

#define ORDERS_A_PAGE 50

/* --- all of them ------------------------------------------------------------------------------ */

static enum err show_orders(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct orders_view view = {.state = str_hash(STR_HASH, rq->call.answer)};
    struct order_view *orders;
    const struct json *list;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &list)) return page_refused(rq, rp, STR("/orders"));
    orders = arena_alloc(rq->arena, ORDERS_A_PAGE * sizeof *orders);
    if (!orders) return ERR_MEMORY;
    for (size_t i = 0; i < json_length(list) && view.orders.count < ORDERS_A_PAGE; i++)
        if (api_order(rq, json_at(list, i), &orders[view.orders.count])) view.orders.count++;
    view.orders.at = orders;
    view.after = api_next(rq);
    page_begin(rq, &page, TEXT_ORDERS_TITLE);
    page.at_orders = true;
    page_reply(rq, rp, 200);
    page_orders(&rp->body, &page, &view);
    return OK;
}

/* GET /orders?after= */
enum err get_orders_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx, (void)rp;
    if (page_asks_first(rq)) return page_ask_first(rq);
    return request_call(rq, METHOD_GET, api_list(rq, "/api/orders", ORDERS_A_PAGE), STR(""),
                        show_orders);
}

/* --- one of them ------------------------------------------------------------------------------ */

/* An order's page on its way, perhaps after a payment was refused; rq->run->state. */
struct order_page_state {
    struct str id, path;
    struct str error, token;
    bool declined;
    int status;
};

static struct order_page_state *order_page_begin(struct request *rq)
{
    struct order_page_state *state = arena_alloc(rq->arena, sizeof *state);

    if (!state) return NULL;
    state->id = page_path_id(rq, 0);
    state->path = path_of(rq, "/orders/", state->id, "");
    state->status = 200;
    rq->run->state = state;
    return state;
}

/* Stripe's own test tokens, which the sandbox gateway takes; numbers as Stripe prints them. */
static void put_test_cards(struct request *rq, struct order_page_view *view, struct str chosen)
{
    static const struct {
        const char *token, *name, *number;
        enum text outcome;
    } cards[] = {
        {"tok_visa", "Visa", "4242 4242 4242 4242", TEXT_PAY_WORKS},
        {"tok_mastercard", "Mastercard", "5555 5555 5555 4444", TEXT_PAY_WORKS},
        {"tok_chargeDeclined", "Visa", "4000 0000 0000 0002", TEXT_PAY_DECLINED},
        {"tok_chargeDeclinedInsufficientFunds", "Visa", "4000 0000 0000 9995", TEXT_PAY_FUNDS},
        {"tok_chargeDeclinedExpiredCard", "Visa", "4000 0000 0000 0069", TEXT_PAY_EXPIRED},
    };
    size_t count = sizeof cards / sizeof *cards;
    struct card_view *at = arena_alloc(rq->arena, count * sizeof *at);

    if (!at) return;
    if (!chosen.len) chosen = str_of(cards[0].token);
    for (size_t i = 0; i < count; i++)
        at[i] = (struct card_view){str_of(cards[i].token), str_of(cards[i].name),
                                   str_of(cards[i].number), page_text(rq, cards[i].outcome),
                                   str_eq(chosen, str_of(cards[i].token))};
    view->cards.at = at;
    view->cards.count = count;
}

/* What a tab says of an order: what is to be done, else how it stands. */
static struct str name_of(struct request *rq, const struct order_view *order)
{
    enum text state = order->refunded    ? TEXT_ORDER_REFUNDED
                      : order->refunding ? TEXT_ORDER_REFUNDING
                      : order->paid      ? TEXT_ORDER_PAID
                      : order->paying    ? TEXT_ORDER_PAYING
                      : order->expired   ? TEXT_ORDER_EXPIRED
                                         : TEXT_ORDER_CANCELLED;
    struct str minutes = page_number(rq, (order->left_s + 59) / 60);
    const struct message_value pay[] = {{STR("price"), order->ticket.price}, {STR("n"), minutes}};
    const struct message_value is[] = {{STR("state"), page_text(rq, state)},
                                       {STR("title"), order->ticket.title}};

    return order->open ? page_message(rq, TEXT_ORDER_NAME_OPEN, pay, 2)
                       : page_message(rq, TEXT_ORDER_NAME_STATE, is, 2);
}

static enum err show_order(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct order_page_state *state = rq->run->state;
    struct order_page_view view = {.publishable_key = STR("")};
    const char *key = rq->run->env->settings->stripe_publishable_key;
    const struct json *json;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, state->path);
    if (!api_order(rq, json, &view.order)) return page_problem(rq, rp, 500);
    if (state->status == 402 && view.order.paying) { /* orders hears of it a moment later */
        view.order.paying = false;
        view.order.open = true;
    }
    form_error(&view.errors, STR(""),
               state->declined
                   ? page_fill(rq, TEXT_PAY_DECLINED_LONG, {STR("reason"), state->error},
                               {STR("time"), view.order.left})
                   : state->error);
    page_begin(rq, &page, TEXT_ORDERS_TITLE);
    page.title = name_of(rq, &view.order);
    if (state->error.len) form_refused(rq, &page);
    page.at_orders = true;
    page.here = state->path;
    page.live = live_path(rq);
    page.awaiting = view.order.paying;
    if (key) {
        view.publishable_key = str_of(key);
        page_reply_stripe(rq, rp, state->status);
    } else {
        if (page.sandbox) put_test_cards(rq, &view, state->token);
        page_reply(rq, rp, state->status);
    }
    page_order(&rp->body, &page, &view);
    return OK;
}

static enum err ask_order(struct request *rq)
{
    const struct order_page_state *state = rq->run->state;

    return request_call(rq, METHOD_GET, path_of(rq, "/api/orders/", state->id, ""), STR(""),
                        show_order);
}

/* GET /orders/:id */
enum err get_order_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct order_page_state *state;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    state = order_page_begin(rq);
    if (!state) return ERR_MEMORY;
    if (!state->id.len) return page_problem(rq, rp, 404);
    return ask_order(rq);
}

/* --- paying ---------------------------------------------------------------------------------- */

/* Declined: the page again, with the processor's words and the card that was chosen. Refused
 * because of the order's state: the page shows that state. Unknown: say so, and never "try again".
 */
static enum err took_payment(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct order_page_state *state = rq->run->state;
    struct str code = api_code(rq);

    (void)tx;
    if (api_ok(rq, NULL) || str_eq(code, STR("order_paid")) || str_eq(code, STR("order_cancelled")))
        return page_redirect(rp, state->path);
    if (rq->call.status == 401) return page_refused(rq, rp, state->path);
    state->status = rq->call.status;
    state->declined = rq->call.status == 402;
    if (state->declined)
        state->error = api_error(rq, "");
    else if (rq->call.status == 400)
        state->error = api_error(rq, "token");
    else if (rq->call.status == 429)
        state->error =
            page_fill(rq, TEXT_PAY_TOO_MANY, {STR("time"), page_duration(rq, api_retry_s(rq))});
    if (!state->error.len) state->error = page_text(rq, TEXT_PAY_UNSURE);
    return ask_order(rq);
}

/* POST /orders/:id/pay token. The API takes a payment once, however often this arrives. */
enum err post_pay(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct order_page_state *state = order_page_begin(rq);

    (void)tx;
    if (!state) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    if (!state->id.len) return page_problem(rq, rp, 404);
    if (!rq->user.id.len) return page_sign_in(rq, rp, state->path);
    state->token = request_form(rq, "token");
    return request_call(rq, METHOD_POST, STR("/api/payments"),
                        api_body(rq, {"token", state->token, false}, {"orderId", state->id, false}),
                        took_payment);
}

/* --- giving back ------------------------------------------------------------------------------ */

static enum err took_cancellation(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct order_page_state *state = rq->run->state;

    (void)tx;
    if (api_ok(rq, NULL)) return page_redirect_notice(rq, rp, state->path, "returned");
    if (rq->call.status == 400) return page_redirect(rp, state->path); /* paid meanwhile */
    return page_refused(rq, rp, state->path);
}

/* POST /orders/:id/cancel */
enum err post_cancel(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct order_page_state *state = order_page_begin(rq);

    (void)tx;
    if (!state) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    if (!state->id.len) return page_problem(rq, rp, 404);
    return request_call(rq, METHOD_DELETE, path_of(rq, "/api/orders/", state->id, ""), STR(""),
                        took_cancellation);
}

/* --- what is held ----------------------------------------------------------------------------- */

/* GET /held?except=: the line alone, for a page that is open while something changes. */
enum err get_held(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct page page;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    page_begin(rq, &page, TEXT_MARKET_TITLE);
    page_reply(rq, rp, rq->user.id.len ? 200 : 401);
    page_held(&rp->body, &page, &page);
    return OK;
}
