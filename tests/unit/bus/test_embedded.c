/* Conformance of the bus (bus.h) with its embedded driver: two publishers, one subscriber, real
 * databases. Another driver has to pass the same. */
#include "support.h"

#define HOUR_MS  INT64_C(3600000)
#define SEEN_MAX 8192

enum { ONE, TWO, READER, SERVICES };

/* What the subscriber makes of an event; by its payload's first letter. */
struct fixture {
    struct folder folder;
    struct folder_file files[SERVICES];
    struct db *dbs[SERVICES];
    struct bus *bus;
    struct subscription *sub;
    int notices, watched;
    int64_t now_ms;
    int64_t gather_ms;          /* of the subscriber, from the next restart on */
    int64_t stepped_ms;         /* somebody has set the wall clock by so much */
    enum verdict verdicts[128]; /* by the payload's first letter; APPLIED by default */
    struct {
        char source[8], payload[32], trace[64];
        int64_t sequence;
        bool waited;
    } seen[SEEN_MAX];
    size_t seen_count;
};

static struct mono_ms mono(const struct fixture *fixture)
{
    return (struct mono_ms){fixture->now_ms - fixture->stepped_ms - NOW_MS + 1000};
}

/* When to fetch again, as the wall clock will have it unless it is set. */
static int64_t next_ms(const struct fixture *fixture)
{
    struct mono_ms next = subscription_next(fixture->sub);

    return next.ms == MONO_NEVER.ms ? INT64_MAX : fixture->now_ms + mono_since(next, mono(fixture));
}

static void set_clock(struct fixture *fixture, int64_t by_ms)
{
    fixture->now_ms += by_ms;
    fixture->stepped_ms += by_ms;
}

static const char *const names[SERVICES] = {"one", "two", "reader"};
static const char *const subjects_of_one[] = {"a", "b", NULL};
static const char *const heard[] = {"a", "c", NULL};

static void on_notice(void *context)
{
    ((struct fixture *)context)->notices++;
}

static void on_watch(void *context)
{
    ((struct fixture *)context)->watched++;
}

static void open_bus(struct fixture *fixture)
{
    struct subscriber who = {.service = "reader",
                             .subjects = heard,
                             .gather_ms = fixture->gather_ms,
                             .notify = on_notice,
                             .context = fixture};
    struct bus_source sources[SERVICES];

    for (int i = 0; i < SERVICES; i++)
        sources[i] = (struct bus_source){names[i], fixture->files[i].path,
                                         i == ONE ? subjects_of_one : NULL};
    assert_int_equal(bus_open(sources, READER, NULL, &clock_system, &fixture->bus), OK);
    assert_int_equal(
        subscription_open(fixture->bus, &who,
                          tx_read(fixture->dbs[READER], (struct wall_ms){fixture->now_ms}),
                          &fixture->sub),
        OK);
}

static void close_bus(struct fixture *fixture)
{
    subscription_close(fixture->sub);
    bus_close(fixture->bus);
}

