/* tests/unit/auth/test_password.c: what hashing promises, with the real library. */
#include "services/auth/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static int setup(void **state)
{
    (void)state;
    return password_init() == OK && password_init() == OK ? 0 : -1;
}

static void only_the_password_itself_verifies(void **state)
{
    struct password_hash hash;

    (void)state;
    assert_int_equal(password_hash(STR("correct horse"), &hash), OK);
    assert_true(password_verify(STR("correct horse"), &hash));
    assert_false(password_verify(STR("correct horsf"), &hash));
    assert_false(password_verify(STR("Correct horse"), &hash));
    assert_false(password_verify(STR("correct hors"), &hash));
    assert_false(password_verify(STR("correct horse "), &hash));
    assert_false(password_verify(STR(""), &hash));
}

static void a_password_may_hold_any_bytes(void **state)
{
    struct password_hash hash;

    (void)state;
    assert_int_equal(password_hash(STR("\xF0\x9F\x94\x91\0tail"), &hash), OK);
    assert_true(password_verify(STR("\xF0\x9F\x94\x91\0tail"), &hash));
    assert_false(password_verify(STR("\xF0\x9F\x94\x91\0tale"), &hash));
    assert_false(password_verify(STR("\xF0\x9F\x94\x91"), &hash));
}

static void the_hash_says_its_cost(void **state)
{
    struct password_hash hash;

    (void)state;
    assert_int_equal(password_hash(STR("correct horse"), &hash), OK);
    assert_true(str_starts(str_of(hash.text), STR("$argon2id$v=19$m=19456,t=2,p=1$")));
}

static void one_password_has_two_hashes(void **state)
{
    struct password_hash first, second;

    (void)state;
    assert_int_equal(password_hash(STR("correct horse"), &first), OK);
    assert_int_equal(password_hash(STR("correct horse"), &second), OK);
    assert_string_not_equal(first.text, second.text);
}

static void a_hash_survives_its_row(void **state)
{
    struct password_hash hash, again;
    char too_long[PASSWORD_HASH_SIZE];

    (void)state;
    assert_int_equal(password_hash(STR("correct horse"), &hash), OK);
    assert_true(password_hash_parse(str_of(hash.text), &again));
    assert_memory_equal(&hash, &again, sizeof hash);
    memset(too_long, 'x', sizeof too_long);
    assert_false(password_hash_parse((struct str){too_long, sizeof too_long}, &again));
}

static void a_broken_hash_verifies_nothing(void **state)
{
    static const char *const broken[] = {
        "", "x", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$", "$2b$10$abcdefghijklmnop",
    };
    struct password_hash hash;

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        assert_true(password_hash_parse(str_of(broken[i]), &hash));
        assert_false(password_verify(STR("correct horse"), &hash));
        assert_false(password_verify(STR(""), &hash));
    }
}

/* Of this thread's own processor time: others use this machine too. */
static int64_t processor_us(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* The least of five runs. */
static int64_t least_verify_us(const struct password_hash *hash)
{
    int64_t least = INT64_MAX;

    for (int i = 0; i < 5; i++) {
        int64_t began_us = processor_us(), took_us;

        assert_false(password_verify(STR("wrong horse"), hash));
        took_us = processor_us() - began_us;
        if (took_us < least) least = took_us;
    }
    return least;
}

static void nobody_takes_as_long_as_somebody(void **state)
{
    struct password_hash somebody, nobody;
    int64_t somebody_us, nobody_us;

    (void)state;
    assert_int_equal(password_hash(STR("correct horse"), &somebody), OK);
    assert_int_equal(password_hash_of_nobody(&nobody), OK);
    assert_memory_equal(somebody.text, nobody.text, sizeof "$argon2id$v=19$m=19456,t=2,p=1$" - 1);
    somebody_us = least_verify_us(&somebody);
    nobody_us = least_verify_us(&nobody);
    assert_true(somebody_us < 2 * nobody_us && nobody_us < 2 * somebody_us);
}

/* Made by Python's hashlib.scrypt, of "päss" with this salt. */
#define SALT "0123456789abcdef"
#define HEX                                                                                        \
    "e2dc5fc7a013839a3a389a82485201595c388bc98c0a4542af3971d1958cb76c92fa2f33e3bfc77755066c12325"  \
    "33233ed5885b08017613ef4551ab629ceaac5"

static void a_hash_of_the_node_application_verifies(void **state)
{
    struct password_hash hash, ours;

    (void)state;
    assert_true(password_hash_imported(STR(HEX "." SALT), &hash));
    assert_true(password_is_imported(&hash));
    assert_true(password_verify(STR("p\xC3\xA4ss"), &hash));
    assert_false(password_verify(STR("pass"), &hash));
    assert_false(password_verify(STR(""), &hash));
    hash.text[strlen(hash.text) - 1] ^= 1;
    assert_false(password_verify(STR("p\xC3\xA4ss"), &hash));
    assert_int_equal(password_hash(STR("p\xC3\xA4ss"), &ours), OK);
    assert_false(password_is_imported(&ours));
}

static void what_is_no_such_hash_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      HEX,
                                      HEX ".",
                                      HEX "x" SALT,
                                      "." SALT,
                                      HEX ".a$b",
                                      HEX ". ",
                                      "x" HEX "." SALT,
                                      HEX ".01234567890123456789012345678901234567890123456789"
                                          "012345678901234"};
    struct password_hash hash;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(password_hash_imported(str_of(bad[i]), &hash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_password_itself_verifies),
        cmocka_unit_test(a_password_may_hold_any_bytes),
        cmocka_unit_test(the_hash_says_its_cost),
        cmocka_unit_test(one_password_has_two_hashes),
        cmocka_unit_test(a_hash_survives_its_row),
        cmocka_unit_test(a_broken_hash_verifies_nothing),
        cmocka_unit_test(nobody_takes_as_long_as_somebody),
        cmocka_unit_test(a_hash_of_the_node_application_verifies),
        cmocka_unit_test(what_is_no_such_hash_is_refused),
    };

    return cmocka_run_group_tests_name("auth/password", tests, setup, NULL);
}
