/* Unit tests of base/clock: the clocks, ISO 8601 both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static struct wall_ms fixed_wall(const struct clock *clock)
{
    (void)clock;
    return (struct wall_ms){42};
}

static struct mono_ms fixed_mono(const struct clock *clock)
{
    (void)clock;
    return (struct mono_ms){7};
}

static void a_clock_is_whatever_is_handed_in(void **state)
{
    const struct clock fixed = {fixed_wall, fixed_mono};

    assert_int_equal(clock_wall(&fixed).ms, 42);
    assert_int_equal(clock_mono(&fixed).ms, 7);
}

static void moments_of_the_monotonic_clock_are_compared_and_moved(void **state)
{
    struct mono_ms early = {1000}, late = mono_after(early, 500);

    assert_int_equal(mono_since(late, early), 500);
    assert_true(mono_reached(late, early) && mono_reached(early, early));
    assert_false(mono_reached(early, late));
    assert_int_equal(mono_earlier(late, early).ms, 1000);
    assert_int_equal(mono_after(MONO_NEVER, 5).ms, INT64_MAX);
    assert_int_equal(mono_after(early, INT64_MAX - 1).ms, INT64_MAX);
}

static void moments_of_the_wall_clock_are_compared_and_moved(void **state)
{
    struct wall_ms early = {1000}, late = wall_after(early, 500);

    assert_int_equal(wall_since(late, early), 500);
    assert_int_equal(wall_since(early, late), -500);
    assert_true(wall_same(wall_after(late, -500), early) && !wall_same(late, early));
    assert_true(wall_reached(late, early) && wall_reached(early, early));
    assert_false(wall_reached(early, late));
    assert_true(wall_before(early, late) && !wall_before(early, early));
    assert_int_equal(wall_earlier(late, early).ms, 1000);
    assert_int_equal(wall_later(early, late).ms, 1500);
    assert_int_equal(wall_after(WALL_NEVER, 5).ms, INT64_MAX);
    assert_int_equal(wall_after(WALL_NEVER, -5).ms, INT64_MAX);
    assert_int_equal(wall_after(early, INT64_MAX - 1).ms, INT64_MAX);
}

static void the_system_clock_tells_the_time_in_milliseconds(void **state)
{
    int64_t before_s = time(NULL), now_ms = clock_wall(&clock_system).ms, after_s = time(NULL);

    /* time() reads a coarser clock, which may still be in the second before */
    assert_in_range(now_ms, before_s * 1000, (after_s + 2) * 1000);
}

static void the_monotonic_clock_never_goes_back(void **state)
{
    int64_t last = clock_monotonic_us();

    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic_us();

        assert_true(now >= last);
        last = now;
    }
}

static void every_day_to_9999_goes_both_ways(void **state)
{
    for (int64_t day = 0; day < 2932897; day++) {
        int64_t time_ms = day * 86400000 + day % 86400 * 1000 + day % 1000;
        struct wall_ms back;
        time_t seconds = (time_t)(time_ms / 1000);
        char text[ISO8601_LEN + 1], expected[64];
        struct tm tm;

        gmtime_r(&seconds, &tm);
        snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 (int)(time_ms % 1000));
        iso8601_format((struct wall_ms){time_ms}, text);
        if (strcmp(text, expected) != 0) fail_msg("%s is not %s", text, expected);
        if (!iso8601_parse(str_of(text), &back) || back.ms != time_ms) fail_msg("%s", text);
    }
}

static void the_fraction_may_be_missing(void **state)
{
    struct wall_ms time;

    assert_true(iso8601_parse(STR("2026-11-21T12:34:56Z"), &time));
    assert_int_equal(time.ms, 1795264496000);
    assert_true(iso8601_parse(STR("2026-11-21T12:34:56.789Z"), &time));
    assert_int_equal(time.ms, 1795264496789);
}

static void times_outside_the_range_show_as_its_ends(void **state)
{
    char text[ISO8601_LEN + 1];

    iso8601_format((struct wall_ms){-1}, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    iso8601_format((struct wall_ms){INT64_MIN}, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    iso8601_format((struct wall_ms){INT64_MAX}, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void a_date_of_mail_has_its_weekday(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } dates[] = {{0, "Thu, 01 Jan 1970 00:00:00 +0000"},
                 {INT64_C(1795919400000), "Sun, 29 Nov 2026 02:30:00 +0000"},
                 {INT64_C(951827696999), "Tue, 29 Feb 2000 12:34:56 +0000"},
                 {-1, "Thu, 01 Jan 1970 00:00:00 +0000"},
                 {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000"}};
    char text[RFC5322_LEN + 1];

    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        rfc5322_format((struct wall_ms){dates[i].ms}, text);
        assert_string_equal(text, dates[i].text);
    }
}

static void other_shapes_and_impossible_dates_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-11-21",
        "2026-11-21 12:34:56.789Z",
        "2026-11-21T12:34:56.789z",
        "2026-11-21T12:34:56,789Z",
        "2026-11-21T12:34:56.78Z",
        "2026-11-21T12:34:56.7890Z",
        "2026-11-21T12:34:56+00:00",
        "2026-11-21T12:34:56.789+",
        "2026-11-21T12:34:5 Z",
        "2026-11-21T12:34:-6Z",
        "2026/11/21T12:34:56Z",
        "1969-12-31T23:59:59Z",
        "2026-00-21T12:34:56Z",
        "2026-13-21T12:34:56Z",
        "2026-11-00T12:34:56Z",
        "2026-11-31T12:34:56Z",
        "2026-02-29T12:34:56Z",
        "2100-02-29T12:34:56Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T12:60:00Z",
        "2026-11-21T12:34:60Z",
        "\262026-11-21T12:34:56Z",
    };
    struct wall_ms time = {7};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(iso8601_parse(str_of(bad[i]), &time));
    }
    assert_int_equal(time.ms, 7);
    assert_true(iso8601_parse(STR("2000-02-29T12:34:56Z"), &time));
    assert_true(iso8601_parse(STR("2028-02-29T12:34:56Z"), &time));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_is_whatever_is_handed_in),
        cmocka_unit_test(moments_of_the_wall_clock_are_compared_and_moved),
        cmocka_unit_test(moments_of_the_monotonic_clock_are_compared_and_moved),
        cmocka_unit_test(the_system_clock_tells_the_time_in_milliseconds),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(every_day_to_9999_goes_both_ways),
        cmocka_unit_test(the_fraction_may_be_missing),
        cmocka_unit_test(times_outside_the_range_show_as_its_ends),
        cmocka_unit_test(a_date_of_mail_has_its_weekday),
        cmocka_unit_test(other_shapes_and_impossible_dates_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