static void restart(struct fixture *fixture)
{
    close_bus(fixture);
    db_close(fixture->dbs[READER]);
    fixture->dbs[READER] = service_open(&fixture->folder, "reader.db");
    open_bus(fixture);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char name[16];

    *state = fixture;
    fixture->now_ms = NOW_MS;
    fixture->folder = folder_make();
    for (int i = 0; i < SERVICES; i++) {
        snprintf(name, sizeof name, "%s.db", names[i]);
        fixture->files[i] = folder_file(&fixture->folder, name);
        fixture->dbs[i] = service_open(&fixture->folder, name);
    }
    open_bus(fixture);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    close_bus(fixture);
    for (int i = 0; i < SERVICES; i++)
        db_close(fixture->dbs[i]);
    folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

/* --- publishing and applying --------------------------------------------------------------- */

static void publish_many(struct fixture *fixture, int from, const char *subject,
                         const char *payload, int count)
{
    struct tx *tx = begin_at(fixture->dbs[from], fixture->now_ms);
    int64_t last = 0;

    for (int i = 0; i < count; i++)
        append(tx, subject, payload);
    assert_int_equal(outbox_flush(tx, &last), OK);
    commit(tx);
    bus_notify(fixture->bus, names[from], last);
}

static void publish(struct fixture *fixture, int from, const char *subject, const char *payload)
{
    publish_many(fixture, from, subject, payload, 1);
}

static void note(struct fixture *fixture, const struct delivery *delivery)
{
    size_t i = fixture->seen_count++;

    assert_true(i < SEEN_MAX);
    snprintf(fixture->seen[i].source, sizeof fixture->seen[i].source, "%s", delivery->source);
    snprintf(fixture->seen[i].payload, sizeof fixture->seen[i].payload, "%.*s",
             (int)(delivery->payload.len < 31 ? delivery->payload.len : 31), delivery->payload.at);
    snprintf(fixture->seen[i].trace, sizeof fixture->seen[i].trace, "%.*s",
             (int)delivery->trace.len, delivery->trace.at);
    fixture->seen[i].sequence = delivery->sequence;
    fixture->seen[i].waited = delivery->waited;
}

/* As the writer does: after one that cannot be applied now, its source's others wait with it. */
static void judge(struct fixture *fixture, struct delivery *deliveries, size_t count)
{
    const char *held = "";

    for (size_t i = 0; i < count; i++) {
        struct delivery *delivery = &deliveries[i];

        delivery->verdict = VERDICT_RETRY;
        if (!delivery->waited && strcmp(held, delivery->source) == 0) continue;
        note(fixture, delivery);
        delivery->verdict = fixture->verdicts[delivery->payload.at[0] & 127];
        delivery->reason = STR("no good");
        if (!delivery->waited && delivery->verdict == VERDICT_RETRY) held = delivery->source;
    }
}

/* One batch of the subscriber. Returns how many came. */
static size_t step(struct fixture *fixture, bool commit_works)
{
    struct delivery *deliveries;
    struct db *db = fixture->dbs[READER];
    size_t count = subscription_fetch(fixture->sub, tx_read(db, (struct wall_ms){fixture->now_ms}),
                                      mono(fixture), &deliveries);
    struct tx *tx;

    if (!count) return 0;
    judge(fixture, deliveries, count);
    tx = begin_at(db, fixture->now_ms);
    assert_int_equal(subscription_flush(fixture->sub, tx, count), OK);
    if (commit_works)
        commit(tx);
    else
        tx_rollback(tx);
    subscription_ack(fixture->sub, commit_works);
    return count;
}

/* Until nothing is due at this time. */
static void drain(struct fixture *fixture)
{
    for (int i = 0; i < 1000 && next_ms(fixture) <= fixture->now_ms; i++)
        (void)step(fixture, true);
    assert_true(next_ms(fixture) > fixture->now_ms);
}

/* "1 2 3": the payloads that came, in order. */
static void expect_seen(struct fixture *fixture, const char *expected)
{
    struct buf seen;

    buf_init(&seen, NULL, 65536);
    for (size_t i = 0; i < fixture->seen_count; i++)
        buf_printf(&seen, "%s%s", i ? " " : "", fixture->seen[i].payload);
    if (!str_eq(buf_str(&seen), str_of(expected)))
        fail_msg("saw \"%.*s\", not \"%s\"", (int)seen.len, seen.at, expected);
    buf_free(&seen);
    fixture->seen_count = 0;
}

static int64_t waiting(struct fixture *fixture)
{
    int64_t count = -1;

    assert_int_equal(
        waiting_count(tx_read(fixture->dbs[READER], (struct wall_ms){fixture->now_ms}), &count),
        OK);
    return count;
}

static int64_t dead(struct fixture *fixture, struct dead_letter *newest, struct arena *arena)
{
    size_t count = 0;
    int64_t total = -1;

    assert_int_equal(dead_letters(tx_read(fixture->dbs[READER], (struct wall_ms){fixture->now_ms}),
                                  arena, newest, 1, &count, &total),
                     OK);
    return total;
}

/* --- delivery ------------------------------------------------------------------------------ */

static void events_come_in_the_order_they_were_published(void **state)
{
    struct fixture *fixture = *state;

    publish(fixture, ONE, "a", "1");
    publish(fixture, ONE, "a", "2");
    publish(fixture, ONE, "a", "3");
    drain(fixture);
    assert_string_equal(fixture->seen[0].source, "one");
    assert_int_equal(fixture->seen[2].sequence, 3);
    expect_seen(fixture, "1 2 3");
}

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void publish_traced(struct fixture *fixture, const char *payload)
{
    struct tx *tx = begin_at(fixture->dbs[ONE], fixture->now_ms);
    int64_t last = 0;

    assert_true(trace_parse(STR(TRACE), &tx->trace));
    append(tx, "a", payload);
    assert_int_equal(outbox_flush(tx, &last), OK);
    commit(tx);
    bus_notify(fixture->bus, names[ONE], last);
}

static void an_event_carries_its_trace(void **state)
{
    struct fixture *fixture = *state;

    publish_traced(fixture, "1");
    publish(fixture, ONE, "a", "2");
    drain(fixture);
    assert_string_equal(fixture->seen[0].trace, TRACE);
    assert_string_equal(fixture->seen[1].trace, "");
}

static void an_event_that_waits_keeps_its_trace(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish_traced(fixture, "early");
    drain(fixture);
    restart(fixture);
    fixture->verdicts['e'] = VERDICT_APPLIED;
    drain(fixture);
    assert_true(fixture->seen[1].waited);
    assert_string_equal(fixture->seen[1].trace, TRACE);
}

static void what_was_published_before_the_start_comes_too(void **state)
{
    struct fixture *fixture = *state;

    close_bus(fixture);
    {
        struct tx *tx = begin_at(fixture->dbs[ONE], NOW_MS);

        append(tx, "a", "early");
        commit(tx);
    }
    open_bus(fixture);
    drain(fixture);
    expect_seen(fixture, "early");
}

static void what_was_settled_does_not_come_again(void **state)
{
    struct fixture *fixture = *state;

    publish(fixture, ONE, "a", "1");
    drain(fixture);
    restart(fixture);
    publish(fixture, ONE, "a", "2");
    drain(fixture);
    expect_seen(fixture, "1 2");
}

static int64_t stored_position(struct fixture *fixture, const char *source)
{
    int64_t sequence = -1;

    assert_int_equal(bus_position(tx_read(fixture->dbs[READER], (struct wall_ms){fixture->now_ms}),
                                  source, &sequence),
                     OK);
    return sequence;
}

static void what_had_no_effect_is_stored_with_what_has(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['s'] = VERDICT_SEEN;
    publish(fixture, ONE, "a", "s1");
    drain(fixture);
    assert_int_equal(stored_position(fixture, "one"), 0);
    publish(fixture, ONE, "a", "2");
    drain(fixture);
    assert_int_equal(stored_position(fixture, "one"), 2);
    publish(fixture, ONE, "a", "s3");
    drain(fixture);
    restart(fixture);
    drain(fixture);
    expect_seen(fixture, "s1 2 s3 s3");
}

static void what_had_no_effect_is_stored_within_seconds(void **state)
{
    struct fixture *fixture = *state;
    int64_t began_ms = fixture->now_ms;

    fixture->verdicts['s'] = VERDICT_SEEN;
    publish(fixture, ONE, "a", "s1");
    drain(fixture);
    assert_int_equal(next_ms(fixture), began_ms + 10000);
    fixture->now_ms = began_ms + 9000;
    publish(fixture, ONE, "a", "s2");
    drain(fixture);
    assert_int_equal(next_ms(fixture), began_ms + 10000); /* not put off */
    assert_int_equal(stored_position(fixture, "one"), 0);
    fixture->now_ms = began_ms + 10000;
    publish(fixture, ONE, "a", "s3");
    assert_int_equal(step(fixture, true), 1);
    assert_int_equal(stored_position(fixture, "one"), 3);
    assert_true(next_ms(fixture) == INT64_MAX);
    restart(fixture);
    drain(fixture);
    expect_seen(fixture, "s1 s2 s3");
}

static void what_nobody_waits_for_gathers(void **state)
{
    struct fixture *fixture = *state;

    fixture->gather_ms = 100;
    restart(fixture);
    publish(fixture, ONE, "a", "1");
    assert_int_equal(step(fixture, true), 1);
    publish(fixture, ONE, "a", "2");
    publish(fixture, TWO, "c", "3");
    assert_int_equal(step(fixture, true), 0);
    assert_int_equal(next_ms(fixture), fixture->now_ms + 100);
    fixture->now_ms += 100;
    assert_int_equal(step(fixture, true), 2);
    fixture->now_ms += 100;
    publish_many(fixture, ONE, "a", "m", 200);
    assert_int_equal(step(fixture, true), 200);
    publish(fixture, ONE, "a", "4");
    assert_int_equal(step(fixture, true), 1); /* many are not slowed down */
}

static void what_gathers_and_fails_rests_as_anything_that_fails(void **state)
{
    struct fixture *fixture = *state;

    fixture->gather_ms = 10;
    restart(fixture);
    publish(fixture, ONE, "a", "1");
    assert_int_equal(step(fixture, false), 1);
    assert_int_equal(next_ms(fixture), fixture->now_ms + 200);
    fixture->now_ms += 200;
    drain(fixture);
    expect_seen(fixture, "1 1");
}

static void a_failed_commit_brings_the_events_again(void **state)
{
    struct fixture *fixture = *state;

    publish(fixture, ONE, "a", "1");
    publish(fixture, ONE, "a", "2");
    assert_int_equal(step(fixture, false), 2);
    assert_int_equal(step(fixture, true), 0); /* not at once */
    fixture->now_ms = next_ms(fixture);
    drain(fixture);
    expect_seen(fixture, "1 2 1 2");
    restart(fixture);
    drain(fixture);
    expect_seen(fixture, "");
}

static void subjects_nobody_listens_to_are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    struct subscription_metrics metrics[4];

    publish_many(fixture, ONE, "b", "foreign", 600);
    publish(fixture, ONE, "a", "1");
    publish_many(fixture, ONE, "b", "foreign", 600);
    publish(fixture, ONE, "a", "2");
    drain(fixture);
    expect_seen(fixture, "1 2");
    assert_int_equal(bus_metrics(fixture->bus, metrics, 4), 2);
    assert_string_equal(metrics[0].source, "one");
    assert_string_equal(metrics[0].service, "reader");
    assert_int_equal(metrics[0].position, 1202);
    assert_int_equal(metrics[0].last, 1202);
    publish_many(fixture, ONE, "b", "foreign", 3);
    drain(fixture);
    (void)bus_metrics(fixture->bus, metrics, 4);
    assert_int_equal(metrics[0].position, 1205);
}

