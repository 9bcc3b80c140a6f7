/* Unit tests of telemetry/metric: histograms, and the text they make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "telemetry/metric.h"

static const struct histogram_scale scale = {
    {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000}, 1e-3};

static void expect_line(const struct buf *text, const char *line)
{
    size_t len = strlen(line);
    const char *at = text->at;

    while ((at = memmem(at, text->len - (size_t)(at - text->at), line, len))) {
        if ((at == text->at || at[-1] == '\n') && at[len] == '\n') return;
        at += len;
    }
    fail_msg("no line \"%s\" in:\n%.*s", line, (int)text->len, text->at);
}

static void a_value_is_counted_in_every_bucket_it_fits(void **state)
{
    struct histogram histogram = {0};
    struct buf text;

    histogram_add(&histogram, &scale, 2); /* a bound belongs to its bucket */
    histogram_add(&histogram, &scale, 3);
    histogram_add(&histogram, &scale, 1000000);
    buf_init(&text, NULL, 65536);
    metric_histogram(&text, "x_seconds", "a=\"b\"", &histogram, &scale);
    expect_line(&text, "x_seconds_bucket{a=\"b\",le=\"0.001\"} 0");
    expect_line(&text, "x_seconds_bucket{a=\"b\",le=\"0.002\"} 1");
    expect_line(&text, "x_seconds_bucket{a=\"b\",le=\"0.005\"} 2");
    expect_line(&text, "x_seconds_bucket{a=\"b\",le=\"100\"} 2");
    expect_line(&text, "x_seconds_bucket{a=\"b\",le=\"+Inf\"} 3");
    expect_line(&text, "x_seconds_sum{a=\"b\"} 1000.005");
    expect_line(&text, "x_seconds_count{a=\"b\"} 3");
    buf_free(&text);
}

static void histograms_add_up(void **state)
{
    struct histogram one = {0}, other = {0};

    histogram_add(&one, &scale, 1);
    histogram_add(&other, &scale, 7);
    histogram_merge(&one, &other);
    assert_int_equal(histogram_count(&one), 2);
    assert_int_equal(counter_get(&one.sum), 8);
    assert_int_equal(counter_get(&one.buckets[3]), 1);
}

static void a_family_is_told_of_once(void **state)
{
    struct buf text;
    const char *first;

    metric_add(METRIC_LIVE_CLIENTS, 3);
    metric_add(METRIC_LIVE_CLIENTS, -1);
    metric_add(METRIC_GATEWAY_DECLINED, 1);
    buf_init(&text, NULL, 65536);
    metric_write_all(&text);
    expect_line(&text, "# TYPE boxoffice_gateway_calls_total counter");
    expect_line(&text, "boxoffice_gateway_calls_total{outcome=\"declined\"} 1");
    expect_line(&text, "# TYPE boxoffice_live_clients gauge");
    expect_line(&text, "boxoffice_live_clients 2");
    buf_char(&text, '\0');
    first = strstr(text.at, "# HELP boxoffice_gateway_calls_total");
    assert_non_null(first);
    assert_null(strstr(first + 1, "# HELP boxoffice_gateway_calls_total"));
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_counted_in_every_bucket_it_fits),
        cmocka_unit_test(histograms_add_up),
        cmocka_unit_test(a_family_is_told_of_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
