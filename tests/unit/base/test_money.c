/* Unit tests of base/money: what is a price, how amounts are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/money.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void every_price_in_cents_is_read_from_its_double(void **state)
{
    for (int64_t cents = 1; cents <= PRICE_CENTS_MAX; cents += cents < 200000 ? 1 : 97) {
        char text[32];
        int64_t read = 0;

        snprintf(text, sizeof text, "%lld.%02lld", (long long)(cents / 100),
                 (long long)(cents % 100));
        if (!price_from_double(strtod(text, NULL), &read) || read != cents) fail_msg("%s", text);
        if (!price_from_text(str_of(text), &read) || read != cents) fail_msg("%s", text);
    }
}

static void a_price_with_three_decimals_is_refused(void **state)
{
    int64_t cents = 7;

    assert_false(price_from_double(20.001, &cents));
    assert_false(price_from_double(0.005, &cents));
    assert_false(price_from_double(999999.989, &cents));
    assert_false(price_from_text(STR("20.001"), &cents));
    assert_false(price_from_text(STR("20.000"), &cents));
    assert_int_equal(cents, 7);
}

static void a_sum_that_only_looks_like_a_price_is_refused(void **state)
{
    int64_t cents = 7;

    assert_false(price_from_double(0.1 + 0.2, &cents)); /* 0.30000000000000004 */
    assert_false(price_from_double(nextafter(33.3, 0), &cents));
    assert_false(price_from_double(nextafter(33.3, 99), &cents));
    assert_int_equal(cents, 7);
}

static void zero_and_less_and_too_much_are_no_prices(void **state)
{
    static const double bad[] = {0, -0.0, -1, 1e-300, 1000000, 1e300, INFINITY, -INFINITY, NAN};
    int64_t cents = 7;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(price_from_double(bad[i], &cents));
    }
    assert_true(price_from_double(999999.99, &cents));
    assert_int_equal(cents, PRICE_CENTS_MAX);
    assert_false(price_from_double(nextafter(999999.99, 1e9), &cents));
}

static void numeric_text_is_a_price(void **state)
{
    int64_t cents = 0;

    assert_true(price_from_text(STR("49.90"), &cents));
    assert_int_equal(cents, 4990);
    assert_true(price_from_text(STR("0.5"), &cents));
    assert_int_equal(cents, 50);
    assert_true(price_from_text(STR("0020"), &cents));
    assert_int_equal(cents, 2000);
    assert_true(price_from_text(STR("999999.99"), &cents));
    assert_int_equal(cents, PRICE_CENTS_MAX);
}

static void other_text_is_no_price(void **state)
{
    static const char *const bad[] = {"",
                                      ".",
                                      "5.",
                                      ".5",
                                      "1.2.3",
                                      "-5",
                                      "+5",
                                      "1e3",
                                      " 5",
                                      "5 ",
                                      "0x10",
                                      "1,50",
                                      "$5",
                                      "NaN",
                                      "0",
                                      "0.00",
                                      "1000000",
                                      "1000000.00",
                                      "abc",
                                      "5.a",
                                      "5.1a",
                                      "99999999999999999999999",
                                      "99999999.99",
                                      "12345678901234567890.12"};
    int64_t cents = 7;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(price_from_text(str_of(bad[i]), &cents));
    }
    assert_int_equal(cents, 7);
}

