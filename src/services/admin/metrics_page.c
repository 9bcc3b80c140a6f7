/* services/admin/metrics_page.c: GET /metrics: everything that is counted, as Prometheus reads it.
 *
 * Made in the loop, over its readers, so that it can be had also while a writer stands still. */
#include "runtime/process_metrics.h"
#include "services/admin/admin.h"

#include <stdio.h>

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define TEXT_MAX     (2 * 1024 * 1024)
#define LABELS_MAX   128

struct page {
    struct buf *out;
    const struct app *app;
};

/* One line a service. */
typedef int64_t service_metric(const struct instance *service);

static void put_services(const struct page *page, const char *name, enum metric_kind kind,
                         const char *help, service_metric *metric)
{
    char labels[LABELS_MAX];

    metric_family(page->out, name, kind, help);
    for (size_t i = 0; i < app_service_count(page->app); i++) {
        const struct instance *service = app_service(page->app, i);
        int64_t value = metric(service);

        if (value < 0) continue;
        snprintf(labels, sizeof labels, "service=\"%s\"", instance_name(service));
        metric_line(page->out, name, labels, value);
    }
}

/* --- writers and pools --------------------------------------------------------------------- */

static int64_t failures_of(const struct instance *service)
{
    struct writer_metrics metrics;

    instance_metrics(service, &metrics);
    return (int64_t)counter_get(&metrics.failures);
}

static int64_t removed_of(const struct instance *service)
{
    struct writer_metrics metrics;

    instance_metrics(service, &metrics);
    return (int64_t)counter_get(&metrics.removed);
}

static int64_t health_of(const struct instance *service)
{
    return instance_healthy(service);
}

static void put_items(const struct page *page)
{
    static const char name[] = "boxoffice_writer_items_total";
    char labels[LABELS_MAX];

    metric_family(page->out, name, METRIC_COUNTER, "What a writer has done, by kind.");
    for (size_t i = 0; i < app_service_count(page->app); i++) {
        struct writer_metrics metrics;
        uint64_t events = 0;

        instance_metrics(app_service(page->app, i), &metrics);
        for (size_t verdict = 0; verdict < VERDICTS; verdict++)
            events += counter_get(&metrics.events[verdict]);
        const struct {
            const char *kind;
            uint64_t count;
        } kinds[] = {{"request", counter_get(&metrics.requests)},
                     {"task", counter_get(&metrics.tasks)},
                     {"event", events},
                     {"job", counter_get(&metrics.jobs)}};
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            snprintf(labels, sizeof labels, "service=\"%s\",kind=\"%s\"",
                     instance_name(app_service(page->app, i)), kinds[k].kind);
            metric_line(page->out, name, labels, (int64_t)kinds[k].count);
        }
    }
}

static void put_histograms(const struct page *page, const char *name, const char *help,
                           size_t offset, const struct histogram_scale *scale)
{
    char labels[LABELS_MAX];

    metric_family(page->out, name, METRIC_HISTOGRAM, help);
    for (size_t i = 0; i < app_service_count(page->app); i++) {
        const struct instance *service = app_service(page->app, i);
        struct writer_metrics metrics;
        const void *histogram = (const char *)&metrics + offset;

        instance_metrics(service, &metrics);
        snprintf(labels, sizeof labels, "service=\"%s\"", instance_name(service));
        metric_histogram(page->out, name, labels, histogram, scale);
    }
}

static void put_writers(const struct page *page)
{
    put_services(page, "boxoffice_writer_queue", METRIC_GAUGE,
                 "Requests waiting for a writer; over 8192 they are refused.",
                 instance_queue_length);
    put_services(page, "boxoffice_writer_healthy", METRIC_GAUGE,
                 "1: the writer's last transaction could be made.", health_of);
    put_services(page, "boxoffice_writer_failures_total", METRIC_COUNTER,
                 "Transactions that were not committed.", failures_of);
    put_services(page, "boxoffice_rows_removed_total", METRIC_COUNTER,
                 "Rows of events and other tables that were removed because their time was over.",
                 removed_of);
    put_items(page);
    put_histograms(page, "boxoffice_writer_batch_items",
                   "Requests, tasks and events of one transaction.",
                   offsetof(struct writer_metrics, batch), &histogram_sizes);
    put_histograms(page, "boxoffice_writer_commit_seconds", "How long a commit took.",
                   offsetof(struct writer_metrics, commit), &histogram_durations);
    put_services(page, "boxoffice_pool_queue", METRIC_GAUGE,
                 "Slow work (password hashing, card gateway) waiting for a thread.",
                 instance_pool_queue_length);
}

/* --- events -------------------------------------------------------------------------------- */

static int64_t last_sequence_of(const struct instance *service)
{
    return bus_last_sequence(app_bus(service->env.app), instance_name(service));
}

