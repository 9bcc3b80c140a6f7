/* Claims on a real Redis, by two claimers (delay.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "../folder.h"
#include "delay/delay.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW_MS   INT64_C(1790000000000)
#define LEASE_MS INT64_C(5000)

struct fixture {
    struct folder folder;
    pid_t server;
    struct delay_address address;
    struct delay *one, *two;
};

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static pid_t start_server(const struct fixture *fixture)
{
    char port[16];
    pid_t child;

    snprintf(port, sizeof port, "%d", fixture->address.port);
    child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout)) _exit(127);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir",
               fixture->folder.path, "--save", "", "--requirepass", "a secret", (char *)NULL);
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
        if (delay_claim(fixture->one, 0, LEASE_MS, &id, 1, &count) == OK) return;
        usleep(10000);
    }
    fail_msg("redis-server does not answer");
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char url[128];

    *state = fixture;
    fixture->folder = folder_make();
    snprintf(url, sizeof url, "redis://:a secret@127.0.0.1:%d/3", free_port());
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
        items[i] = (struct delayed){id_of(first + i), due_at_ms};
    assert_int_equal(delay_put(delay, items, count), OK);
}

static size_t claim(struct delay *delay, int64_t now_ms, size_t max, struct object_id *out)
{
    size_t count;

    assert_int_equal(delay_claim(delay, now_ms, LEASE_MS, out, max, &count), OK);
    return count;
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
    assert_int_equal(claim(fixture->one, NOW_MS, 4, ids), 2);
    assert_int_equal(claim(fixture->two, NOW_MS + LEASE_MS - 1, 4, ids), 0);
    assert_int_equal(claim(fixture->two, NOW_MS + LEASE_MS, 4, ids), 2);
    assert_int_equal(delay_done(fixture->two, ids, 2), OK);
    assert_int_equal(claim(fixture->one, NOW_MS + 10 * LEASE_MS, 4, ids), 0);
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
    assert_int_equal(delay_claim(fixture->one, NOW_MS, LEASE_MS, ids, 4, &count), ERR_UNAVAILABLE);
    fixture->server = start_server(fixture);
    wait_up(fixture);
    assert_int_equal(claim(fixture->one, NOW_MS, 4, ids), 0); /* wiped */
    put(fixture->one, 0, 1, NOW_MS);
    assert_int_equal(claim(fixture->one, NOW_MS, 4, ids), 1);
}

static void addresses_are_read_strictly(void **state)
{
    static const char *const bad[] = {
        "redis://",           "redis://host",     "redis://host:0",     "rediss://host:1",
        "redis://u:p@host:1", "redis://host:1/x", "redis://host:99999", "redis://:1"};
    struct delay_address address;

    (void)state;
    assert_true(delay_address_parse("redis://:s3@cret@[::1]:6379/2", &address));
    assert_string_equal(address.host, "::1");
    assert_string_equal(address.password, "s3@cret");
    assert_int_equal(address.port, 6379);
    assert_int_equal(address.database, 2);
    assert_true(delay_address_parse("redis://localhost:6379", &address));
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
        cmocka_unit_test_setup_teardown(a_moved_time_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_comes_back_is_used_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
