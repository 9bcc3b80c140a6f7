/* services/web/pages/address_pages.c: the address of an account, and the link that confirms it. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"

/* --- the account's address ----------------------------------------------------------------- */

/* The page on its way, perhaps after something was refused; rq->run->state. */
struct email_page {
    struct email_view view;
    int status;
    int64_t retry_s;
};

static void put_retry_after(struct request *rq, struct reply *rp, int64_t seconds)
{
    struct buf text;

    buf_init(&text, rq->arena, 32);
    buf_int(&text, seconds);
    if (!text.failed) reply_header(rp, "Retry-After", buf_str(&text));
}

static enum err took_me(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct email_page *state = rq->run->state;
    const struct json *json;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, STR("/account/email"));
    json_text(json_get(json, "email"), &state->view.address);
    json_bool(json_get(json, "confirmed"), &state->view.confirmed);
    page_begin(rq, &page, TEXT_EMAIL_TITLE);
    page.here = STR("/account/email");
    if (state->view.errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, state->status);
    if (state->retry_s) put_retry_after(rq, rp, state->retry_s);
    page_email(&rp->body, &page, &state->view);
    return OK;
}

/* NULL: memory ran out. */
static struct email_page *email_page_begin(struct request *rq)
{
    struct email_page *state = arena_alloc(rq->arena, sizeof *state);

    if (!state) return NULL;
    rq->run->state = state;
    state->status = 200;
    state->view.fresh.name = "fresh";
    state->view.password.name = "password";
    /* as far as it is known here */
    state->view.kept = !rq->run->env->settings->smtp_url && !rq->run->env->settings->api_base_url;
    return state;
}

static enum err show_email(struct request *rq)
{
    return request_call(rq, METHOD_GET, STR("/api/users/me"), STR(""), took_me);
}

static void too_many(struct request *rq, struct email_page *state)
{
    state->retry_s = api_retry_s(rq);
    form_error(
        &state->view.errors, STR(""),
        page_fill(rq, TEXT_EMAIL_TOO_MANY, {STR("time"), page_duration(rq, state->retry_s)}));
}

/* GET /account/email */
enum err get_email(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/account/email"));
    return email_page_begin(rq) ? show_email(rq) : ERR_MEMORY;
}

static enum err took_email_link(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct email_page *state;

    (void)tx;
    if (api_ok(rq, NULL)) return page_redirect_notice(rq, rp, STR("/account/email"), "link");
    if (rq->call.status != 429) return page_refused(rq, rp, STR("/account/email"));
    state = email_page_begin(rq);
    if (!state) return ERR_MEMORY;
    state->status = 429;
    too_many(rq, state);
    return show_email(rq);
}

static enum err took_email(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct email_page *state = rq->run->state;
    struct field *fresh = &state->view.fresh, *password = &state->view.password;
    struct form_errors *errors = &state->view.errors;
    struct str wrong = api_error(rq, "password");

    (void)tx;
    if (api_ok(rq, NULL)) return page_redirect_notice(rq, rp, STR("/account/email"), "asked");
    if (rq->call.status != 400 && rq->call.status != 429)
        return page_refused(rq, rp, STR("/account/email"));
    if (str_eq(api_code(rq), STR("invalid_credentials")))
        wrong = page_text(rq, TEXT_PASSWORD_WRONG);
    form_field_error(errors, fresh, STR("fresh"), api_error(rq, "email"));
    form_field_error(errors, password, STR("password"), wrong);
    state->status = rq->call.status;
    if (state->status == 429) too_many(rq, state);
    return show_email(rq);
}

/* POST /account/email fresh, password: a link is mailed to the new address. */
enum err post_email(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct email_page *state;

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/account/email"));
    state = email_page_begin(rq);
    if (!state) return ERR_MEMORY;
    state->view.fresh.value = request_form(rq, "fresh");
    return request_call(rq, METHOD_POST, STR("/api/users/email"),
                        api_body(rq, {"email", state->view.fresh.value, false},
                                 {"password", request_form(rq, "password"), false}),
                        took_email);
}

/* POST /account/email/link: the link that confirms the address is mailed once more. */
enum err post_email_link(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/account/email"));
    return request_call(rq, METHOD_POST, STR("/api/users/verification"), STR(""), took_email_link);
}

/* --- the link ------------------------------------------------------------------------------ */

/* As for a new password, nobody is told where this page is. */
static void show_verify(struct request *rq, struct reply *rp, int status,
                        const struct verify_view *view)
{
    struct page page;

    page_begin(rq, &page, TEXT_VERIFY_TITLE);
    page.here = STR("/");
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply_secret(rq, rp, status);
    page_verify(&rp->body, &page, view);
}

/* GET /auth/verify?token=: asks, and changes nothing: programs that look through mails open links,
 * too. */
enum err get_verify(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct verify_view view = {.token = request_query(rq, "token")};

    (void)tx;
    view.used = view.token.len == 0;
    show_verify(rq, rp, 200, &view);
    return OK;
}

static enum err took_verify(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct verify_view view = {.token = request_form(rq, "token")};

    (void)tx;
    if (api_ok(rq, NULL)) {
        api_pass_header(rq, rp, "Set-Cookie");
        return page_redirect_notice(rq, rp, rq->user.id.len ? STR("/account/email") : STR("/"),
                                    "confirmed");
    }
    if (rq->call.status != 400 && rq->call.status != 429)
        return page_problem(rq, rp, rq->call.status);
    view.used = str_eq(api_code(rq), STR("link_used"));
    if (str_eq(api_code(rq), STR("email_in_use")))
        form_error(&view.errors, STR(""), page_text(rq, TEXT_SIGNUP_EXISTS));
    form_too_many(rq, &view.errors, TEXT_RESET_TOO_MANY);
    show_verify(rq, rp, rq->call.status, &view);
    if (rq->call.status == 429) api_pass_header(rq, rp, "Retry-After");
    return OK;
}

/* POST /auth/verify token: the address is its user's own, and the account's. */
enum err post_verify(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    return request_call(rq, METHOD_POST, STR("/api/users/verify"),
                        api_body(rq, {"token", request_form(rq, "token"), false}), took_verify);
}
