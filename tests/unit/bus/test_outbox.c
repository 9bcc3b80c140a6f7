/* Unit tests of bus/outbox: what a service published, and what it could not apply. */
#include "support.h"

struct fixture {
    struct folder folder;
    struct db *db;
    struct arena *arena;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    *state = fixture;
    fixture->folder = folder_make();
    fixture->db = service_open(&fixture->folder, "one.db");
    fixture->arena = arena_new(16 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    db_close(fixture->db);
    arena_free(fixture->arena);
    folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static size_t channels(struct fixture *fixture, struct channel *out, size_t max)
{
    size_t count = 0;

    assert_int_equal(outbox_channels(tx_read(fixture->db, (struct wall_ms){NOW_MS}), fixture->arena,
                                     out, max, &count),
                     OK);
    return count;
}

static void channels_count_what_was_published(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin_at(fixture->db, NOW_MS);
    struct channel found[4];
    int64_t last = 0, own = 0;

    append(tx, "b", "{}");
    append(tx, "a", "{}");
    assert_int_equal(tx->published, 2);
    assert_int_equal(outbox_flush(tx, &last), OK);
    assert_int_equal(last, 2);
    commit(tx);
    tx = begin_at(fixture->db, NOW_MS);
    append(tx, "b", "{\"\xC3\xA4\":1}");
    assert_int_equal(outbox_last(tx, &own), OK);
    assert_int_equal(own, 3);
    assert_int_equal(outbox_flush(tx, &last), OK);
    assert_int_equal(last, 3);
    commit(tx);
    assert_int_equal(channels(fixture, found, 4), 2);
    assert_true(str_eq(found[0].subject, STR("a")) && str_eq(found[1].subject, STR("b")));
    assert_int_equal(found[0].first, 2);
    assert_int_equal(found[0].last, 2);
    assert_int_equal(found[0].count, 1);
    assert_int_equal(found[1].first, 1);
    assert_int_equal(found[1].last, 3);
    assert_int_equal(found[1].count, 2);
    assert_int_equal(found[0].bytes, 2);
    assert_int_equal(found[1].bytes, 10);
}

/* Of more than 32 some were forgotten once. */
static void many_subjects_in_one_transaction_are_all_counted(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin_at(fixture->db, NOW_MS);
    struct channel found[256];
    char subject[16];
    int64_t last = 0;

    for (int i = 0; i < 200; i++) {
        snprintf(subject, sizeof subject, "s%d", 999 - i);
        append(tx, subject, "{}");
    }
    assert_int_equal(outbox_flush(tx, &last), OK);
    commit(tx);
    assert_int_equal(last, 200);
    assert_int_equal(channels(fixture, found, 256), 200);
    assert_int_equal(channels(fixture, found, 10), 10);
}

static int64_t counted(struct fixture *fixture)
{
    int64_t count = -1;
    struct rows rows;

    tx_query_values(tx_read(fixture->db, (struct wall_ms){NOW_MS}), &rows,
                    "SELECT COALESCE(MAX(last_seq), 0) FROM bus_channels", NULL, 0);
    if (rows_next(&rows)) count = rows_int(&rows, 0);
    assert_int_equal(rows_end(&rows), OK);
    return count;
}

/* In one transaction, of two subjects in turn: even sequences are of a, odd ones of b. */
static void publish_in_turn(struct fixture *fixture, int count)
{
    struct tx *tx = begin_at(fixture->db, NOW_MS);
    int64_t last = 0;

    assert_int_equal(outbox_last(tx, &last), OK);
    for (int64_t sequence = last + 1; sequence <= last + count; sequence++)
        append(tx, sequence % 2 ? "b" : "a", "{}");
    assert_int_equal(outbox_flush(tx, &last), OK);
    commit(tx);
}

static void expect_counted_in_turn(struct fixture *fixture, int64_t last)
{
    struct channel found[4];

    assert_int_equal(channels(fixture, found, 4), 2);
    assert_int_equal(found[0].count, last / 2);
    assert_int_equal(found[0].bytes, last / 2 * 2);
    assert_int_equal(found[0].first, 2);
    assert_int_equal(found[0].last, last - last % 2);
    assert_int_equal(found[1].count, last - last / 2);
    assert_int_equal(found[1].first, 1);
    assert_int_equal(found[1].last, last - 1 + last % 2);
}

static void channels_are_counted_now_and_then_and_read_whole_at_any_time(void **state)
{
    struct fixture *fixture = *state;

    publish_in_turn(fixture, OUTBOX_FOLD_EVENTS - 1);
    assert_int_equal(counted(fixture), 0);
    expect_counted_in_turn(fixture, OUTBOX_FOLD_EVENTS - 1);
    publish_in_turn(fixture, 2); /* the one that counts is neither first nor last of its own */
    assert_int_equal(counted(fixture), OUTBOX_FOLD_EVENTS + 1);
    expect_counted_in_turn(fixture, OUTBOX_FOLD_EVENTS + 1);
    for (int i = 0; i < OUTBOX_FOLD_EVENTS - 2; i++)
        publish_in_turn(fixture, 1);
    assert_int_equal(counted(fixture), OUTBOX_FOLD_EVENTS + 1);
    expect_counted_in_turn(fixture, 2 * OUTBOX_FOLD_EVENTS - 1);
    publish_in_turn(fixture, 1);
    assert_int_equal(counted(fixture), 2 * OUTBOX_FOLD_EVENTS);
    publish_in_turn(fixture, 3 * OUTBOX_FOLD_EVENTS + 1);
    assert_int_equal(counted(fixture), 5 * OUTBOX_FOLD_EVENTS + 1);
    expect_counted_in_turn(fixture, 5 * OUTBOX_FOLD_EVENTS + 1);
}

static void a_transaction_that_was_rolled_back_counts_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx;
    int64_t last = 0;

    publish_in_turn(fixture, OUTBOX_FOLD_EVENTS - 1);
    tx = begin_at(fixture->db, NOW_MS);
    append(tx, "a", "{}");
    assert_int_equal(outbox_flush(tx, &last), OK);
    assert_int_equal(tx_item_end(tx, false), OK);
    tx_rollback(tx);
    assert_int_equal(counted(fixture), 0);
    expect_counted_in_turn(fixture, OUTBOX_FOLD_EVENTS - 1);
    publish_in_turn(fixture, 1);
    assert_int_equal(counted(fixture), OUTBOX_FOLD_EVENTS);
    expect_counted_in_turn(fixture, OUTBOX_FOLD_EVENTS);
}

static void a_payload_has_a_largest_size(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin_at(fixture->db, NOW_MS);
    char *bytes = calloc(1, EVENT_PAYLOAD_MAX + 1);

    memset(bytes, ' ', EVENT_PAYLOAD_MAX + 1);
    assert_int_equal(outbox_append(tx, STR("a"), (struct str){bytes, EVENT_PAYLOAD_MAX}), OK);
    assert_int_equal(outbox_append(tx, STR("a"), (struct str){bytes, EVENT_PAYLOAD_MAX + 1}),
                     ERR_TOO_LARGE);
    assert_int_equal(tx->published, 1);
    commit(tx);
    free(bytes);
}

static void dead_letters_come_newest_first_and_cut(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin_at(fixture->db, NOW_MS);
    struct dead_letter found[2];
    struct buf large;
    size_t count = 0;
    int64_t total = 0;

    buf_init(&large, NULL, 65536);
    for (int i = 0; i < 6000; i++)
        buf_append(&large, STR("\xE2\x98\x83"));
    for (int i = 1; i <= 3; i++) {
        tx->now.ms = NOW_MS + i;
        assert_int_equal(
            dead_letter_put(tx, &(struct dead_letter){.source = STR("src"),
                                                      .sequence = i,
                                                      .subject = STR("subject"),
                                                      .payload = buf_str(&large),
                                                      .trace = i == 3 ? STR("t") : STR(""),
                                                      .reason = STR("why not")}),
            OK);
    }
    commit(tx);
    assert_int_equal(dead_letters(tx_read(fixture->db, (struct wall_ms){NOW_MS}), fixture->arena,
                                  found, 2, &count, &total),
                     OK);
    assert_int_equal(count, 2);
    assert_int_equal(total, 3);
    assert_int_equal(found[0].sequence, 3);
    assert_int_equal(found[1].sequence, 2);
    assert_int_equal(found[0].dead_at.ms, NOW_MS + 3);
    assert_true(str_eq(found[0].source, STR("src")) && str_eq(found[0].reason, STR("why not")));
    assert_int_equal(str_code_points(found[0].payload), DEAD_PAYLOAD_MAX);
    assert_true(str_eq(found[0].trace, STR("t")) && found[1].trace.len == 0);
    buf_free(&large);
}

#define HOUR_MS INT64_C(3600000)

/* One event an hour, from NOW_MS on, of three subjects in turn: a, b, c, a … */
static void publish_hourly(struct fixture *fixture, int count)
{
    for (int i = 0; i < count; i++) {
        struct tx *tx = begin_at(fixture->db, NOW_MS + i * HOUR_MS);
        int64_t last;

        append(tx, (const char *[]){"a", "b", "c"}[i % 3], "{}");
        assert_int_equal(outbox_flush(tx, &last), OK);
        commit(tx);
    }
}

/* Long after all of them. */
static int64_t prune(struct fixture *fixture, int64_t up_to, int64_t before_ms, int64_t max)
{
    struct tx *tx = begin_at(fixture->db, NOW_MS + 1000 * HOUR_MS);
    int64_t removed = -1;

    assert_int_equal(outbox_prune(tx, up_to, (struct wall_ms){before_ms}, max, &removed), OK);
    commit(tx);
    return removed;
}

static int64_t first(struct fixture *fixture)
{
    int64_t removed = -1;

    assert_int_equal(outbox_removed(tx_read(fixture->db, (struct wall_ms){NOW_MS}), &removed), OK);
    return removed + 1;
}

static void an_event_goes_when_it_is_old_and_every_reader_is_beyond_it(void **state)
{
    struct fixture *fixture = *state;

    publish_hourly(fixture, 10);
    assert_int_equal(prune(fixture, INT64_MAX, NOW_MS, 100), 0);
    assert_int_equal(prune(fixture, 0, INT64_MAX, 100), 0);
    assert_int_equal(first(fixture), 1);
    assert_int_equal(prune(fixture, 7, NOW_MS + 3 * HOUR_MS, 100), 3);
    assert_int_equal(first(fixture), 4);
    assert_int_equal(prune(fixture, 5, INT64_MAX, 100), 2);
    assert_int_equal(first(fixture), 6);
    assert_int_equal(prune(fixture, INT64_MAX, INT64_MAX, 1), 1);
    assert_int_equal(first(fixture), 7);
}

static void a_sequence_is_never_used_twice(void **state)
{
    struct fixture *fixture = *state;
    int64_t last = 0;

    publish_hourly(fixture, 5);
    assert_int_equal(prune(fixture, INT64_MAX, INT64_MAX, 100), 4);
    assert_int_equal(prune(fixture, INT64_MAX, INT64_MAX, 100), 0);
    assert_int_equal(outbox_last(tx_read(fixture->db, (struct wall_ms){NOW_MS}), &last), OK);
    assert_int_equal(last, 5);
    publish_hourly(fixture, 1);
    assert_int_equal(outbox_last(tx_read(fixture->db, (struct wall_ms){NOW_MS}), &last), OK);
    assert_int_equal(last, 6);
}

static void channels_count_what_is_kept(void **state)
{
    struct fixture *fixture = *state;
    struct channel found[4];

    publish_hourly(fixture, 7);
    assert_int_equal(prune(fixture, 6, INT64_MAX, 5), 5);
    assert_int_equal(channels(fixture, found, 4), 3);
    assert_int_equal(found[0].count, 1); /* a: 1, 4 and 7 */
    assert_int_equal(found[0].last, 7);
    assert_int_equal(found[0].bytes, 2);
    assert_int_equal(found[1].count, 0); /* b: 2 and 5 */
    assert_int_equal(found[1].last, 5);
    assert_int_equal(found[1].bytes, 0);
    assert_int_equal(found[2].count, 1); /* c: 3 and 6 */
    for (int i = 0; i < 3; i++)
        assert_int_equal(found[i].first, 6);
}

static void what_the_broker_has_not_acknowledged_stays(void **state)
{
    struct fixture *fixture = *state;

    outbox_relay(true);
    publish_hourly(fixture, 4);
    outbox_relay(false);
    assert_int_equal(prune(fixture, INT64_MAX, INT64_MAX, 100), 0);
    {
        struct tx *tx = begin_at(fixture->db, NOW_MS);

        assert_int_equal(
            tx_exec_values(tx, NULL, "DELETE FROM outbox_unrelayed WHERE seq <> 3", NULL, 0), OK);
        commit(tx);
    }
    assert_int_equal(prune(fixture, INT64_MAX, INT64_MAX, 100), 2);
    assert_int_equal(first(fixture), 3);
}

static void a_dead_letter_is_kept_for_a_year(void **state)
{
    struct fixture *fixture = *state;
    struct dead_letter letter = {.source = STR("tickets"),
                                 .sequence = 1,
                                 .subject = STR("a"),
                                 .payload = STR("{}"),
                                 .reason = STR("no")};
    int64_t ages_days[] = {400, 366, 364, 1}, forgotten, left;

    for (size_t i = 0; i < sizeof ages_days / sizeof *ages_days; i++) {
        struct tx *tx = begin_at(fixture->db, NOW_MS - ages_days[i] * 24 * HOUR_MS);

        assert_int_equal(dead_letter_put(tx, &letter), OK);
        commit(tx);
    }
    for (int64_t max = 1; max <= 10; max += 9) { /* the oldest first, and no more than that */
        struct tx *tx = begin_at(fixture->db, NOW_MS);

        assert_int_equal(
            dead_letters_forget(tx, (struct wall_ms){NOW_MS - 24 * HOUR_MS}, max, &forgotten), OK);
        assert_int_equal(forgotten, 1);
        commit(tx);
    }
    assert_int_equal(dead_count(tx_read(fixture->db, (struct wall_ms){NOW_MS}), &left), OK);
    assert_int_equal(left, 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(channels_count_what_was_published),
        CASE(many_subjects_in_one_transaction_are_all_counted),
        CASE(channels_are_counted_now_and_then_and_read_whole_at_any_time),
        CASE(a_transaction_that_was_rolled_back_counts_nothing),
        CASE(a_payload_has_a_largest_size),
        CASE(dead_letters_come_newest_first_and_cut),
        CASE(an_event_goes_when_it_is_old_and_every_reader_is_beyond_it),
        CASE(a_sequence_is_never_used_twice),
        CASE(channels_count_what_is_kept),
        CASE(what_the_broker_has_not_acknowledged_stays),
        CASE(a_dead_letter_is_kept_for_a_year),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
