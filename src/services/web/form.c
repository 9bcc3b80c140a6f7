/* services/web/form.c: what all forms have in common: what is wrong with one and how that is said,
 * and what was typed, which is never lost.
 *
 * A form that needs a session and has none is answered with the sign-in page, which carries all
 * that was typed in hidden inputs ("draft.title") and the form's own address ("draft"). Signing in
 * then sends the browser back there with a 307, which keeps the body: the form's handler sees that
 * it is a draft and shows the form, filled. Nothing is done by itself but what `intent` names. */
#include "services/web/form.h"

#include "base/money.h"
#include "services/web/api.h"
#include "services/web/page_input.h"
#include "services/web/price.h"

#define TITLE_MAX     200 /* code points, as the API has it */
#define FORM_TEXT_MAX 65536

/* --- what is wrong ---------------------------------------------------------------------------- */

void form_error(struct form_errors *errors, struct str id, struct str text)
{
    if (!text.len || errors->list.count == FORM_ERRORS_MAX) return;
    errors->list.at[errors->list.count++] = (struct form_error){id, text};
}

void form_field_error(struct form_errors *errors, struct field *field, struct str id,
                      struct str text)
{
    if (!text.len) return;
    field->error = text;
    field->first = errors->list.count == 0;
    form_error(errors, id, text);
}

void form_refused(struct request *rq, struct page *page)
{
    page->title = page_fill(rq, TEXT_FORM_REFUSED, {STR("title"), page->title});
}

/* --- what was typed --------------------------------------------------------------------------- */

/* What belongs to the form and not to the person, and what must not be shown again. */
static bool is_kept(struct str name)
{
    static const char *const others[] = {"nonce", "password", "fresh",    "email", "token",
                                         "next",  "intent",   FORM_DRAFT, "show"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_eq(name, str_of(others[i]))) return false;
    return name.len > 0;
}

/* Of a form that was sent: all its fields. Of the sign-in page itself: those it carries. */
void form_keep(struct request *rq, struct kept_view *kept)
{
    struct str form = request_form(rq, FORM_DRAFT), name, value;

    *kept = (struct kept_view){.form = form.len ? page_next(rq, form) : rq->path,
                               .intent = request_form(rq, "intent")};
    for (size_t i = 0; kept->fields.count < KEPT_MAX && request_form_at(rq, i, &name, &value);
         i++) {
        bool carried = str_starts(name, STR(FORM_DRAFT_DOT));

        if (form.len ? !carried : !is_kept(name)) continue;
        if (carried)
            name =
                (struct str){name.at + strlen(FORM_DRAFT_DOT), name.len - strlen(FORM_DRAFT_DOT)};
        kept->fields.at[kept->fields.count++] = (struct kept_field){name, value};
    }
    if (!kept->fields.count && !kept->intent.len) kept->form = STR("");
}

/* --- fields that several forms have ------------------------------------------------------------
 */

static struct str price_error(struct request *rq, enum price_reading reading, int64_t cents)
{
    switch (reading) {
    case PRICE_READ:
        return STR("");
    case PRICE_EMPTY:
        return page_text(rq, TEXT_FIELD_PRICE_EMPTY);
    case PRICE_TOO_FINE:
        return page_fill(rq, TEXT_FIELD_PRICE_FINE, {STR("low"), page_price_input(rq, cents)},
                         {STR("high"), page_price_input(rq, cents + 1)});
    case PRICE_TOO_LOW:
        return page_fill(rq, TEXT_FIELD_PRICE_LOW, {STR("price"), page_money(rq, 1)});
    case PRICE_TOO_HIGH:
        return page_fill(rq, TEXT_FIELD_PRICE_HIGH,
                         {STR("price"), page_money(rq, PRICE_CENTS_MAX)});
    case PRICE_UNREADABLE:
        break;
    }
    return page_text(rq, TEXT_FIELD_PRICE_UNREADABLE);
}

struct str form_price_error(struct request *rq, struct str typed)
{
    int64_t cents;
    enum price_reading reading = price_read(typed, &cents);

    return price_error(rq, reading, cents);
}

void form_price(struct request *rq, struct form_errors *errors, struct field *field, struct str id)
{
    int64_t cents;
    enum price_reading reading;

    *field = (struct field){.name = "price", .value = form_value(rq, "price")};
    reading = price_read(field->value, &cents);
    if (reading == PRICE_READ) field->value = page_price_input(rq, cents);
    form_field_error(errors, field, id, price_error(rq, reading, cents));
}

void form_title(struct request *rq, struct form_errors *errors, struct field *field)
{
    struct str error = STR("");
    size_t length;

    *field = (struct field){.name = "title", .value = form_value(rq, "title")};
    length = str_code_points(str_trim(field->value));
    if (length == 0) error = page_text(rq, TEXT_FIELD_TITLE_EMPTY);
    if (length > TITLE_MAX)
        error = page_fill(rq, TEXT_FIELD_TITLE_LONG, {STR("max"), page_number(rq, TITLE_MAX)},
                          {STR("n"), page_number(rq, (int64_t)length)});
    form_field_error(errors, field, STR("title"), error);
}

void form_too_many(struct request *rq, struct form_errors *errors, enum text text)
{
    if (rq->call.status != 429) return;
    form_error(errors, STR(""),
               page_fill(rq, text, {STR("time"), page_duration(rq, api_retry_s(rq))}));
}

void form_api_errors(struct request *rq, struct form_errors *errors, struct ticket_fields *fields,
                     struct str price_id)
{
    form_field_error(errors, &fields->title, STR("title"), api_error(rq, "title"));
    form_field_error(errors, &fields->price, price_id, api_error(rq, "price"));
    form_error(errors, STR(""), api_error(rq, ""));
}
