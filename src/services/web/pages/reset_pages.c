/* services/web/pages/reset_pages.c: a new password for who has lost the old one. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"

static void show_forgot(struct request *rq, struct reply *rp, int status, struct forgot_view *view)
{
    struct page page;

    /* as far as it is known here */
    view->kept = !rq->run->env->settings->smtp_url && !rq->run->env->settings->api_base_url;
    page_begin(rq, &page, TEXT_FORGOT_TITLE);
    page.here = view->next;
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, status);
    page_forgot(&rp->body, &page, view);
}

/* GET /auth/forgot?next= */
enum err get_forgot(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct forgot_view view = {.next = page_next(rq, request_query(rq, "next")),
                               .email = {.name = "email"}};

    (void)tx;
    show_forgot(rq, rp, 200, &view);
    return OK;
}

static enum err took_forgot(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct forgot_view view = {.next = page_next(rq, request_form(rq, "next")),
                               .email = {.name = "email", .value = request_form(rq, "email")}};

    (void)tx;
    view.sent = api_ok(rq, NULL);
    if (!view.sent && rq->call.status != 400 && rq->call.status != 429)
        return page_problem(rq, rp, rq->call.status);
    form_field_error(&view.errors, &view.email, STR("email"), api_error(rq, "email"));
    form_too_many(rq, &view.errors, TEXT_FORGOT_TOO_MANY);
    show_forgot(rq, rp, view.sent ? 200 : rq->call.status, &view);
    if (rq->call.status == 429) api_pass_header(rq, rp, "Retry-After");
    return OK;
}

/* POST /auth/forgot email: says the same whether there is such an account or not. */
enum err post_forgot(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    return request_call(rq, METHOD_POST, STR("/api/users/forgot"),
                        api_body(rq, {"email", request_form(rq, "email"), false}), took_forgot);
}

/* The page's own address must not be in any other: who has it has the account. */
static void show_reset(struct request *rq, struct reply *rp, int status,
                       const struct reset_view *view)
{
    struct page page;

    page_begin(rq, &page, TEXT_RESET_TITLE);
    page.here = STR("/");
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply_secret(rq, rp, status);
    page_reset(&rp->body, &page, view);
}

/* GET /auth/reset?token=: asks for the new password, and changes nothing: programs that look
 * through mails open links, too. */
enum err get_reset(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct reset_view view = {.token = request_query(rq, "token"), .fresh = {.name = "fresh"}};

    (void)tx;
    view.used = view.token.len == 0;
    show_reset(rq, rp, 200, &view);
    return OK;
}

static enum err took_reset(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct reset_view view = {.token = request_form(rq, "token"), .fresh = {.name = "fresh"}};

    (void)tx;
    if (api_ok(rq, NULL)) {
        api_pass_header(rq, rp, "Set-Cookie");
        return page_redirect_notice(rq, rp, STR("/"), "password");
    }
    if (page_asks_code(rq, rp)) return OK; /* the password is changed */
    if (rq->call.status != 400 && rq->call.status != 429)
        return page_problem(rq, rp, rq->call.status);
    view.used = str_eq(api_code(rq), STR("link_used"));
    form_field_error(&view.errors, &view.fresh, STR("fresh"), api_error(rq, "password"));
    form_too_many(rq, &view.errors, TEXT_RESET_TOO_MANY);
    show_reset(rq, rp, rq->call.status, &view);
    if (rq->call.status == 429) api_pass_header(rq, rp, "Retry-After");
    return OK;
}

/* POST /auth/reset token, fresh: signed in with the new password, and nowhere else any more. */
enum err post_reset(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    return request_call(rq, METHOD_POST, STR("/api/users/reset"),
                        api_body(rq, {"token", request_form(rq, "token"), false},
                                 {"password", request_form(rq, "fresh"), false}),
                        took_reset);
}
