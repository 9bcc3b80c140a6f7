/* A price as people type it. */
#include "services/web/price.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void prices_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *typed;
        int64_t cents;
    } cases[] = {
        {"20", 2000},
        {"$20", 2000},
        {" $ 15.50 ", 1550},
        {"20.", 2000},
        {".5", 50},
        {"19,99", 1999},
        {"1,234.56", 123456},
        {"1234,56", 123456},
        {"1.234,56", 123456},
        {"1,234", 123400},
        {"999,999.99", 99999999},
        {"0.01", 1},
        {"007", 700},
        {"20.500", 2050},
        {"\xc2\xa0"
         "20",
         2000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t cents = -1;

        assert_int_equal(price_read(str_of(cases[i].typed), &cents), PRICE_READ);
        assert_int_equal(cents, cases[i].cents);
    }
}

static void what_is_wrong_with_a_price_is_told_apart(void **state)
{
    static const struct {
        const char *typed;
        enum price_reading reading;
    } cases[] = {
        {"", PRICE_EMPTY},
        {"  ", PRICE_EMPTY},
        {"$", PRICE_EMPTY},
        {"free", PRICE_UNREADABLE},
        {"\xe2\x82\xac"
         "20",
         PRICE_UNREADABLE},
        {"20,5", PRICE_UNREADABLE},
        {"1,23,456", PRICE_UNREADABLE},
        {"1.2.3", PRICE_UNREADABLE},
        {",", PRICE_UNREADABLE},
        {".", PRICE_UNREADABLE},
        {"-", PRICE_UNREADABLE},
        {"1e3", PRICE_UNREADABLE},
        {"$$5", PRICE_UNREADABLE},
        {"20 30", PRICE_UNREADABLE},
        {"12,345,67", PRICE_UNREADABLE},
        {"20.555", PRICE_TOO_FINE},
        {"1.234", PRICE_TOO_FINE},
        {"0", PRICE_TOO_LOW},
        {"0.00", PRICE_TOO_LOW},
        {"-5", PRICE_TOO_LOW},
        {"1000000", PRICE_TOO_HIGH},
        {"99999999999999999999", PRICE_TOO_HIGH},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t cents;

        assert_int_equal(price_read(str_of(cases[i].typed), &cents), cases[i].reading);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_are_read_as_people_write_them),
        cmocka_unit_test(what_is_wrong_with_a_price_is_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
