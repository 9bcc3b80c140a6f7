/* Claims on a real Redis, by two claimers (delay.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "../folder.h"
#include "delay/delay.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW_MS   INT64_C(1790000000000)
#define HOUR_MS  INT64_C(3600000)
#define LEASE_MS HOUR_MS
#define SHORT_MS INT64_C(1000) /* a lease that is waited for */

struct fixture {
    struct folder folder;
    pid_t server;
    struct delay_address address;
    struct delay *one, *two;
};

/* host:port on an address of 127/8 that is drawn: nobody else's, whatever runs beside this test. */
static void draw_place(char *place, size_t size)
{
    unsigned char drawn[5];

    assert_int_equal(getrandom(drawn, sizeof drawn, 0), sizeof drawn);
    snprintf(place, size, "127.%d.%d.%d:%d", drawn[0] | 1, drawn[1], drawn[2] | 1,
             10000 + drawn[3] * 64 + drawn[4]);
}

static pid_t start_server(const struct fixture *fixture)
{
    char port[16];
    pid_t child;

    snprintf(port, sizeof port, "%d", fixture->address.port);
    child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout)) _exit(127);
        execlp("redis-server", "redis-server", "--port", port, "--bind", fixture->address.host,
               "--dir", fixture->folder.path, "--save", "", "--requirepass", "a secret",
               (char *)NULL);
        _exit(127);
    }
    return child;
}

/* Until it answers; fails after ten seconds. */
static void wait_up(struct fixture *fixture)
{
    struct object_id id;
    size_t count;

    for (int i = 0; i < 1000; i++) {
        if (delay_claim(fixture->one, WALL_NONE, LEASE_MS, &id, 1, &count) == OK) return;
        usleep(10000);
    }
    fail_msg("redis-server does not answer");
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char url[128], place[32];

    *state = fixture;
    fixture->folder = folder_make();
    draw_place(place, sizeof place);
    snprintf(url, sizeof url, "redis://:a secret@%s/3", place);
    assert_true(delay_address_parse(url, &fixture->address));
    fixture->server = start_server(fixture);
    fixture->one = delay_open(&fixture->address, "expiration");
    fixture->two = delay_open(&fixture->address, "expiration");
    wait_up(fixture);
    return 0;
}

