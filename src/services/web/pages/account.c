/* services/web/pages/account.c: signing out, and the password. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"

/* --- signing out -------------------------------------------------------------------------------
 */

/* GET /auth/signout: asks, for a link alone must not sign anybody out. */
enum err get_signout(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct signout_view view = {STR("/")};
    struct page page;

    (void)tx;
    if (page_session_is_old(rq)) return page_renew(rq);
    if (!rq->user.id.len) return page_redirect(rp, STR("/"));
    page_begin(rq, &page, TEXT_SIGNOUT_TITLE);
    page_reply(rq, rp, 200);
    page_signout(&rp->body, &page, &view);
    return OK;
}

static enum err signout_done(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!api_ok(rq, NULL)) return page_problem(rq, rp, rq->call.status);
    api_pass_header(rq, rp, "Set-Cookie");
    return page_redirect(rp, STR("/"));
}

enum err post_signout(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    return request_call(rq, METHOD_POST, STR("/api/users/signout"), STR(""), signout_done);
}

/* --- the password ------------------------------------------------------------------------------
 */

/* GET /.well-known/change-password: where programs that keep passwords look for it (RFC 8615,
 * W3C "A Well-Known URL for Changing Passwords"). */
enum err get_change_password(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rq, (void)tx;
    return page_redirect(rp, STR("/account/password"));
}

static void show_password(struct request *rq, struct reply *rp, int status,
                          const struct password_view *view)
{
    struct page page;

    page_begin(rq, &page, TEXT_PASSWORD_TITLE);
    page.here = STR("/account/password");
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, status);
    page_password(&rp->body, &page, view);
}

/* GET /account/password */
enum err get_password(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct password_view view = {.errors = {.list = {.count = 0}}};

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/account/password"));
    show_password(rq, rp, 200, &view);
    return OK;
}

static enum err took_password(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct password_view view = {.old = {.name = "password"}, .fresh = {.name = "fresh"}};
    struct str old = api_error(rq, "password");

    (void)tx;
    if (api_ok(rq, NULL)) {
        api_pass_header(rq, rp, "Set-Cookie");
        return page_redirect_notice(rq, rp, STR("/account/password"), "password");
    }
    if (rq->call.status != 400 && rq->call.status != 429)
        return page_refused(rq, rp, STR("/account/password"));
    if (str_eq(api_code(rq), STR("invalid_credentials"))) old = page_text(rq, TEXT_PASSWORD_WRONG);
    form_field_error(&view.errors, &view.old, STR("password"), old);
    form_field_error(&view.errors, &view.fresh, STR("fresh"), api_error(rq, "newPassword"));
    form_too_many(rq, &view.errors, TEXT_SIGNIN_TOO_MANY);
    show_password(rq, rp, rq->call.status, &view);
    if (rq->call.status == 429) api_pass_header(rq, rp, "Retry-After");
    return OK;
}

/* POST /account/password password, fresh: every other session ends. */
enum err post_password(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/account/password"));
    return request_call(rq, METHOD_POST, STR("/api/users/password"),
                        api_body(rq, {"password", request_form(rq, "password"), false},
                                 {"newPassword", request_form(rq, "fresh"), false}),
                        took_password);
}
