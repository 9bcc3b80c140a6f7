/* services/web/pages/factor_pages.c: a second factor is set up, and turned off. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"

#define HERE       STR("/account/factor")
#define GROUP      4 /* letters of the secret, as people copy it */
#define SECRET_MAX 64

/* What a page of these is made of; rq->run->state. NULL: memory ran out. */
static struct factor_view *view_begin(struct request *rq)
{
    struct factor_view *view = arena_alloc(rq->arena, sizeof *view);

    if (!view) return NULL;
    view->password.name = "password";
    view->code.name = "code";
    rq->run->state = view;
    return view;
}

static void show_factor(struct request *rq, struct reply *rp, int status, struct factor_view *view)
{
    struct page page;

    page_begin(rq, &page, TEXT_FACTOR_TITLE);
    page.here = HERE;
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, status);
    page_factor(&rp->body, &page, view);
}

/* What the last call refused, put into the view. False: it is no matter of the form. */
static bool take_errors(struct request *rq, struct factor_view *view)
{
    struct str wrong = api_error(rq, "password");

    if (rq->call.status != 400 && rq->call.status != 429) return false;
    if (str_eq(api_code(rq), STR("invalid_credentials")))
        wrong = page_text(rq, TEXT_PASSWORD_WRONG);
    form_field_error(&view->errors, &view->password, STR("password"), wrong);
    form_field_error(&view->errors, &view->code, STR("code"), api_error(rq, "code"));
    form_too_many(rq, &view->errors, TEXT_SIGNIN_TOO_MANY);
    return true;
}

/* --- as it is ------------------------------------------------------------------------------ */

static enum err took_factor(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct factor_view *view = view_begin(rq);
    const struct json *json;

    (void)tx;
    if (!view) return ERR_MEMORY;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, HERE);
    json_bool(json_get(json, "on"), &view->on);
    json_int64(json_get(json, "recoveryCodes"), &view->left);
    show_factor(rq, rp, 200, view);
    return OK;
}

/* GET /account/factor */
enum err get_factor(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!rq->user.id.len) return page_sign_in(rq, rp, HERE);
    return request_call(rq, METHOD_GET, STR("/api/users/factor"), STR(""), took_factor);
}

/* What was changed elsewhere meanwhile is shown as it is now. */
static enum err refused(struct request *rq, struct reply *rp)
{
    return rq->call.status == 409 ? page_redirect(rp, HERE) : page_refused(rq, rp, HERE);
}

/* --- set up -------------------------------------------------------------------------------- */

/* "ABCD EFGH …"; what is no secret is empty. */
static struct str in_groups(struct request *rq, struct str secret)
{
    struct buf out;

    buf_init(&out, rq->arena, 2 * SECRET_MAX);
    for (size_t i = 0, letters = 0; i < secret.len && i < SECRET_MAX; i++) {
        char c = secret.at[i];

        if (c == ' ') continue;
        if (!((c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7'))) return STR("");
        if (letters && letters % GROUP == 0) buf_char(&out, ' ');
        buf_char(&out, c);
        letters++;
    }
    return out.failed ? STR("") : buf_str(&out);
}

static enum err took_secret(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct factor_view *view = view_begin(rq);
    struct str secret = STR("");
    const struct json *json;

    (void)tx;
    if (!view) return ERR_MEMORY;
    if (!api_ok(rq, &json)) {
        if (!take_errors(rq, view)) return refused(rq, rp);
        show_factor(rq, rp, rq->call.status, view);
        return OK;
    }
    json_text(json_get(json, "secret"), &secret);
    json_text(json_get(json, "url"), &view->url.text);
    view->secret = in_groups(rq, secret);
    show_factor(rq, rp, 200, view);
    return OK;
}

/* POST /account/factor password: a secret for the user's app. */
enum err post_factor(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, HERE);
    return request_call(rq, METHOD_POST, STR("/api/users/factor"),
                        api_body(rq, {"password", request_form(rq, "password"), false}),
                        took_secret);
}

/* "abcde-fghij" */
static struct str code_shown(struct request *rq, struct str code)
{
    struct buf out;

    buf_init(&out, rq->arena, SECRET_MAX);
    for (size_t i = 0; i < code.len; i++) {
        if (i && 2 * i == code.len) buf_char(&out, '-');
        buf_char(&out, code.at[i]);
    }
    return out.failed ? STR("") : buf_str(&out);
}

static enum err took_confirm(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct factor_view *view = view_begin(rq);
    struct text_block *codes;
    const struct json *json;
    struct str code;

    (void)tx;
    if (!view) return ERR_MEMORY;
    view->secret = in_groups(rq, request_form(rq, "secret"));
    if (!api_ok(rq, &json)) {
        if (!view->secret.len || !take_errors(rq, view)) return refused(rq, rp);
        show_factor(rq, rp, rq->call.status, view);
        return OK;
    }
    json = json_get(json, "recoveryCodes");
    codes = arena_alloc(rq->arena, (json_length(json) + 1) * sizeof *codes);
    if (!codes) return ERR_MEMORY;
    for (size_t i = 0; i < json_length(json); i++)
        if (json_text(json_at(json, i), &code))
            codes[view->codes.count++].text = code_shown(rq, code);
    view->codes.at = codes;
    show_factor(rq, rp, 200, view);
    return OK;
}

/* POST /account/factor/confirm code, secret: it is on; the recovery codes are shown this once. */
enum err post_factor_confirm(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, HERE);
    return request_call(rq, METHOD_POST, STR("/api/users/factor/confirm"),
                        api_body(rq, {"code", request_form(rq, "code"), false}), took_confirm);
}

/* --- off ----------------------------------------------------------------------------------- */

static enum err took_off(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct factor_view *view = view_begin(rq);

    (void)tx;
    if (!view) return ERR_MEMORY;
    if (api_ok(rq, NULL)) return page_redirect_notice(rq, rp, HERE, "factor");
    view->on = true;
    if (!take_errors(rq, view)) return refused(rq, rp);
    show_factor(rq, rp, rq->call.status, view);
    return OK;
}

/* POST /account/factor/off password, code */
enum err post_factor_off(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, HERE);
    return request_call(rq, METHOD_POST, STR("/api/users/factor/off"),
                        api_body(rq, {"password", request_form(rq, "password"), false},
                                 {"code", request_form(rq, "code"), false}),
                        took_off);
}
