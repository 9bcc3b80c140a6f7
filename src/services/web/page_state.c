/* services/web/page_state.c: what every page shows of who looks at it: whether they are signed in,
 * the tickets they hold and have not paid yet, and how long they still may. */
#include "services/web/page_state.h"

#include "identity/session_cookie.h"
#include "runtime/service.h"
#include "services/web/api.h"
#include "services/web/page_input.h"
#include "services/web/page_text.h"

#define HELD_ASKED 20 /* orders, newest first: what is held is among them */

struct page_state {
    struct held_view held;
};

/* --- sessions --------------------------------------------------------------------------------- */

bool page_session_is_old(const struct request *rq)
{
    return session_is_old(&rq->user, wall_seconds(env_now(rq->run->env)));
}

/* Its token is good but for its time. */
bool page_session_ran_out(struct request *rq)
{
    struct str cookies = request_header(rq, "cookie");
    struct session_user user;

    return !rq->user.id.len && cookies.len &&
           session_from_cookie(rq->run->env->keys, NULL, rq->arena, cookies, 1, &user) &&
           user.expires_at_s <= wall_seconds(env_now(rq->run->env));
}

/* Takes over what the API says of the visitor. When it says nothing the session is as it was: the
 * page is shown, and the next one asks again. */
static void session_take_user(struct request *rq)
{
    const struct json *answer, *user;
    struct session_user *known = &rq->user;

    known->sid[0] = '\0'; /* asked: not again */
    if (!api_ok(rq, &answer)) return;
    user = json_get(answer, "currentUser");
    if (json_type(user) != JSON_OBJECT) *known = (struct session_user){.id = {NULL, 0}};
}

static enum err session_renewed(struct request *rq, struct tx *tx, struct reply *rp)
{
    session_take_user(rq);
    api_pass_header(rq, rp, "Set-Cookie");
    return rq->route->run(rq, tx, rp);
}

enum err page_renew(struct request *rq)
{
    return request_call(rq, METHOD_GET, STR("/api/users/currentuser"), STR(""), session_renewed);
}

/* --- what is held ----------------------------------------------------------------------------- */

/* The order that the page itself shows needs no line about it. */
static struct str held_except(struct request *rq)
{
    struct str except = request_query(rq, "except");

    if (str_eq(rq->path, STR("/orders"))) return STR("all");
    if (str_starts(rq->path, STR("/orders/"))) return page_path_id(rq, 0);
    return except.at ? except : STR("");
}

static void held_count_order(struct request *rq, struct held_view *held,
                             const struct order_view *order)
{
    if (!order->open || !order->left_s || str_eq(held->except, STR("all")) ||
        str_eq(held->except, order->id))
        return;
    held->count++;
    if (held->count > 1 && memcmp(held->expires_at.at, order->expires_at.at, ISO8601_LEN) < 0)
        return;
    held->order_id = arena_copy(rq->arena, order->id);
    held->title = arena_copy(rq->arena, order->ticket.title);
    held->expires_at = arena_copy(rq->arena, order->expires_at);
    held->now = order->now;
    held->left = order->left;
}

static enum err took_held(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct page_state *state = arena_alloc(rq->arena, sizeof *state);
    const struct json *list;
    struct order_view order;

    if (!state) return ERR_MEMORY;
    rq->run->page_state = state;
    state->held.except = held_except(rq);
    if (api_ok(rq, &list))
        for (size_t i = 0; i < json_length(list); i++)
            if (api_order(rq, json_at(list, i), &order)) held_count_order(rq, &state->held, &order);
    state->held.many = state->held.count > 1;
    state->held.number = page_number(rq, (int64_t)state->held.count);
    return rq->route->run(rq, tx, rp);
}

/* A page of all orders shows by itself what is held: nothing is to be asked for it. */
bool page_asks_first(struct request *rq)
{
    if (page_session_is_old(rq)) return true;
    return rq->user.id.len && !rq->run->page_state && !str_eq(held_except(rq), STR("all"));
}

enum err page_ask_first(struct request *rq)
{
    struct buf target;

    if (page_session_is_old(rq)) return page_renew(rq);
    buf_init(&target, rq->arena, 64);
    buf_printf(&target, "/api/orders?limit=%d", HELD_ASKED);
    if (target.failed) return ERR_MEMORY;
    return request_call(rq, METHOD_GET, buf_str(&target), STR(""), took_held);
}

struct held_view page_held_of(struct request *rq)
{
    const struct page_state *state = rq->run->page_state;

    return state ? state->held : (struct held_view){.except = held_except(rq)};
}
