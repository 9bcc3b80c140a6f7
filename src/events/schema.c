/* events/schema.c: the catalogue printed for other people's tools: JSON Schema and AsyncAPI. */
#include "identity/user_id.h"
#include "events/event_rows.h"

static void schema_put(struct json_writer *writer, const char *key, const char *text)
{
    json_member_text(writer, key, str_of(text));
}

static void id_schema(struct json_writer *writer)
{
    schema_put(writer, "type", "string");
    schema_put(writer, "pattern", "^[0-9a-fA-F]{24}$");
}

static void money_schema(struct json_writer *writer)
{
    schema_put(writer, "type", "number");
    json_member_int(writer, "exclusiveMinimum", 0);
    json_key(writer, "multipleOf");
    json_put_raw(writer, STR("0.01"));
}

/* {id, price} */
static void ticket_schema(struct json_writer *writer)
{
    json_begin_object(writer);
    schema_put(writer, "type", "object");
    json_key(writer, "required");
    json_begin_array(writer);
    json_put_text(writer, STR("id"));
    json_put_text(writer, STR("price"));
    json_end_array(writer);
    json_key(writer, "properties");
    json_begin_object(writer);
    json_key(writer, "id");
    json_begin_object(writer);
    id_schema(writer);
    json_end_object(writer);
    json_key(writer, "price");
    json_begin_object(writer);
    money_schema(writer);
    json_end_object(writer);
    json_end_object(writer);
    json_end_object(writer);
}

static void value_schema(struct json_writer *writer, const struct event_field *field)
{
    json_begin_object(writer);
    switch (field->kind) {
    case FIELD_ID:
    case FIELD_REF:
        id_schema(writer);
        break;
    case FIELD_VERSION:
    case FIELD_COUNT:
    case FIELD_BOUND:
        schema_put(writer, "type", "integer");
        json_member_int(writer, "minimum", 0);
        break;
    case FIELD_TEXT:
    case FIELD_TITLE:
    case FIELD_NAME:
    case FIELD_USER:
        schema_put(writer, "type", "string");
        json_member_int(writer, "minLength", 1);
        json_member_int(writer, "maxLength",
                        field->kind == FIELD_TEXT   ? TEXT_BYTES_MAX
                        : field->kind == FIELD_USER ? USER_ID_POINTS_MAX
                                                    : TITLE_POINTS_MAX);
        break;
    case FIELD_MONEY:
    case FIELD_MONEY_REF:
        money_schema(writer);
        break;
    case FIELD_TIME:
    case FIELD_TIME_REF:
        schema_put(writer, "type", "string");
        schema_put(writer, "format", "date-time");
        break;
    case FIELD_HASH:
    case FIELD_HASH_REF:
        schema_put(writer, "type", "string");
        schema_put(writer, "pattern", "^[0-9a-f]{64}$");
        break;
    case FIELD_FLAG:
        schema_put(writer, "type", "boolean");
        break;
    case FIELD_DEGREES:
        schema_put(writer, "type", "number");
        json_member_int(writer, "minimum", -180);
        json_member_int(writer, "maximum", 180);
        break;
    case FIELD_NAMES:
        schema_put(writer, "type", "array");
        json_member_int(writer, "maxItems", NAMES_MAX);
        json_key(writer, "items");
        json_begin_object(writer);
        schema_put(writer, "type", "string");
        json_member_int(writer, "minLength", 1);
        json_member_int(writer, "maxLength", TITLE_POINTS_MAX);
        json_end_object(writer);
        break;
    case FIELD_TICKETS:
        schema_put(writer, "type", "array");
        json_member_int(writer, "maxItems", LISTING_TICKETS_MAX);
        json_key(writer, "items");
        ticket_schema(writer);
        break;
    }
    json_end_object(writer);
}

