/* services/web/pages/sign_in.c: signing up and in. */
#include "services/web/pages/sign_in.h"

#include "runtime/service.h"
#include "services/web/api.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"

/* Sign-up and sign-in differ in address, words and page. */
struct sign_form {
    const char *api;
    enum text title, too_many;
    void (*page)(struct buf *out, const struct page *pg, const struct sign_view *v);
};

static const struct sign_form signin_form = {"/api/users/signin", TEXT_SIGNIN_TITLE,
                                             TEXT_SIGNIN_TOO_MANY, page_signin};

static const struct sign_form signup_form = {"/api/users/signup", TEXT_SIGNUP_TITLE,
                                             TEXT_SIGNUP_TOO_MANY, page_signup};

/* --- why one is here ---------------------------------------------------------------------------
 */

static struct str ran_out_reason(struct request *rq, bool kept)
{
    struct str time = page_duration(rq, rq->run->env->settings->session_ms / 1000);

    return kept ? page_fill(rq, TEXT_SIGNIN_ENDED_KEPT, {STR("time"), time})
                : page_fill(rq, TEXT_SIGNIN_ENDED, {STR("time"), time});
}

static void put_reason(struct request *rq, const struct sign_form *form, struct sign_view *view)
{
    bool in = form == &signin_form, kept = view->kept.fields.count > 0;

    view->heading = page_text(rq, form->title);
    view->reason = page_text(rq, in ? TEXT_SIGNIN_LEAD : TEXT_SIGNUP_LEAD);
    if (str_eq(view->kept.intent, STR("reserve"))) {
        view->heading = page_text(rq, in ? TEXT_SIGNIN_RESERVE : TEXT_SIGNUP_RESERVE);
        view->reason = page_text(rq, TEXT_SIGNIN_NOT_HELD);
    } else if (page_session_ran_out(rq)) {
        view->reason = ran_out_reason(rq, kept);
    } else if (kept) {
        view->reason = page_text(rq, TEXT_SIGNIN_KEPT);
    } else if (str_starts(view->next, STR("/tickets/new"))) {
        view->reason = page_text(rq, TEXT_SIGNIN_SELL);
    } else if (str_starts(view->next, STR("/orders")) || str_starts(view->next, STR("/selling"))) {
        view->reason = page_text(rq, TEXT_SIGNIN_PRIVATE);
    }
}

/* --- signing up and in -------------------------------------------------------------------------
 */

static void show_sign_form(struct request *rq, struct reply *rp, const struct sign_form *form,
                           int status, struct sign_view *view)
{
    struct page page;

    put_reason(rq, form, view);
    page_begin(rq, &page, form->title);
    page.here = view->next; /* the menu's own links lead there, too */
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, status);
    form->page(&rp->body, &page, view);
}

static enum err sign_form_get(struct request *rq, struct reply *rp, const struct sign_form *form)
{
    struct sign_view view = {.next = page_next(rq, request_query(rq, "next"))};

    if (rq->user.id.len) return page_redirect(rp, view.next);
    show_sign_form(rq, rp, form, 200, &view);
    return OK;
}

/* What the form says of the visitor and of where to go. */
static struct sign_view sign_view_of(struct request *rq)
{
    struct sign_view view = {.next = page_next(rq, request_form(rq, "next")),
                             .email = {.name = "email", .value = request_form(rq, "email")},
                             .password = {.name = "password"}};

    if (request_form(rq, FORM_DRAFT).len) form_keep(rq, &view.kept);
    return view;
}

/* The page itself, 401, for a form: it keeps what was typed. */
static enum err sign_in_for_form(struct request *rq, struct reply *rp, struct str back)
{
    struct sign_view view = {.next = back, .email = {.name = "email"}};

    form_keep(rq, &view.kept);
    show_sign_form(rq, rp, &signin_form, 401, &view);
    return OK;
}

static void put_sign_errors(struct request *rq, const struct sign_form *form,
                            struct sign_view *view)
{
    struct str code = api_code(rq);

    form_field_error(&view->errors, &view->email, STR("email"), api_error(rq, "email"));
    form_field_error(&view->errors, &view->password, STR("password"), api_error(rq, "password"));
    view->exists = str_eq(code, STR("email_in_use"));
    if (rq->call.status == 429)
        form_error(
            &view->errors, STR(""),
            page_fill(rq, form->too_many, {STR("time"), page_duration(rq, api_retry_s(rq))}));
    else if (view->exists)
        form_error(&view->errors, STR("email"), page_text(rq, TEXT_SIGNUP_EXISTS));
    else if (str_eq(code, STR("invalid_credentials")))
        form_field_error(&view->errors, &view->password, STR("password"),
                         page_text(rq, TEXT_SIGNIN_NO_MATCH));
    else
        form_error(&view->errors, STR(""), api_error(rq, ""));
}

static enum err sign_form_submitted(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct sign_form *form = rq->run->state;
    struct sign_view view = sign_view_of(rq);

    (void)tx;
    if (api_ok(rq, NULL)) {
        api_pass_header(rq, rp, "Set-Cookie");
        if (view.kept.form.len) return page_redirect_form(rp, view.kept.form);
        return page_redirect(rp, view.next);
    }
    if (page_asks_code(rq, rp)) return OK;
    if (rq->call.status != 400 && rq->call.status != 429)
        return page_problem(rq, rp, rq->call.status);
    put_sign_errors(rq, form, &view);
    show_sign_form(rq, rp, form, rq->call.status, &view);
    if (rq->call.status == 429) api_pass_header(rq, rp, "Retry-After");
    return OK;
}

/* show: the other form's page was asked for, with what is kept. */
static enum err sign_form_post(struct request *rq, struct reply *rp, const struct sign_form *form)
{
    struct sign_view view;

    if (!page_same_origin(rq, rp)) return OK;
    if (request_form(rq, "show").len) {
        view = sign_view_of(rq);
        show_sign_form(rq, rp, form, 200, &view);
        return OK;
    }
    rq->run->state = (void *)form; /* only ever read */
    return request_call(rq, METHOD_POST, str_of(form->api),
                        api_body(rq, {"email", request_form(rq, "email"), false},
                                 {"password", request_form(rq, "password"), false}),
                        sign_form_submitted);
}

enum err get_signin(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_session_is_old(rq)) return page_renew(rq);
    return sign_form_get(rq, rp, &signin_form);
}

enum err post_signin(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    return sign_form_post(rq, rp, &signin_form);
}

enum err get_signup(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_session_is_old(rq)) return page_renew(rq);
    return sign_form_get(rq, rp, &signup_form);
}

enum err post_signup(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    return sign_form_post(rq, rp, &signup_form);
}

/* --- the way here ----------------------------------------------------------------------------- */

enum err page_sign_in(struct request *rq, struct reply *rp, struct str back)
{
    struct buf path;

    if (rq->method != METHOD_GET) return sign_in_for_form(rq, rp, back);
    buf_init(&path, rq->arena, 4 * PAGE_PATH_MAX);
    buf_append(&path, STR("/auth/signin?next="));
    put_address_part(&path, page_here(rq));
    return path.failed ? ERR_MEMORY : page_redirect(rp, buf_str(&path));
}

enum err page_refused(struct request *rq, struct reply *rp, struct str back)
{
    if (rq->call.status == 401 && rq->user.id.len == 0) return page_sign_in(rq, rp, back);
    return page_problem(rq, rp, rq->call.status);
}
