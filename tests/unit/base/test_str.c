/* Unit tests of base/str: looking at text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/str.h"

static void equality_looks_at_every_byte(void **state)
{
    assert_true(str_eq(STR("abc"), STR("abc")));
    assert_false(str_eq(STR("abc"), STR("abd")));
    assert_false(str_eq(STR("abc"), STR("abcd")));
    assert_true(str_eq((struct str){NULL, 0}, STR("")));
    assert_int_equal(str_of(NULL).len, 0);
}

static void ascii_case_is_ignored_and_only_that(void **state)
{
    assert_true(str_eq_nocase(STR("Content-Type"), STR("content-TYPE")));
    assert_false(str_eq_nocase(STR("a["), STR("a{"))); /* 0x20 apart, no letters */
    assert_false(str_eq_nocase(STR("\xC3\x84"), STR("\xC3\xA4")));
    assert_false(str_eq_nocase(STR("ab"), STR("abc")));
}

static void a_prefix_is_found_at_the_start_alone(void **state)
{
    assert_true(str_starts(STR("/api/x"), STR("/api")));
    assert_true(str_starts(STR("x"), STR("")));
    assert_true(str_starts((struct str){NULL, 0}, (struct str){NULL, 0}));
    assert_false(str_starts(STR("/ap"), STR("/api")));
    assert_false(str_starts(STR("x/api"), STR("/api")));
}

static void trimming_takes_white_space_off_both_ends(void **state)
{
    assert_true(str_eq(str_trim(STR(" \t\r\n a b \v\f")), STR("a b")));
    assert_true(str_eq(str_trim(STR(" \n ")), STR("")));
    assert_true(str_eq(str_trim(STR("")), STR("")));
    assert_true(str_eq(str_trim(STR("\xC2\xA0x")), STR("\xC2\xA0x"))); /* not ASCII: stays */
}

static void code_points_are_counted_not_bytes(void **state)
{
    assert_int_equal(str_code_points(STR("")), 0);
    assert_int_equal(str_code_points(STR("abc")), 3);
    assert_int_equal(str_code_points(STR("gr\xC3\xBC\xC3\x9F")), 4);
    assert_int_equal(str_code_points(STR("\xF0\x9F\x8E\xAB\xE2\x82\xAC")), 2);
}

static void well_formed_utf8_is_accepted(void **state)
{
    assert_true(str_is_utf8(STR("")));
    assert_true(str_is_utf8(STR("eight by eight, plain")));
    assert_true(str_is_utf8(STR("\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80")));
    assert_true(str_is_utf8(STR("\xEF\xBF\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF")));
}

static void malformed_utf8_is_refused_wherever_it_stands(void **state)
{
    static const char *const bad[] = {
        "\x80",             /* a continuation alone */
        "\xC0\xAF",         /* overlong */
        "\xC1\xBF",         /* overlong */
        "\xE0\x9F\xBF",     /* overlong */
        "\xF0\x8F\xBF\xBF", /* overlong */
        "\xED\xA0\x80",     /* surrogate */
        "\xED\xBF\xBF",     /* surrogate */
        "\xF4\x90\x80\x80", /* past U+10FFFF */
        "\xF5\x80\x80\x80", /* past U+10FFFF */
        "\xFF",             /* never */
        "\xC3",             /* cut short */
        "\xE2\x82",         /* cut short */
        "\xF0\x9F\x8E",     /* cut short */
        "\xE2\x28\xA1",     /* second byte wrong */
        "\xF0\x9F\x28\xAB", /* third byte wrong */
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (size_t before = 0; before < 18; before++) {
            char text[40] = "aaaaaaaaaaaaaaaaaa";

            strcpy(text + before, bad[i]);
            assert_false(str_is_utf8(str_of(text)));
            strcat(text, "bbbbbbbbb");
            assert_false(str_is_utf8(str_of(text)));
        }
    }
}

static void whole_numbers_are_read_up_to_the_last_that_fits(void **state)
{
    int64_t number = 7;

    assert_true(str_to_int64(STR("0"), &number));
    assert_int_equal(number, 0);
    assert_true(str_to_int64(STR("0042"), &number));
    assert_int_equal(number, 42);
    assert_true(str_to_int64(STR("9223372036854775807"), &number));
    assert_true(number == INT64_MAX);
    assert_false(str_to_int64(STR("9223372036854775808"), &number));
    assert_false(str_to_int64(STR("99999999999999999999"), &number));
    assert_true(number == INT64_MAX);
}

static void anything_but_digits_is_no_number(void **state)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "a"};
    int64_t number = 7;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(str_to_int64(str_of(bad[i]), &number));
    }
    assert_int_equal(number, 7);
}

static void secrets_compare_by_contents_and_length(void **state)
{
    assert_true(str_eq_secret(STR("secret"), STR("secret")));
    assert_true(str_eq_secret((struct str){NULL, 0}, STR("")));
    assert_false(str_eq_secret(STR("secret"), STR("secreT")));
    assert_false(str_eq_secret(STR("\x81"), STR("\x01")));
    assert_false(str_eq_secret(STR("secret"), STR("secrets")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality_looks_at_every_byte),
        cmocka_unit_test(ascii_case_is_ignored_and_only_that),
        cmocka_unit_test(a_prefix_is_found_at_the_start_alone),
        cmocka_unit_test(trimming_takes_white_space_off_both_ends),
        cmocka_unit_test(code_points_are_counted_not_bytes),
        cmocka_unit_test(well_formed_utf8_is_accepted),
        cmocka_unit_test(malformed_utf8_is_refused_wherever_it_stands),
        cmocka_unit_test(whole_numbers_are_read_up_to_the_last_that_fits),
        cmocka_unit_test(anything_but_digits_is_no_number),
        cmocka_unit_test(secrets_compare_by_contents_and_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
