/* services/web/catalogue/catalogue_forms.c: the forms in which a venue or a show is proposed, made
 * and corrected.
 *
 * A page is put together from what the API says each time, also when it was refused: the present
 * state beside what was typed. */
#include "services/web/catalogue/catalogue_pages.h"

#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/pages/sign_in.h"
#include "services/web/submissions.h"

#define VENUES_ASKED 100
#define VENUES_SHOWN (2 * VENUES_ASKED + 1)
#define BODY_BYTES   65536

/* rq->run->state. */
struct catalogue_form {
    const struct catalogue_kind *kind;
    struct str id; /* empty: there is none yet */
    struct catalogue_form_view view;
    struct choice *venues;
    size_t venue_count;
    struct str sent; /* the form's nonce once it was sent: its submission is to be ended */
    int status;
    bool staff, typed, changed;
    bool final; /* nothing of it is to be changed any more */
};

static struct catalogue_form *form_new(struct request *rq, bool has_id)
{
    struct catalogue_form *form = arena_alloc(rq->arena, sizeof *form);

    if (!form) return NULL;
    form->kind = catalogue_kind_of(rq);
    form->status = 200;
    form->staff = looks_after_catalogue(rq);
    if (has_id) form->id = page_path_id(rq, 0);
    rq->run->state = form;
    return form;
}

/* --- the page -------------------------------------------------------------------------------- */

static enum text form_title_text(const struct catalogue_form *form)
{
    if (form->id.len) return form->kind->edit_title;
    return form->staff ? form->kind->new_title : form->kind->propose_title;
}

static void form_words(struct request *rq, struct catalogue_form *form)
{
    struct catalogue_form_view *view = &form->view;

    view->heading = page_text(rq, form_title_text(form));
    view->submit = page_text(rq, form->id.len  ? TEXT_SAVE
                                 : form->staff ? TEXT_STAFF_MAKE
                                               : TEXT_PROPOSE_SUBMIT);
    if (!form->id.len && !form->staff) view->lead = page_text(rq, form->kind->propose_lead);
    view->back = form->staff ? str_of(form->kind->list) : STR("/selling/proposals");
    view->back_text = page_text(rq, form->staff ? form->kind->list_title : TEXT_PROPOSALS_TITLE);
    if (!form->kind->shows) return;
    if (form->id.len && form->staff)
        view->gates = path_of(rq, form->kind->desk, form->id, "/gates");
    view->missing = STR("/venues/new");
    view->missing_text =
        page_text(rq, form->staff ? TEXT_STAFF_VENUE_MISSING : TEXT_PROPOSE_MISSING_VENUE);
}

static void show_choices(struct request *rq, struct catalogue_form *form)
{
    static const struct {
        const char *value;
        enum text text;
    } categories[] = {
        {"", TEXT_CATEGORY_NONE},
        {"music", TEXT_CATEGORY_MUSIC},
        {"theatre", TEXT_CATEGORY_THEATRE},
        {"comedy", TEXT_CATEGORY_COMEDY},
        {"dance", TEXT_CATEGORY_DANCE},
        {"sport", TEXT_CATEGORY_SPORT},
        {"family", TEXT_CATEGORY_FAMILY},
        {"festival", TEXT_CATEGORY_FESTIVAL},
        {"conference", TEXT_CATEGORY_CONFERENCE},
        {"other", TEXT_CATEGORY_OTHER},
    };
    static const size_t count = sizeof categories / sizeof *categories;
    struct form_field *field = field_of(&form->view, "category");
    struct choice *choices = arena_alloc(rq->arena, count * sizeof *choices);

    if (!field || !choices) return;
    for (size_t i = 0; i < count; i++)
        choices[i] = (struct choice){str_of(categories[i].value), page_text(rq, categories[i].text),
                                     str_eq(field->value, str_of(categories[i].value))};
    field->choices.at = choices;
    field->choices.count = count;
    field = field_of(&form->view, "venue");
    for (size_t i = 0; i < form->venue_count; i++)
        form->venues[i].chosen = str_eq(form->venues[i].value, field->value);
    field->choices.at = form->venues;
    field->choices.count = form->venue_count;
}

static enum err form_show(struct request *rq, struct reply *rp, struct catalogue_form *form)
{
    struct page page;

    form_words(rq, form);
    if (form->kind->shows) show_choices(rq, form);
    form->view.nonce = submission_nonce(rq);
    page_begin(rq, &page, form_title_text(form));
    page.here =
        form->id.len ? path_of(rq, form->kind->desk, form->id, "") : str_of(form->kind->make);
    if (!form->final || form->typed) form->view.action = page.here;
    page.at_staff = form->staff;
    if (form->view.errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, form->status);
    page_catalogue_form(&rp->body, &page, &form->view);
    return form->sent.len ? submission_end(rq, form->sent, STR("")) : OK;
}

/* Something that no form can say. */
static enum err form_problem(struct request *rq, struct reply *rp, struct catalogue_form *form)
{
    enum err err = catalogue_problem(rq, rp, form->id.len ? form->kind->list : form->kind->make);

