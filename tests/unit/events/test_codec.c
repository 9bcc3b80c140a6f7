/* Unit tests of events: the catalogue's codecs and schemas, driven by its own rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "../folder.h"
#include "events/event_rows.h"

#define OMIT "" /* in place of a value: the member is left out */

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(4 * 1024 * 1024);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* --- payloads by rule ---------------------------------------------------------------------- */

#define ID_TEXT        "\"0123456789abcdef01234567\""
#define HASH_63        "012345678901234567890123456789012345678901234567890123456789abc"
#define HASH_TEXT      "\"d" HASH_63 "\""
#define TEXT_320       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* eight times 40 */
#define REPEAT_8(text) text text text text text text text text

static const char *const good[] = {
    [FIELD_ID] = ID_TEXT,
    [FIELD_REF] = ID_TEXT,
    [FIELD_VERSION] = "7",
    [FIELD_TEXT] = "\"some text\"",
    [FIELD_TITLE] = "\"A seat \xE2\x98\x83\"",
    [FIELD_NAME] = "\"A seat\"",
    [FIELD_USER] = "\"user-1\"",
    [FIELD_MONEY] = "33.3",
    [FIELD_TIME] = "\"2026-11-21T12:34:56.789Z\"",
    [FIELD_FLAG] = "true",
    [FIELD_HASH] = HASH_TEXT,
    [FIELD_HASH_REF] = HASH_TEXT,
    [FIELD_COUNT] = "1",
    [FIELD_BOUND] = "0",
    [FIELD_TIME_REF] = "\"2026-11-21T12:34:56.789Z\"",
    [FIELD_DEGREES] = "-0.25",
    [FIELD_MONEY_REF] = "33.3",
    [FIELD_NAMES] = "[\"Mono Lake\",\"R\xC3\xADo\"]",
    [FIELD_TICKETS] = "[{\"id\":" ID_TEXT ",\"price\":33.3},{\"id\":" ID_TEXT ",\"price\":5}]",
};

/* Other values a decoder takes, NULL-terminated. */
static const char *const also_good[][8] = {
    [FIELD_ID] = {"\"0123456789ABCDEF01234567\"", NULL},
    [FIELD_REF] = {"null", OMIT, NULL},
    [FIELD_VERSION] = {"0", "1.0", "1e3", "9007199254740992", NULL},
    [FIELD_TEXT] = {"\"" REPEAT_8(TEXT_320) "\"", "\"\\u00e9\"", "\" \"", NULL},
    [FIELD_TITLE] = {"\"t\"", NULL},
    [FIELD_NAME] = {"\"t\"", "null", OMIT, NULL},
    [FIELD_USER] = {"\"u\"", "\"\xC3\xA9 with spaces\"", NULL},
    [FIELD_MONEY] = {"0.01", "\"49.90\"", "999999.99", NULL},
    [FIELD_TIME] = {"\"2026-11-21T12:34:56Z\"", NULL},
    [FIELD_FLAG] = {"false", "null", OMIT, NULL},
    [FIELD_HASH] = {NULL},
    [FIELD_HASH_REF] = {"null", OMIT, NULL},
    [FIELD_COUNT] = {"0", "9007199254740991", "null", OMIT, NULL},
    [FIELD_BOUND] = {"1", "null", OMIT, NULL},
    [FIELD_TIME_REF] = {"null", OMIT, NULL},
    [FIELD_DEGREES] = {"0", "180", "-180.0", "\"12.5\"", "null", OMIT, NULL},
    [FIELD_MONEY_REF] = {"0.01", "\"49.90\"", "null", OMIT, NULL},
    [FIELD_NAMES] = {"[]", "[\"t\"]", "null", OMIT, NULL},
    [FIELD_TICKETS] = {"[]", "[{\"id\":" ID_TEXT ",\"price\":1,\"seat\":\"4\"}]", "null", OMIT,
                       NULL},
};

