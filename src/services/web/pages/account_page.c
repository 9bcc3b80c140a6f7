/* services/web/pages/account_page.c: what somebody's account is, and where they are signed in. */
#include "services/web/web.h"

#include "base/clock.h"
#include "base/hex.h"
#include "services/web/api.h"
#include "services/web/page.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"

#define HERE STR("/account")

/* "Firefox on Linux", or as much of it as is known. */
static struct str session_name(struct request *rq, const struct json *json)
{
    struct str browser = STR(""), system = STR("");

    json_text(json_get(json, "browser"), &browser);
    json_text(json_get(json, "system"), &system);
    if (browser.len && system.len)
        return page_fill(rq, TEXT_SESSIONS_ON, {STR("browser"), browser}, {STR("system"), system});
    if (browser.len || system.len) return arena_copy(rq->arena, browser.len ? browser : system);
    return page_text(rq, TEXT_SESSIONS_UNKNOWN);
}

static struct str when_and_where(struct request *rq, enum text text, const struct json *json,
                                 const char *when, const char *where)
{
    struct str iso = STR(""), address = STR("");
    struct wall_ms time;

    json_text(json_get(json, when), &iso);
    json_text(json_get(json, where), &address);
    if (!iso8601_parse(iso, &time)) return STR("");
    return page_fill(rq, text, {STR("time"), page_moment(rq, time)}, {STR("address"), address});
}

static struct session_view session_view_of(struct request *rq, const struct json *json)
{
    struct session_view view = {
        .name = session_name(rq, json),
        .since = when_and_where(rq, TEXT_SESSIONS_SINCE, json, "createdAt", "address"),
        .used = when_and_where(rq, TEXT_SESSIONS_USED, json, "usedAt", "usedAddress")};

    json_text(json_get(json, "id"), &view.id);
    json_bool(json_get(json, "current"), &view.current);
    return view;
}

static enum err took_sessions(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct account_view *view = rq->run->state;
    const struct json *list;
    struct session_view *sessions;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &list)) return page_refused(rq, rp, HERE);
    sessions = arena_alloc(rq->arena, (json_length(list) + 1) * sizeof *sessions);
    if (!sessions) return ERR_MEMORY;
    for (size_t i = 0; i < json_length(list); i++) {
        sessions[i] = session_view_of(rq, json_at(list, i));
        view->others = view->others || !sessions[i].current;
    }
    view->sessions.at = sessions;
    view->sessions.count = json_length(list);
    page_begin(rq, &page, TEXT_ACCOUNT_TITLE);
    page.here = HERE;
    page_reply(rq, rp, 200);
    page_account(&rp->body, &page, view);
    return OK;
}

static enum err took_account(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct account_view *view = arena_alloc(rq->arena, sizeof *view);
    const struct json *json;
    struct str address = STR("");

    (void)tx;
    if (!view) return ERR_MEMORY;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, HERE);
    json_text(json_get(json, "email"), &address);
    json_bool(json_get(json, "confirmed"), &view->confirmed);
    json_bool(json_get(json, "rolesNeedFactor"), &view->withheld);
    view->address = arena_copy(rq->arena, address);
    rq->run->state = view;
    return request_call(rq, METHOD_GET, STR("/api/users/sessions"), STR(""), took_sessions);
}

/* GET /account */
enum err get_account(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!rq->user.id.len) return page_sign_in(rq, rp, HERE);
    return request_call(rq, METHOD_GET, STR("/api/users/me"), STR(""), took_account);
}

/* One that has ended meanwhile has ended. */
static enum err took_end(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!api_ok(rq, NULL) && rq->call.status != 404) return page_refused(rq, rp, HERE);
    api_pass_header(rq, rp, "Set-Cookie");
    return page_redirect_notice(rq, rp, HERE, "ended");
}

/* POST /account/end session: that session of the visitor ends. */
enum err post_account_end(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str session = request_form(rq, "session");

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, HERE);
    if (session.len != SESSION_ID_HASH_HEX || !hex_is_lower(session))
        return page_redirect(rp, HERE);
    return request_call(rq, METHOD_DELETE, path_of(rq, "/api/users/sessions/", session, ""),
                        STR(""), took_end);
}

static enum err took_end_others(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!api_ok(rq, NULL)) return page_refused(rq, rp, HERE);
    return page_redirect_notice(rq, rp, HERE, "others");
}

/* POST /account/end-others: all sessions of the visitor but this one end. */
enum err post_account_end_others(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, HERE);
    return request_call(rq, METHOD_POST, STR("/api/users/signout-others"), STR(""),
                        took_end_others);
}
