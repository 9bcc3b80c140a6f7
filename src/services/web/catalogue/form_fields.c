/* services/web/catalogue/form_fields.c: fields of a form, between what is typed and what the API
 * has. */
#include "services/web/catalogue/catalogue_pages.h"

#include "services/web/form.h"
#include "services/web/page_input.h"
#include "services/web/price.h"

#include "base/zone.h"

#define LOCAL_CHARS 16 /* "2027-03-28T19:30" */
#define VALUE_BYTES 65536
#define WAS         "_was"

struct form_field *field_of(struct catalogue_form_view *view, const char *name)
{
    for (size_t i = 0; i < view->fields.count; i++)
        if (strcmp(view->fields.at[i].name, name) == 0) return &view->fields.at[i];
    return NULL;
}

static struct form_field *field_add(struct request *rq, const struct field_spec *spec,
                                    struct catalogue_form_view *view)
{
    static const char *const modes[] = {
        [FIELD_LINE] = "text",        [FIELD_LINES] = "text",    [FIELD_CAPITALS] = "text",
        [FIELD_DECIMAL] = "decimal",  [FIELD_PRICE] = "decimal", [FIELD_COUNT] = "numeric",
        [FIELD_PER_CENT] = "decimal", [FIELD_LOCAL] = "text",    [FIELD_CHOICE] = "none"};
    struct form_field *field;

    ASSERT(view->fields.count < FORM_FIELDS_MAX);
    field = &view->fields.at[view->fields.count++];
    *field = (struct form_field){.name = spec->name,
                                 .type = "text",
                                 .mode = modes[spec->kind],
                                 .label = page_text(rq, spec->label),
                                 .hint = page_text(rq, spec->hint),
                                 .optional = spec->optional,
                                 .lines = spec->kind == FIELD_LINES,
                                 .choice = spec->kind == FIELD_CHOICE};
    return field;
}

/* A browser's own field for date and time shows nothing but those: an offset, and what is no time,
 * stay to be seen as they were typed. */
static void field_show_local(struct form_field *field)
{
    struct wall_time wall;

    if (field->value.len == 0 ||
        (field->value.len == LOCAL_CHARS && wall_time_parse(field->value, &wall)))
        field->type = "datetime-local";
}

/* Both in one, in the arena; an empty text when memory ran out. */
static const char *joined(struct request *rq, struct str name, const char *suffix)
{
    struct buf both;

    buf_init(&both, rq->arena, 256);
    buf_append(&both, name);
    buf_append(&both, str_of(suffix));
    buf_char(&both, '\0');
    return both.failed ? "" : both.at;
}

void fields_read(struct request *rq, const struct field_spec *specs, size_t count, bool staff,
                 struct catalogue_form_view *view)
{
    for (size_t i = 0; i < count; i++) {
        struct form_field *field;

        if (specs[i].for_staff && !staff) continue;
        field = field_add(rq, &specs[i], view);
        field->value = form_value(rq, specs[i].name);
        if (specs[i].kind != FIELD_LOCAL) continue;
        field->was_name = joined(rq, str_of(specs[i].name), WAS);
        field->was = form_value(rq, field->was_name);
        field_show_local(field);
    }
}

/* --- what the API has ------------------------------------------------------------------------ */

static struct str lines_of(struct request *rq, const struct json *list)
{
    struct buf lines;
    struct str name;

    buf_init(&lines, rq->arena, VALUE_BYTES);
    for (size_t i = 0; i < json_length(list); i++) {
        if (!json_text(json_at(list, i), &name)) continue;
        if (lines.len) buf_char(&lines, '\n');
        buf_append(&lines, name);
    }
    return lines.failed ? STR("") : buf_str(&lines);
}

static struct str number_text(struct request *rq, const struct json *value, enum field_kind kind)
{
    double number = 0;
    int64_t whole = 0;
    struct buf text;

    buf_init(&text, rq->arena, 64);
    if (kind == FIELD_DECIMAL && json_double(value, &number))
        buf_printf(&text, "%.6f", number);
    else if (json_int64(value, &whole) && kind == FIELD_PER_CENT)
        buf_printf(&text, "%lld.%02lld", (long long)(whole / 100), (long long)(whole % 100));
    else if (json_int64(value, &whole))
        buf_int(&text, whole);
    if (memchr(text.at ? text.at : "", '.', text.len))
        while (text.len && text.at[text.len - 1] == '0')
            text.len--;
    if (text.len && text.at[text.len - 1] == '.') text.len--;
    return text.failed ? STR("") : buf_str(&text);
}

static struct str price_text(struct request *rq, const struct json *value)
{
    int64_t cents;