static const char *const bad[][12] = {
    [FIELD_ID] = {OMIT, "null", "5", "\"\"", "\"0123456789abcdef0123456\"",
                  "\"0123456789abcdef0123456g\"", "[]", NULL},
    [FIELD_REF] = {"5", "\"\"", "\"0123456789abcdef0123456\"", "{}", "false", NULL},
    [FIELD_VERSION] = {OMIT, "null", "-1", "1.5", "\"1\"", "true", "1e300", "[0]", NULL},
    [FIELD_TEXT] = {OMIT, "null", "\"\"", "5", "[]", "\"" REPEAT_8(TEXT_320) "b\"", NULL},
    [FIELD_TITLE] = {OMIT, "null", "\"\"", "5", "\"" REPEAT_8(TEXT_320) "\"", NULL},
    [FIELD_NAME] = {"\"\"", "5", "\"" REPEAT_8(TEXT_320) "\"", NULL},
    [FIELD_USER] = {OMIT, "null", "\"\"", "5", "\"a\\nb\"", "\"\\u007f\"",
                    "\"" TEXT_320 TEXT_320 "\"", NULL},
    [FIELD_MONEY] = {OMIT, "null", "0", "-1", "0.001", "1000000", "\"\"", "\"free\"", "\"1.234\"",
                     "true", "1e300", NULL},
    [FIELD_TIME] = {OMIT, "null", "5", "\"\"", "\"tomorrow\"", "\"2026-13-01T00:00:00Z\"",
                    "\"2026-11-21\"", NULL},
    [FIELD_FLAG] = {"5", "\"true\"", "[]", NULL},
    [FIELD_HASH] = {OMIT, "null", "5", "\"\"", "\"00\"", "\"g" HASH_63 "\"", "\"A" HASH_63 "\"",
                    "\"00" HASH_63 "\"", NULL},
    [FIELD_HASH_REF] = {"5", "\"\"", "\"00\"", "\"g" HASH_63 "\"", NULL},
    [FIELD_COUNT] = {"-1", "1.5", "\"1\"", "[]", NULL},
    [FIELD_BOUND] = {"-1", "1.5", "\"1\"", "[]", NULL},
    [FIELD_TIME_REF] = {"5", "\"\"", "\"tomorrow\"", NULL},
    [FIELD_DEGREES] = {"181", "\"north\"", "[]", "true", NULL},
    [FIELD_MONEY_REF] = {"0", "-1", "0.001", "1000000", "\"free\"", "true", NULL},
    [FIELD_NAMES] = {"5", "\"Mono Lake\"", "{}", "[\"\"]", "[5]",
                     "[" REPEAT_8("\"a\",\"b\",\"c\",") "\"d\"]", NULL},
    [FIELD_TICKETS] = {"5", "{}", "[5]", "[{}]", "[{\"id\":" ID_TEXT "}]", "[{\"price\":1}]",
                       "[{\"id\":\"0\",\"price\":1}]", "[{\"id\":" ID_TEXT ",\"price\":0}]",
                       "[{\"id\":" ID_TEXT ",\"price\":-1}]", NULL},
};

/* The row's payload with every value good but the one at index `odd`. */
static struct str payload_of(const struct event_row *row, size_t odd, const char *value)
{
    struct buf out;
    size_t open = 0;
    bool comma = false;

    buf_init(&out, arena, 65536);
    buf_char(&out, '{');
    for (size_t i = 0; i < row->field_count; i++) {
        const struct event_field *field = &row->fields[i];
        const char *text = i == odd ? value : good[field->kind];
        size_t prefix = event_field_prefix(field);

        if (open && !prefix) {
            buf_char(&out, '}');
            open = 0;
            comma = true;
        }
        if (prefix && !open) {
            buf_printf(&out, "%s\"%.*s\":{", comma ? "," : "", (int)prefix, field->wire);
            open = prefix;
            comma = false;
        }
        if (strcmp(text, OMIT) == 0) continue;
        buf_printf(&out, "%s\"%s\":%s", comma ? "," : "", field->wire + (prefix ? prefix + 1 : 0),
                   text);
        comma = true;
    }
    buf_append(&out, open ? STR("}}") : STR("}"));
    assert_false(out.failed);
    return buf_str(&out);
}

static enum err decode(enum event_type type, struct str payload, union event *event,
                       struct buf *why)
{
    buf_init(why, arena, 1024);
    return event_decode(type, arena, payload, event, why);
}

static struct str encode(enum event_type type, const union event *event)
{
    struct buf out;

    buf_init(&out, arena, EVENT_PAYLOAD_MAX);
    event_encode(type, event, &out);
    assert_false(out.failed);
    return buf_str(&out);
}

