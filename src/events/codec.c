/* events/codec.c: events to JSON and back, driven by the catalogue's rows. */
#include "events/event_rows.h"

#include "base/clock.h"
#include "base/hex.h"
#include "unicode/text.h"
#include "identity/user_id.h"

/* --- the table ----------------------------------------------------------------------------- */

#define FIELD_ROW(S, kind, member, wire) {FIELD_##kind, offsetof(struct S, member), wire},
#define X(name, type, subject, publisher, fields)                                                  \
    static const struct event_field type##_fields[] = {fields(FIELD_ROW, type)};
EVENT_MAP(X)
#undef X

const struct event_row event_rows[EVENT_TYPES] = {
#define X(name, type, subject, publisher, fields)                                                  \
    {subject, publisher, #type, type##_fields, sizeof type##_fields / sizeof *type##_fields},
    EVENT_MAP(X)
#undef X
};

const char *event_subject(enum event_type type)
{
    ASSERT(type < EVENT_TYPES);
    return event_rows[type].subject;
}

const char *event_publisher(enum event_type type)
{
    ASSERT(type < EVENT_TYPES);
    return event_rows[type].publisher;
}

enum event_type event_type_of(struct str subject)
{
    enum event_type type = 0;

    while (type < EVENT_TYPES && !str_eq(str_of(event_rows[type].subject), subject))
        type++;
    return type;
}

/* --- encoding ------------------------------------------------------------------------------ */

static bool is_zero(struct object_id id)
{
    return object_id_eq(id, (struct object_id){{0}});
}

static bool absent(const struct event_field *field, const char *at)
{
    if (field->kind == FIELD_REF) return is_zero(*(const struct object_id *)(const void *)at);
    if (field->kind == FIELD_NAME || field->kind == FIELD_HASH_REF)
        return ((const struct str *)(const void *)at)->len == 0;
    if (field->kind == FIELD_COUNT || field->kind == FIELD_MONEY_REF)
        return *(const int64_t *)(const void *)at == 0;
    if (field->kind == FIELD_TIME_REF)
        return wall_same(*(const struct wall_ms *)(const void *)at, WALL_NONE);
    if (field->kind == FIELD_BOUND) return *(const int64_t *)(const void *)at == NO_BOUND;
    if (field->kind == FIELD_DEGREES) return *(const int64_t *)(const void *)at == DEGREES_UNKNOWN;
    if (field->kind == FIELD_NAMES) return ((const struct name_list *)(const void *)at)->count == 0;
    if (field->kind == FIELD_TICKETS)
        return ((const struct ordered_list *)(const void *)at)->count == 0;
    return field->kind == FIELD_FLAG && !*(const bool *)(const void *)at;
}

static void put_names(struct json_writer *writer, const struct name_list *names)
{
    json_begin_array(writer);
    for (size_t i = 0; i < names->count; i++)
        json_put_text(writer, names->at[i]);
    json_end_array(writer);
}

static void put_tickets(struct json_writer *writer, const struct ordered_list *tickets)
{
    json_begin_array(writer);
    for (size_t i = 0; i < tickets->count; i++) {
        json_begin_object(writer);
        json_member_id(writer, "id", tickets->at[i].id);
        json_member_money(writer, "price", tickets->at[i].price_cents);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void put_value(struct json_writer *writer, const struct event_field *field, const void *at)
{
    switch (field->kind) {
    case FIELD_ID:
    case FIELD_REF: {
        struct object_id_text text = object_id_text(*(const struct object_id *)at);

        json_put_text(writer, (struct str){text.hex, OBJECT_ID_HEX});
        break;
    }
    case FIELD_VERSION:
    case FIELD_COUNT:
    case FIELD_BOUND:
        json_put_int(writer, *(const int64_t *)at);
        break;
    case FIELD_TEXT:
    case FIELD_TITLE:
    case FIELD_NAME:
    case FIELD_USER:
    case FIELD_HASH:
    case FIELD_HASH_REF:
        json_put_text(writer, *(const struct str *)at);
        break;
    case FIELD_MONEY:
    case FIELD_MONEY_REF:
        json_put_money(writer, *(const int64_t *)at);
        break;
    case FIELD_TIME:
    case FIELD_TIME_REF:
        json_put_time(writer, *(const struct wall_ms *)at);
        break;
    case FIELD_FLAG:
        json_put_bool(writer, *(const bool *)at);
        break;
    case FIELD_DEGREES:
        json_put_degrees(writer, *(const int64_t *)at);
        break;
    case FIELD_NAMES:
        put_names(writer, at);
        break;
    case FIELD_TICKETS:
        put_tickets(writer, at);
        break;
    }
}

/* Opens and closes the nested object ("ticket") as the fields go in and out of it. */
static void step_nested(struct json_writer *writer, const struct event_field *before,
                        const struct event_field *field)
{
    size_t was = before ? event_field_prefix(before) : 0;
    size_t now = field ? event_field_prefix(field) : 0;
    char name[32];

    if (was == now && (was == 0 || strncmp(before->wire, field->wire, was) == 0)) return;
    if (was) json_end_object(writer);
    if (!now) return;
    ASSERT(now < sizeof name);
    memcpy(name, field->wire, now);
    name[now] = '\0';
    json_key(writer, name);
    json_begin_object(writer);
}

void event_encode(enum event_type type, const void *event, struct buf *out)
{
    const struct event_row *row = &event_rows[type];
    struct json_writer writer = json_writer_to(out);
    const struct event_field *before = NULL;

    json_begin_object(&writer);
    for (size_t i = 0; i < row->field_count; i++) {
        const struct event_field *field = &row->fields[i];
        const char *at = (const char *)event + field->offset;
        size_t prefix = event_field_prefix(field);

        if (absent(field, at)) continue;
        step_nested(&writer, before, field);
        json_key(&writer, field->wire + (prefix ? prefix + 1 : 0));
        put_value(&writer, field, at);
        before = field;
    }
    step_nested(&writer, before, NULL);
    json_end_object(&writer);
}

/* --- decoding ------------------------------------------------------------------------------ */

static const char *const expectations[] = {
    [FIELD_ID] = "must be an id of 24 hex digits",
    [FIELD_REF] = "must be an id of 24 hex digits, null or absent",
    [FIELD_VERSION] = "must be a whole number, 0 or more",
    [FIELD_TEXT] = "must be text of 1 to 320 bytes",
    [FIELD_TITLE] = "must be text of 1 to 200 characters",
    [FIELD_NAME] = "must be text of 1 to 200 characters, null or absent",
    [FIELD_USER] = "must be 1 to 64 printable characters",
    [FIELD_MONEY] = "must be an amount greater than 0 with at most two decimals",
    [FIELD_TIME] = "must be an ISO-8601 UTC time",
    [FIELD_FLAG] = "must be true, false or absent",
    [FIELD_HASH] = "must be 64 lower-case hex digits",
    [FIELD_HASH_REF] = "must be 64 lower-case hex digits, null or absent",
    [FIELD_COUNT] = "must be a whole number, 0 or more, or absent",
    [FIELD_BOUND] = "must be a whole number, 0 or more, null or absent",
    [FIELD_TIME_REF] = "must be an ISO-8601 UTC time, null or absent",
    [FIELD_DEGREES] = "must be a number of degrees, null or absent",
    [FIELD_MONEY_REF] =
        "must be an amount greater than 0 with at most two decimals, null or absent",
    [FIELD_NAMES] = "must be at most 20 texts of 1 to 200 characters, null or absent",
    [FIELD_TICKETS] = "must be at most 500 tickets with id and price, null or absent",
};

static bool is_hash(struct str text)
{
    return text.len == HASH_HEX && hex_is_lower(text);
}

static bool take_text(const struct json *value, enum event_field_kind kind, struct str *out)
{
    struct str text;

    if (!json_text(value, &text) || text.len == 0) return false;
    if (kind == FIELD_TEXT && text.len > TEXT_BYTES_MAX) return false;
    if (kind == FIELD_USER && !user_id_valid(text)) return false;
    if ((kind == FIELD_HASH || kind == FIELD_HASH_REF) && !is_hash(text)) return false;
    *out = text;
    return true;
}

/* As tickets keep them. One that nothing is left of is taken as it is. */
static enum err take_title(struct arena *arena, const struct json *value, struct str *out)
{
    struct str contained, text;

    if (!json_text(value, &text) || text.len == 0) return ERR_INVALID;
    if (str_code_points(text) > TITLE_POINTS_MAX) return ERR_INVALID;
    contained = text_contained(arena, text);
    if (!contained.at) return ERR_MEMORY;
    *out = contained.len ? contained : text;
    return OK;
}

static bool take_id(const struct json *value, struct object_id *out)
{
    struct str text;

    return json_text(value, &text) && object_id_parse(text, out);
}

static enum err take_names(struct arena *arena, const struct json *value, struct name_list *out)
{
    size_t count = json_length(value);
    struct str *names;
    enum err err = OK;

    if (json_type(value) != JSON_ARRAY || count > NAMES_MAX) return ERR_INVALID;
    names = arena_alloc(arena, (count ? count : 1) * sizeof *names);
    if (!names) return ERR_MEMORY;
    for (size_t i = 0; err == OK && i < count; i++)
        err = take_title(arena, json_at(value, i), &names[i]);
    *out = (struct name_list){names, count};
    return err;
}

static enum err take_tickets(struct arena *arena, const struct json *value,
                             struct ordered_list *out)
{
    size_t count = json_length(value);
    struct ordered_ticket *tickets;

    if (json_type(value) != JSON_ARRAY || count > LISTING_TICKETS_MAX) return ERR_INVALID;
    tickets = arena_alloc(arena, (count ? count : 1) * sizeof *tickets);
    if (!tickets) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct json *ticket = json_at(value, i);

        if (!take_id(json_get(ticket, "id"), &tickets[i].id)) return ERR_INVALID;
        if (!json_price(json_get(ticket, "price"), &tickets[i].price_cents)) return ERR_INVALID;
    }
    *out = (struct ordered_list){tickets, count};
    return OK;
}

/* What an absent field is, where that is not zero. */
static void set_absent(const struct event_field *field, void *at)
{
    if (field->kind == FIELD_BOUND) *(int64_t *)at = NO_BOUND;
    if (field->kind == FIELD_DEGREES) *(int64_t *)at = DEGREES_UNKNOWN;
}

/* Of a kind that needs no memory. */
static bool take_plain(const struct json *value, const struct event_field *field, void *at)
{
    struct str text;

    switch (field->kind) {
    case FIELD_ID:
    case FIELD_REF:
        return take_id(value, at);
    case FIELD_VERSION:
    case FIELD_COUNT:
    case FIELD_BOUND:
        return json_int64(value, at) && *(int64_t *)at >= 0;
    case FIELD_TEXT:
    case FIELD_USER:
    case FIELD_HASH:
    case FIELD_HASH_REF:
        return take_text(value, field->kind, at);
    case FIELD_MONEY:
    case FIELD_MONEY_REF:
        return json_price(value, at);
    case FIELD_TIME:
    case FIELD_TIME_REF:
        return json_text(value, &text) && iso8601_parse(text, at);
    case FIELD_FLAG:
        return json_bool(value, at);
    case FIELD_DEGREES:
        return json_degrees(value, LONGITUDE_MAX, at);
    case FIELD_TITLE:
    case FIELD_NAME:
    case FIELD_NAMES:
    case FIELD_TICKETS:
        break;
    }
    return false;
}

/* ERR_INVALID: it is none of that kind; ERR_MEMORY: nobody knows. */
static enum err take_value(struct arena *arena, const struct json *value,
                           const struct event_field *field, void *at)
{
    if (field->kind == FIELD_TITLE || field->kind == FIELD_NAME)
        return take_title(arena, value, at);
    if (field->kind == FIELD_NAMES) return take_names(arena, value, at);
    if (field->kind == FIELD_TICKETS) return take_tickets(arena, value, at);
    return take_plain(value, field, at) ? OK : ERR_INVALID;
}

enum err event_decode(enum event_type type, struct arena *arena, struct str payload,
                      union event *event, struct buf *why)
{
    const struct event_row *row = &event_rows[type];
    const struct json *body;
    enum err err;

    memset(event, 0, sizeof *event);
    if (json_parse(arena, payload, &body) == ERR_MEMORY) return ERR_MEMORY;
    if (json_type(body) != JSON_OBJECT) {
        buf_append(why, STR("payload: must be one JSON object"));
        return ERR_INVALID;
    }
    for (size_t i = 0; i < row->field_count; i++) {
        const struct event_field *field = &row->fields[i];
        const struct json *value = json_get_path(body, field->wire);

        if (event_field_optional(field) && (!value || json_type(value) == JSON_NULL)) {
            set_absent(field, (char *)event + field->offset);
            continue;
        }
        err = take_value(arena, value, field, (char *)event + field->offset);
        if (err == OK) continue;
        if (err == ERR_MEMORY) return err;
        buf_printf(why, "%s: %s", field->wire, expectations[field->kind]);
        return ERR_INVALID;
    }
    return OK;
}

/* --- publishing ---------------------------------------------------------------------------- */

enum err event_publish(struct tx *tx, enum event_type type, const void *event)
{
    struct buf payload;
    enum err err;

    buf_init(&payload, NULL, EVENT_PAYLOAD_MAX);
    event_encode(type, event, &payload);
    err = payload.failed ? ERR_MEMORY
                         : outbox_append(tx, str_of(event_subject(type)), buf_str(&payload));
    buf_free(&payload);
    return err;
}
