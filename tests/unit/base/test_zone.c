/* tests/unit/base/test_zone.c: what the clocks on the walls show, also where they are changed. */
#include "base/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static struct arena *arena;

static const struct zone *zone_of(const char *name)
{
    const struct zone *zone;

    arena_reset(arena);
    assert_int_equal(zone_read(arena, str_of(name), &zone), OK);
    return zone;
}

static const char *shown(struct zone_moment moment)
{
    static char texts[2][WALL_TIME_LEN + 1];
    static int turn;

    turn = !turn;
    wall_time_format(moment, texts[turn]);
    return texts[turn];
}

static enum zone_fit find(const char *zone, const char *time, struct zone_moment at[2])
{
    struct wall_time wall;

    assert_true(wall_time_parse(str_of(time), &wall));
    return zone_find(zone_of(zone), wall.wall_s, at);
}

static void check_once(const char *zone, const char *time, const char *expected)
{
    struct zone_moment at[2];

    if (find(zone, time, at) != ZONE_ONCE || strcmp(shown(at[0]), expected) != 0)
        fail_msg("%s in %s is %s, not %s", time, zone, shown(at[0]), expected);
}

static void check_two(enum zone_fit fit, const char *zone, const char *time, const char *first,
                      const char *second)
{
    struct zone_moment at[2];

    if (find(zone, time, at) != fit || strcmp(shown(at[0]), first) != 0 ||
        strcmp(shown(at[1]), second) != 0)
        fail_msg("%s in %s: %s and %s", time, zone, shown(at[0]), shown(at[1]));
    assert_true(at[0].time_s < at[1].time_s);
}

static void a_time_that_is_shown_once_is_that_moment(void **state)
{
    check_once("Europe/Berlin", "2027-01-15T19:30", "2027-01-15T19:30+01:00");
    check_once("Europe/Berlin", "2027-07-15T19:30", "2027-07-15T19:30+02:00");
    check_once("Asia/Kathmandu", "2027-07-15T19:30", "2027-07-15T19:30+05:45");
    check_once("America/St_Johns", "2027-01-15T19:30", "2027-01-15T19:30-03:30");
    check_once("Pacific/Kiritimati", "2027-01-15T00:10", "2027-01-15T00:10+14:00");
    check_once("Europe/Dublin", "2027-01-15T12:00", "2027-01-15T12:00+00:00");
    check_once("Europe/Dublin", "2027-07-15T12:00", "2027-07-15T12:00+01:00");
    check_once("Etc/UTC", "2027-07-15T12:00", "2027-07-15T12:00+00:00");
}

static void a_time_that_clocks_skip_is_none_and_its_neighbours_are_told(void **state)
{
    check_two(ZONE_SKIPPED, "Europe/Berlin", "2027-03-28T02:30", "2027-03-28T01:30+01:00",
              "2027-03-28T03:30+02:00");
    check_two(ZONE_SKIPPED, "America/New_York", "2027-03-14T02:00", "2027-03-14T01:00-05:00",
              "2027-03-14T03:00-04:00");
    check_two(ZONE_SKIPPED, "Australia/Lord_Howe", "2027-10-03T02:15", "2027-10-03T01:45+10:30",
              "2027-10-03T02:45+11:00");
    check_two(ZONE_SKIPPED, "Pacific/Apia", "2011-12-30T12:00", "2011-12-29T12:00-10:00",
              "2011-12-31T12:00+14:00");
    check_once("Europe/Berlin", "2027-03-28T01:59", "2027-03-28T01:59+01:00");
    check_once("Europe/Berlin", "2027-03-28T03:00", "2027-03-28T03:00+02:00");
}

static void a_time_that_is_shown_twice_is_two_moments(void **state)
{
    check_two(ZONE_TWICE, "Europe/Berlin", "2027-10-31T02:30", "2027-10-31T02:30+02:00",
              "2027-10-31T02:30+01:00");
    check_two(ZONE_TWICE, "America/New_York", "2027-11-07T01:00", "2027-11-07T01:00-04:00",
              "2027-11-07T01:00-05:00");
    check_two(ZONE_TWICE, "Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-04T01:45+11:00",
              "2027-04-04T01:45+10:30");
    check_once("Europe/Berlin", "2027-10-31T01:59", "2027-10-31T01:59+02:00");
    check_once("Europe/Berlin", "2027-10-31T03:00", "2027-10-31T03:00+01:00");
}

/* Files end in 2037 at the latest; what is true afterwards is a rule. */
static void far_years_follow_the_rule_of_the_zone(void **state)
{
    check_once("Europe/Berlin", "2150-07-01T12:00", "2150-07-01T12:00+02:00");
    check_once("Europe/Berlin", "2151-01-01T00:30", "2151-01-01T00:30+01:00");
    check_two(ZONE_SKIPPED, "Europe/Berlin", "2150-03-29T02:30", "2150-03-29T01:30+01:00",
              "2150-03-29T03:30+02:00");
    check_once("Australia/Sydney", "2150-01-01T12:00", "2150-01-01T12:00+11:00");
    check_once("Australia/Sydney", "2150-07-01T12:00", "2150-07-01T12:00+10:00");
    check_once("Europe/Dublin", "2150-07-01T12:00", "2150-07-01T12:00+01:00");
    check_once("America/New_York", "2400-02-29T12:00", "2400-02-29T12:00-05:00");
    check_once("Asia/Tokyo", "9999-12-30T12:00", "9999-12-30T12:00+09:00");
}