/* --- codecs -------------------------------------------------------------------------------- */

static void every_event_comes_back_as_it_went_out(void **state)
{
    (void)state;
    for (enum event_type type = 0; type < EVENT_TYPES; type++) {
        struct str payload = payload_of(&event_rows[type], SIZE_MAX, NULL);
        union event event;
        struct buf why;

        if (decode(type, payload, &event, &why) != OK)
            fail_msg("%s: %.*s", event_subject(type), (int)why.len, why.at);
        if (!str_eq(encode(type, &event), payload))
            fail_msg("%.*s became %.*s", (int)payload.len, payload.at,
                     (int)encode(type, &event).len, encode(type, &event).at);
        arena_reset(arena);
    }
}

static void every_field_takes_what_its_kind_allows(void **state)
{
    (void)state;
    for (enum event_type type = 0; type < EVENT_TYPES; type++) {
        const struct event_row *row = &event_rows[type];

        for (size_t i = 0; i < row->field_count; i++) {
            for (const char *const *value = also_good[row->fields[i].kind]; *value; value++) {
                struct str payload = payload_of(row, i, *value), once;
                union event event, again;
                struct buf why;

                if (decode(type, payload, &event, &why) != OK)
                    fail_msg("%.*s: %.*s", (int)payload.len, payload.at, (int)why.len, why.at);
                once = encode(type, &event);
                assert_int_equal(decode(type, once, &again, &why), OK);
                assert_true(str_eq(encode(type, &again), once));
                arena_reset(arena);
            }
        }
    }
}

static void every_bad_field_is_named(void **state)
{
    (void)state;
    for (enum event_type type = 0; type < EVENT_TYPES; type++) {
        const struct event_row *row = &event_rows[type];

        for (size_t i = 0; i < row->field_count; i++) {
            struct str name = str_of(row->fields[i].wire);

            for (const char *const *value = bad[row->fields[i].kind]; *value; value++) {
                struct str payload = payload_of(row, i, *value);
                union event event;
                struct buf why;

                if (decode(type, payload, &event, &why) != ERR_INVALID)
                    fail_msg("%s took %.*s", row->subject, (int)payload.len, payload.at);
                if (!str_starts(buf_str(&why), name) || why.at[name.len] != ':')
                    fail_msg("%s of %.*s gave: %.*s", row->fields[i].wire, (int)payload.len,
                             payload.at, (int)why.len, why.at);
                arena_reset(arena);
            }
        }
    }
}

static void what_is_no_object_is_no_event(void **state)
{
    static const char *const payloads[] = {
        "",     " ",         "{",      "[]",   "[{}]",
        "null", "5",         "\"{}\"", "{}{}", "{\"id\":\"\\u0000\"}",
        "\xFF", "{\"a\":1,}"};

    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        union event event;
        struct buf why;

        assert_int_equal(decode(EVENT_USER_CREATED, str_of(payloads[i]), &event, &why),
                         ERR_INVALID);
        assert_true(str_starts(buf_str(&why), STR("payload: ")));
    }
}

static void a_nested_object_has_to_be_one(void **state)
{
    union event event;
    struct buf why;

    (void)state;
    assert_int_equal(decode(EVENT_ORDER_CANCELLED,
                            STR("{\"id\":" ID_TEXT ",\"version\":1,\"ticket\":" ID_TEXT "}"),
                            &event, &why),
                     ERR_INVALID);
    assert_true(str_starts(buf_str(&why), STR("ticket.id: ")));
}

static void unknown_members_are_ignored_and_of_repeated_ones_the_last_counts(void **state)
{
    union event event;
    struct buf why;

    (void)state;
    assert_int_equal(decode(EVENT_EXPIRATION_COMPLETE,
                            STR("{\"colour\":[1,{}],\"orderId\":5,\"orderId\":" ID_TEXT "}"),
                            &event, &why),
                     OK);
    assert_true(
        str_eq(encode(EVENT_EXPIRATION_COMPLETE, &event), STR("{\"orderId\":" ID_TEXT "}")));
}

/* A writer's arena (16 MiB) always holds one event, so that what is no event is told from what
 * could not be read; the latter comes again and again. */
