/* services/web/pages/code_page.c: the second step of signing in: a code of the user's app. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"

/* What the form of the first step, or of this one, says of where to go. */
static struct code_view code_view_of(struct request *rq)
{
    struct code_view view = {.next = page_next(rq, request_form(rq, "next")),
                             .token = request_form(rq, "token"),
                             .code = {.name = "code"}};

    if (request_form(rq, FORM_DRAFT).len) form_keep(rq, &view.kept);
    return view;
}

static void show_code(struct request *rq, struct reply *rp, int status,
                      const struct code_view *view)
{
    struct page page;

    page_begin(rq, &page, TEXT_CODE_TITLE);
    page.here = view->next;
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, status);
    page_code(&rp->body, &page, view);
}

bool page_asks_code(struct request *rq, struct reply *rp)
{
    struct code_view view;

    if (rq->call.status != 401 || !str_eq(api_code(rq), STR("factor_required"))) return false;
    view = code_view_of(rq);
    view.token = STR("");
    json_text(api_error_member(rq, "token"), &view.token);
    show_code(rq, rp, 200, &view);
    return true;
}

static enum err took_code(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct code_view view = code_view_of(rq);

    (void)tx;
    if (api_ok(rq, NULL)) {
        api_pass_header(rq, rp, "Set-Cookie");
        if (view.kept.form.len) return page_redirect_form(rp, view.kept.form);
        return page_redirect(rp, view.next);
    }
    if (rq->call.status != 400 && rq->call.status != 429)
        return page_problem(rq, rp, rq->call.status);
    view.over = str_eq(api_code(rq), STR("factor_over"));
    if (view.over) form_error(&view.errors, STR(""), page_text(rq, TEXT_CODE_OVER));
    form_field_error(&view.errors, &view.code, STR("code"), api_error(rq, "code"));
    form_too_many(rq, &view.errors, TEXT_SIGNIN_TOO_MANY);
    show_code(rq, rp, rq->call.status, &view);
    if (rq->call.status == 429) api_pass_header(rq, rp, "Retry-After");
    return OK;
}

/* GET /auth/code: nobody was asked for one. */
enum err get_code(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rq, (void)tx;
    return page_redirect(rp, STR("/auth/signin"));
}

/* POST /auth/code token, code: signed in. */
enum err post_code(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    return request_call(rq, METHOD_POST, STR("/api/users/signin/factor"),
                        api_body(rq, {"token", request_form(rq, "token"), false},
                                 {"code", request_form(rq, "code"), false}),
                        took_code);
}
