/* tests/unit/base/test_degrees.c: places on the globe, read and written. */
#include "base/degrees.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool read_degrees(const char *json, int64_t max, int64_t *out)
{
    struct arena *arena = arena_new(4096);
    bool good = json_degrees(json_parsed(arena, str_of(json)), max, out);

    arena_free(arena);
    return good;
}

static void what_is_read_is_written_the_same(void **state)
{
    static const struct {
        const char *json, *text;
        int64_t degrees;
    } cases[] = {
        {"52.520008", "52.520008", 52520008},
        {"-33.8567844", "-33.856784", -33856784},
        {"0", "0", 0},
        {"-0.0000001", "0", 0},
        {"13.4", "13.4", 13400000},
        {"\" 13.40 \"", "13.4", 13400000},
        {"-90", "-90", -90000000},
        {"1e1", "10", 10000000},
        {"-0.5", "-0.5", -500000},
    };
    char memory[32];
    int64_t degrees;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

        assert_true(read_degrees(cases[i].json, LATITUDE_MAX, &degrees));
        assert_int_equal(degrees, cases[i].degrees);
        degrees_text(&text, degrees);
        assert_true(str_eq(buf_str(&text), str_of(cases[i].text)));
    }
}

static void what_is_off_the_globe_or_no_number_is_refused(void **state)
{
    static const char *const bad[] = {"90.1",  "-91",       "1e300",  "\"\"",
                                      "\"-\"", "\"52,5\"",  "true",   "\"5.\\n.\"",
                                      "[]",    "\"1.2.3\"", "\".5\"", "null"};
    int64_t degrees;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (read_degrees(bad[i], LATITUDE_MAX, &degrees)) fail_msg("%s was taken", bad[i]);
    assert_true(read_degrees("-180", LONGITUDE_MAX, &degrees));
    assert_false(read_degrees("180.000001", LONGITUDE_MAX, &degrees));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_written_the_same),
        cmocka_unit_test(what_is_off_the_globe_or_no_number_is_refused),
    };

    return cmocka_run_group_tests_name("base/degrees", tests, NULL, NULL);
}