static void put_verdicts(const struct page *page)
{
    static const char name[] = "boxoffice_events_total";
    static const char *const words[VERDICTS] = {"applied", "seen", "early", "retry", "dead"};
    char labels[LABELS_MAX];

    metric_family(page->out, name, METRIC_COUNTER, "Events delivered, by what became of them.");
    for (size_t i = 0; i < app_service_count(page->app); i++) {
        const struct instance *service = app_service(page->app, i);
        struct writer_metrics metrics;

        if (instance_bus_connected(service) < 0) continue; /* it takes no events */
        instance_metrics(service, &metrics);
        for (size_t verdict = 0; verdict < VERDICTS; verdict++) {
            snprintf(labels, sizeof labels, "service=\"%s\",verdict=\"%s\"", instance_name(service),
                     words[verdict]);
            metric_line(page->out, name, labels, (int64_t)counter_get(&metrics.events[verdict]));
        }
    }
}

static void put_lags(const struct page *page)
{
    static const char name[] = "boxoffice_subscription_lag_events";
    struct subscription_metrics metrics[SUBSCRIBER_METRICS];
    size_t count = bus_metrics(app_bus(page->app), metrics, SUBSCRIBER_METRICS);
    char labels[LABELS_MAX];

    metric_family(page->out, name, METRIC_GAUGE,
                  "Events of an outbox that a subscriber has not acknowledged yet.");
    for (size_t i = 0; i < count && i < SUBSCRIBER_METRICS; i++) {
        snprintf(labels, sizeof labels, "service=\"%s\",source=\"%s\"", metrics[i].service,
                 metrics[i].source);
        metric_line(page->out, name, labels, metrics[i].last - metrics[i].position);
    }
}

/* By the loop's own reader of each service; where it has none (PostgreSQL), what the writer saw
 * when it last looked. */
static void put_backlog(const struct page *page, const char *name, const char *help,
                        const struct tx *tx, enum backlog which)
{
    char labels[LABELS_MAX];
    int64_t value;

    metric_family(page->out, name, METRIC_GAUGE, help);
    for (size_t i = 0; i < app_service_count(page->app); i++) {
        const struct instance *service = app_service(page->app, i);

        if (!instance_backlog(service, tx, which, &value)) continue;
        snprintf(labels, sizeof labels, "service=\"%s\"", instance_name(service));
        metric_line(page->out, name, labels, value);
    }
}

/* Likewise. */
static void put_gauges(const struct page *page, const struct tx *tx)
{
    char labels[LABELS_MAX];
    int64_t value;

    for (size_t i = 0; i < app_service_count(page->app); i++) {
        const struct instance *service = app_service(page->app, i);

        snprintf(labels, sizeof labels, "service=\"%s\"", instance_name(service));
        for (size_t j = 0; j < instance_gauge_count(service); j++) {
            const struct gauge *gauge = instance_gauge(service, j);

            if (!instance_gauge_value(service, tx, j, &value)) continue;
            metric_family(page->out, gauge->name, METRIC_GAUGE, gauge->help);
            metric_line(page->out, gauge->name, labels, value);
        }
    }
}

static void put_events(const struct page *page, const struct tx *tx)
{
    put_services(page, "boxoffice_bus_connected", METRIC_GAUGE,
                 "0 while the broker the service takes its events from is away.",
                 instance_bus_connected);
    put_services(page, "boxoffice_redis_connected", METRIC_GAUGE, "0 while Redis does not answer.",
                 instance_redis_connected);
    put_services(page, "boxoffice_outbox_last_sequence", METRIC_GAUGE,
                 "The newest event of an outbox.", last_sequence_of);
    put_lags(page);
    put_verdicts(page);
    put_backlog(page, "boxoffice_events_waiting", "Events that wait for an earlier version.", tx,
                BACKLOG_WAITING);
    put_backlog(page, "boxoffice_events_dead", "Dead letters kept.", tx, BACKLOG_DEAD);
    put_backlog(page, "boxoffice_outbox_unrelayed",
                "Events that the broker has not acknowledged yet; at most 100000 are counted.", tx,
                BACKLOG_UNRELAYED);
}

/* --- GET /metrics -------------------------------------------------------------------------- */

enum err get_metrics(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct http_server *server = app_http_server(rq->run->env->app);
    const struct settings *settings = rq->run->env->settings;
    struct page page = {.app = rq->run->env->app};
    struct buf text;

    buf_init(&text, rq->arena, TEXT_MAX);
    page.out = &text;
    if (server) http_server_metrics(server, &text);
    put_writers(&page);
    put_events(&page, tx);
    put_gauges(&page, tx);
    metric_write_all(&text);
    process_metrics(&text, app_started_at(page.app));
    process_disk_metrics(&text, settings->sqlite_dir ? settings->sqlite_dir : settings->data);
    metric_family(&text, "boxoffice_ready", METRIC_GAUGE, "1: /readyz answers 200.");
    metric_line(&text, "boxoffice_ready", "", app_is_ready(page.app, tx, env_now(rq->run->env)));
    return text.failed ? ERR_MEMORY : reply_text(rp, 200, CONTENT_TYPE, buf_str(&text));
}