static void stop_server(struct fixture *fixture)
{
    kill(fixture->server, SIGKILL);
    waitpid(fixture->server, NULL, 0);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    delay_close(fixture->one);
    delay_close(fixture->two);
    stop_server(fixture);
    folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static struct object_id id_of(unsigned number)
{
    struct object_id id = {{0}};

    id.bytes[0] = 1;
    id.bytes[10] = (unsigned char)(number >> 8);
    id.bytes[11] = (unsigned char)number;
    return id;
}

static void put(struct delay *delay, unsigned first, unsigned count, int64_t due_at_ms)
{
    struct delayed items[DELAY_CALL_MAX];

    for (unsigned i = 0; i < count; i++)
        items[i] = (struct delayed){id_of(first + i), {due_at_ms}};
    assert_int_equal(delay_put(delay, items, count), OK);
}

static size_t claim_for(struct delay *delay, int64_t now_ms, int64_t lease_ms, size_t max,
                        struct object_id *out)
{
    size_t count;

    assert_int_equal(delay_claim(delay, (struct wall_ms){now_ms}, lease_ms, out, max, &count), OK);
    return count;
}

static size_t claim(struct delay *delay, int64_t now_ms, size_t max, struct object_id *out)
{
    return claim_for(delay, now_ms, LEASE_MS, max, out);
}

/* A claim of another ends; fails after ten seconds. */
static void wait_lapsed(struct delay *delay, size_t count, struct object_id *ids)
{
    size_t found = 0;

    for (int i = 0; i < 1000 && found == 0; i++) {
        found = claim(delay, NOW_MS, 4, ids);
        if (!found) usleep(10000);
    }
    assert_int_equal(found, count);
}

/* The number that a command answers. */
static int redis_number(const struct fixture *fixture, const char *command)
{
    char line[512];
    int number = -1;
    FILE *answer;

    snprintf(line, sizeof line, "redis-cli -h %s -p %d -a 'a secret' --no-auth-warning -n 3 %s",
             fixture->address.host, fixture->address.port, command);
    answer = popen(line, "r");
    assert_non_null(answer);
    assert_int_equal(fscanf(answer, "%d", &number), 1);
    pclose(answer);
    return number;
}

static void only_what_is_due_is_claimed(void **state)
{
    struct fixture *fixture = *state;
    struct object_id ids[DELAY_CALL_MAX];

    put(fixture->one, 0, 3, NOW_MS);
    put(fixture->one, 3, 3, NOW_MS + 1);
    assert_int_equal(claim(fixture->one, NOW_MS - 1, DELAY_CALL_MAX, ids), 0);
    assert_int_equal(claim(fixture->one, NOW_MS, DELAY_CALL_MAX, ids), 3);
    assert_int_equal(claim(fixture->one, NOW_MS + 1, DELAY_CALL_MAX, ids), 3);
}

static void two_claimers_never_have_the_same(void **state)
{
    struct fixture *fixture = *state;
    bool seen[DELAY_CALL_MAX] = {false};
    struct object_id ids[7];
    size_t count, sum = 0;

    put(fixture->one, 0, DELAY_CALL_MAX, NOW_MS);
    put(fixture->two, 0, DELAY_CALL_MAX, NOW_MS); /* the other replica knows them, too */
    for (int turn = 0; (count = claim(turn % 2 ? fixture->one : fixture->two, NOW_MS, 7, ids));
         turn++) {
        put(turn % 2 ? fixture->two : fixture->one, 0, DELAY_CALL_MAX, NOW_MS);
        for (size_t i = 0; i < count; i++) {
            unsigned number = (unsigned)ids[i].bytes[10] << 8 | ids[i].bytes[11];

            assert_false(seen[number]);
            seen[number] = true;
        }
        sum += count;
    }
    assert_int_equal(sum, DELAY_CALL_MAX);
}

static void a_crashed_claimers_work_returns(void **state)
{
    struct fixture *fixture = *state;
    struct object_id ids[4];

    put(fixture->one, 0, 2, NOW_MS);
    assert_int_equal(claim_for(fixture->one, NOW_MS, SHORT_MS, 4, ids), 2);
    wait_lapsed(fixture->two, 2, ids);
    assert_int_equal(delay_done(fixture->two, ids, 2), OK);
    assert_int_equal(redis_number(fixture, "ZCARD expiration:claimed"), 0);
    assert_int_equal(claim(fixture->one, NOW_MS, 4, ids), 0);
}

/* What one of them believes about the time moves no lease. */
static void a_claimer_whose_clock_is_ahead_keeps_nothing_longer_and_takes_nothing_away(void **state)
{
    struct fixture *fixture = *state;
    struct object_id ids[4];

    put(fixture->one, 0, 2, NOW_MS);
    assert_int_equal(claim_for(fixture->one, NOW_MS + HOUR_MS, SHORT_MS, 1, ids), 1);
    assert_int_equal(claim(fixture->one, NOW_MS, 1, ids), 1);
    wait_lapsed(fixture->two, 1, ids);
    assert_int_equal(claim(fixture->two, NOW_MS + 30 * HOUR_MS, 4, ids), 0);
}

static void a_lease_that_the_servers_clock_gave_before_it_was_set_back_is_cut(void **state)
{
    struct fixture *fixture = *state;
    struct object_id ids[4];
    size_t count;

    put(fixture->one, 0, 1, NOW_MS);
    assert_int_equal(claim(fixture->one, NOW_MS, 4, ids), 1);
    assert_int_equal(
        redis_number(fixture, "ZADD expiration:claimed 99999999999999 010000000000000000000000"),
        0);
    assert_int_equal(delay_claim(fixture->two, (struct wall_ms){NOW_MS}, SHORT_MS, ids, 4, &count),
                     OK);
    assert_int_equal(count, 0);
    wait_lapsed(fixture->two, 1, ids);
}

static void a_moved_time_counts(void **state)
{
    struct fixture *fixture = *state;
    struct object_id ids[4];

    put(fixture->one, 0, 1, NOW_MS);
    put(fixture->one, 0, 1, NOW_MS + 1000);
    assert_int_equal(claim(fixture->one, NOW_MS, 4, ids), 0);
    assert_int_equal(claim(fixture->one, NOW_MS + 1000, 4, ids), 1);
}

static void a_server_that_comes_back_is_used_again(void **state)
{
    struct fixture *fixture = *state;
    struct object_id ids[4];
    size_t count;

    put(fixture->one, 0, 1, NOW_MS);
    stop_server(fixture);
    assert_int_equal(delay_claim(fixture->one, (struct wall_ms){NOW_MS}, LEASE_MS, ids, 4, &count),
                     ERR_UNAVAILABLE);
    fixture->server = start_server(fixture);
    wait_up(fixture);
    assert_int_equal(claim(fixture->one, NOW_MS, 4, ids), 0); /* wiped */
    put(fixture->one, 0, 1, NOW_MS);
    assert_int_equal(claim(fixture->one, NOW_MS, 4, ids), 1);
}

static void addresses_are_read_strictly(void **state)
{
    static const char *const bad[] = {"redis://",           "redis://host",     "redis://host:0",
                                      "redisss://host:1",   "redis://u@host:1", "redis://host:1/x",
                                      "redis://host:99999", "redis://:1",       "redis://:%zz@h:1",
                                      "unix:relative",      "redis://:%00@h:1", "unix:"};
    struct delay_address address;

    (void)state;
    assert_true(delay_address_parse("redis://:s3@cret@[::1]:6379/2", &address));
    assert_string_equal(address.host, "::1");
    assert_string_equal(address.password, "s3@cret");
    assert_int_equal(address.port, 6379);
    assert_int_equal(address.database, 2);
    assert_string_equal(address.user, "");
    assert_false(address.tls);
    assert_true(delay_address_parse("rediss://:s@localhost:6380", &address));
    assert_true(address.tls);
    assert_string_equal(address.host, "localhost");
    assert_int_equal(address.port, 6380);
    assert_true(delay_address_parse("redis://localhost:6379", &address));
    assert_true(delay_address_parse("redis://box%3aoffice:s3%40cret%2f@host:1", &address));
    assert_string_equal(address.user, "box:office");
    assert_string_equal(address.password, "s3@cret/");
    assert_string_equal(address.host, "host");
    assert_true(delay_address_parse("unix:u:p%2fw@/run/redis.sock", &address));
    assert_string_equal(address.path, "/run/redis.sock");
    assert_string_equal(address.user, "u");
    assert_string_equal(address.password, "p/w");
    assert_true(delay_address_parse("unix:/run/redis.sock", &address));
    assert_string_equal(address.path, "/run/redis.sock");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(delay_address_parse(bad[i], &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_strictly),
        cmocka_unit_test_setup_teardown(only_what_is_due_is_claimed, setup, teardown),
        cmocka_unit_test_setup_teardown(two_claimers_never_have_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crashed_claimers_work_returns, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_claimer_whose_clock_is_ahead_keeps_nothing_longer_and_takes_nothing_away, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            a_lease_that_the_servers_clock_gave_before_it_was_set_back_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_moved_time_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_comes_back_is_used_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
