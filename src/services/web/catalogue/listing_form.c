/* services/web/catalogue/listing_form.c: the form in which tickets for a show are offered together,
 * which is shown once more to be checked before they are on sale, and the one in which their price
 * and terms are changed. */
#include "services/web/api_listings.h"
#include "services/web/catalogue/catalogue_pages.h"

#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/pages/sign_in.h"
#include "services/web/price.h"
#include "services/web/submissions.h"

#define BODY_BYTES 65536

#define ASKS "5" /* of what others ask */

#define PLACE_FIELDS 4
#define TERM_FIELDS  4
static const struct field_spec fields[PLACE_FIELDS + TERM_FIELDS] = {
    {"section", "section", FIELD_LINE, TEXT_LISTING_FIELD_SECTION, TEXT_LISTING_FIELD_SECTION_HINT,
     true, false},
    {"row", "row", FIELD_LINE, TEXT_LISTING_FIELD_ROW, TEXT_LISTING_FIELD_ROW_HINT, true, false},
    {"seats", "seats", FIELD_LINES, TEXT_LISTING_FIELD_SEATS, TEXT_LISTING_FIELD_SEATS_HINT, true,
     false},
    {"quantity", "quantity", FIELD_COUNT, TEXT_LISTING_FIELD_QUANTITY,
     TEXT_LISTING_FIELD_QUANTITY_HINT, true, false},
    {"price", "price", FIELD_PRICE, TEXT_FIELD_PRICE, TEXT_LISTING_FIELD_PRICE_HINT, false, false},
    {"face", "faceValue", FIELD_PRICE, TEXT_LISTING_FIELD_FACE, TEXT_LISTING_FIELD_FACE_HINT, true,
     false},
    {"split", "split", FIELD_CHOICE, TEXT_LISTING_FIELD_SPLIT, TEXT_LISTING_FIELD_SPLIT_HINT, false,
     false},
    {"restrictions", "restrictions", FIELD_LINES, TEXT_LISTING_FIELD_RESTRICTIONS,
     TEXT_LISTING_FIELD_RESTRICTIONS_HINT, true, false}};

/* rq->run->state. */
struct listing_form {
    struct str id; /* of the show; changing: of the listing */
    struct catalogue_form_view view;
    struct str show_id, delivery, nonce; /* nonce: of a submission that is to be ended */
    int status;
    bool changing, typed, sending;
    bool checking, checked; /* it is to be shown as it would be listed; the API would take it */
};

static const struct field_spec *specs_of(const struct listing_form *form)
{
    return form->changing ? fields + PLACE_FIELDS : fields;
}

static size_t spec_count(const struct listing_form *form)
{
    return form->changing ? TERM_FIELDS : PLACE_FIELDS + TERM_FIELDS;
}

/* By the address: "/shows/:id/sell" or "/listings/:id/edit". NULL: no memory, or no id. */
static struct listing_form *listing_form_new(struct request *rq)
{
    struct listing_form *form = arena_alloc(rq->arena, sizeof *form);

    if (!form) return NULL;
    form->id = page_path_id(rq, 0);
    form->changing = str_starts(rq->path, STR("/listings/"));
    form->status = 200;
    rq->run->state = form;
    return form->id.len ? form : NULL;
}

static struct str own_path(struct request *rq, const struct listing_form *form)
{
    return form->changing ? path_of(rq, "/listings/", form->id, "/edit")
                          : path_of(rq, "/shows/", form->id, "/sell");
}

static void put_splits(struct request *rq, struct listing_form *form)
{
    static const struct {
        const char *value;
        enum text text;
    } splits[] = {{"any", TEXT_LISTING_SPLIT_ANY},
                  {"no_single", TEXT_LISTING_SPLIT_NO_SINGLE},
                  {"pairs", TEXT_LISTING_SPLIT_PAIRS},
                  {"all", TEXT_LISTING_SPLIT_ALL}};
    static const size_t count = sizeof splits / sizeof *splits;
    struct choice *choices = arena_alloc(rq->arena, count * sizeof *choices);
    struct form_field *field = field_of(&form->view, "split");

    if (!choices) return;
    field->choices.at = choices;
    field->choices.count = count;
    for (size_t i = 0; i < count; i++)
        choices[i] = (struct choice){str_of(splits[i].value), page_text(rq, splits[i].text),
                                     str_eq(field->value, str_of(splits[i].value))};
}