    return json_price(value, &cents) ? page_price_input(rq, cents) : STR("");
}

/* "startsAt" is kept as "startsAtLocal", too, with its offset. */
static struct str present_value(struct request *rq, const struct field_spec *spec,
                                const struct json *thing)
{
    switch (spec->kind) {
    case FIELD_LINES:
        return lines_of(rq, json_get(thing, spec->api));
    case FIELD_DECIMAL:
    case FIELD_COUNT:
    case FIELD_PER_CENT:
        return number_text(rq, json_get_path(thing, spec->api), spec->kind);
    case FIELD_PRICE:
        return price_text(rq, json_get(thing, spec->api));
    case FIELD_LOCAL:
        return json_member(thing, joined(rq, str_of(spec->api), "Local"));
    case FIELD_LINE:
    case FIELD_CAPITALS:
    case FIELD_CHOICE:
        break;
    }
    return json_member(thing, spec->api);
}

void fields_fill(struct request *rq, const struct field_spec *specs, size_t count,
                 const struct json *thing, struct catalogue_form_view *view)
{
    for (size_t i = 0; i < count; i++) {
        struct form_field *field = field_add(rq, &specs[i], view);

        field->value = present_value(rq, &specs[i], thing);
        if (specs[i].kind != FIELD_LOCAL) continue;
        field->was_name = joined(rq, str_of(specs[i].name), WAS);
        field->was = field->value;
        if (field->value.len > LOCAL_CHARS) field->value.len = LOCAL_CHARS;
        field_show_local(field);
    }
}

/* What the time in the field means: as it was, offset and all, when it was left as it was. */
static struct str local_meant(const struct form_field *field)
{
    struct str typed = str_trim(field->value);

    if (field->was.len >= LOCAL_CHARS && str_eq(typed, (struct str){field->was.at, LOCAL_CHARS}))
        return field->was;
    return typed;
}

void fields_compare(struct request *rq, const struct field_spec *specs, size_t count,
                    const struct json *thing, struct catalogue_form_view *view)
{
    for (size_t i = 0; i < count; i++) {
        struct form_field *field = field_of(view, specs[i].name);
        struct str present = present_value(rq, &specs[i], thing);

        if (!field) continue;
        field->changed = !str_eq(present, specs[i].kind == FIELD_LOCAL ? local_meant(field)
                                                                       : str_trim(field->value));
        field->now = present;
        for (size_t k = 0; k < field->choices.count; k++)
            if (str_eq(field->choices.at[k].value, present)) field->now = field->choices.at[k].text;
    }
}

/* --- what is wrong --------------------------------------------------------------------------- */

/* "12,5" is 1250 hundredths. False: it is no number, or finer. */
static bool per_cent_read(struct str text, int64_t *out)
{
    int64_t whole = 0;
    size_t i = 0, places = 0;

    text = str_trim(text);
    if (text.len && text.at[text.len - 1] == '%')
        text = str_trim((struct str){text.at, text.len - 1});
    for (; i < text.len && text.at[i] >= '0' && text.at[i] <= '9' && whole < 100000; i++)
        whole = whole * 10 + text.at[i] - '0';
    if (!i) return false;
    if (i < text.len && (text.at[i] == '.' || text.at[i] == ','))
        for (i++; i < text.len && places < 2 && text.at[i] >= '0' && text.at[i] <= '9'; places++)
            whole = whole * 10 + text.at[i++] - '0';
    for (; places < 2; places++)
        whole *= 10;
    *out = whole;
    return i == text.len;
}

static void field_error(struct catalogue_form_view *view, struct form_field *field, struct str text)
{
    if (!text.len || field->error.len) return;
    field->error = text;
    field->first = view->errors.list.count == 0;
    form_error(&view->errors, str_of(field->name), text);
}

static struct str per_cent_error(struct request *rq, struct str typed)
{
    int64_t hundredths;

    return per_cent_read(typed, &hundredths) ? STR("")
                                             : page_text(rq, TEXT_SHOW_FIELD_RESALE_UNREADABLE);
}

void fields_check(struct request *rq, const struct field_spec *specs, size_t count,
                  struct catalogue_form_view *view)
{
    for (size_t i = 0; i < count; i++) {
        struct form_field *field = field_of(view, specs[i].name);

        if (!field || (specs[i].optional && !str_trim(field->value).len)) continue;
        if (specs[i].kind == FIELD_PER_CENT)
            field_error(view, field, per_cent_error(rq, field->value));
        else if (specs[i].kind == FIELD_PRICE)
            field_error(view, field, form_price_error(rq, field->value));
    }
}

