/* services/web/catalogue/catalogue_acts.c: what staff do with a venue or a show beside correcting
 * it. What cannot be taken back, or is told to others, has a page that says what it does, and asks.
 */
#include "services/web/catalogue/catalogue_pages.h"

#include "html/escape.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/pages/sign_in.h"
#include "services/web/submissions.h"

#define BODY_BYTES    65536
#define TARGETS_ASKED 50

/* Statuses that an act may follow on, as bits. */
enum { PROPOSED = 1, ACCEPTED = 2, SCHEDULED = 4, POSTPONED = 8 };

static const struct field_spec refusal_reason[] = {
    {"reason", "reason", FIELD_LINE, TEXT_ACT_REASON, TEXT_ACT_REASON_TOLD, true, false}};
static const struct field_spec log_reason[] = {
    {"reason", "reason", FIELD_LINE, TEXT_ACT_REASON, TEXT_ACT_REASON_LOG, true, false}};
static const struct field_spec target_and_reason[] = {
    {"into", "into", FIELD_CHOICE, TEXT_ACT_INTO, TEXT_ACT_INTO_HINT, false, false},
    {"reason", "reason", FIELD_LINE, TEXT_ACT_REASON, TEXT_ACT_REASON_LOG, true, false}};

struct act {
    const char *name; /* in our address */
    const char *api;  /* and the API's */
    unsigned from;
    enum text text, lead;
    const struct field_spec *fields;
    size_t field_count;
    const char *notice;
    bool shows, at_once, merges;
};

static const struct act acts[] = {
    {"accept", "/accept", PROPOSED, TEXT_ACT_ACCEPT, TEXT_ACT_ACCEPT_VENUE_LEAD, NULL, 0,
     "accepted", false, true, false},
    {"refuse", "/refuse", PROPOSED, TEXT_ACT_REFUSE, TEXT_ACT_REFUSE_LEAD, refusal_reason, 1,
     "refused", false, false, false},
    {"merge", "/merge", PROPOSED | ACCEPTED, TEXT_ACT_MERGE, TEXT_ACT_MERGE_VENUE_LEAD,
     target_and_reason, 2, "merged", false, false, true},
    {"accept", "/accept", PROPOSED, TEXT_ACT_ACCEPT, TEXT_ACT_ACCEPT_SHOW_LEAD, NULL, 0, "accepted",
     true, true, false},
    {"refuse", "/cancel", PROPOSED, TEXT_ACT_REFUSE, TEXT_ACT_REFUSE_LEAD, refusal_reason, 1,
     "refused", true, false, false},
    {"postpone", "/postpone", SCHEDULED, TEXT_ACT_POSTPONE, TEXT_ACT_POSTPONE_LEAD, log_reason, 1,
     "postponed", true, false, false},
    {"reschedule", "/reschedule", POSTPONED, TEXT_ACT_RESCHEDULE, TEXT_ACT_RESCHEDULE_LEAD,
     show_times, TIME_FIELDS, "rescheduled", true, false, false},
    {"cancel", "/cancel", SCHEDULED | POSTPONED, TEXT_ACT_CANCEL, TEXT_ACT_CANCEL_LEAD, log_reason,
     1, "cancelled", true, false, false},
    {"merge", "/merge", PROPOSED | SCHEDULED | POSTPONED, TEXT_ACT_MERGE, TEXT_ACT_MERGE_SHOW_LEAD,
     target_and_reason, 2, "merged", true, false, true},
};
#define ACTS (sizeof acts / sizeof *acts)

static unsigned status_bit(struct str status)
{
    static const struct {
        const char *word;
        unsigned bit;
    } bits[] = {{"proposed", PROPOSED},
                {"accepted", ACCEPTED},
                {"scheduled", SCHEDULED},
                {"postponed", POSTPONED}};

    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        if (str_eq(status, str_of(bits[i].word))) return bits[i].bit;
    return 0;
}

static bool act_follows(const struct act *act, const struct catalogue_kind *kind,
                        const struct json *thing)
{
    return act->shows == kind->shows && (act->from & status_bit(json_member(thing, "status"))) &&
           !json_member(thing, "mergedInto").len;
}

enum err catalogue_acts(struct request *rq, const struct catalogue_kind *kind,
                        const struct json *thing, struct catalogue_form_view *view)
{
    for (size_t i = 0; i < ACTS; i++) {
        struct buf path;

        if (!act_follows(&acts[i], kind, thing)) continue;
        ASSERT(view->acts.count < FORM_ACTS_MAX);
        buf_init(&path, rq->arena, 128);
        buf_append(&path, str_of(kind->desk));
        buf_append(&path, json_member(thing, "id"));
        buf_printf(&path, "/%s", acts[i].name);
        if (path.failed) return ERR_MEMORY;
        view->acts.at[view->acts.count++] =
            (struct form_act){buf_str(&path), page_text(rq, acts[i].text), acts[i].at_once};
    }
    return OK;
}