static void more_than_one_fetch_holds_comes_whole(void **state)
{
    struct fixture *fixture = *state;

    publish_many(fixture, ONE, "a", "x", 3 * DELIVERIES_MAX + 7);
    publish_many(fixture, TWO, "c", "y", DELIVERIES_MAX);
    drain(fixture);
    assert_int_equal(fixture->seen_count, 4 * DELIVERIES_MAX + 7);
    for (size_t i = 0, one = 0, two = 0; i < fixture->seen_count; i++)
        assert_int_equal(fixture->seen[i].sequence,
                         fixture->seen[i].source[0] == 'o' ? ++one : ++two);
}

static void large_events_come_in_several_fetches(void **state)
{
    struct fixture *fixture = *state;
    char *payload = calloc(1, EVENT_PAYLOAD_MAX + 1);

    memset(payload, 'x', EVENT_PAYLOAD_MAX);
    publish_many(fixture, ONE, "a", payload, 200); /* 12 MiB */
    drain(fixture);
    assert_int_equal(fixture->seen_count, 200);
    free(payload);
}

static void several_sources_have_positions_of_their_own(void **state)
{
    struct fixture *fixture = *state;

    publish(fixture, ONE, "a", "1");
    publish(fixture, TWO, "c", "2");
    drain(fixture);
    publish(fixture, TWO, "a", "3"); /* a source that may publish anything */
    drain(fixture);
    restart(fixture);
    drain(fixture);
    expect_seen(fixture, "1 2 3");
}

