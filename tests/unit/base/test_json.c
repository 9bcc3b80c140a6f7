/* Unit tests of base/json: reading, strictly, and writing, validly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/json.h"

#include <stdlib.h>

#define ARENA_BYTES ((size_t)1 << 20)

static const struct json *parsed(struct arena *arena, const char *text)
{
    return json_parsed(arena, str_of(text));
}

static void members_of_each_type_are_read(void **state)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    const struct json *document = parsed(
        arena,
        " {\"t\":\"gr\\u00fc\\u00df \\ud83c\\udfab\",\"i\":-5,\"d\":33.3,\"b\":true,\"n\":null,"
        "\"a\":[1,[],{}],\"o\":{\"x\":{\"y\":7}}} \n");
    struct str text = {0};
    int64_t number = 0;
    double real = 0;
    bool yes = false;

    assert_int_equal(json_type(document), JSON_OBJECT);
    assert_true(json_text(json_get(document, "t"), &text));
    assert_true(str_eq(text, STR("gr\xC3\xBC\xC3\x9F \xF0\x9F\x8E\xAB")));
    assert_true(json_int64(json_get(document, "i"), &number));
    assert_int_equal(number, -5);
    assert_true(json_double(json_get(document, "d"), &real));
    assert_true(real == 33.3);
    assert_true(json_double(json_get(document, "i"), &real));
    assert_true(real == -5);
    assert_true(json_bool(json_get(document, "b"), &yes));
    assert_true(yes);
    assert_int_equal(json_type(json_get(document, "n")), JSON_NULL);
    assert_int_equal(json_length(json_get(document, "a")), 3);
    assert_int_equal(json_type(json_at(json_get(document, "a"), 1)), JSON_ARRAY);
    assert_null(json_at(json_get(document, "a"), 3));
    assert_true(json_int64(json_get_path(document, "o.x.y"), &number));
    assert_int_equal(number, 7);
    arena_free(arena);
}

static void another_type_or_nothing_leaves_the_result_untouched(void **state)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    const struct json *document = parsed(arena, "{\"t\":\"1\",\"d\":1.5,\"n\":null,\"i\":1}");
    struct str text = STR("kept");
    int64_t number = 9;
    double real = 9;
    bool yes = true;

    assert_false(json_int64(json_get(document, "t"), &number));
    assert_false(json_int64(json_get(document, "d"), &number));
    assert_false(json_int64(json_get(document, "absent"), &number));
    assert_false(json_int64(NULL, &number));
    assert_false(json_double(json_get(document, "t"), &real));
    assert_false(json_text(json_get(document, "i"), &text));
    assert_false(json_text(json_get(document, "n"), &text));
    assert_false(json_bool(json_get(document, "i"), &yes));
    assert_true(number == 9 && real == 9 && yes && str_eq(text, STR("kept")));
    assert_null(json_get(NULL, "x"));
    assert_null(json_get(json_get(document, "i"), "x"));
    assert_null(json_get_path(document, "i.x"));
    assert_null(json_get_path(document, "absent.x"));
    assert_null(json_get_path(NULL, "x"));
    assert_int_equal(json_length(document), 0);
    assert_int_equal(json_length(NULL), 0);
    assert_null(json_at(document, 0));
    assert_int_equal(json_type(NULL), JSON_NULL);
    arena_free(arena);
}

static void a_single_value_is_a_document(void **state)
{
    struct arena *arena = arena_new(ARENA_BYTES);

    assert_int_equal(json_type(parsed(arena, "null")), JSON_NULL);
    assert_non_null(parsed(arena, "null"));
    assert_int_equal(json_type(parsed(arena, "\t5 ")), JSON_NUMBER);
    assert_int_equal(json_type(parsed(arena, "\"\"")), JSON_TEXT);
    assert_int_equal(json_type(parsed(arena, "false")), JSON_BOOL);
    assert_int_equal(json_type(parsed(arena, "[]")), JSON_ARRAY);
    arena_free(arena);
}

static void what_is_not_json_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "{\"a\":1",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "-",
        "0x1",
        "NaN",
        "Infinity",
        "nul",
        "True",
        "1 2",
        "{} {}",
        "[1] x",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"a\nb\"",
        "\"\t\"",
        "/*c*/1",
        "[1 2]",
        "{\"a\" 1}",
        "{1:2}",
        "\xEF\xBB\xBF{}",
        "\"\xFF\"",
        "\"\xED\xA0\x80\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\xC0\xAF\"",
        "undefined",
        "]",
        "1e999",
    };
    struct arena *arena = arena_new(ARENA_BYTES);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (parsed(arena, bad[i])) fail_msg("%s", bad[i]);
    }
    assert_null(json_parsed(arena, (struct str){NULL, 0}));
    assert_null(json_parsed(arena, (struct str){"{}\0", 3}));
    assert_null(json_parsed(arena, (struct str){"\"a\0b\"", 5}));
    arena_free(arena);
}