static void amounts_are_written_as_short_as_can_be(void **state)
{
    static const struct {
        int64_t cents;
        const char *text;
    } rows[] = {{2000, "20"},
                {3330, "33.3"},
                {50, "0.5"},
                {5, "0.05"},
                {4999, "49.99"},
                {0, "0"},
                {-1050, "-10.5"},
                {-7, "-0.07"},
                {PRICE_CENTS_MAX, "999999.99"},
                {INT64_MAX, "92233720368547758.07"},
                {INT64_MIN, "-92233720368547758.08"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;

        buf_init(&out, NULL, 100);
        money_append(&out, rows[i].cents);
        assert_true(str_eq(buf_str(&out), str_of(rows[i].text)));
        buf_free(&out);
    }
}

static void people_read_separators_and_two_decimals(void **state)
{
    static const struct {
        int64_t cents;
        const char *text, *input;
    } rows[] = {{1, "$0.01", "0.01"},
                {100, "$1.00", "1.00"},
                {4650, "$46.50", "46.50"},
                {99999, "$999.99", "999.99"},
                {100000, "$1,000.00", "1000.00"},
                {1234567, "$12,345.67", "12345.67"},
                {PRICE_CENTS_MAX, "$999,999.99", "999999.99"},
                {100000000, "$1,000,000.00", "1000000.00"},
                {-4650, "-$46.50", "-46.50"},
                {0, "$0.00", "0.00"},
                {INT64_MIN, "-$92,233,720,368,547,758.08", "-92233720368547758.08"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf text, input;

        buf_init(&text, NULL, 100);
        buf_init(&input, NULL, 100);
        money_text(&text, rows[i].cents);
        money_input(&input, rows[i].cents);
        if (!str_eq(buf_str(&text), str_of(rows[i].text))) fail_msg("%s", rows[i].text);
        if (!str_eq(buf_str(&input), str_of(rows[i].input))) fail_msg("%s", rows[i].input);
        buf_free(&text);
        buf_free(&input);
    }
}

static void a_sum_past_the_range_is_refused(void **state)
{
    int64_t sum = 7;

    assert_false(money_add(INT64_MAX, 1, &sum));
    assert_false(money_add(INT64_MIN, -1, &sum));
    assert_int_equal(sum, 7);
    assert_true(money_add(2000, -500, &sum));
    assert_int_equal(sum, 1500);
}

static void what_is_wrong_with_a_price_is_told(void **state)
{
    static const struct {
        const char *text;
        enum price_fault fault;
    } texts[] = {
        {"49.90", PRICE_FAULT_NONE},
        {"", PRICE_FAULT_EMPTY},
        {"  ", PRICE_FAULT_EMPTY},
        {"19,99", PRICE_FAULT_NOT_A_NUMBER},
        {"$20", PRICE_FAULT_NOT_A_NUMBER},
        {"1e3", PRICE_FAULT_NOT_A_NUMBER},
        {"20.", PRICE_FAULT_NOT_A_NUMBER},
        {".5", PRICE_FAULT_NOT_A_NUMBER},
        {"-", PRICE_FAULT_NOT_A_NUMBER},
        {"-1-", PRICE_FAULT_NOT_A_NUMBER},
        {"0", PRICE_FAULT_TOO_SMALL},
        {"0.00", PRICE_FAULT_TOO_SMALL},
        {"-5", PRICE_FAULT_TOO_SMALL},
        {"-5.25", PRICE_FAULT_TOO_SMALL},
        {"0.000", PRICE_FAULT_TOO_SMALL},
        {"20.555", PRICE_FAULT_TOO_MANY_DECIMALS},
        {"0.001", PRICE_FAULT_TOO_MANY_DECIMALS},
        {"1000000", PRICE_FAULT_TOO_LARGE},
        {"999999999999999999999", PRICE_FAULT_TOO_LARGE},
        {"1000000.00", PRICE_FAULT_TOO_LARGE},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (price_fault_of_text(str_of(texts[i].text)) != texts[i].fault)
            fail_msg("%s: %d", texts[i].text, (int)price_fault_of_text(str_of(texts[i].text)));
    assert_int_equal(price_fault_of_double(0.5), PRICE_FAULT_NONE);
    assert_int_equal(price_fault_of_double(0), PRICE_FAULT_TOO_SMALL);
    assert_int_equal(price_fault_of_double(-3), PRICE_FAULT_TOO_SMALL);
    assert_int_equal(price_fault_of_double(1e6), PRICE_FAULT_TOO_LARGE);
    assert_int_equal(price_fault_of_double(20.001), PRICE_FAULT_TOO_MANY_DECIMALS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_price_in_cents_is_read_from_its_double),
        cmocka_unit_test(a_price_with_three_decimals_is_refused),
        cmocka_unit_test(a_sum_that_only_looks_like_a_price_is_refused),
        cmocka_unit_test(zero_and_less_and_too_much_are_no_prices),
        cmocka_unit_test(numeric_text_is_a_price),
        cmocka_unit_test(other_text_is_no_price),
        cmocka_unit_test(amounts_are_written_as_short_as_can_be),
        cmocka_unit_test(people_read_separators_and_two_decimals),
        cmocka_unit_test(a_sum_past_the_range_is_refused),
        cmocka_unit_test(what_is_wrong_with_a_price_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
