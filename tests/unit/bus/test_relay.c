/* The relay as a state machine (bus/relay.h), over an outbox and a broker that are arrays. */
#include "bus/relay.h"

#include "support.h"

#define EVENTS_MAX 20000

struct fixture {
    struct relay relay;
    struct mono_ms now;
    bool unrelayed[EVENTS_MAX]; /* by sequence, from 1 on */
    int64_t last;
    int64_t published[EVENTS_MAX * 2]; /* in order */
    size_t published_count;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (!fixture) return -1;
    fixture->now = (struct mono_ms){100000};
    relay_init(&fixture->relay, false);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void append_events(struct fixture *fixture, size_t count)
{
    while (count--)
        fixture->unrelayed[++fixture->last] = true;
}

/* Reads as the command says, and publishes what is fresh. */
static enum relay_command run(struct fixture *fixture)
{
    static int64_t found[RELAY_FOUND_MAX];
    int64_t fresh[RELAY_ROWS];
    struct relay_read read;
    enum relay_command command = relay_tick(&fixture->relay, fixture->now, &read);
    size_t count = 0, fresh_count;

    if (command != RELAY_READ) return command;
    assert_true(read.max <= RELAY_FOUND_MAX);
    for (int64_t i = read.after + 1; i <= fixture->last && count < read.max; i++)
        if (fixture->unrelayed[i]) found[count++] = i;
    fresh_count = relay_found(&fixture->relay, &read, found, count, fresh);
    for (size_t i = 0; i < fresh_count; i++)
        if (relay_publish(&fixture->relay, fresh[i], fixture->now))
            fixture->published[fixture->published_count++] = fresh[i];
    return command;
}

static void run_all(struct fixture *fixture)
{
    do
        (void)run(fixture);
    while (fixture->relay.more);
}

/* The writer's transaction. */
static size_t mark(struct fixture *fixture, bool committed)
{
    int64_t marks[RELAY_MARKS_MAX];
    size_t count = relay_marks(&fixture->relay, marks);

    for (size_t i = 0; i < count; i++) {
        if (i) assert_true(marks[i] > marks[i - 1]);
        if (committed) fixture->unrelayed[marks[i]] = false;
    }
    relay_marked(&fixture->relay, committed);
    return count;
}

static void publishes_each_once_and_in_order(void **state)
{
    struct fixture *fixture = *state;

    append_events(fixture, 1000);
    run_all(fixture);
    fixture->now = mono_after(fixture->now, 1000);
    run_all(fixture);
    assert_int_equal(fixture->published_count, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(fixture->published[i], i + 1);
}

static void no_more_than_so_many_are_on_their_way(void **state)
{
    struct fixture *fixture = *state;

    append_events(fixture, EVENTS_MAX - 1);
    run_all(fixture);
    assert_int_equal(run(fixture), RELAY_WAIT);
    assert_true(fixture->published_count <= RELAY_PENDING_MAX);
    assert_true(fixture->published_count > RELAY_PENDING_MAX - RELAY_ROWS);
    for (int64_t i = 1; i <= 4096; i++)
        relay_acknowledged(&fixture->relay, i, fixture->now);
    while (mark(fixture, true))
        continue;
    run_all(fixture);
    assert_true(fixture->published_count > RELAY_PENDING_MAX);
    for (size_t i = 0; i < fixture->published_count; i++)
        assert_int_equal(fixture->published[i], i + 1);
}

static void a_mark_waits_for_company_but_not_for_long(void **state)
{
    struct fixture *fixture = *state;

    append_events(fixture, 2000);
    run_all(fixture);
    assert_int_equal(relay_due(&fixture->relay).ms, MONO_NEVER.ms);
    assert_true(relay_acknowledged(&fixture->relay, 5, fixture->now)); /* the writer is told */
    assert_false(relay_acknowledged(&fixture->relay, 5, fixture->now));
    assert_false(relay_acknowledged(&fixture->relay, 6, fixture->now));
    assert_int_equal(relay_due(&fixture->relay).ms, fixture->now.ms + 100);
    for (int64_t i = 7; i <= 1027; i++)
        (void)relay_acknowledged(&fixture->relay, i, fixture->now);
    assert_true(relay_acknowledged(&fixture->relay, 1028, fixture->now));
    assert_int_equal(relay_due(&fixture->relay).ms, 0);
    assert_int_equal(mark(fixture, true), 1024);
    assert_int_equal(relay_due(&fixture->relay).ms, MONO_NEVER.ms);
}

static void a_mark_that_was_not_committed_is_made_again(void **state)
{
    struct fixture *fixture = *state;

    append_events(fixture, 3);
    run_all(fixture);
    relay_acknowledged(&fixture->relay, 2, fixture->now);
    assert_int_equal(mark(fixture, false), 1);
    assert_true(fixture->unrelayed[2]);
    assert_int_not_equal(relay_due(&fixture->relay).ms, MONO_NEVER.ms);
    assert_int_equal(mark(fixture, true), 1);
    assert_false(fixture->unrelayed[2]);
    assert_int_equal(mark(fixture, true), 0);
}

static void what_was_not_acknowledged_is_published_again_over_the_next_connection(void **state)
{
    struct fixture *fixture = *state;

    append_events(fixture, 4);
    run_all(fixture);
    relay_acknowledged(&fixture->relay, 1, fixture->now);
    relay_acknowledged(&fixture->relay, 3, fixture->now);
    relay_lost(&fixture->relay);
    run_all(fixture);
    assert_int_equal(fixture->published_count, 6);
    assert_int_equal(fixture->published[4], 2);
    assert_int_equal(fixture->published[5], 4);
    assert_int_equal(mark(fixture, true), 2);
}

static void an_acknowledgement_that_never_comes_puts_the_stream_in_doubt(void **state)
{
    struct fixture *fixture = *state;

    append_events(fixture, 2);
    run_all(fixture);
    relay_acknowledged(&fixture->relay, 1, fixture->now);
    fixture->now = mono_after(fixture->now, 10001);
    assert_int_equal(run(fixture), RELAY_UNCERTAIN);
    assert_int_equal(run(fixture), RELAY_READ);
    assert_int_equal(fixture->published_count, 3);
    assert_int_equal(fixture->published[2], 2);
}

static void what_is_refused_is_published_again_after_a_pause(void **state)
{
    struct fixture *fixture = *state;

    append_events(fixture, 2);
    run_all(fixture);
    assert_true(relay_refused(&fixture->relay, 1)); /* told once */
    assert_false(relay_refused(&fixture->relay, 2));
    assert_false(relay_refused(&fixture->relay, 2));
    fixture->now = mono_after(fixture->now, 200);
    assert_int_equal(run(fixture), RELAY_UNCERTAIN);
    append_events(fixture, 1);
    fixture->now = mono_after(fixture->now, 1000);
    run_all(fixture);
    assert_int_equal(fixture->published_count, 5);
    assert_int_equal(fixture->published[2], 1);
    assert_int_equal(fixture->published[3], 2);
    assert_int_equal(fixture->published[4], 3);
}

/* Another writer's transaction got the lower sequence and commits after a higher one. */
static void what_is_committed_late_is_found_where_several_write(void **state)
{
    struct fixture *fixture = *state;

    relay_init(&fixture->relay, true);
    append_events(fixture, 3);
    fixture->unrelayed[2] = false;
    run_all(fixture);
    fixture->unrelayed[2] = true;
    run_all(fixture);
    assert_int_equal(fixture->published_count, 3);
    assert_int_equal(fixture->published[2], 2);
}

static void an_outbox_that_could_not_be_read_is_read_from_the_beginning(void **state)
{
    struct fixture *fixture = *state;
    struct relay_read read;

    append_events(fixture, 2);
    run_all(fixture);
    assert_int_equal(relay_tick(&fixture->relay, fixture->now, &read), RELAY_READ);
    assert_int_equal(read.after, 2);
    relay_restart(&fixture->relay);
    assert_int_equal(relay_tick(&fixture->relay, fixture->now, &read), RELAY_READ);
    assert_int_equal(read.after, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(publishes_each_once_and_in_order),
        TEST(no_more_than_so_many_are_on_their_way),
        TEST(a_mark_waits_for_company_but_not_for_long),
        TEST(a_mark_that_was_not_committed_is_made_again),
        TEST(what_was_not_acknowledged_is_published_again_over_the_next_connection),
        TEST(an_acknowledgement_that_never_comes_puts_the_stream_in_doubt),
        TEST(what_is_refused_is_published_again_after_a_pause),
        TEST(what_is_committed_late_is_found_where_several_write),
        TEST(an_outbox_that_could_not_be_read_is_read_from_the_beginning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
