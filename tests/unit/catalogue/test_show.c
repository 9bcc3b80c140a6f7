/* tests/unit/catalogue/test_show.c: what may become of a show, and when it is. */
#include "services/catalogue/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1800000000000)
#define NOW    ((struct wall_ms){NOW_MS})

static const struct object_id first = {{1}}, second = {{2}};
static struct arena *arena;

static struct show show_of(enum show_status status)
{
    return (struct show){
        .id = first, .version = 7, .status = status, .is.starts.at.ms = NOW_MS + 1000};
}

/* What each act makes of each status; -1: it is refused. */
static void each_status_goes_where_it_may_and_nowhere_else(void **state)
{
    static const int accept[] = {SHOW_SCHEDULED, -1, -1, -1};
    static const int postpone[] = {-1, SHOW_POSTPONED, -1, -1};
    static const int reschedule[] = {-1, -1, SHOW_SCHEDULED, -1};
    static const int cancel[] = {SHOW_CANCELLED, SHOW_CANCELLED, SHOW_CANCELLED, -1};
    static const int *const becomes[] = {accept, postpone, reschedule, cancel};
    struct show_time starts = {.at = {NOW_MS + 5000}}, doors = {.at = {0}};

    (void)state;
    for (int act = 0; act < 4; act++)
        for (enum show_status from = SHOW_PROPOSED; from <= SHOW_CANCELLED; from++) {
            struct show show = show_of(from);
            enum err err = act == 0   ? show_accept(&show, NOW)
                           : act == 1 ? show_postpone(&show)
                           : act == 2 ? show_reschedule(&show, &starts, &doors, NOW)
                                      : show_cancel(&show);

            assert_int_equal(err, becomes[act][from] < 0 ? ERR_WRONG_STATUS : OK);
            assert_int_equal(show.status, err == OK ? becomes[act][from] : (int)from);
            assert_int_equal(show.version, err == OK ? 8 : 7);
            if (err == OK && act == 2) assert_int_equal(show.is.starts.at.ms, NOW_MS + 5000);
        }
}

static void nothing_follows_on_a_merge(void **state)
{
    struct show show = show_of(SHOW_PROPOSED), into = show_of(SHOW_SCHEDULED);
    struct show_fields fields = show.is;

    (void)state;
    into.id = second;
    assert_int_equal(show_merge(&show, &into), OK);
    assert_int_equal(show.version, 8);
    assert_int_equal(show_accept(&show, NOW), ERR_MERGED);
    assert_int_equal(show_cancel(&show), ERR_MERGED);
    assert_int_equal(show_merge(&show, &into), ERR_MERGED);
    assert_int_equal(show_correct(&show, &fields, NOW), ERR_MERGED);
    assert_int_equal(show.version, 8);
}

static void only_another_show_that_stands_is_merged_into(void **state)
{
    struct show show = show_of(SHOW_SCHEDULED), into = show_of(SHOW_SCHEDULED);

    (void)state;
    assert_int_equal(show_merge(&show, &into), ERR_MERGE_TARGET);
    into.id = second;
    into.status = SHOW_PROPOSED;
    assert_int_equal(show_merge(&show, &into), ERR_MERGE_TARGET);
    into.status = SHOW_CANCELLED;
    assert_int_equal(show_merge(&show, &into), ERR_MERGE_TARGET);
    into.status = SHOW_POSTPONED;
    into.merged_into = first;
    assert_int_equal(show_merge(&show, &into), ERR_MERGE_TARGET);
    into.merged_into = (struct object_id){{0}};
    assert_int_equal(show_merge(&show, &into), OK);
    show = show_of(SHOW_CANCELLED);
    assert_int_equal(show_merge(&show, &into), ERR_WRONG_STATUS);
}

static void what_is_past_is_not_accepted_and_no_show_is_moved_there(void **state)
{
    struct show show = show_of(SHOW_PROPOSED);
    struct show_fields fields;
    struct show_time past = {.at = {NOW_MS}}, none = {.at = {0}};

    (void)state;
    show.is.starts.at.ms = NOW_MS;
    assert_int_equal(show_accept(&show, NOW), ERR_SHOW_PAST);
    assert_int_equal(show_accept(&show, wall_after(NOW, -1)), OK);
    fields = show.is;
    assert_int_equal(show_correct(&show, &fields, wall_after(NOW, 5)),
                     OK); /* its time stays as it was */
    fields.starts.at.ms = NOW_MS + 1;
    assert_int_equal(show_correct(&show, &fields, wall_after(NOW, 5)), ERR_SHOW_PAST);
    show = show_of(SHOW_POSTPONED);
    assert_int_equal(show_reschedule(&show, &past, &none, NOW), ERR_SHOW_PAST);
    assert_int_equal(show.status, SHOW_POSTPONED);
}