static void a_notice_reaches_the_subscriber_and_the_watcher(void **state)
{
    struct fixture *fixture = *state;

    bus_watch(fixture->bus, on_watch, fixture);
    publish(fixture, ONE, "b", "x");
    assert_int_equal(fixture->notices, 1);
    assert_int_equal(fixture->watched, 1);
    assert_int_equal(bus_last_sequence(fixture->bus, "one"), 1);
    bus_notify(fixture->bus, "reader", 9); /* no source of anybody */
    assert_int_equal(fixture->notices, 1);
    assert_int_equal(fixture->watched, 2);
    bus_watch(fixture->bus, NULL, NULL);
    publish(fixture, TWO, "c", "x");
    assert_int_equal(fixture->notices, 2);
    assert_int_equal(fixture->watched, 2);
}

/* --- verdicts ------------------------------------------------------------------------------ */

static void an_early_event_waits_until_something_was_applied(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish(fixture, ONE, "a", "early");
    drain(fixture);
    assert_int_equal(waiting(fixture), 1);
    expect_seen(fixture, "early");
    fixture->verdicts['s'] = VERDICT_SEEN;
    publish(fixture, ONE, "a", "seen"); /* changes nothing: no reason to look */
    drain(fixture);
    expect_seen(fixture, "seen");
    publish(fixture, TWO, "c", "other");
    drain(fixture);
    expect_seen(fixture, "other early");
    fixture->verdicts['e'] = VERDICT_APPLIED;
    publish(fixture, ONE, "a", "missing");
    drain(fixture);
    assert_true(fixture->seen[1].waited);
    assert_string_equal(fixture->seen[1].source, "one");
    expect_seen(fixture, "missing early");
    assert_int_equal(waiting(fixture), 0);
}

