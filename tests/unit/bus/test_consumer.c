/* The JetStream consumer as a state machine (bus/consumer.h): what it asks for, keeps and says. */
#include "bus/consumer.h"

#include "support.h"

struct fixture {
    struct consumer consumer;
    struct mono_ms now;
    int handles[8192]; /* their addresses stand for messages */
    size_t made;
    struct consumer_command commands[CONSUMER_COMMANDS_MAX];
    size_t command_count;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (!fixture) return -1;
    fixture->now = (struct mono_ms){100000};
    consumer_init(&fixture->consumer);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static enum consumer_state tick(struct fixture *fixture)
{
    enum consumer_state state = consumer_tick(&fixture->consumer, fixture->now, true, true);

    fixture->command_count =
        consumer_commands(&fixture->consumer, fixture->commands, CONSUMER_COMMANDS_MAX);
    return state;
}

static size_t count_of(const struct fixture *fixture, enum consumer_action action)
{
    size_t count = 0;

    for (size_t i = 0; i < fixture->command_count; i++)
        count += fixture->commands[i].action == action;
    return count;
}

/* The next message of the stream. */
static bool deliver(struct fixture *fixture, int64_t delivered, int64_t pending, bool listened)
{
    struct consumer_message message = {.handle = &fixture->handles[fixture->made],
                                       .stream_sequence = (int64_t)fixture->made + 1,
                                       .delivered = delivered};

    fixture->made++;
    return consumer_message(&fixture->consumer, &message, pending, listened);
}

static void asks_once_and_again_when_it_was_answered(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(tick(fixture), CONSUMER_GOOD);
    assert_int_equal(count_of(fixture, CONSUMER_PULL), 1);
    assert_int_equal(fixture->commands[0].count, CONSUMER_PULL_MAX);
    assert_int_equal(fixture->commands[0].pull, 1);
    tick(fixture);
    assert_int_equal(count_of(fixture, CONSUMER_PULL), 0);
    consumer_status(&fixture->consumer, 1, 408);
    tick(fixture);
    assert_int_equal(count_of(fixture, CONSUMER_PULL), 1);
    assert_int_equal(fixture->commands[0].pull, 2);
    consumer_status(&fixture->consumer, 1, 408); /* of a request that is over */
    tick(fixture);
    assert_int_equal(count_of(fixture, CONSUMER_PULL), 0);
}

static void asks_for_what_there_is_room_for(void **state)
{
    struct fixture *fixture = *state;
    struct consumer_message taken[CONSUMER_PULL_MAX];

    tick(fixture);
    for (size_t i = 0; i < CONSUMER_PULL_MAX; i++)
        assert_true(deliver(fixture, 1, 1, true));
    tick(fixture);
    assert_int_equal(count_of(fixture, CONSUMER_PULL), 0); /* the buffer is full enough */
    assert_int_equal(consumer_take(&fixture->consumer, taken, 300), 300);
    assert_true(consumer_has_room(&fixture->consumer));
    tick(fixture);
    assert_int_equal(count_of(fixture, CONSUMER_PULL), 1);
    for (size_t i = 0; i < fixture->command_count; i++)
        if (fixture->commands[i].action == CONSUMER_PULL)
            assert_int_equal(fixture->commands[i].count, 300);
    assert_ptr_equal(taken[0].handle, &fixture->handles[0]); /* in order */
    assert_ptr_equal(taken[299].handle, &fixture->handles[299]);
}

static void a_standby_asks_for_nothing_and_knows_of_nothing(void **state)
{
    struct fixture *fixture = *state;
    int64_t lag, last;

    tick(fixture);
    assert_true(deliver(fixture, 1, 7, true));
    consumer_status(&fixture->consumer, 1, 408);
    assert_int_equal(consumer_tick(&fixture->consumer, fixture->now, false, true), CONSUMER_GOOD);
    fixture->command_count =
        consumer_commands(&fixture->consumer, fixture->commands, CONSUMER_COMMANDS_MAX);
    assert_int_equal(count_of(fixture, CONSUMER_PULL), 0);
    assert_false(consumer_caught_up(&fixture->consumer));
    consumer_lag(&fixture->consumer, &lag, &last);
    assert_int_equal(lag, 1);
    assert_int_equal(last, 1);
}

static void silence_is_told_after_a_while(void **state)
{
    struct fixture *fixture = *state;

    tick(fixture);
    fixture->now = mono_after(fixture->now, CONSUMER_PULL_MS);
    assert_int_equal(tick(fixture), CONSUMER_GOOD);
    fixture->now = mono_after(fixture->now, 1501);
    assert_int_equal(tick(fixture), CONSUMER_SILENT);
    assert_int_equal(tick(fixture), CONSUMER_GOOD); /* it asks again */
    assert_int_equal(count_of(fixture, CONSUMER_PULL), 1);
}

static void a_status_puts_the_setup_in_doubt(void **state)
{
    struct fixture *fixture = *state;

    tick(fixture);
    consumer_status(&fixture->consumer, 1, 409);
    assert_int_equal(tick(fixture), CONSUMER_UNCERTAIN);
    assert_int_equal(count_of(fixture, CONSUMER_PULL), 0);
    consumer_set_up(&fixture->consumer, true);
    assert_int_equal(tick(fixture), CONSUMER_GOOD);
    assert_int_equal(count_of(fixture, CONSUMER_PULL), 1);
}

static void what_is_not_listened_to_is_acknowledged_as_it_comes(void **state)
{
    struct fixture *fixture = *state;
    struct consumer_message taken;

    tick(fixture);
    assert_true(deliver(fixture, 1, 0, false));
    assert_int_equal(consumer_take(&fixture->consumer, &taken, 1), 0);
    tick(fixture);
    assert_int_equal(count_of(fixture, CONSUMER_ACK), 1);
    assert_ptr_equal(fixture->commands[0].handle, &fixture->handles[0]);
}

static void what_waits_is_in_hand_and_what_was_taken_is_not_said_to_be(void **state)
{
    struct fixture *fixture = *state;
    struct consumer_message taken;

    tick(fixture);
    assert_true(deliver(fixture, 1, 1, true));
    assert_true(deliver(fixture, 1, 0, true));
    assert_int_equal(consumer_take(&fixture->consumer, &taken, 1), 1);
    tick(fixture);
    assert_int_equal(count_of(fixture, CONSUMER_PROGRESS), 0); /* said a moment ago */
    fixture->now = mono_after(fixture->now, 1000);
    tick(fixture);
    assert_int_equal(count_of(fixture, CONSUMER_PROGRESS), 1);
    assert_ptr_equal(fixture->commands[fixture->command_count - 1].handle, &fixture->handles[1]);
}

/* Whoever carries them out in order never speaks of a message that was given back. */
static void the_last_command_of_a_message_is_the_last(void **state)
{
    struct fixture *fixture = *state;
    struct consumer_message taken;

    tick(fixture);
    assert_true(deliver(fixture, 1, 0, true));
    fixture->now = mono_after(fixture->now, 1000);
    consumer_tick(&fixture->consumer, fixture->now, true, true);
    assert_int_equal(consumer_take(&fixture->consumer, &taken, 1), 1);
    consumer_ack(&fixture->consumer, &taken);
    fixture->now = mono_after(fixture->now, 1000);
    tick(fixture);
    assert_int_equal(fixture->command_count, 2);
    assert_int_equal(fixture->commands[0].action, CONSUMER_PROGRESS);
    assert_int_equal(fixture->commands[1].action, CONSUMER_ACK);
}

static void what_is_refused_comes_later_the_more_often_it_came(void **state)
{
    static const int64_t delays[] = {200, 400, 800, 1600, 3200, 5000, 5000};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
        struct consumer_message taken;

        assert_true(deliver(fixture, (int64_t)i + 1, 0, true));
        assert_int_equal(consumer_take(&fixture->consumer, &taken, 1), 1);
        consumer_nak(&fixture->consumer, &taken);
        assert_int_equal(consumer_commands(&fixture->consumer, fixture->commands, 1), 1);
        assert_int_equal(fixture->commands[0].action, CONSUMER_NAK);
        assert_int_equal(fixture->commands[0].delay_ms, delays[i]);
    }
}