static const struct zone *berlin(void)
{
    const struct zone *zone;

    arena_reset(arena);
    assert_int_equal(zone_read(arena, STR("Europe/Berlin"), &zone), OK);
    return zone;
}

static enum time_fault read_time(const char *text, struct show_time *out)
{
    struct zone_moment at[2];

    return show_time_read(berlin(), str_of(text), out, at);
}

static void a_time_is_kept_as_written_and_in_utc(void **state)
{
    struct show_time time;

    (void)state;
    assert_int_equal(read_time("2027-03-28T19:30", &time), TIME_FINE);
    assert_string_equal(time.local, "2027-03-28T19:30+02:00");
    assert_int_equal(time.at.ms, INT64_C(1806255000000));
    assert_int_equal(read_time("2027-03-28T17:30:00.000Z", &time), TIME_FINE);
    assert_string_equal(time.local, "2027-03-28T19:30+02:00");
    assert_int_equal(read_time("2027-03-28T02:30", &time), TIME_SKIPPED);
    assert_int_equal(read_time("2027-03-28T02:30+01:00", &time), TIME_SKIPPED);
    assert_int_equal(read_time("2027-10-31T02:30", &time), TIME_TWICE);
    assert_int_equal(read_time("2027-10-31T02:30+01:00", &time), TIME_FINE);
    assert_string_equal(time.local, "2027-10-31T02:30+01:00");
    assert_int_equal(read_time("2027-10-31T02:30+03:00", &time), TIME_OTHER_OFFSET);
    assert_int_equal(read_time("2027-07-01T19:30+01:00", &time), TIME_OTHER_OFFSET);
    assert_int_equal(read_time("soon", &time), TIME_UNREADABLE);
}

static void in_another_zone_the_clocks_show_the_same(void **state)
{
    const struct zone *zone = berlin();
    struct show_time time = {.at = {1}, .local = "2027-07-01T19:30-04:00"};
    struct show_time twice = {.at = {1}, .local = "2027-10-31T02:30+01:00"};
    struct show_time skipped = {.at = {1}, .local = "2027-03-28T02:30-04:00"};
    struct show_time none = {.at = {0}};

    (void)state;
    assert_true(show_time_move(&time, zone));
    assert_string_equal(time.local, "2027-07-01T19:30+02:00");
    assert_int_equal(time.at.ms, INT64_C(1814463000000));
    assert_true(show_time_move(&twice, zone));
    assert_string_equal(twice.local, "2027-10-31T02:30+01:00");
    assert_false(show_time_move(&skipped, zone));
    assert_true(show_time_move(&none, zone));
    assert_int_equal(none.at.ms, 0);
}

static void doors_open_on_the_day_before_at_the_earliest(void **state)
{
    (void)state;
    assert_true(doors_valid(NOW, NOW));
    assert_true(doors_valid(wall_after(NOW, -DOORS_BEFORE_MS), NOW));
    assert_false(doors_valid(wall_after(NOW, -DOORS_BEFORE_MS - 1), NOW));
    assert_false(doors_valid(wall_after(NOW, 1), NOW));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_goes_where_it_may_and_nowhere_else),
        cmocka_unit_test(nothing_follows_on_a_merge),
        cmocka_unit_test(only_another_show_that_stands_is_merged_into),
        cmocka_unit_test(what_is_past_is_not_accepted_and_no_show_is_moved_there),
        cmocka_unit_test(a_time_is_kept_as_written_and_in_utc),
        cmocka_unit_test(in_another_zone_the_clocks_show_the_same),
        cmocka_unit_test(doors_open_on_the_day_before_at_the_earliest),
    };
    int failed;

    arena = arena_new(1 << 16);
    failed = cmocka_run_group_tests_name("catalogue/show", tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