    return err == OK && form->sent.len ? submission_end(rq, form->sent, STR("")) : err;
}

/* --- venues to choose from ------------------------------------------------------------------- */

static void venue_add(struct request *rq, struct catalogue_form *form, const struct json *venue)
{
    struct str status = json_member(venue, "status");

    if (form->venue_count >= VENUES_SHOWN || json_member(venue, "mergedInto").len) return;
    if (str_eq(status, STR("refused")) || json_member(venue, "id").len != OBJECT_ID_HEX) return;
    for (size_t i = 0; i < form->venue_count; i++)
        if (str_eq(form->venues[i].value, json_member(venue, "id"))) return;
    form->venues[form->venue_count++] =
        (struct choice){.value = json_member(venue, "id"),
                        .text = page_fill(rq, TEXT_SHOW_FIELD_VENUE_CHOICE,
                                          {STR("name"), json_member(venue, "name")},
                                          {STR("city"), json_member(venue, "city")},
                                          {STR("zone"), json_member(venue, "timeZone")})};
}

static bool venue_is_there(const struct catalogue_form *form, struct str id)
{
    for (size_t i = 0; i < form->venue_count; i++)
        if (str_eq(form->venues[i].value, id)) return true;
    return false;
}

static enum err took_chosen_venue(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct catalogue_form *form = rq->run->state;
    const struct json *venue;

    (void)tx;
    if (api_ok(rq, &venue)) venue_add(rq, form, venue);
    return form_show(rq, rp, form);
}

static enum err ask_chosen_venue(struct request *rq, struct reply *rp, struct catalogue_form *form)
{
    struct str chosen = field_of(&form->view, "venue")->value;
    struct object_id id;

    if (!object_id_parse(chosen, &id) || venue_is_there(form, chosen))
        return form_show(rq, rp, form);
    return request_call(rq, METHOD_GET, path_of(rq, "/api/venues/", chosen, ""), STR(""),
                        took_chosen_venue);
}

static void venues_add(struct request *rq, struct catalogue_form *form)
{
    const struct json *list;

    if (!api_ok(rq, &list)) return;
    for (size_t i = 0; i < json_length(list); i++)
        venue_add(rq, form, json_at(list, i));
}

static enum err took_own_venues(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    venues_add(rq, rq->run->state);
    return ask_chosen_venue(rq, rp, rq->run->state);
}

static enum err took_venues(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct catalogue_form *form = rq->run->state;

    (void)tx;
    if (!api_ok(rq, NULL)) return form_problem(rq, rp, form);
    venues_add(rq, form);
    if (form->staff) return ask_chosen_venue(rq, rp, form);
    return request_call(rq, METHOD_GET, STR("/api/venues/mine?limit=100"), STR(""),
                        took_own_venues);
}

static enum err form_complete(struct request *rq, struct reply *rp, struct catalogue_form *form)
{
    if (!form->kind->shows) return form_show(rq, rp, form);
    form->venues = arena_alloc(rq->arena, VENUES_SHOWN * sizeof *form->venues);
    if (!form->venues) return ERR_MEMORY;
    form->venue_count = 1;
    form->venues[0] = (struct choice){STR(""), page_text(rq, TEXT_SHOW_FIELD_VENUE_NONE), false};
    return request_call(rq, METHOD_GET, STR("/api/venues?limit=100"), STR(""), took_venues);
}

/* --- what there is --------------------------------------------------------------------------- */

static enum err took_present(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct catalogue_form *form = rq->run->state;
    const struct catalogue_kind *kind = form->kind;
    struct catalogue_form_view *view = &form->view;
    const struct json *thing;
    int64_t version = 0;
    struct str into;
    enum err err;

    (void)tx;
    into = json_member(json_parsed(rq->arena, rq->call.answer), "mergedInto");
    if (rq->call.status == 308 && into.len == OBJECT_ID_HEX) {
        if (!form->typed) return page_redirect(rp, path_of(rq, kind->desk, into, ""));
        view->acts.at[view->acts.count++] = (struct form_act){
            path_of(rq, kind->desk, into, ""), page_text(rq, TEXT_STAFF_MERGED_OPEN), false};
        return form_complete(rq, rp, form); /* what was typed stays to be read */
    }
    if (!api_ok(rq, &thing)) return form_problem(rq, rp, form);
    json_int64(json_get(thing, "version"), &version);
    if (!form->typed) fields_fill(rq, kind->fields, kind->field_count, thing, view);
    if (form->changed) fields_compare(rq, kind->fields, kind->field_count, thing, view);
    if (!form->typed || form->changed) view->version = page_number(rq, version);
    view->name = json_member(thing, kind->shows ? "title" : "name");
    view->about = catalogue_about(rq, kind, thing);
    view->status = catalogue_status(rq, kind, thing, &view->status_class);
    TRY(catalogue_acts(rq, kind, thing, view));
    form->final = str_eq(json_member(thing, "status"), STR("cancelled")) ||
                  str_eq(json_member(thing, "status"), STR("refused"));
    return form_complete(rq, rp, form);
done:
    return err;
}