/* However many come unasked, and however long nothing can be sent: an acknowledgement has room. */
static void acknowledgements_always_have_room(void **state)
{
    struct fixture *fixture = *state;
    struct consumer_message taken;
    size_t kept = 0;

    for (size_t i = 0; i < 4 * CONSUMER_HELD_MAX; i++) {
        kept += deliver(fixture, 1, 0, i % 3 > 0);
        if (consumer_take(&fixture->consumer, &taken, 1)) consumer_term(&fixture->consumer, &taken);
    }
    assert_int_equal(kept, CONSUMER_HELD_MAX);
    fixture->command_count =
        consumer_commands(&fixture->consumer, fixture->commands, CONSUMER_COMMANDS_MAX);
    assert_int_equal(fixture->command_count, CONSUMER_HELD_MAX);
    assert_true(deliver(fixture, 1, 0, true));
}

static void a_full_buffer_takes_no_more(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < CONSUMER_BUFFER_MAX; i++)
        assert_true(deliver(fixture, 1, 0, true));
    assert_false(deliver(fixture, 1, 0, true));
    consumer_hand_back(&fixture->consumer);
    tick(fixture);
    assert_int_equal(count_of(fixture, CONSUMER_NAK), CONSUMER_BUFFER_MAX);
    for (size_t i = 0; i < fixture->command_count; i++)
        if (fixture->commands[i].action == CONSUMER_NAK)
            assert_int_equal(fixture->commands[i].delay_ms, 0);
}

