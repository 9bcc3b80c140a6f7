/* telemetry/metric.h: metrics of the running program, for Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4).
 *
 * A metric of the whole program is one line of METRIC_MAP and metric_add where it happens. Metrics
 * that belong to something (a loop, a route, a service) live there, in atomics that one thread
 * adds to without locking, and are written out by whoever gathers them (services/admin). */
#ifndef TELEMETRY_METRIC_H
#define TELEMETRY_METRIC_H

#include "base/str.h"

#include <stdatomic.h>

/* 0 leaves counting, timing and tracing out, for bench/run to measure what they cost. */
#ifndef OBSERVED
#define OBSERVED 1
#endif

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Name here, kind, name and labels there, what it counts. Lines of one name stand together. */
#define METRIC_MAP(X)                                                                              \
    X(GATEWAY_DONE, COUNTER, "boxoffice_gateway_calls_total", "outcome=\"done\"",                  \
      "Calls of the card gateway, by how they ended.")                                             \
    X(GATEWAY_DECLINED, COUNTER, "boxoffice_gateway_calls_total", "outcome=\"declined\"", "")      \
    X(GATEWAY_REFUSED, COUNTER, "boxoffice_gateway_calls_total", "outcome=\"refused\"", "")        \
    X(GATEWAY_UNKNOWN, COUNTER, "boxoffice_gateway_calls_total", "outcome=\"unknown\"", "")        \
    X(GATEWAY_ABSENT, COUNTER, "boxoffice_gateway_calls_total", "outcome=\"absent\"", "")          \
    X(DECLINES_ORDER, COUNTER, "boxoffice_payments_limited_total", "limit=\"order\"",              \
      "Payments not begun because too many came to nothing, by whose they were.")                  \
    X(DECLINES_ACCOUNT, COUNTER, "boxoffice_payments_limited_total", "limit=\"account\"", "")      \
    X(DECLINES_ADDRESS, COUNTER, "boxoffice_payments_limited_total", "limit=\"address\"", "")      \
    X(REFUNDS_FAILED, COUNTER, "boxoffice_refunds_failed_total", "",                               \
      "Refunds that the card processor or the buyer's bank did not take.")                         \
    X(SESSIONS_ISSUED, COUNTER, "boxoffice_sessions_total", "result=\"issued\"",                   \
      "Session tokens made, and session cookies that were not believed.")                          \
    X(SESSIONS_REFUSED, COUNTER, "boxoffice_sessions_total", "result=\"refused\"", "")             \
    X(SIGN_INS_REFUSED, COUNTER, "boxoffice_sign_ins_refused_total", "",                           \
      "Sign-ins with an unknown email or a wrong password.")                                       \
    X(POOL_FULL, COUNTER, "boxoffice_pool_refused_total", "reason=\"full\"",                       \
      "Requests that found no place in a pool's queue: it was full, or their address or account "  \
      "had its share.")                                                                            \
    X(POOL_ADDRESS, COUNTER, "boxoffice_pool_refused_total", "reason=\"address\"", "")             \
    X(POOL_ACCOUNT, COUNTER, "boxoffice_pool_refused_total", "reason=\"account\"", "")             \
    X(MAILS_SENT, COUNTER, "boxoffice_mails_total", "outcome=\"sent\"",                            \
      "Mails handed to the server of mail, by what it said.")                                      \
    X(MAILS_REFUSED, COUNTER, "boxoffice_mails_total", "outcome=\"refused\"", "")                  \
    X(MAILS_DELAYED, COUNTER, "boxoffice_mails_total", "outcome=\"delayed\"", "")                  \
    X(MAILS_UNCERTAIN, COUNTER, "boxoffice_mails_total", "outcome=\"uncertain\"", "")              \
    X(LIVE_CLIENTS, GAUGE, "boxoffice_live_clients", "", "Browsers that follow live changes.")     \
    X(EVENTS_PUBLISHED, COUNTER, "boxoffice_events_published_total", "",                           \
      "Events written to an outbox, and those of transactions that were rolled back.")             \
    X(EVENTS_PUBLISHED_BYTES, COUNTER, "boxoffice_events_published_bytes_total", "",               \
      "Bytes of their payloads.")                                                                  \
    X(EVENTS_DELIVERED, COUNTER, "boxoffice_events_delivered_total", "",                           \
      "Events handed to services and listeners, each time they were.")                             \
    X(EVENTS_DELIVERED_BYTES, COUNTER, "boxoffice_events_delivered_bytes_total", "",               \
      "Bytes of their payloads.")                                                                  \
    X(SPANS_EXPORTED, COUNTER, "boxoffice_spans_total", "result=\"exported\"",                     \
      "Spans of traces, by what became of them.")                                                  \
    X(SPANS_DROPPED, COUNTER, "boxoffice_spans_total", "result=\"dropped\"", "")                   \
    X(SPANS_FAILED, COUNTER, "boxoffice_spans_total", "result=\"failed\"", "")

#define METRIC_ENUM(id, kind, name, labels, help) METRIC_##id,
enum metric { METRIC_MAP(METRIC_ENUM) METRICS };
#undef METRIC_ENUM

extern _Atomic int64_t metric_values[METRICS];

/* Any thread. A gauge may be given a negative number. */
static inline void metric_add(enum metric metric, int64_t number)
{
    if (OBSERVED) atomic_fetch_add_explicit(&metric_values[metric], number, memory_order_relaxed);
}

static inline int64_t metric_get(enum metric metric) /* any thread */
{
    return atomic_load_explicit(&metric_values[metric], memory_order_relaxed);
}

/* --- counters with one writing thread --------------------------------------------------------- */

static inline void counter_add(_Atomic uint64_t *counter, uint64_t number)
{
    if (!OBSERVED) return;
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + number,
                          memory_order_relaxed);
}
static inline uint64_t counter_get(const _Atomic uint64_t *counter) /* any thread */
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#define HISTOGRAM_BOUNDS 16
struct histogram_scale {
    int64_t bounds[HISTOGRAM_BOUNDS]; /* growing */
    double unit;                      /* what is shown for 1 */
};
extern const struct histogram_scale histogram_durations; /* values in microseconds, shown in s */
extern const struct histogram_scale histogram_sizes;     /* how many */

struct histogram {
    _Atomic uint64_t buckets[HISTOGRAM_BOUNDS + 1]; /* the last: above every bound */
    _Atomic uint64_t sum;
};

static inline void histogram_add(struct histogram *histogram, const struct histogram_scale *scale,
                                 int64_t value)
{
    size_t bucket = 0;

    while (bucket < HISTOGRAM_BOUNDS && value > scale->bounds[bucket])
        bucket++;
    counter_add(&histogram->buckets[bucket], 1);
    counter_add(&histogram->sum, value > 0 ? (uint64_t)value : 0);
}
/* Adds one to another that nobody else knows. */
void histogram_merge(struct histogram *into, const struct histogram *from);
uint64_t histogram_count(const struct histogram *histogram);

/* --- writing them out ------------------------------------------------------------------------ */

/* Before the lines of one name. */
void metric_family(struct buf *out, const char *name, enum metric_kind kind, const char *help);
/* labels: name="value",…; no quotes, backslashes or line ends in the values; "" for none. */
void metric_line(struct buf *out, const char *name, const char *labels, int64_t value);
void metric_line_real(struct buf *out, const char *name, const char *labels, double value);
void metric_histogram(struct buf *out, const char *name, const char *labels,
                      const struct histogram *histogram, const struct histogram_scale *scale);
/* All of METRIC_MAP. */
void metric_write_all(struct buf *out);

#endif