/* Replicas share the table: what another one is done with is neither applied nor acknowledged
 * again. */
static void what_another_replica_settled_is_not_claimed(void **state)
{
    struct fixture *fixture = *state;
    struct arena *arena = arena_new(65536);
    struct dead_letter letter;
    struct delivery *delivery;
    struct tx *tx;
    bool ours = false;
    size_t count;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish(fixture, ONE, "a", "early");
    drain(fixture);
    subscription_poll(fixture->sub);
    count = subscription_fetch(fixture->sub,
                               tx_read(fixture->dbs[READER], (struct wall_ms){fixture->now_ms}),
                               mono(fixture), &delivery);
    assert_int_equal(count, 1);
    assert_true(delivery->waited);
    tx = begin_at(fixture->dbs[READER], fixture->now_ms);
    assert_int_equal(subscription_claim(tx, delivery, &ours), OK);
    assert_true(ours);
    assert_int_equal(tx_exec_values(tx, NULL, "DELETE FROM bus_waiting", NULL, 0), OK);
    assert_int_equal(subscription_claim(tx, delivery, &ours), OK);
    assert_false(ours);
    delivery->verdict = VERDICT_DEAD; /* … and gets no second dead letter */
    assert_int_equal(subscription_flush(fixture->sub, tx, count), OK);
    commit(tx);
    subscription_ack(fixture->sub, true);
    assert_int_equal(waiting(fixture), 0);
    assert_int_equal(dead(fixture, &letter, arena), 0);
    arena_free(arena);
}

/* 3 waits for 2, 2 for 1: each applied one makes the next possible. */
static void a_chain_of_waiting_events_resolves(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['3'] = fixture->verdicts['2'] = VERDICT_EARLY;
    publish(fixture, ONE, "a", "3");
    publish(fixture, ONE, "a", "2");
    drain(fixture);
    assert_int_equal(waiting(fixture), 2);
    publish(fixture, ONE, "a", "1");
    fixture->verdicts['2'] = VERDICT_APPLIED;
    (void)step(fixture, true);
    (void)step(fixture, true); /* 3 is looked at first, still too early; then 2 */
    fixture->verdicts['3'] = VERDICT_APPLIED;
    drain(fixture);
    assert_int_equal(waiting(fixture), 0);
}

static void waiting_events_survive_a_restart(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish(fixture, ONE, "a", "early");
    drain(fixture);
    restart(fixture);
    fixture->verdicts['e'] = VERDICT_APPLIED;
    drain(fixture);
    expect_seen(fixture, "early early");
    assert_int_equal(waiting(fixture), 0);
}

static void many_waiting_events_come_page_by_page(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish_many(fixture, ONE, "a", "early", 700);
    drain(fixture);
    assert_int_equal(waiting(fixture), 700);
    fixture->seen_count = 0;
    fixture->verdicts['e'] = VERDICT_APPLIED;
    publish(fixture, TWO, "c", "other");
    drain(fixture);
    assert_int_equal(waiting(fixture), 0);
    assert_int_equal(fixture->seen_count, 701);
}