static void a_nul_character_is_refused_in_values_and_keys(void **state)
{
    struct arena *arena = arena_new(ARENA_BYTES);

    assert_null(parsed(arena, "\"a\\u0000b\""));
    assert_null(parsed(arena, "{\"a\\u0000b\":1}"));
    arena_free(arena);
}

static void of_duplicate_keys_the_last_one_counts(void **state)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    int64_t number = 0;

    assert_true(json_int64(json_get(parsed(arena, "{\"a\":[{}],\"b\":0,\"a\":2}"), "a"), &number));
    assert_int_equal(number, 2);
    arena_free(arena);
}

static void whole_numbers_count_as_whole_however_they_are_written(void **state)
{
    static const struct {
        const char *text;
        bool whole;
        int64_t number;
    } rows[] = {{"0", true, 0},
                {"-0", true, 0},
                {"2.0", true, 2},
                {"1e3", true, 1000},
                {"-1.5e1", true, -15},
                {"9223372036854775807", true, INT64_MAX},
                {"-9223372036854775808", true, INT64_MIN},
                {"1.5", false, 0},
                {"1e-3", false, 0},
                {"9223372036854775808", false, 0},
                {"123456789012345678901234567890", false, 0},
                {"1e300", false, 0},
                {"-1e300", false, 0}};
    struct arena *arena = arena_new(ARENA_BYTES);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct json *value = parsed(arena, rows[i].text);
        int64_t number = 0;
        double real = 0;

        assert_int_equal(json_type(value), JSON_NUMBER);
        assert_int_equal(json_int64(value, &number), rows[i].whole);
        assert_true(number == rows[i].number);
        assert_true(json_double(value, &real));
        assert_true(real == strtod(rows[i].text, NULL));
    }
    arena_free(arena);
}

/* depth brackets, and a string full of brackets within. */
static struct str nested(char *text, size_t depth, const char *open, const char *close)
{
    text[0] = '\0';
    for (size_t i = 0; i < depth; i++)
        strcat(text, open);
    strcat(text, "\"[[[[[[[[[[[[[[[[[[[[{{{{{{{{{{{{{{{{{{{{\\\"[[[[[[[[[[[[[[[[[[[[[[[[[\\\\\"");
    for (size_t i = 0; i < depth; i++)
        strcat(text, close);
    return str_of(text);
}

static void nesting_is_read_to_64_and_no_deeper(void **state)
{
    static char text[20000];
    struct arena *arena = arena_new(ARENA_BYTES);

    assert_non_null(json_parsed(arena, nested(text, 64, "[", "]")));
    assert_non_null(json_parsed(arena, nested(text, 64, "{\"[\":", "}")));
    assert_null(json_parsed(arena, nested(text, 65, "[", "]")));
    assert_null(json_parsed(arena, nested(text, 65, "{\"[\":", "}")));
    assert_null(json_parsed(arena, nested(text, 3000, "[", "]")));
    assert_null(json_parsed(arena, nested(text, 3000, "[", "")));
    assert_null(json_parsed(arena, nested(text, 100, "]", "[")));
    arena_free(arena);
}