/* The fields from `at` on that share its prefix of `depth` bytes; returns the first after them. */
static size_t object_schema(struct json_writer *writer, const struct event_row *row, size_t at,
                            size_t depth)
{
    const char *prefix = row->fields[at].wire;
    size_t skip = depth ? depth + 1 : 0, end = at;

    while (end < row->field_count &&
           (depth == 0 || strncmp(row->fields[end].wire, prefix, depth + 1) == 0))
        end++;
    json_begin_object(writer);
    schema_put(writer, "type", "object");
    json_key(writer, "required");
    json_begin_array(writer);
    for (size_t i = at; i < end; i++) {
        size_t nested = depth ? 0 : event_field_prefix(&row->fields[i]);
        struct str name = str_of(row->fields[i].wire + skip);

        if (event_field_optional(&row->fields[i])) continue;
        if (nested) name.len = nested;
        if (nested && i > at && event_field_prefix(&row->fields[i - 1]) == nested) continue;
        json_put_text(writer, name);
    }
    json_end_array(writer);
    json_key(writer, "properties");
    json_begin_object(writer);
    for (size_t i = at; i < end;) {
        size_t nested = depth ? 0 : event_field_prefix(&row->fields[i]);
        char name[32] = "";

        if (!nested) {
            json_key(writer, row->fields[i].wire + skip);
            value_schema(writer, &row->fields[i++]);
            continue;
        }
        ASSERT(nested < sizeof name);
        memcpy(name, row->fields[i].wire, nested);
        json_key(writer, name);
        i = object_schema(writer, row, i, nested);
    }
    json_end_object(writer);
    json_end_object(writer);
    return end;
}

void event_json_schema(enum event_type type, struct json_writer *writer)
{
    ASSERT(type < EVENT_TYPES);
    object_schema(writer, &event_rows[type], 0, 0);
}

/* "key": {"$ref": "#/part/name"} */
static void put_reference(struct json_writer *writer, const char *key, const char *part,
                          const char *name)
{
    struct buf path;

    buf_init(&path, NULL, 256);
    buf_printf(&path, "#/%s/%s", part, name);
    json_key(writer, key);
    json_begin_object(writer);
    json_key(writer, "$ref");
    json_put_text(writer, buf_str(&path));
    json_end_object(writer);
    buf_free(&path);
}

static void put_channel(struct json_writer *writer, const struct event_row *row)
{
    json_key(writer, row->type);
    json_begin_object(writer);
    schema_put(writer, "address", row->subject);
    json_key(writer, "messages");
    json_begin_object(writer);
    put_reference(writer, row->type, "components/messages", row->type);
    json_end_object(writer);
    json_end_object(writer);
}

static void put_operation(struct json_writer *writer, const struct event_row *row)
{
    json_key(writer, row->type);
    json_begin_object(writer);
    schema_put(writer, "action", "send");
    schema_put(writer, "summary", row->publisher);
    put_reference(writer, "channel", "channels", row->type);
    json_end_object(writer);
}

static void put_message(struct json_writer *writer, enum event_type type)
{
    json_key(writer, event_rows[type].type);
    json_begin_object(writer);
    schema_put(writer, "name", event_rows[type].subject);
    schema_put(writer, "contentType", "application/json");
    json_key(writer, "payload");
    event_json_schema(type, writer);
    json_end_object(writer);
}

void events_asyncapi(struct buf *out)
{
    struct json_writer writer = json_writer_to(out);

    json_begin_object(&writer);
    schema_put(&writer, "asyncapi", "3.0.0");
    json_key(&writer, "info");
    json_begin_object(&writer);
    schema_put(&writer, "title", "Boxoffice events");
    schema_put(&writer, "version", BOXOFFICE_VERSION);
    json_end_object(&writer);
    json_key(&writer, "channels");
    json_begin_object(&writer);
    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        put_channel(&writer, &event_rows[type]);
    json_end_object(&writer);
    json_key(&writer, "operations");
    json_begin_object(&writer);
    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        put_operation(&writer, &event_rows[type]);
    json_end_object(&writer);
    json_key(&writer, "components");
    json_begin_object(&writer);
    json_key(&writer, "messages");
    json_begin_object(&writer);
    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        put_message(&writer, type);
    json_end_object(&writer);
    json_end_object(&writer);
    json_end_object(&writer);
}
