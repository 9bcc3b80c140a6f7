/* telemetry/metric.c: the program's own metrics, and the text Prometheus reads. */
#include "telemetry/metric.h"

_Atomic int64_t metric_values[METRICS];

const struct histogram_scale histogram_durations = {{50, 100, 250, 500, 1000, 2500, 5000, 10000,
                                                     25000, 50000, 100000, 250000, 500000, 1000000,
                                                     2500000, 10000000},
                                                    1e-6};
const struct histogram_scale histogram_sizes = {
    {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 768, 1024}, 1};

struct row {
    const char *name, *labels, *help;
    enum metric_kind kind;
};

#define METRIC_ROW(id, kind, name, labels, help) {name, labels, help, METRIC_##kind},
static const struct row rows[] = {METRIC_MAP(METRIC_ROW)};
#undef METRIC_ROW

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        counter_add(&into->buckets[i], counter_get(&from->buckets[i]));
    counter_add(&into->sum, counter_get(&from->sum));
}

uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;

    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        count += counter_get(&histogram->buckets[i]);
    return count;
}

void metric_family(struct buf *out, const char *name, enum metric_kind kind, const char *help)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};

    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kinds[kind]);
}

static void put_name(struct buf *out, const char *name, const char *labels)
{
    if (*labels)
        buf_printf(out, "%s{%s} ", name, labels);
    else
        buf_printf(out, "%s ", name);
}

void metric_line(struct buf *out, const char *name, const char *labels, int64_t value)
{
    put_name(out, name, labels);
    buf_printf(out, "%lld\n", (long long)value);
}

void metric_line_real(struct buf *out, const char *name, const char *labels, double value)
{
    put_name(out, name, labels);
    buf_printf(out, "%.15g\n", value);
}

void metric_histogram(struct buf *out, const char *name, const char *labels,
                      const struct histogram *histogram, const struct histogram_scale *scale)
{
    const char *comma = *labels ? "," : "";
    const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    uint64_t count = 0;

    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        count += counter_get(&histogram->buckets[i]);
        buf_printf(out, "%s_bucket{%s%sle=\"%.9g\"} %llu\n", name, labels, comma,
                   (double)scale->bounds[i] * scale->unit, (unsigned long long)count);
    }
    count += counter_get(&histogram->buckets[HISTOGRAM_BOUNDS]);
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma,
               (unsigned long long)count);
    buf_printf(out, "%s_sum%s%s%s %.15g\n", name, open, labels, close,
               (double)counter_get(&histogram->sum) * scale->unit);
    buf_printf(out, "%s_count%s%s%s %llu\n", name, open, labels, close, (unsigned long long)count);
}

void metric_write_all(struct buf *out)
{
    const char *family = "";

    for (size_t i = 0; i < METRICS; i++) {
        const struct row *row = &rows[i];

        if (strcmp(row->name, family) != 0) metric_family(out, row->name, row->kind, row->help);
        family = row->name;
        metric_line(out, row->name, row->labels, atomic_load(&metric_values[i]));
    }
}