int catalogue_refusal(struct request *rq, struct catalogue_form_view *view, bool *changed)
{
    int status = rq->call.status;

    *changed = status == 409 && str_eq(api_code(rq), STR("version_changed"));
    if (status != 400 && status != 409 && status != 429) return 0;
    form_error(&view->errors, STR(""),
               *changed ? page_text(rq, TEXT_FORM_CHANGED) : api_error(rq, ""));
    return view->errors.list.count ? status : 0;
}

enum err catalogue_problem(struct request *rq, struct reply *rp, const char *back)
{
    if (rq->call.status != 401) return page_problem(rq, rp, rq->call.status);
    /* the session ended, or the role was taken back, since the page was shown */
    return rq->method == METHOD_GET ? page_staff_only(rq, rp) : page_sign_in(rq, rp, str_of(back));
}

/* --- the page of one ------------------------------------------------------------------------- */

/* rq->run->state. */
struct act_form {
    const struct catalogue_kind *kind;
    const struct act *act;
    struct str id;
    struct catalogue_form_view view;
    struct choice *targets;
    size_t target_count;
    struct str sent;
    int status;
    bool typed, changed;
};

/* By the address: kind, id and name of the act. NULL: there is none such, or no memory. */
static struct act_form *act_form_new(struct request *rq)
{
    struct act_form *form = arena_alloc(rq->arena, sizeof *form);

    if (!form) return NULL;
    form->kind = catalogue_kind_of(rq);
    form->id = page_path_id(rq, 0);
    form->status = 200;
    for (size_t i = 0; i < ACTS; i++)
        if (acts[i].shows == form->kind->shows && str_eq(rq->params[1], str_of(acts[i].name)))
            form->act = &acts[i];
    rq->run->state = form;
    return form->id.len && form->act ? form : NULL;
}

static enum err act_show(struct request *rq, struct reply *rp, struct act_form *form)
{
    struct catalogue_form_view *view = &form->view;
    struct form_field *into = field_of(view, "into");
    struct page page;

    view->heading = view->submit = page_text(rq, form->act->text);
    view->nonce = submission_nonce(rq);
    view->back = path_of(rq, form->kind->desk, form->id, "");
    view->back_text = page_text(rq, TEXT_ACT_BACK);
    if (into) {
        for (size_t i = 0; i < form->target_count; i++)
            form->targets[i].chosen = str_eq(form->targets[i].value, into->value);
        into->choices.at = form->targets;
        into->choices.count = form->target_count;
    }
    page_begin(rq, &page, form->act->text);
    page.here = view->back;
    page.at_staff = true;
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, form->status);
    page_catalogue_form(&rp->body, &page, view);
    return form->sent.len ? submission_end(rq, form->sent, STR("")) : OK;
}

static enum err act_problem(struct request *rq, struct reply *rp, struct act_form *form)
{
    enum err err = catalogue_problem(rq, rp, form->kind->list);

    return err == OK && form->sent.len ? submission_end(rq, form->sent, STR("")) : err;
}

/* What stands, and is another one. */
static void target_add(struct request *rq, struct act_form *form, const struct json *thing)
{
    struct str id = json_member(thing, "id");

    if (id.len != OBJECT_ID_HEX || str_eq(id, form->id)) return;
    if (!(status_bit(json_member(thing, "status")) & (ACCEPTED | SCHEDULED | POSTPONED))) return;
    form->targets[form->target_count++] = (struct choice){
        .value = id,
        .text = page_fill(rq, TEXT_ACT_INTO_CHOICE,
                          {STR("name"), json_member(thing, form->kind->shows ? "title" : "name")},
                          {STR("about"), catalogue_about(rq, form->kind, thing)})};
}

static enum err took_targets(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct act_form *form = rq->run->state;
    const struct json *list;

    (void)tx;
    if (!api_ok(rq, &list)) return act_problem(rq, rp, form);
    form->targets = arena_alloc(rq->arena, (TARGETS_ASKED + 1) * sizeof *form->targets);
    if (!form->targets) return ERR_MEMORY;
    form->targets[0] = (struct choice){STR(""), page_text(rq, TEXT_ACT_INTO_NONE), false};
    form->target_count = 1;
    for (size_t i = 0; i < json_length(list) && i < TARGETS_ASKED; i++)
        target_add(rq, form, json_at(list, i));
    if (form->target_count == 1) form->targets[0].text = page_text(rq, TEXT_ACT_INTO_NOTHING);
    return act_show(rq, rp, form);
}

