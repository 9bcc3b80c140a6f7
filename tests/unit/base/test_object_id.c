/* Unit tests of base/object_id: growth of the ids, layout, reading and showing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/object_id.h"
#include "base/random.h"

static void fill_with_fives(struct random *random, void *bytes, size_t size)
{
    (void)random;
    memset(bytes, 0x55, size);
}

static struct object_id_source source_of_fives(void)
{
    struct random random = {fill_with_fives};
    struct object_id_source source;

    object_id_source_init(&source, &random);
    return source;
}

static bool grows(struct object_id a, struct object_id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) < 0;
}

static void the_layout_is_seconds_then_source_then_counter(void **state)
{
    struct object_id_source source = source_of_fives();

    object_id_new(&source, (struct wall_ms){0x65000000LL * 1000});
    assert_string_equal(
        object_id_text(object_id_new(&source, (struct wall_ms){0x65000000LL * 1000 + 999})).hex,
        "650000005555555555000001");
    assert_string_equal(
        object_id_text(object_id_new(&source, (struct wall_ms){0x65000001LL * 1000})).hex,
        "650000015555555555000000");
}

static void ids_grow_within_a_second_and_over_seconds(void **state)
{
    struct object_id_source source = source_of_fives();
    struct object_id last = object_id_new(&source, WALL_NONE);

    for (int64_t now_ms = 0; now_ms < 100000; now_ms += 7) {
        struct object_id next = object_id_new(&source, (struct wall_ms){now_ms});

        assert_true(grows(last, next));
        last = next;
    }
}

static void ids_grow_though_the_clock_goes_back(void **state)
{
    struct object_id_source source = source_of_fives();
    struct object_id a = object_id_new(&source, (struct wall_ms){5000000}),
                     b = object_id_new(&source, (struct wall_ms){1000000});
    struct object_id c = object_id_new(&source, (struct wall_ms){-1}),
                     d = object_id_new(&source, (struct wall_ms){5000000});

    assert_true(grows(a, b));
    assert_true(grows(b, c));
    assert_true(grows(c, d));
}

static void ids_grow_though_the_counter_wraps(void **state)
{
    struct object_id_source source = source_of_fives();
    struct object_id last, next;

    object_id_new(&source, (struct wall_ms){1000});
    source.last |= 0xFFFFFE;
    last = object_id_new(&source, (struct wall_ms){1000});
    assert_string_equal(object_id_text(last).hex, "000000015555555555ffffff");
    next = object_id_new(&source, (struct wall_ms){1000});
    assert_string_equal(object_id_text(next).hex, "000000025555555555000000");
    last = object_id_new(&source, (struct wall_ms){2000});
    assert_true(grows(next, last));
}

static void text_of_either_case_is_read_and_shown_in_lower(void **state)
{
    struct object_id lower, upper;

    assert_true(object_id_parse(STR("0123456789abcdef01234567"), &lower));
    assert_true(object_id_parse(STR("0123456789ABCDEF01234567"), &upper));
    assert_true(object_id_eq(lower, upper));
    assert_int_equal(lower.bytes[4], 0x89);
    assert_string_equal(object_id_text(upper).hex, "0123456789abcdef01234567");
}

static void anything_but_24_hex_digits_is_no_id(void **state)
{
    static const char *const bad[] = {"",
                                      "0123456789abcdef0123456",
                                      "0123456789abcdef012345678",
                                      "0123456789abcdef0123456g",
                                      "g123456789abcdef01234567",
                                      "0123456789abcdef0123456 ",
                                      "0123456789abcde:01234567",
                                      "0123456789abcde@01234567",
                                      "0123456789abcde/01234567",
                                      "0123456789abcd`f01234567",
                                      "0123456789\303\244cdef01234567"};
    struct object_id id = {{7}};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(object_id_parse(str_of(bad[i]), &id));
    }
    assert_false(object_id_parse((struct str){"0123456789abcdef0123456\0", 24}, &id));
    assert_int_equal(id.bytes[0], 7);
}

static void two_sources_differ(void **state)
{
    struct object_id_source a, b;

    object_id_source_init(&a, &random_system);
    object_id_source_init(&b, &random_system);
    assert_memory_not_equal(a.unique, b.unique, sizeof a.unique);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_seconds_then_source_then_counter),
        cmocka_unit_test(ids_grow_within_a_second_and_over_seconds),
        cmocka_unit_test(ids_grow_though_the_clock_goes_back),
        cmocka_unit_test(ids_grow_though_the_counter_wraps),
        cmocka_unit_test(text_of_either_case_is_read_and_shown_in_lower),
        cmocka_unit_test(anything_but_24_hex_digits_is_no_id),
        cmocka_unit_test(two_sources_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