/* The C library's answer, which knows one zone at a time, over half a century. */
static void the_c_library_says_the_same(void **state)
{
    static const char *const names[] = {
        "Europe/Berlin",     "Europe/Dublin",    "America/New_York", "America/Sao_Paulo",
        "Africa/Casablanca", "Asia/Tehran",      "Asia/Kolkata",     "Australia/Lord_Howe",
        "Pacific/Chatham",   "America/Nuuk",     "Antarctica/Troll", "Asia/Gaza",
        "America/Santiago",  "Pacific/Auckland", "Africa/Cairo",     "Etc/GMT+5"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct zone *zone = zone_of(names[i]);

        setenv("TZ", names[i], 1);
        tzset();
        for (time_t at = 1500000000; at < 3200000000; at += 86400 * 3 + 1800) {
            struct tm tm;

            localtime_r(&at, &tm);
            if (zone_offset_s(zone, at) != tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, not %ld", names[i], (long long)at,
                         zone_offset_s(zone, at), tm.tm_gmtoff);
        }
    }
}

static void what_is_no_zone_is_refused(void **state)
{
    static const char *const names[] = {
        "",
        "Europe",
        "Europe/",
        "/Europe/Berlin",
        "Europe/Berlin/",
        "Europe/Berlín",
        "europe/berlin",
        "../zoneinfo/Europe/Berlin",
        "Europe/../Europe/Berlin",
        "Europe//Berlin",
        "right/Europe/Berlin",
        "tzdata.zi",
        "CEST",
        "+02:00",
        "Mars/Olympus",
        ("A23456789012345678901234567890123456789012345678901234567890"
         "12345")};
    const struct zone *zone;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        arena_reset(arena);
        if (zone_read(arena, str_of(names[i]), &zone) != ERR_INVALID)
            fail_msg("%s should be refused", names[i]);
    }
}

/* Whatever of it is cut off or changed: refused, or read, and never beyond its bytes. */
static void a_damaged_file_is_refused(void **state)
{
    char *bytes = malloc(4096);
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    size_t size = fread(bytes, 1, 4096, file);
    const struct zone *zone;

    fclose(file);
    for (size_t cut = 0; cut < size; cut++) {
        char *part = malloc(cut + 1);

        memcpy(part, bytes, cut);
        arena_reset(arena);
        assert_int_equal(zone_parse(arena, (struct str){part, cut}, &zone), ERR_INVALID);
        free(part);
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)~bytes[i];
        arena_reset(arena);
        if (zone_parse(arena, (struct str){bytes, size}, &zone) == OK)
            zone_offset_s(zone, 1800000000);
        bytes[i] = (char)~bytes[i];
    }
    free(bytes);
}

static void a_written_time_is_read_and_anything_else_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "2027-03-28",
                                      "2027-03-28 19:30",
                                      "2027-03-28T19:30:15",
                                      "2027-03-28T24:00",
                                      "2027-02-29T19:30",
                                      "2027-03-28T19:30+2",
                                      "2027-03-28T19:30+02:00x",
                                      "2027-03-28T19:30+99:00",
                                      "2027-03-28T19:30z",
                                      "1969-03-28T19:30",
                                      "20270-03-28T19:30"};
    struct wall_time wall;

    assert_true(wall_time_parse(STR("2027-03-28T19:30"), &wall));
    assert_int_equal(wall.wall_s, 1806262200);
    assert_false(wall.has_offset);
    assert_true(wall_time_parse(STR("2027-03-28T19:30:00-03:30"), &wall));
    assert_true(wall.has_offset && !wall.utc);
    assert_int_equal(wall.offset_s, -12600);
    assert_true(wall_time_parse(STR("2027-03-28T19:30:00.000Z"), &wall));
    assert_true(wall.has_offset && wall.utc);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (wall_time_parse(str_of(bad[i]), &wall)) fail_msg("%s should be refused", bad[i]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_that_is_shown_once_is_that_moment),
        cmocka_unit_test(a_time_that_clocks_skip_is_none_and_its_neighbours_are_told),
        cmocka_unit_test(a_time_that_is_shown_twice_is_two_moments),
        cmocka_unit_test(far_years_follow_the_rule_of_the_zone),
        cmocka_unit_test(the_c_library_says_the_same),
        cmocka_unit_test(what_is_no_zone_is_refused),
        cmocka_unit_test(a_damaged_file_is_refused),
        cmocka_unit_test(a_written_time_is_read_and_anything_else_refused),
    };
    int failed;

    arena = arena_new(1 << 20);
    failed = cmocka_run_group_tests_name("base/zone", tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
