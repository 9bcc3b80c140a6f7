/* services/web/orders.c: what the visitor reserved and bought; paying and giving back. */
#include "services/web/web.h"

#define ORDERS_A_PAGE 50

/* --- all of them ------------------------------------------------------------------------------ */

static enum err show_orders(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct orders_view view = {{NULL, 0}, STR("")};
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
    if (page_session_is_old(rq)) return page_renew(rq);
    return request_call(rq, METHOD_GET, api_list(rq, "/api/orders", ORDERS_A_PAGE), STR(""),
                        show_orders);
}

/* --- one of them ------------------------------------------------------------------------------ */

/* The way to an order's page, perhaps after a payment was refused; rq->state. */
struct visit {
    struct str id, path;
    struct str error, token;
    int status;
};

static struct visit *visit_begin(struct request *rq)
{
    struct visit *visit = arena_alloc(rq->arena, sizeof *visit);

    if (!visit) return NULL;
    visit->id = api_path_id(rq, 0);
    visit->path = path_of(rq, "/orders/", visit->id, "");
    visit->status = 200;
    rq->state = visit;
    return visit;
}

/* Stripe's own test tokens, which the sandbox gateway takes; numbers as Stripe prints them. */
static void put_cards(struct request *rq, struct order_page_view *view, struct str chosen)
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

static enum err show_order(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct visit *visit = rq->state;
    struct order_page_view view = {.error = visit->error};
    const char *key = rq->env->settings->stripe_publishable_key;
    const struct json *json;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, visit->path);
    if (!api_order(rq, json, &view.order)) return page_problem(rq, rp, 500);
    if (visit->status == 402 && view.order.paying) { /* orders hears of it a moment later */
        view.order.paying = false;
        view.order.open = true;
    }
    page_begin(rq, &page, TEXT_ORDERS_TITLE);
    page.title = view.order.ticket.title;
    page.at_orders = true;
    page.here = visit->path;
    page.live = live_path(rq, visit->id);
    if (key) {
        view.publishable_key = str_of(key);
        page_reply_stripe(rq, rp, visit->status);
    } else {
        if (page.sandbox) put_cards(rq, &view, visit->token);
        page_reply(rq, rp, visit->status);
    }
    page_order(&rp->body, &page, &view);
    return OK;
}

static enum err ask_order(struct request *rq)
{
    const struct visit *visit = rq->state;

    return request_call(rq, METHOD_GET, path_of(rq, "/api/orders/", visit->id, ""), STR(""),
                        show_order);
}

/* GET /orders/:id */
enum err get_order_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct visit *visit;

    (void)tx;
    if (page_session_is_old(rq)) return page_renew(rq);
    visit = visit_begin(rq);
    if (!visit) return ERR_MEMORY;
    if (!visit->id.len) return page_problem(rq, rp, 404);
    return ask_order(rq);
}

/* --- paying ---------------------------------------------------------------------------------- */

/* Declined: the page again, with the processor's words and the card that was chosen. Refused
 * because of the order's state: the page shows that state. Unknown: say so, and never "try again".
 */
static enum err took_payment(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct visit *visit = rq->state;
    struct str code = api_code(rq);

    (void)tx;
    if (api_ok(rq, NULL) || str_eq(code, STR("order_paid")) || str_eq(code, STR("order_cancelled")))
        return page_redirect(rp, visit->path);
    if (rq->call.status == 401) return page_refused(rq, rp, visit->path);
    visit->status = rq->call.status;
    visit->error = rq->call.status == 402   ? api_error(rq, "")
                   : rq->call.status == 400 ? api_error(rq, "token")
                                            : page_text(rq, TEXT_PAY_UNSURE);
    return ask_order(rq);
}

/* POST /orders/:id/pay token. The API takes a payment once, however often this arrives. */
enum err post_pay(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct visit *visit = visit_begin(rq);

    (void)tx;
    if (!visit) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    if (!visit->id.len) return page_problem(rq, rp, 404);
    visit->token = request_form(rq, "token");
    return request_call(rq, METHOD_POST, STR("/api/payments"),
                        api_body(rq, {"token", visit->token}, {"orderId", visit->id}),
                        took_payment);
}

/* --- giving back ------------------------------------------------------------------------------ */

static enum err took_back(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct visit *visit = rq->state;

    (void)tx;
    if (api_ok(rq, NULL))
        return page_redirect(rp, path_of(rq, "/orders/", visit->id, "?done=returned"));
    if (rq->call.status == 400) return page_redirect(rp, visit->path); /* paid meanwhile */
    return page_refused(rq, rp, visit->path);
}

/* POST /orders/:id/cancel */
enum err post_cancel(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct visit *visit = visit_begin(rq);

    (void)tx;
    if (!visit) return ERR_MEMORY;
    if (!page_same_origin(rq, rp)) return OK;
    if (!visit->id.len) return page_problem(rq, rp, 404);
    return request_call(rq, METHOD_DELETE, path_of(rq, "/api/orders/", visit->id, ""), STR(""),
                        took_back);
}