/* Among what has a name like it, unless something else was looked for. */
static enum err act_ask_targets(struct request *rq, struct act_form *form)
{
    struct str q = rq->method == METHOD_GET ? request_query(rq, "q") : form_value(rq, "q");
    struct buf path;

    form->view.q = q.at ? catalogue_q(q) : form->view.name;
    form->view.search = rq->path;
    buf_init(&path, rq->arena, 4096);
    buf_append(&path, (struct str){form->kind->api, strlen(form->kind->api) - 1});
    buf_printf(&path, "?limit=%d&status=any&q=", TARGETS_ASKED);
    put_address_part(&path, form->view.q);
    if (path.failed) return ERR_MEMORY;
    return request_call(rq, METHOD_GET, buf_str(&path), STR(""), took_targets);
}

static enum err took_thing(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct act_form *form = rq->run->state;
    const struct act *act = form->act;
    struct catalogue_form_view *view = &form->view;
    const struct json *thing;
    int64_t version = 0;
    struct str into;

    (void)tx;
    into = json_member(json_parsed(rq->arena, rq->call.answer), "mergedInto");
    if (rq->call.status == 308 && into.len == OBJECT_ID_HEX && !form->sent.len)
        return page_redirect(rp, path_of(rq, form->kind->desk, into, ""));
    if (!api_ok(rq, &thing) && rq->call.status != 308) return act_problem(rq, rp, form);
    json_int64(json_get(thing, "version"), &version);
    view->name = json_member(thing, form->kind->shows ? "title" : "name");
    view->about = catalogue_about(rq, form->kind, thing);
    view->status = catalogue_status(rq, form->kind, thing, &view->status_class);
    if (!act_follows(act, form->kind, thing)) {
        view->lead = page_text(rq, TEXT_ACT_NOT_NOW);
        return act_show(rq, rp, form);
    }
    view->lead = page_text(rq, act->lead);
    view->action = rq->path;
    if (!form->typed || form->changed) view->version = page_number(rq, version);
    if (!form->typed && act->fields == show_times)
        fields_fill(rq, act->fields, act->field_count, thing, view);
    return act->merges ? act_ask_targets(rq, form) : act_show(rq, rp, form);
}

static enum err act_open(struct request *rq, struct act_form *form)
{
    if (!form->typed && form->act->fields != show_times)
        fields_read(rq, form->act->fields, form->act->field_count, true, &form->view);
    return request_call(rq, METHOD_GET, path_of(rq, form->kind->api, form->id, ""), STR(""),
                        took_thing);
}

/* GET /admin/shows/:id/cancel and the like: says what it does, and asks. */
enum err get_catalogue_act(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct act_form *form;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!looks_after_catalogue(rq)) return page_staff_only(rq, rp);
    form = act_form_new(rq);
    return form ? act_open(rq, form) : page_problem(rq, rp, 404);
}

/* --- doing it -------------------------------------------------------------------------------- */

static enum err took_done(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct act_form *form = rq->run->state;
    struct str path = path_of(rq, form->kind->desk, form->id, "");
    enum err err;

    (void)tx;
    if (api_ok(rq, NULL)) {
        TRY(page_redirect_notice(rq, rp, path, form->act->notice));
        return submission_end(rq, form->sent, path);
    }
    fields_refused(rq, form->act->fields, form->act->field_count, &form->view);
    form->status = catalogue_refusal(rq, &form->view, &form->changed);
    return form->status ? act_open(rq, form) : act_problem(rq, rp, form);
done:
    return err;
}

static enum err act_send(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct act_form *form = rq->run->state;
    struct json_writer json;
    struct buf body;
    int64_t seen;

    (void)tx, (void)rp;
    form->sent = request_form(rq, "nonce");
    buf_init(&body, rq->arena, BODY_BYTES);
    json = json_writer_to(&body);
    json_begin_object(&json);
    fields_write(rq, form->act->fields, form->act->field_count, &form->view, &json);
    if (str_to_int64(form->view.version, &seen)) json_member_int(&json, "version", seen);
    json_end_object(&json);
    if (body.failed) return ERR_MEMORY;
    return request_call(rq, METHOD_POST, path_of(rq, form->kind->api, form->id, form->act->api),
                        buf_str(&body), took_done);
}

/* POST /admin/shows/:id/cancel and the like, by who saw the version it has. */
enum err post_catalogue_act(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct act_form *form;

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!looks_after_catalogue(rq)) return page_staff_only(rq, rp);
    form = act_form_new(rq);
    if (!form) return page_problem(rq, rp, 404);
    form->typed = true;
    form->view.version = form_value(rq, "version");
    fields_read(rq, form->act->fields, form->act->field_count, true, &form->view);
    if (form_is_draft(rq)) return act_open(rq, form);
    return submission_once(rq, request_form(rq, "nonce"), act_send);
}