/* The title, the button, and what comes before the fields. */
static enum text listing_form_words(struct request *rq, struct listing_form *form)
{
    enum text title = TEXT_LISTING_SELL_TITLE, lead = TEXT_LISTING_SELL_LEAD,
              submit = TEXT_LISTING_SELL_NEXT;

    if (form->changing) {
        title = TEXT_LISTING_CHANGE_TITLE;
        lead = TEXT_LISTING_CHANGE_LEAD;
        submit = TEXT_SAVE;
    } else if (form->checked) {
        title = TEXT_LISTING_CHECK_TITLE;
        lead = TEXT_LISTING_CHECK_LEAD;
        submit = TEXT_LISTING_SELL_SUBMIT;
    }
    form->view.heading = page_text(rq, title);
    form->view.lead = page_text(rq, lead);
    form->view.submit = page_text(rq, submit);
    return title;
}

/* What was typed, as it will be read. */
static void put_facts(struct request *rq, struct listing_form *form)
{
    for (size_t i = 0; i < form->view.fields.count; i++) {
        struct form_field *field = &form->view.fields.at[i];
        int64_t cents;

        field->now = str_trim(field->value);
        for (size_t k = 0; k < field->choices.count; k++)
            if (field->choices.at[k].chosen) field->now = field->choices.at[k].text;
        if (specs_of(form)[i].kind == FIELD_PRICE && price_read(field->now, &cents) == PRICE_READ)
            field->now = page_money(rq, cents);
    }
}

static enum err listing_form_show(struct request *rq, struct reply *rp, struct listing_form *form)
{
    struct catalogue_form_view *view = &form->view;
    enum text title = listing_form_words(rq, form);
    struct page page;

    put_splits(rq, form);
    if (form->checked) put_facts(rq, form);
    view->action = own_path(rq, form);
    view->nonce = submission_nonce(rq);
    view->back = form->changing ? path_of(rq, "/listings/", form->id, "")
                                : path_of(rq, "/shows/", form->id, "");
    view->back_text = page_text(rq, form->changing ? TEXT_LISTING_BACK : TEXT_LISTING_SHOW);
    page_begin(rq, &page, title);
    page.here = view->action;
    page.at_new = !form->changing;
    page.at_selling = form->changing;
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, form->status);
    if (form->checked)
        page_listing_check(&rp->body, &page, view);
    else
        page_catalogue_form(&rp->body, &page, view);
    return form->nonce.len ? submission_end(rq, form->nonce, STR("")) : OK;
}

static enum err listing_form_problem(struct request *rq, struct reply *rp,
                                     const struct listing_form *form)
{
    enum err err = page_refused(rq, rp, own_path(rq, form));

    return err == OK && form->nonce.len ? submission_end(rq, form->nonce, STR("")) : err;
}

/* What others ask for tickets of the show, cheapest first; without it when it cannot be had. */
static enum err took_asks(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_form *form = rq->run->state;
    struct catalogue_form_view *view = &form->view;
    struct show_page_view asked = {0};
    const struct json *list;
    enum err err;

    (void)tx;
    if (api_ok(rq, &list)) TRY(api_listings(rq, list, &asked));
    view->asks.at = asked.listings.at;
    view->asks.count = asked.listings.count;
    if (asked.listings.count)
        field_of(view, "price")->hint = page_fill(rq, TEXT_LISTING_FIELD_PRICE_OTHERS,
                                                  {STR("price"), asked.listings.at[0].price});
    return listing_form_show(rq, rp, form);
done:
    return err;
}