static void the_largest_payload_can_be_read_whatever_is_in_it(void **state)
{
    static const char *const parts[] = {"{},",        "[],",  "\"\",",      "0,",
                                        "{\"a\":0},", "0.5,", "{\"\":{}},", "[0],"};
    static char payload[EVENT_PAYLOAD_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct arena *large = arena_new(16 * 1024 * 1024);
        size_t part = strlen(parts[i]), len = 0;
        union event event;
        struct buf why;

        len = (size_t)sprintf(payload, "{\"n\":[12345678901234567890,"); /* is read twice */
        for (; len + part + 3 < sizeof payload; len += part)
            memcpy(payload + len, parts[i], part);
        memcpy(payload + len - 1, "]}", 3);
        buf_init(&why, NULL, 1024);
        assert_int_equal(event_decode(EVENT_USER_CREATED, large, str_of(payload), &event, &why),
                         ERR_INVALID);
        assert_true(why.len > 0);
        buf_free(&why);
        arena_free(large);
    }
}

/* As an event that comes again, not as one that is given up. */
static void no_memory_for_a_field_is_no_fault_of_the_event(void **state)
{
    (void)state;
    for (size_t type = 0; type < EVENT_TYPES; type++) {
        struct str payload = payload_of(&event_rows[type], SIZE_MAX, NULL);
        enum err err = ERR_MEMORY;

        for (size_t bytes = 64; err == ERR_MEMORY; bytes += 64) {
            struct arena *little = arena_new(bytes);
            union event event;
            struct buf why;

            assert_true(bytes < 1024 * 1024);
            buf_init(&why, arena, 1024);
            err = event_decode((enum event_type)type, little, payload, &event, &why);
            if (err) assert_int_equal(err, ERR_MEMORY);
            assert_int_equal(why.len, 0);
            arena_free(little);
        }
    }
}

static void decoding_needs_no_more_than_its_arena(void **state)
{
    struct arena *small = arena_new(64);
    union event event;
    struct buf why;

    (void)state;
    buf_init(&why, arena, 1024);
    assert_int_equal(event_decode(EVENT_USER_CREATED, small,
                                  payload_of(&event_rows[EVENT_USER_CREATED], SIZE_MAX, NULL),
                                  &event, &why),
                     ERR_MEMORY);
    assert_int_equal(why.len, 0);
    assert_true(arena_failed(small));
    arena_free(small);
}

/* --- the catalogue ------------------------------------------------------------------------- */

static void subjects_find_their_types(void **state)
{
    (void)state;
    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        assert_int_equal(event_type_of(str_of(event_subject(type))), type);
    assert_int_equal(event_type_of(STR("ticket:creates")), EVENT_TYPES);
    assert_int_equal(event_type_of(STR("")), EVENT_TYPES);
    assert_string_equal(event_publisher(EVENT_ORDER_COMPLETED), "orders");
    assert_string_equal(event_publisher(EVENT_USER_UPDATED), "auth");
}