void fields_refused(struct request *rq, const struct field_spec *specs, size_t count,
                    struct catalogue_form_view *view)
{
    for (size_t i = 0; i < count; i++) {
        struct form_field *field = field_of(view, specs[i].name);

        if (!field) continue;
        field_error(view, field, api_error(rq, specs[i].api));
        /* the browser's own field has no room for the offset that may be missing */
        if (field->error.len && specs[i].kind == FIELD_LOCAL) field->type = "text";
    }
}

/* --- what is sent ---------------------------------------------------------------------------- */

/* A JSON number, in the arena; empty: it is none, and goes as the text that it is. */
static struct str number_written(struct request *rq, struct str text)
{
    struct buf number;
    double read;

    buf_init(&number, rq->arena, 64);
    for (size_t i = 0; i < text.len; i++)
        buf_char(&number, text.at[i] == ',' ? '.' : text.at[i]);
    if (number.failed || !json_double(json_parsed(rq->arena, buf_str(&number)), &read))
        return STR("");
    return buf_str(&number);
}

static void write_lines(struct json_writer *json, struct str lines)
{
    json_begin_array(json);
    while (lines.len) {
        const char *end = memchr(lines.at, '\n', lines.len);
        size_t len = end ? (size_t)(end - lines.at) : lines.len, step = len + (end ? 1 : 0);
        struct str name = str_trim((struct str){lines.at, len});

        if (name.len) json_put_text(json, name);
        lines = (struct str){lines.at + step, lines.len - step};
    }
    json_end_array(json);
}

static struct str capitals(struct request *rq, struct str text)
{
    struct buf out;

    buf_init(&out, rq->arena, VALUE_BYTES);
    for (size_t i = 0; i < text.len; i++)
        buf_char(&out, text.at[i] >= 'a' && text.at[i] <= 'z' ? (char)(text.at[i] - 'a' + 'A')
                                                              : text.at[i]);
    return out.failed ? text : buf_str(&out);
}

/* "2027-03-28 19:30" is as good as with a T. */
static struct str local_written(struct request *rq, const struct form_field *field)
{
    struct str meant = arena_copy(rq->arena, local_meant(field));

    if (meant.len >= LOCAL_CHARS && meant.at[10] == ' ') ((char *)(uintptr_t)meant.at)[10] = 'T';
    return meant;
}

static void write_value(struct request *rq, enum field_kind kind, const struct form_field *field,
                        struct json_writer *json)
{
    struct str typed = str_trim(field->value), number = STR("");
    int64_t hundredths, cents;

    switch (kind) {
    case FIELD_LINES:
        write_lines(json, field->value);
        return;
    case FIELD_DECIMAL:
    case FIELD_COUNT:
        number = number_written(rq, typed);
        if (number.len)
            json_put_raw(json, number);
        else
            json_put_text(json, typed);
        return;
    case FIELD_PRICE:
        json_put_text(json, price_read(typed, &cents) == PRICE_READ ? page_price_input(rq, cents)
                                                                    : typed);
        return;
    case FIELD_PER_CENT:
        if (per_cent_read(typed, &hundredths))
            json_put_int(json, hundredths);
        else
            json_put_text(json, typed);
        return;
    case FIELD_CAPITALS:
        json_put_text(json, capitals(rq, typed));
        return;
    case FIELD_LOCAL:
        json_put_text(json, local_written(rq, field));
        return;
    case FIELD_LINE:
    case FIELD_CHOICE:
        break;
    }
    json_put_text(json, field->value);
}

/* "rules.maxPerBuyer" → "rules"; none: empty. */
static struct str outer_of(const char *api)
{
    const char *dot = strchr(api, '.');

    return dot ? (struct str){api, (size_t)(dot - api)} : STR("");
}

void fields_write(struct request *rq, const struct field_spec *specs, size_t count,
                  const struct catalogue_form_view *view, struct json_writer *json)
{
    struct str open = STR("");

    for (size_t i = 0; i < count; i++) {
        const struct form_field *field =
            field_of((struct catalogue_form_view *)(uintptr_t)view, specs[i].name);
        struct str outer = outer_of(specs[i].api);
        const char *name = specs[i].api + (outer.len ? outer.len + 1 : 0);

        if (!field || (specs[i].optional && !str_trim(field->value).len)) continue;
        if (open.len && !str_eq(open, outer)) json_end_object(json);
        if (outer.len && !str_eq(open, outer)) {
            json_key(json, joined(rq, outer, ""));
            json_begin_object(json);
        }
        open = outer;
        json_key(json, name);
        write_value(rq, specs[i].kind, field, json);
    }
    if (open.len) json_end_object(json);
}