static enum err ask_asks(struct request *rq, const struct listing_form *form)
{
    struct buf path;

    buf_init(&path, rq->arena, 128);
    buf_printf(&path, "/api/listings?limit=" ASKS "&showId=%.*s", (int)form->show_id.len,
               form->show_id.at);
    return path.failed ? ERR_MEMORY
                       : request_call(rq, METHOD_GET, buf_str(&path), STR(""), took_asks);
}

static enum err took_show(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_form *form = rq->run->state;
    const struct catalogue_kind *kind = catalogue_kind_named(true);
    const struct json *show;
    struct str into;

    (void)tx;
    into = json_member(json_parsed(rq->arena, rq->call.answer), "mergedInto");
    if (rq->call.status == 308 && into.len == OBJECT_ID_HEX && !form->typed)
        return page_redirect(rp, path_of(rq, "/shows/", into, "/sell"));
    if (!api_ok(rq, &show)) return listing_form_problem(rq, rp, form);
    form->view.name = json_member(show, "title");
    form->view.about = catalogue_about(rq, kind, show);
    return form->changing || form->checked ? listing_form_show(rq, rp, form) : ask_asks(rq, form);
}

static enum err ask_show(struct request *rq, const struct listing_form *form)
{
    return request_call(rq, METHOD_GET, path_of(rq, "/api/shows/", form->show_id, ""), STR(""),
                        took_show);
}

/* --- sending --------------------------------------------------------------------------------- */

static struct str body_of(struct request *rq, const struct listing_form *form)
{
    struct json_writer json;
    struct buf body;

    buf_init(&body, rq->arena, BODY_BYTES);
    json = json_writer_to(&body);
    json_begin_object(&json);
    if (!form->changing) json_member_text(&json, "showId", form->id);
    fields_write(rq, specs_of(form), spec_count(form), &form->view, &json);
    json_member_text(&json, "delivery", form->delivery);
    if (form->checking) json_member_bool(&json, "dryRun", true);
    json_end_object(&json);
    return body.failed ? STR("{}") : buf_str(&body);
}

/* The seat that the API says is taken; empty: it says something else. */
static struct str taken_seat(struct request *rq)
{
    const struct json *errors = json_get(json_parsed(rq->arena, rq->call.answer), "errors");

    return json_member(json_at(errors, 0), "seat");
}

/* What the form can say of the API's refusal; its status is 0 when it cannot. */
static void take_refusal(struct request *rq, struct listing_form *form)
{
    struct catalogue_form_view *view = &form->view;
    bool changed;

    if (str_eq(api_code(rq), STR("address_unconfirmed"))) {
        form_error(&view->errors, STR(""), page_text(rq, TEXT_SELL_UNCONFIRMED));
        view->missing = STR("/account/email");
        view->missing_text = page_text(rq, TEXT_VERIFY_TITLE);
        form->status = rq->call.status;
        return;
    }
    if (str_eq(api_code(rq), STR("seat_taken")) && taken_seat(rq).len) {
        form_error(&view->errors, STR("seats"),
                   page_fill(rq, TEXT_LISTING_SEAT_TAKEN, {STR("seat"), taken_seat(rq)}));
        form->status = rq->call.status;
        return;
    }
    fields_check(rq, specs_of(form), spec_count(form), view);
    fields_refused(rq, specs_of(form), spec_count(form), view);
    form_error(&view->errors, STR(""), api_error(rq, "showId"));
    form->status = catalogue_refusal(rq, view, &changed);
}

static enum err took_sent(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_form *form = rq->run->state;
    const struct json *json;
    struct str path;
    enum err err;

    (void)tx;
    if (api_ok(rq, &json) && json_member(json, "id").len == OBJECT_ID_HEX) {
        path = path_of(rq, "/listings/", json_member(json, "id"), "");
        TRY(page_redirect_notice(rq, rp, path, form->changing ? "saved" : "offered"));
        return submission_end(rq, form->nonce, path);
    }
    take_refusal(rq, form);
    return form->status ? ask_show(rq, form) : listing_form_problem(rq, rp, form);
done:
    return err;
}