static void many_flat_brackets_are_no_nesting(void **state)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct buf text;

    buf_init(&text, NULL, 10000);
    buf_char(&text, '[');
    for (int i = 0; i < 500; i++)
        buf_append(&text, STR("[],{},"));
    buf_append(&text, STR("0]"));
    assert_int_equal(json_length(json_parsed(arena, buf_str(&text))), 1001);
    buf_free(&text);
    arena_free(arena);
}

/* A text of a request's size, in the memory a request has: never a lack of memory. */
static void more_objects_than_memory_are_the_senders_fault(void **state)
{
    static const char *const each[] = {"{},", "[],", "{\"\":{}},"};
    struct arena *arena = arena_new(4 * 1024 * 1024);
    const struct json *value;
    struct buf text;

    buf_init(&text, NULL, 70000);
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        buf_reset(&text);
        buf_char(&text, '[');
        while (text.len < 65000)
            buf_append(&text, str_of(each[i]));
        buf_append(&text, STR("0]"));
        assert_int_equal(json_parse(arena, buf_str(&text), &value), ERR_INVALID);
        arena_reset(arena);
    }
    buf_reset(&text); /* within a string they are none */
    buf_append(&text, STR("[\""));
    while (text.len < 65000)
        buf_char(&text, '{');
    buf_append(&text, STR("\"]"));
    assert_int_equal(json_parse(arena, buf_str(&text), &value), OK);
    buf_free(&text);
    arena_free(arena);
}

static void a_full_arena_refuses_the_document_whole(void **state)
{
    static const char text[] =
        "{\"title\":\"a title of some forty bytes, more or less\",\"price\":12345678901234567890,"
        "\"list\":[1,2,3,4,5,6,7,8,9,10,11,12],\"a\":{},\"b\":{},\"c\":{\"long key long key\":1},"
        "\"d\":0,\"e\":1,\"f\":2,\"g\":3,\"h\":4}";
    bool fits = false;

    for (size_t max = 0; !fits; max += 16) {
        struct arena *arena = arena_new(max);
        const struct json *document;
        enum err err = json_parse(arena, str_of(text), &document);
        struct str title = {0};

        assert_true(max < 20000);
        assert_int_equal(err, document ? OK : ERR_MEMORY); /* nobody knows whether it is good */
        assert_int_equal(arena_failed(arena), err == ERR_MEMORY);
        if (document) {
            assert_true(json_text(json_get(document, "title"), &title));
            assert_true(str_eq(title, STR("a title of some forty bytes, more or less")));
            assert_int_equal(json_length(json_get(document, "list")), 12);
            assert_non_null(json_get(document, "h"));
            fits = true;
        }
        assert_true(arena_used(arena) <= max);
        arena_free(arena);
    }
}

static void what_is_no_json_is_told_from_what_memory_did_not_hold(void **state)
{
    struct arena *arena = arena_new(100000);
    const struct json *document;

    (void)state;
    assert_int_equal(json_parse(arena, STR("{\"a\":"), &document), ERR_INVALID);
    assert_null(document);
    assert_int_equal(json_parse(arena, STR("{\"a\":1}"), &document), OK);
    assert_non_null(document);
    assert_false(arena_failed(arena));
    arena_free(arena);
}

static struct json_writer writer_to(struct buf *out)
{
    buf_init(out, NULL, 100000);
    return json_writer_to(out);
}

