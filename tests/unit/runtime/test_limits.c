/* Unit tests of runtime/limits: counts, waits that grow, and counts nobody can push out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/siphash.h"
#include "runtime/limits.h"

#include <stdio.h>

#define MINUTE_MS INT64_C(60000)
#define NOW_MS    INT64_C(1790000000000)

static const struct limit_rule failures = {"failures", 5, MINUTE_MS, 15 * MINUTE_MS};
static const struct limit_rule plain = {"plain", 3, MINUTE_MS, 0};

static struct limit *make(const struct limit_rule *rule)
{
    enum err err;
    struct limit *limit = limit_new(rule, &random_system, &err);

    assert_int_equal(err, OK);
    assert_non_null(limit);
    return limit;
}

/* What limit_take says: 0, or the seconds to wait. */
static int take(struct limit *limit, const char *key, int64_t now_ms)
{
    struct request rq = {.retry_after_s = 0};
    enum err err = limit_take(limit, str_of(key), (struct mono_ms){now_ms}, &rq);

    assert_true(err == OK || err == ERR_BUSY);
    assert_int_equal(err == ERR_BUSY, rq.retry_after_s > 0);
    return rq.retry_after_s;
}

static int look(struct limit *limit, const char *key, int64_t now_ms)
{
    struct request rq = {.retry_after_s = 0};

    (void)limit_check(limit, str_of(key), (struct mono_ms){now_ms}, &rq);
    return rq.retry_after_s;
}

static uint64_t refused;

static void see(void *context, const char *name, uint64_t count)
{
    if (strcmp(name, context) == 0) refused = count;
}

static void so_many_pass_and_the_next_waits_for_the_window(void **state)
{
    struct limit *limit = make(&plain);
    char name[] = "plain";

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(limit, "ada", NOW_MS + i * 1000), 0);
    assert_int_equal(take(limit, "ada", NOW_MS + 3000), 57);
    assert_int_equal(take(limit, "ada", NOW_MS + 58000), 2);
    assert_int_equal(take(limit, "bob", NOW_MS + 3000), 0);
    limits_each(see, name);
    assert_int_equal(refused, 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(limit, "ada", NOW_MS + MINUTE_MS), 0);
    assert_int_equal(take(limit, "ada", NOW_MS + MINUTE_MS), 60);
    limit_free(limit);
}

static void the_wait_grows_up_to_a_bound_and_shrinks_after_quiet(void **state)
{
    static const int waits[] = {60, 120, 240, 480, 900, 900, 900};
    struct limit *limit = make(&failures);
    int64_t now_ms = NOW_MS;

    (void)state;
    for (size_t round = 0; round < sizeof waits / sizeof *waits; round++) {
        for (int i = 0; i < 5; i++)
            assert_int_equal(take(limit, "ada", now_ms), 0);
        assert_int_equal(take(limit, "ada", now_ms), waits[round]);
        assert_int_equal(look(limit, "ada", now_ms + 1000), waits[round] - 1);
        assert_int_equal(take(limit, "ada", now_ms + 1),
                         waits[round]); /* asking makes it no longer */
        now_ms += waits[round] * 1000;
        assert_int_equal(look(limit, "ada", now_ms), 0);
    }
    now_ms += 15 * MINUTE_MS;
    for (int i = 0; i < 5; i++)
        assert_int_equal(take(limit, "ada", now_ms), 0);
    assert_int_equal(take(limit, "ada", now_ms), 60);
    limit_free(limit);
}

static void what_is_given_back_or_forgotten_does_not_count(void **state)
{
    struct limit *limit = make(&failures);

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(take(limit, "office", NOW_MS), 0);
        limit_give_back(limit, STR("office"));
    }
    for (int i = 0; i < 5; i++)
        assert_int_equal(take(limit, "office", NOW_MS), 0);
    assert_int_equal(take(limit, "office", NOW_MS), 60);
    limit_forget(limit, STR("office"));
    assert_int_equal(take(limit, "office", NOW_MS), 0);
    limit_give_back(limit, STR("nobody"));
    limit_forget(limit, STR("nobody"));
    limit_free(limit);
}

/* A million other keys, each counted as often as it may be: his own count stands. */
static void nobody_pushes_his_own_count_out(void **state)
{
    struct limit *limit = make(&failures);
    char key[32];

    (void)state;
    for (int i = 0; i < 6; i++)
        (void)take(limit, "guessed@example.com", NOW_MS);
    assert_int_equal(look(limit, "guessed@example.com", NOW_MS), 60);
    for (int i = 0; i < 200000; i++) {
        snprintf(key, sizeof key, "other-%d", i);
        for (int j = 0; j < 6; j++)
            (void)take(limit, key, NOW_MS + i / 5000);
    }
    assert_int_equal(look(limit, "guessed@example.com", NOW_MS + 40), 60);
    limit_free(limit);
}

/* Light counts give way to new ones, so that a crowd of strangers shuts nobody out. */
static void strangers_shut_nobody_out(void **state)
{
    struct limit *limit = make(&failures);
    char key[32];

    (void)state;
    for (int i = 0; i < 200000; i++) {
        snprintf(key, sizeof key, "stranger-%d", i);
        assert_int_equal(take(limit, key, NOW_MS), 0);
    }
    limit_free(limit);
}

static void a_rule_that_counts_to_nothing_is_no_limit(void **state)
{
    static const struct limit_rule none = {"none", 0, MINUTE_MS, 0};
    enum err err = ERR_INTERNAL;
    struct limit *limit = limit_new(&none, &random_system, &err);

    (void)state;
    assert_null(limit);
    assert_int_equal(err, OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(take(limit, "ada", NOW_MS), 0);
    assert_int_equal(look(limit, "ada", NOW_MS), 0);
    limit_give_back(limit, STR("ada"));
    limit_forget(limit, STR("ada"));
    limit_free(limit);
}

/* The vector of the paper's appendix: key 00 … 0f, message 00 … 0e. */
static void siphash_is_siphash(void **state)
{
    static const uint64_t key[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    char message[15];

    (void)state;
    for (int i = 0; i < 15; i++)
        message[i] = (char)i;
    assert_true(siphash(key, (struct str){message, sizeof message}) == 0xa129ca6149be45e5u);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_pass_and_the_next_waits_for_the_window),
        cmocka_unit_test(the_wait_grows_up_to_a_bound_and_shrinks_after_quiet),
        cmocka_unit_test(what_is_given_back_or_forgotten_does_not_count),
        cmocka_unit_test(nobody_pushes_his_own_count_out),
        cmocka_unit_test(strangers_shut_nobody_out),
        cmocka_unit_test(a_rule_that_counts_to_nothing_is_no_limit),
        cmocka_unit_test(siphash_is_siphash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
