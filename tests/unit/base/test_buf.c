/* Unit tests of base/buf: growth, the maximum, failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/arena.h"

#include <stdio.h>

static void assert_buf(const struct buf *buf, const char *expected)
{
    assert_true(str_eq(buf_str(buf), str_of(expected)));
}

static void an_empty_buffer_takes_no_memory_and_reads_as_empty_text(void **state)
{
    struct buf buf;

    buf_init(&buf, NULL, 10);
    assert_null(buf.at);
    assert_non_null(buf_str(&buf).at);
    assert_int_equal(buf_str(&buf).len, 0);
    buf_append(&buf, STR(""));
    buf_append(&buf, (struct str){NULL, 0});
    assert_null(buf.at);
    assert_false(buf.failed);
    buf_free(&buf);
}

static void appends_of_all_kinds_follow_each_other(void **state)
{
    struct buf buf;

    buf_init(&buf, NULL, 1000);
    buf_append(&buf, STR("a"));
    buf_char(&buf, 'b');
    buf_int(&buf, -12);
    buf_printf(&buf, "<%s:%d>", "x", 5);
    buf_printf(&buf, "%s", "");
    assert_buf(&buf, "ab-12<x:5>");
    buf_free(&buf);
}

static void numbers_are_written_exactly(void **state)
{
    static const int64_t numbers[] = {0,   1,   9,    10,        11,        99,       100,
                                      101, 999, 1000, 123456789, INT64_MAX, INT64_MIN};
    struct buf buf;

    buf_init(&buf, NULL, 1000);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        for (int sign = 1; sign >= -1; sign -= 2) {
            int64_t number = numbers[i] == INT64_MIN ? INT64_MIN : sign * numbers[i];
            char expected[32];

            snprintf(expected, sizeof expected, "%lld", (long long)number);
            buf_reset(&buf);
            buf_int(&buf, number);
            assert_buf(&buf, expected);
        }
    }
    buf_free(&buf);
}

static void it_grows_to_exactly_its_maximum(void **state)
{
    for (size_t max = 1; max < 1200; max += 7) {
        struct buf buf;

        buf_init(&buf, NULL, max);
        for (size_t i = 0; i < max; i++)
            buf_char(&buf, (char)('a' + i % 26));
        assert_false(buf.failed);
        assert_int_equal(buf.len, max);
        assert_true(buf.cap <= max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(buf.at[i], 'a' + i % 26);
        buf_char(&buf, 'x');
        assert_true(buf.failed);
        assert_int_equal(buf.len, max);
        buf_free(&buf);
    }
}

static void a_formatted_text_may_fill_the_maximum_exactly(void **state)
{
    struct buf buf;

    buf_init(&buf, NULL, 5);
    buf_printf(&buf, "%s", "12345");
    assert_false(buf.failed);
    assert_buf(&buf, "12345");
    buf_printf(&buf, "%s", "");
    assert_false(buf.failed);
    buf_printf(&buf, "%s", "6");
    assert_true(buf.failed);
    assert_buf(&buf, "12345");
    buf_free(&buf);
}

static void after_a_failure_nothing_more_is_appended(void **state)
{
    struct buf buf;

    buf_init(&buf, NULL, 4);
    buf_append(&buf, STR("ab"));
    buf_append(&buf, STR("too long"));
    buf_append(&buf, STR("c"));
    buf_printf(&buf, "c");
    assert_null(buf_reserve(&buf, 1));
    assert_true(buf.failed);
    assert_buf(&buf, "ab");
    buf_free(&buf);
}

static void reset_keeps_the_memory_and_forgets_the_failure(void **state)
{
    struct buf buf;
    char *at;

    buf_init(&buf, NULL, 4);
    buf_append(&buf, STR("ab"));
    buf_append(&buf, STR("too long"));
    at = buf.at;
    buf_reset(&buf);
    assert_false(buf.failed);
    buf_append(&buf, STR("wxyz"));
    assert_ptr_equal(buf.at, at);
    assert_buf(&buf, "wxyz");
    buf_free(&buf);
    assert_int_equal(buf.len, 0);
}

static void in_an_arena_it_keeps_its_contents_while_it_grows(void **state)
{
    struct arena *arena = arena_new(100000);
    struct buf buf;

    buf_init(&buf, arena, 20000);
    for (int i = 0; i < 2000; i++)
        buf_append(&buf, STR("0123456789"));
    assert_false(buf.failed);
    for (size_t i = 0; i < buf.len; i++)
        assert_int_equal(buf.at[i], '0' + i % 10);
    buf_free(&buf);
    arena_free(arena);
}

static void a_full_arena_fails_the_append(void **state)
{
    struct arena *arena = arena_new(1000);
    struct buf buf;

    buf_init(&buf, arena, 20000);
    for (int i = 0; i < 200; i++)
        buf_append(&buf, STR("0123456789"));
    assert_true(buf.failed);
    assert_true(buf.len < 1000);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_takes_no_memory_and_reads_as_empty_text),
        cmocka_unit_test(appends_of_all_kinds_follow_each_other),
        cmocka_unit_test(numbers_are_written_exactly),
        cmocka_unit_test(it_grows_to_exactly_its_maximum),
        cmocka_unit_test(a_formatted_text_may_fill_the_maximum_exactly),
        cmocka_unit_test(after_a_failure_nothing_more_is_appended),
        cmocka_unit_test(reset_keeps_the_memory_and_forgets_the_failure),
        cmocka_unit_test(in_an_arena_it_keeps_its_contents_while_it_grows),
        cmocka_unit_test(a_full_arena_fails_the_append),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
