/* services/web/entries/transfer_pages.c: an entry is sent to somebody, and taken. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/api_shows.h"
#include "services/web/entries/api_entries.h"
#include "services/web/entries/entries_list.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"

/* --- sending ---------------------------------------------------------------------------------- */

/* rq->run->state while the form is on its way. */
struct sending {
    struct given_view view;
    int status;
};

static struct str send_path(struct request *rq)
{
    return path_of(rq, "/my-tickets/", page_path_id(rq, 0), "/send");
}

static enum err show_form(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct sending *state = rq->run->state;
    const struct json *json;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, send_path(rq));
    if (!api_entry(rq, json, &state->view.entry)) return page_problem(rq, rp, 500);
    page_begin(rq, &page, TEXT_GIVEN_TITLE);
    page.at_entries = true;
    page.here = send_path(rq);
    if (state->view.errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, state->status);
    page_given(&rp->body, &page, &state->view);
    return OK;
}

static enum err ask_form(struct request *rq)
{
    return request_call(rq, METHOD_GET, path_of(rq, "/api/entries/", page_path_id(rq, 0), ""),
                        STR(""), show_form);
}

/* NULL: memory ran out. */
static struct sending *sending_begin(struct request *rq)
{
    struct sending *state = arena_alloc(rq->arena, sizeof *state);

    if (!state) return NULL;
    *state = (struct sending){.status = 200};
    state->view.email.name = "to";
    rq->run->state = state;
    return state;
}

/* GET /my-tickets/:id/send */
enum err get_send(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!page_path_id(rq, 0).len) return page_problem(rq, rp, 404);
    return sending_begin(rq) ? ask_form(rq) : ERR_MEMORY;
}

static enum err took_sent(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct sending *state = rq->run->state;
    struct form_errors *errors = &state->view.errors;

    (void)tx;
    if (api_ok(rq, NULL))
        return page_redirect_notice(rq, rp, path_of(rq, "/my-tickets/", page_path_id(rq, 0), ""),
                                    "given");
    if (rq->call.status != 400 && rq->call.status != 409 && rq->call.status != 429)
        return page_refused(rq, rp, send_path(rq));
    state->status = rq->call.status;
    form_field_error(errors, &state->view.email, STR("to"), api_error(rq, "email"));
    if (state->status == 409) form_error(errors, STR(""), api_error(rq, ""));
    form_too_many(rq, errors, TEXT_GIVEN_TOO_MANY);
    return ask_form(rq);
}

/* POST /my-tickets/:id/send to: the entry is on its way to whoever has that address. */
enum err post_send(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct sending *state;

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!page_path_id(rq, 0).len) return page_problem(rq, rp, 404);
    if (!rq->user.id.len) return page_sign_in(rq, rp, send_path(rq));
    state = sending_begin(rq);
    if (!state) return ERR_MEMORY;
    state->view.email.value = form_value(rq, "to");
    if (form_is_draft(rq)) return ask_form(rq);
    return request_call(rq, METHOD_POST,
                        path_of(rq, "/api/entries/", page_path_id(rq, 0), "/transfers"),
                        api_body(rq, {"email", state->view.email.value, false}), took_sent);
}

/* --- taking, taking back ---------------------------------------------------------------------- */

/* What went well leads to the ticket, or with what was said to the list, where it is as it is now.
 */
static enum err took_act(struct request *rq, struct reply *rp, const char *folder,
                         const char *notice)
{
    struct str id = {NULL, 0};
    const struct json *json;

    if (api_ok(rq, &json)) {
        id = folder ? json_member(json, "entryId") : id;
        return page_redirect_notice(
            rq, rp, id.len ? path_of(rq, folder, id, "") : STR("/my-tickets"), notice);
    }
    if (rq->call.status != 409 && rq->call.status != 403)
        return page_refused(rq, rp, STR("/my-tickets"));
    return entries_list_refused(rq);
}

static enum err took_accept(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    return took_act(rq, rp, "/my-tickets/", "taken");
}

static enum err took_end(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    return took_act(rq, rp, NULL, "kept");
}

static enum err act(struct request *rq, struct reply *rp, enum method method, const char *suffix,
                    handler_fn *next)
{
    struct str id = page_path_id(rq, 0);

    if (!page_same_origin(rq, rp)) return OK;
    if (!id.len) return page_problem(rq, rp, 404);
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/my-tickets"));
    return request_call(rq, method, path_of(rq, "/api/transfers/", id, suffix), STR(""), next);
}

/* POST /my-tickets/transfers/:id/accept: what was sent to the visitor is theirs. */
enum err post_accept(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    return act(rq, rp, METHOD_POST, "/accept", took_accept);
}

/* POST /my-tickets/transfers/:id/end: it is taken back, or declined. */
enum err post_end(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    return act(rq, rp, METHOD_DELETE, "", took_end);
}