static void commas_and_colons_come_by_themselves(void **state)
{
    struct buf out;
    struct json_writer w = writer_to(&out);

    json_begin_object(&w);
    json_key(&w, "id");
    json_put_text(&w, STR("x"));
    json_key(&w, "price");
    json_put_money(&w, 3330);
    json_key(&w, "list");
    json_begin_array(&w);
    json_put_int(&w, -1);
    json_put_bool(&w, true);
    json_put_null(&w);
    json_begin_object(&w);
    json_end_object(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_put_raw(&w, STR("[1]"));
    json_put_bool(&w, false);
    json_end_array(&w);
    json_key(&w, "at");
    json_put_time(&w, WALL_NONE);
    json_key(&w, "empty");
    json_put_text(&w, (struct str){NULL, 0});
    json_end_object(&w);
    assert_false(out.failed);
    assert_true(str_eq(buf_str(&out),
                       STR("{\"id\":\"x\",\"price\":33.3,\"list\":[-1,true,null,{},[],[1],false],"
                           "\"at\":\"1970-01-01T00:00:00.000Z\",\"empty\":\"\"}")));
    buf_free(&out);
}

static void special_characters_are_escaped_and_others_left_plain(void **state)
{
    struct buf out;
    struct json_writer w = writer_to(&out);

    json_put_text(&w, STR("<a href=\"/\">\\ \b\t\n\f\r \x01\x1f\x7f gr\xC3\xBC\xC3\x9F"));
    assert_true(str_eq(buf_str(&out), STR("\"<a href=\\\"/\\\">\\\\ \\b\\t\\n\\f\\r "
                                          "\\u0001\\u001f\x7f gr\xC3\xBC\xC3\x9F\"")));
    buf_reset(&out);
    w = json_writer_to(&out);
    json_begin_object(&w);
    json_key(&w, "a\"b");
    json_put_text(&w, (struct str){"\0", 1});
    json_end_object(&w);
    assert_true(str_eq(buf_str(&out), STR("{\"a\\\"b\":\"\\u0000\"}")));
    buf_free(&out);
}

static void bytes_that_are_not_utf8_become_the_replacement_character(void **state)
{
    struct buf out;
    struct json_writer w = writer_to(&out);

    json_put_text(&w, STR("abcdefgh\xFFijklmnop\xC3"));
    assert_true(str_eq(buf_str(&out), STR("\"abcdefgh\xEF\xBF\xBDijklmnop\xEF\xBF\xBD\"")));
    buf_free(&out);
}

static void every_byte_at_every_place_comes_back_as_it_was(void **state)
{
    struct arena *arena = arena_new(ARENA_BYTES);

    for (int byte = 1; byte < 0x80; byte++) {
        for (size_t place = 0; place < 20; place++) {
            char bytes[21] = "abcdefghijklmnopqrst";
            struct str text = {bytes, 20}, back = {0};
            struct buf out;
            struct json_writer w = writer_to(&out);

            bytes[place] = (char)byte;
            json_put_text(&w, text);
            assert_true(json_text(json_parsed(arena, buf_str(&out)), &back));
            assert_true(str_eq(text, back));
            buf_free(&out);
            arena_reset(arena);
        }
    }
    arena_free(arena);
}

static void text_may_fill_the_buffer_exactly(void **state)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, NULL, 5);
    w = json_writer_to(&out);
    json_put_text(&w, STR("abc"));
    assert_false(out.failed);
    assert_true(str_eq(buf_str(&out), STR("\"abc\"")));
    buf_reset(&out);
    w = json_writer_to(&out);
    json_put_text(&w, STR("abcd"));
    assert_true(out.failed);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_each_type_are_read),
        cmocka_unit_test(another_type_or_nothing_leaves_the_result_untouched),
        cmocka_unit_test(a_single_value_is_a_document),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(a_nul_character_is_refused_in_values_and_keys),
        cmocka_unit_test(of_duplicate_keys_the_last_one_counts),
        cmocka_unit_test(whole_numbers_count_as_whole_however_they_are_written),
        cmocka_unit_test(nesting_is_read_to_64_and_no_deeper),
        cmocka_unit_test(more_objects_than_memory_are_the_senders_fault),
        cmocka_unit_test(many_flat_brackets_are_no_nesting),
        cmocka_unit_test(a_full_arena_refuses_the_document_whole),
        cmocka_unit_test(what_is_no_json_is_told_from_what_memory_did_not_hold),
        cmocka_unit_test(commas_and_colons_come_by_themselves),
        cmocka_unit_test(special_characters_are_escaped_and_others_left_plain),
        cmocka_unit_test(bytes_that_are_not_utf8_become_the_replacement_character),
        cmocka_unit_test(every_byte_at_every_place_comes_back_as_it_was),
        cmocka_unit_test(text_may_fill_the_buffer_exactly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