static void a_failed_commit_does_not_lose_the_place_among_waiting_events(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish_many(fixture, ONE, "a", "early", 300);
    drain(fixture);
    fixture->verdicts['e'] = VERDICT_APPLIED;
    publish(fixture, TWO, "c", "other");
    (void)step(fixture, true);
    assert_true(step(fixture, false) > 0); /* the first page of those that waited */
    fixture->now_ms = next_ms(fixture);
    drain(fixture);
    assert_int_equal(waiting(fixture), 0);
}

static void a_waiting_event_is_looked_at_now_and_then(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish(fixture, ONE, "a", "early");
    drain(fixture);
    fixture->seen_count = 0;
    for (int i = 0; i < 4; i++) {
        fixture->now_ms = next_ms(fixture);
        assert_true(fixture->now_ms < NOW_MS + 60000 * 5);
        drain(fixture);
    }
    assert_int_equal(fixture->seen_count, 4);
}

/* A service that was away for longer than an event may wait finds its events old, not overdue. */
static void an_event_waits_for_a_day_from_when_it_came_however_old_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct arena *arena = arena_new(1024 * 1024);
    struct dead_letter letter;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish(fixture, ONE, "a", "early");
    fixture->now_ms += 25 * HOUR_MS;
    drain(fixture);
    fixture->now_ms += 23 * HOUR_MS;
    drain(fixture);
    assert_int_equal(waiting(fixture), 1);
    fixture->verdicts['e'] = VERDICT_APPLIED;
    publish(fixture, TWO, "c", "other");
    drain(fixture);
    assert_int_equal(waiting(fixture), 0);
    assert_int_equal(dead(fixture, &letter, arena), 0);
    arena_free(arena);
}

#define MINUTE_MS (60 * INT64_C(1000))

/* The subscriber looks at what waits every minute, as it does by itself. */
static void wait_steadily(struct fixture *fixture, int64_t minutes)
{
    for (int64_t i = 0; i < minutes; i++) {
        fixture->now_ms += MINUTE_MS;
        drain(fixture);
    }
}

static void an_event_that_waited_a_day_is_dead(void **state)
{
    struct fixture *fixture = *state;
    struct arena *arena = arena_new(1024 * 1024);
    struct dead_letter letter;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish(fixture, ONE, "a", "early");
    drain(fixture);
    wait_steadily(fixture, 24 * 60);
    assert_int_equal(waiting(fixture), 1);
    wait_steadily(fixture, 1);
    assert_int_equal(waiting(fixture), 0);
    assert_int_equal(dead(fixture, &letter, arena), 1);
    assert_true(str_eq(letter.reason, STR("an earlier version never came")));
    assert_true(str_eq(letter.source, STR("one")) && letter.sequence == 1);
    arena_free(arena);
}

static void an_event_that_waited_over_a_sleep_is_not_dead_before_the_others_came(void **state)
{
    struct fixture *fixture = *state;
    struct arena *arena = arena_new(1024 * 1024);
    struct dead_letter letter;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish(fixture, ONE, "a", "early");
    wait_steadily(fixture, 60);
    publish(fixture, TWO, "c", "what it waits for");
    fixture->now_ms += 25 * HOUR_MS;
    drain(fixture);
    assert_int_equal(waiting(fixture), 1);
    wait_steadily(fixture, 9);
    assert_int_equal(waiting(fixture), 1);
    fixture->verdicts['e'] = VERDICT_APPLIED; /* what it waited for was */
    wait_steadily(fixture, 1);
    assert_int_equal(waiting(fixture), 0);
    assert_int_equal(dead(fixture, &letter, arena), 0);
    arena_free(arena);
}

static void an_event_that_waited_over_a_stop_is_dead_some_minutes_after_the_start(void **state)
{
    struct fixture *fixture = *state;
    struct arena *arena = arena_new(1024 * 1024);
    struct dead_letter letter;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish(fixture, ONE, "a", "early");
    wait_steadily(fixture, 60);
    fixture->now_ms += 25 * HOUR_MS;
    restart(fixture);
    drain(fixture);
    wait_steadily(fixture, 9);
    assert_int_equal(waiting(fixture), 1);
    wait_steadily(fixture, 1);
    assert_int_equal(waiting(fixture), 0);
    assert_int_equal(dead(fixture, &letter, arena), 1);
    arena_free(arena);
}