static void publishing_appends_to_the_outbox(void **state)
{
    struct folder folder = folder_make();
    struct folder_file file = folder_file(&folder, "one.db");
    struct object_id id;
    struct rows rows;
    struct db *db;
    struct tx *tx;

    (void)state;
    assert_true(object_id_parse(STR("0123456789abcdef01234567"), &id));
    assert_int_equal(db_open(file.path, DB_WRITER, &db, NULL), OK);
    assert_int_equal(db_migrate(db, bus_schema, (struct wall_ms){1}, NULL), OK);
    assert_int_equal(tx_begin(db, &tx), OK);
    tx_item_begin(tx, (struct wall_ms){5});
    assert_int_equal(publish_ticket_updated(tx, &(struct ticket_updated){.id = id,
                                                                         .version = 1,
                                                                         .title = STR("T"),
                                                                         .price_cents = 50,
                                                                         .user_id = STR("u")}),
                     OK);
    assert_int_equal(tx->published, 1);
    tx_query_values(tx, &rows, "SELECT subject, payload, created_at_ms FROM outbox", NULL, 0);
    assert_true(rows_next(&rows));
    assert_true(str_eq(rows_text(&rows, 0), STR("ticket:updated")));
    assert_true(str_eq(rows_text(&rows, 1),
                       STR("{\"id\":" ID_TEXT ",\"version\":1,\"title\":\"T\",\"price\":0.5,"
                           "\"userId\":\"u\"}")));
    assert_int_equal(rows_int(&rows, 2), 5);
    assert_int_equal(rows_end(&rows), OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    assert_int_equal(tx_commit(tx), OK);
    db_close(db);
    folder_remove(&folder);
}

/* "ticket.price" of {"properties":{"ticket":{"properties":{"price":…}}}} */
static const struct json *schema_of(const struct json *schema, const char *wire)
{
    char path[96];
    const char *point = strchr(wire, '.');

    if (point)
        snprintf(path, sizeof path, "properties.%.*s.properties.%s", (int)(point - wire), wire,
                 point + 1);
    else
        snprintf(path, sizeof path, "properties.%s", wire);
    return json_get_path(schema, path);
}

static bool requires(const struct json *schema, const char *name, size_t len)
{
    const struct json *list = json_get(schema, "required");
    struct str text;

    for (size_t i = 0; i < json_length(list); i++)
        if (json_text(json_at(list, i), &text) && str_eq(text, (struct str){name, len}))
            return true;
    return false;
}

/* Whether the nested object that the field is in must be there. */
static bool nested_required(const struct event_row *row, const char *wire, size_t prefix)
{
    for (size_t i = 0; i < row->field_count; i++)
        if (strncmp(row->fields[i].wire, wire, prefix + 1) == 0 &&
            !event_field_optional(&row->fields[i]))
            return true;
    return false;
}

static void every_field_has_its_schema(void **state)
{
    (void)state;
    for (enum event_type type = 0; type < EVENT_TYPES; type++) {
        const struct event_row *row = &event_rows[type];
        const struct json *schema;
        struct json_writer writer;
        struct buf text;

        buf_init(&text, arena, 65536);
        writer = json_writer_to(&text);
        event_json_schema(type, &writer);
        schema = json_parsed(arena, buf_str(&text));
        assert_non_null(schema);
        for (size_t i = 0; i < row->field_count; i++) {
            const struct event_field *field = &row->fields[i];
            size_t prefix = event_field_prefix(field);
            const char *name = field->wire + (prefix ? prefix + 1 : 0);
            const struct json *holder = schema; /* the object the field is a member of */
            char path[64];

            snprintf(path, sizeof path, "properties.%.*s", (int)prefix, field->wire);
            if (prefix)
                assert_int_equal(requires(schema, field->wire, prefix),
                                 nested_required(row, field->wire, prefix));
            if (prefix) holder = json_get_path(schema, path);
            assert_int_equal(json_type(schema_of(schema, field->wire)), JSON_OBJECT);
            assert_int_equal(requires(holder, name, strlen(name)), !event_field_optional(field));
        }
        arena_reset(arena);
    }
}

static void asyncapi_names_every_event(void **state)
{
    const struct json *document;
    struct buf text;

    (void)state;
    buf_init(&text, arena, 1024 * 1024);
    events_asyncapi(&text);
    document = json_parsed(arena, buf_str(&text));
    assert_non_null(document);
    for (enum event_type type = 0; type < EVENT_TYPES; type++) {
        struct str address;

        assert_true(json_text(
            json_get(json_get(json_get(document, "channels"), event_rows[type].type), "address"),
            &address));
        assert_true(str_eq(address, str_of(event_subject(type))));
        assert_int_equal(json_type(json_get(json_get_path(document, "components.messages"),
                                            event_rows[type].type)),
                         JSON_OBJECT);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_event_comes_back_as_it_went_out),
        CASE(every_field_takes_what_its_kind_allows),
        CASE(every_bad_field_is_named),
        CASE(what_is_no_object_is_no_event),
        CASE(a_nested_object_has_to_be_one),
        CASE(unknown_members_are_ignored_and_of_repeated_ones_the_last_counts),
        CASE(no_memory_for_a_field_is_no_fault_of_the_event),
        CASE(decoding_needs_no_more_than_its_arena),
        cmocka_unit_test(the_largest_payload_can_be_read_whatever_is_in_it),
        CASE(subjects_find_their_types),
        CASE(publishing_appends_to_the_outbox),
        CASE(every_field_has_its_schema),
        CASE(asyncapi_names_every_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
