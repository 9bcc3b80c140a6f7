/* Unit tests of base/random: the system's generator fills what it is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/random.h"

#include <string.h>

static void each_byte_is_filled_and_none_beyond(void **state)
{
    unsigned char bytes[1026] = {0}, seen[1024] = {0};

    for (int round = 0; round < 64; round++) {
        random_fill(&random_system, bytes + 1, 1024);
        for (size_t i = 0; i < 1024; i++)
            seen[i] |= bytes[1 + i];
    }
    for (size_t i = 0; i < 1024; i++)
        assert_int_not_equal(seen[i], 0);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[1025], 0);
    random_fill(&random_system, bytes, 0);
    assert_int_equal(bytes[0], 0);
}

static void two_draws_differ(void **state)
{
    unsigned char a[16], b[16];

    random_fill(&random_system, a, sizeof a);
    random_fill(&random_system, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_is_filled_and_none_beyond),
        cmocka_unit_test(two_draws_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