static void a_dead_event_is_kept_with_its_reason_and_holds_up_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct arena *arena = arena_new(1024 * 1024);
    struct dead_letter letter;

    fixture->verdicts['p'] = VERDICT_DEAD;
    publish(fixture, ONE, "a", "1");
    publish_traced(fixture, "poison");
    publish(fixture, ONE, "a", "2");
    drain(fixture);
    expect_seen(fixture, "1 poison 2");
    assert_int_equal(dead(fixture, &letter, arena), 1);
    assert_true(str_eq(letter.reason, STR("no good")) && str_eq(letter.payload, STR("poison")));
    assert_true(str_eq(letter.subject, STR("a")) && letter.sequence == 2);
    assert_true(str_eq(letter.trace, STR(TRACE)));
    assert_int_equal(letter.dead_at.ms, NOW_MS);
    restart(fixture);
    drain(fixture);
    expect_seen(fixture, "");
    assert_int_equal(dead(fixture, &letter, arena), 1);
    arena_free(arena);
}

/* Puts the newest dead letter back, as the operator does; commit_works: and its transaction ends.
 */
static void put_back(struct fixture *fixture, bool commit_works)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct dead_letter newest, letter;
    struct tx *tx;

    assert_true(dead(fixture, &newest, arena) > 0);
    tx = begin_at(fixture->dbs[READER], fixture->now_ms);
    assert_int_equal(dead_letter_get(tx, arena, newest.id, &letter), OK);
    assert_int_equal(dead_letter_retry(tx, &letter), OK);
    subscription_poll(fixture->sub);
    if (commit_works)
        commit(tx);
    else
        tx_rollback(tx);
    arena_free(arena);
}

static enum event_delivery_status delivery_status(struct fixture *fixture, int64_t sequence)
{
    enum event_delivery_status found = DELIVERY_DEAD;
    int64_t id = 0;

    assert_int_equal(
        event_delivery_status(tx_read(fixture->dbs[READER], (struct wall_ms){fixture->now_ms}),
                              STR("one"), sequence, &found, &id),
        OK);
    assert_true((found == DELIVERY_DEAD) == (id > 0));
    return found;
}

static void a_dead_letter_that_is_put_back_comes_once_more(void **state)
{
    struct fixture *fixture = *state;
    struct arena *arena = arena_new(1024 * 1024);
    struct dead_letter letter;

    fixture->verdicts['p'] = VERDICT_DEAD;
    publish(fixture, ONE, "a", "poison");
    publish(fixture, ONE, "a", "2");
    drain(fixture);
    expect_seen(fixture, "poison 2");
    put_back(fixture, false); /* a transaction that fails puts nothing back */
    drain(fixture);
    expect_seen(fixture, "");
    assert_int_equal(delivery_status(fixture, 1), DELIVERY_DEAD);
    put_back(fixture, true);
    assert_int_equal(delivery_status(fixture, 1), DELIVERY_WAITING);
    drain(fixture);
    expect_seen(fixture, "poison");
    assert_int_equal(dead(fixture, &letter, arena), 1);
    fixture->verdicts['p'] = VERDICT_APPLIED;
    put_back(fixture, true);
    drain(fixture);
    expect_seen(fixture, "poison");
    assert_int_equal(delivery_status(fixture, 1), DELIVERY_APPLIED);
    assert_int_equal(dead(fixture, &letter, arena), 0);
    assert_int_equal(waiting(fixture), 0);
    restart(fixture);
    drain(fixture);
    expect_seen(fixture, "");
    arena_free(arena);
}

static void what_cannot_be_applied_now_comes_again_in_order(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['r'] = VERDICT_RETRY;
    publish(fixture, ONE, "a", "1");
    publish(fixture, ONE, "a", "retry");
    publish(fixture, ONE, "a", "2");
    assert_int_equal(step(fixture, true), 3);
    assert_true(next_ms(fixture) > fixture->now_ms);
    assert_int_equal(step(fixture, true), 0); /* after a pause, not at once */
    restart(fixture);                         /* 1 is acknowledged all the same */
    fixture->verdicts['r'] = VERDICT_APPLIED;
    drain(fixture);
    expect_seen(fixture, "1 retry retry 2");
}