static enum err send_listing(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_form *form = rq->run->state;

    (void)tx, (void)rp;
    form->nonce = request_form(rq, "nonce");
    if (form->changing)
        return request_call(rq, METHOD_PUT, path_of(rq, "/api/listings/", form->id, ""),
                            body_of(rq, form), took_sent);
    return request_call(rq, METHOD_POST, STR("/api/listings"), body_of(rq, form), took_sent);
}

/* Nothing is on sale yet. */
static enum err took_checked(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_form *form = rq->run->state;
    const struct json *json;
    int64_t quantity = 0, total_cents = 0;

    (void)tx;
    form->checked = api_ok(rq, &json) && json_int64(json_get(json, "quantity"), &quantity) &&
                    json_price(json_get(json, "total"), &total_cents);
    if (form->checked)
        form->view.status =
            page_fill(rq, quantity == 1 ? TEXT_LISTING_CHECK_TOTAL_ONE : TEXT_LISTING_CHECK_TOTAL,
                      {STR("number"), page_number(rq, quantity)},
                      {STR("total"), page_money(rq, total_cents)});
    else
        take_refusal(rq, form);
    return form->status ? ask_show(rq, form) : listing_form_problem(rq, rp, form);
}

/* --- opening --------------------------------------------------------------------------------- */

static enum err took_listing(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_form *form = rq->run->state;
    const struct json *json;

    (void)tx;
    if (!api_ok(rq, &json)) return listing_form_problem(rq, rp, form);
    if (!str_eq(json_member(json, "userId"), rq->user.id)) return page_problem(rq, rp, 401);
    form->show_id = json_member(json, "showId");
    form->delivery = json_member(json, "delivery");
    if (form->sending) return submission_once(rq, request_form(rq, "nonce"), send_listing);
    if (!form->typed) fields_fill(rq, specs_of(form), spec_count(form), json, &form->view);
    return ask_show(rq, form);
}

static enum err listing_form_open(struct request *rq, struct listing_form *form)
{
    if (form->changing)
        return request_call(rq, METHOD_GET, path_of(rq, "/api/listings/", form->id, ""), STR(""),
                            took_listing);
    form->show_id = form->id;
    form->delivery = STR("issued");
    if (form->sending) return submission_once(rq, request_form(rq, "nonce"), send_listing);
    if (form->checking)
        return request_call(rq, METHOD_POST, STR("/api/listings"), body_of(rq, form), took_checked);
    return ask_show(rq, form);
}

/* GET /shows/:id/sell, /listings/:id/edit. */
enum err get_listing_form(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_form *form;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    form = listing_form_new(rq);
    if (!form) return page_problem(rq, rp, 404);
    if (!rq->user.id.len) return page_sign_in(rq, rp, own_path(rq, form));
    if (!form->changing) fields_read(rq, specs_of(form), spec_count(form), false, &form->view);
    return listing_form_open(rq, form);
}

/* POST of the same, with the fields and a nonce: the tickets are offered once, however often it is
 * clicked. New ones are shown as they would be first: `step` is "list" when they were, and "change"
 * when something is not right. */
enum err post_listing_form(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_form *form;
    struct str step = request_form(rq, "step");

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    form = listing_form_new(rq);
    if (!form) return page_problem(rq, rp, 404);
    if (!rq->user.id.len) return page_sign_in(rq, rp, own_path(rq, form));
    form->typed = true;
    form->sending = !form_is_draft(rq) && (form->changing || str_eq(step, STR("list")));
    form->checking = !form_is_draft(rq) && !form->sending && !str_eq(step, STR("change"));
    fields_read(rq, specs_of(form), spec_count(form), false, &form->view);
    return listing_form_open(rq, form);
}