static enum err form_open(struct request *rq, struct reply *rp, struct catalogue_form *form)
{
    if (!form->id.len) return form_complete(rq, rp, form);
    return request_call(rq, METHOD_GET, path_of(rq, form->kind->api, form->id, ""), STR(""),
                        took_present);
}

/* GET /venues/new, /shows/new?venue= */
enum err get_catalogue_new(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct catalogue_form *form;
    struct form_field *venue;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!rq->user.id.len) return page_sign_in(rq, rp, str_of(catalogue_kind_of(rq)->make));
    form = form_new(rq, false);
    if (!form) return ERR_MEMORY;
    fields_read(rq, form->kind->fields, form->kind->field_count, form->staff, &form->view);
    venue = field_of(&form->view, "venue");
    if (venue && request_query(rq, "venue").at) venue->value = request_query(rq, "venue");
    return form_open(rq, rp, form);
}

/* GET /admin/venues/:id, /admin/shows/:id: what it is, to be corrected, and what else may be done.
 */
enum err get_catalogue_edit(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct catalogue_form *form;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!looks_after_catalogue(rq)) return page_staff_only(rq, rp);
    form = form_new(rq, true);
    if (!form) return ERR_MEMORY;
    if (!form->id.len) return page_problem(rq, rp, 404);
    return form_open(rq, rp, form);
}

/* --- sending --------------------------------------------------------------------------------- */

static struct str form_body(struct request *rq, const struct catalogue_form *form)
{
    struct str version = form->view.version;
    struct json_writer json;
    struct buf body;
    int64_t seen;

    buf_init(&body, rq->arena, BODY_BYTES);
    json = json_writer_to(&body);
    json_begin_object(&json);
    fields_write(rq, form->kind->fields, form->kind->field_count, &form->view, &json);
    if (str_to_int64(version, &seen)) json_member_int(&json, "version", seen);
    json_end_object(&json);
    return body.failed ? STR("{}") : buf_str(&body);
}

static enum err took_sent(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct catalogue_form *form = rq->run->state;
    const struct catalogue_kind *kind = form->kind;
    const struct json *thing;
    struct str path;
    enum err err;

    (void)tx;
    if (api_ok(rq, &thing) && json_member(thing, "id").len == OBJECT_ID_HEX) {
        path = form->staff
                   ? path_of(rq, kind->desk, arena_copy(rq->arena, json_member(thing, "id")), "")
                   : STR("/selling/proposals");
        TRY(page_redirect_notice(rq, rp, path,
                                 form->id.len  ? "saved"
                                 : form->staff ? "made"
                                               : "proposed"));
        return submission_end(rq, form->sent, path);
    }
    fields_refused(rq, kind->fields, kind->field_count, &form->view);
    form->status = catalogue_refusal(rq, &form->view, &form->changed);
    return form->status ? form_open(rq, rp, form) : form_problem(rq, rp, form);
done:
    return err;
}

static enum err form_send(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct catalogue_form *form = rq->run->state;
    struct str all = {form->kind->api, strlen(form->kind->api) - 1};

    (void)tx, (void)rp;
    form->sent = request_form(rq, "nonce");
    return request_call(rq, form->id.len ? METHOD_PUT : METHOD_POST,
                        form->id.len ? path_of(rq, form->kind->api, form->id, "") : all,
                        form_body(rq, form), took_sent);
}

static enum err form_posted(struct request *rq, struct reply *rp, struct catalogue_form *form)
{
    form->typed = true;
    form->view.version = form_value(rq, "version");
    fields_read(rq, form->kind->fields, form->kind->field_count, form->staff, &form->view);
    if (form_is_draft(rq)) return form_open(rq, rp, form);
    fields_check(rq, form->kind->fields, form->kind->field_count, &form->view);
    if (!form->view.errors.list.count)
        return submission_once(rq, request_form(rq, "nonce"), form_send);
    form->status = 400;
    return form_open(rq, rp, form);
}

/* POST /venues/new, /shows/new: staff make it, anybody else proposes it; once, however often it is
 * clicked. */
enum err post_catalogue_new(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct catalogue_form *form;

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!rq->user.id.len) return page_sign_in(rq, rp, str_of(catalogue_kind_of(rq)->make));
    form = form_new(rq, false);
    return form ? form_posted(rq, rp, form) : ERR_MEMORY;
}

/* POST /admin/venues/:id, /admin/shows/:id: corrected, by who saw the version it has. */
enum err post_catalogue_edit(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct catalogue_form *form;

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!looks_after_catalogue(rq)) return page_staff_only(rq, rp);
    form = form_new(rq, true);
    if (!form) return ERR_MEMORY;
    return form->id.len ? form_posted(rq, rp, form) : page_problem(rq, rp, 404);
}