static void a_waiting_event_that_cannot_be_applied_now_comes_again_soon(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['e'] = VERDICT_EARLY;
    publish(fixture, ONE, "a", "early");
    drain(fixture);
    fixture->verdicts['e'] = VERDICT_RETRY;
    publish(fixture, TWO, "c", "other");
    (void)step(fixture, true);
    (void)step(fixture, true);
    fixture->verdicts['e'] = VERDICT_APPLIED;
    assert_true(next_ms(fixture) < fixture->now_ms + 1000);
    fixture->now_ms = next_ms(fixture);
    drain(fixture);
    assert_int_equal(waiting(fixture), 0);
    expect_seen(fixture, "early other early early");
}

static void a_source_that_is_held_up_does_not_hold_up_another(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['r'] = VERDICT_RETRY;
    publish(fixture, ONE, "a", "retry");
    publish(fixture, TWO, "c", "1");
    (void)step(fixture, true);
    fixture->now_ms = next_ms(fixture);
    (void)step(fixture, true);
    expect_seen(fixture, "retry 1 retry");
}

static void a_clock_put_back_an_hour_holds_up_nothing(void **state)
{
    struct fixture *fixture = *state;

    fixture->verdicts['r'] = VERDICT_RETRY;
    fixture->verdicts['e'] = VERDICT_EARLY;
    publish(fixture, TWO, "c", "early");
    drain(fixture);
    publish(fixture, ONE, "a", "retry");
    (void)step(fixture, true);
    fixture->verdicts['r'] = fixture->verdicts['e'] = VERDICT_APPLIED;
    set_clock(fixture, -HOUR_MS);
    assert_true(next_ms(fixture) < fixture->now_ms + 1000);
    fixture->now_ms = next_ms(fixture);
    drain(fixture);
    fixture->now_ms += 1000;
    drain(fixture);
    assert_int_equal(waiting(fixture), 0);
    assert_true(next_ms(fixture) > fixture->now_ms + HOUR_MS);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(events_come_in_the_order_they_were_published),
        CASE(an_event_carries_its_trace),
        CASE(an_event_that_waits_keeps_its_trace),
        CASE(what_was_published_before_the_start_comes_too),
        CASE(what_was_settled_does_not_come_again),
        CASE(what_had_no_effect_is_stored_with_what_has),
        CASE(what_had_no_effect_is_stored_within_seconds),
        CASE(what_nobody_waits_for_gathers),
        CASE(what_gathers_and_fails_rests_as_anything_that_fails),
        CASE(a_failed_commit_brings_the_events_again),
        CASE(subjects_nobody_listens_to_are_passed_over),
        CASE(more_than_one_fetch_holds_comes_whole),
        CASE(large_events_come_in_several_fetches),
        CASE(several_sources_have_positions_of_their_own),
        CASE(a_notice_reaches_the_subscriber_and_the_watcher),
        CASE(an_early_event_waits_until_something_was_applied),
        CASE(a_chain_of_waiting_events_resolves),
        CASE(waiting_events_survive_a_restart),
        CASE(many_waiting_events_come_page_by_page),
        CASE(a_failed_commit_does_not_lose_the_place_among_waiting_events),
        CASE(a_waiting_event_is_looked_at_now_and_then),
        CASE(what_another_replica_settled_is_not_claimed),
        CASE(an_event_waits_for_a_day_from_when_it_came_however_old_it_is),
        CASE(an_event_that_waited_a_day_is_dead),
        CASE(an_event_that_waited_over_a_sleep_is_not_dead_before_the_others_came),
        CASE(an_event_that_waited_over_a_stop_is_dead_some_minutes_after_the_start),
        CASE(a_clock_put_back_an_hour_holds_up_nothing),
        CASE(a_dead_event_is_kept_with_its_reason_and_holds_up_nothing),
        CASE(a_dead_letter_that_is_put_back_comes_once_more),
        CASE(what_cannot_be_applied_now_comes_again_in_order),
        CASE(a_waiting_event_that_cannot_be_applied_now_comes_again_soon),
        CASE(a_source_that_is_held_up_does_not_hold_up_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
