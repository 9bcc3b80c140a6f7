/* Unit tests of telemetry/trace: traceparent both ways, ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "telemetry/trace.h"

/* The example of the recommendation. */
#define EXAMPLE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void a_traceparent_is_read(void **state)
{
    struct trace trace;

    assert_true(trace_parse(STR(EXAMPLE), &trace));
    assert_true(trace.high == UINT64_C(0x4bf92f3577b34da6) &&
                trace.low == UINT64_C(0xa3ce929d0e0e4736));
    assert_true(trace.span == UINT64_C(0x00f067aa0ba902b7) && trace.sampled);
    assert_true(
        trace_parse(STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02"), &trace));
    assert_false(trace.sampled);
}

static void what_is_read_can_be_written(void **state)
{
    struct trace trace;
    char text[TRACE_TEXT_LEN];

    assert_true(trace_parse(STR(EXAMPLE), &trace));
    trace_format(&trace, text);
    assert_memory_equal(text, EXAMPLE, sizeof text);
    trace.sampled = false;
    trace_format(&trace, text);
    assert_memory_equal(text + 52, "-00", 3);
}

static void anything_else_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
    };
    struct trace trace;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (trace_parse(str_of(bad[i]), &trace)) fail_msg("taken: %s", bad[i]);
        assert_false(trace_known(&trace));
    }
}

static void a_later_version_is_read_as_far_as_it_is_known(void **state)
{
    struct trace trace;

    assert_true(
        trace_parse(STR("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"), &trace));
    assert_true(trace.span == UINT64_C(0x00f067aa0ba902b7));
}

static void counting_fill(struct random *random, void *bytes, size_t size)
{
    (void)random;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)i;
}

static void the_same_source_makes_the_same_ids(void **state)
{
    struct random counting = {counting_fill};
    struct trace_source one, other;

    trace_source_init(&one, &counting);
    trace_source_init(&other, &counting);
    for (int i = 0; i < 100; i++) {
        struct trace a = trace_new(&one), b = trace_new(&other);

        assert_true(a.high == b.high && a.low == b.low && a.span == b.span);
    }
}

static void what_follows_has_the_trace_and_a_span_of_its_own(void **state)
{
    struct trace_source source;
    struct trace first, second, unknown = {0};

    trace_source_init(&source, &random_system);
    first = trace_new(&source);
    assert_true(trace_known(&first) && first.span && first.sampled);
    first.sampled = false;
    second = trace_follow(&source, &first);
    assert_true(second.high == first.high && second.low == first.low);
    assert_true(second.span != first.span && !second.sampled);
    second = trace_follow(&source, &unknown);
    assert_false(trace_known(&second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_is_read),
        cmocka_unit_test(what_is_read_can_be_written),
        cmocka_unit_test(anything_else_is_none),
        cmocka_unit_test(a_later_version_is_read_as_far_as_it_is_known),
        cmocka_unit_test(the_same_source_makes_the_same_ids),
        cmocka_unit_test(what_follows_has_the_trace_and_a_span_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