static void a_lost_connection_forgets_what_was_asked_for_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct consumer_message taken;

    assert_true(deliver(fixture, 1, 0, true));
    assert_int_equal(consumer_take(&fixture->consumer, &taken, 1), 1);
    consumer_tick(&fixture->consumer, fixture->now, true, true);
    consumer_ack(&fixture->consumer, &taken);
    consumer_lost(&fixture->consumer);
    tick(fixture);
    assert_int_equal(fixture->command_count, 2);
    assert_int_equal(fixture->commands[0].action, CONSUMER_ACK);
    assert_int_equal(fixture->commands[1].action, CONSUMER_PULL);
    assert_int_equal(fixture->commands[1].pull, 2);
}

static void another_stream_begins_anew(void **state)
{
    struct fixture *fixture = *state;
    int64_t lag, last;

    assert_true(deliver(fixture, 1, 9, false));
    consumer_set_up(&fixture->consumer, true);
    consumer_lag(&fixture->consumer, &lag, &last);
    assert_int_equal(last, 10);
    assert_int_equal(lag, 9);
    consumer_set_up(&fixture->consumer, false);
    consumer_lag(&fixture->consumer, &lag, &last);
    assert_int_equal(last, 0);
    assert_int_equal(lag, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks_once_and_again_when_it_was_answered),
        TEST(asks_for_what_there_is_room_for),
        TEST(a_standby_asks_for_nothing_and_knows_of_nothing),
        TEST(silence_is_told_after_a_while),
        TEST(a_status_puts_the_setup_in_doubt),
        TEST(what_is_not_listened_to_is_acknowledged_as_it_comes),
        TEST(what_waits_is_in_hand_and_what_was_taken_is_not_said_to_be),
        TEST(the_last_command_of_a_message_is_the_last),
        TEST(what_is_refused_comes_later_the_more_often_it_came),
        TEST(acknowledgements_always_have_room),
        TEST(a_full_buffer_takes_no_more),
        TEST(a_lost_connection_forgets_what_was_asked_for_and_nothing_else),
        TEST(another_stream_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
