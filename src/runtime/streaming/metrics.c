/* runtime/streaming/metrics.c: GET /metrics: everything that is counted, as Prometheus reads it.
 *
 * Made in the loop, over its readers, so that it can be had also while a writer stands still. */
#include "runtime/streaming/streaming.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define TEXT_MAX     (2 * 1024 * 1024)
#define LABELS_MAX   128

struct page {
    struct buf *out;
    struct house *house;
};

/* One line a service. */
typedef int64_t service_figure(struct service *service);

static void put_services(const struct page *page, const char *name, enum metric_kind kind,
                         const char *help, service_figure *figure)
{
    char labels[LABELS_MAX];

    metric_family(page->out, name, kind, help);
    for (size_t i = 0; i < page->house->service_count; i++) {
        struct service *service = page->house->services[i];
        int64_t value = figure(service);

        if (value < 0) continue;
        snprintf(labels, sizeof labels, "service=\"%s\"", service->def->name);
        metric_line(page->out, name, labels, value);
    }
}

/* --- writers and pools --------------------------------------------------------------------- */

/* Of all lanes of a service. */
static void sum_figures(const struct service *service, struct writer_figures *out)
{
    size_t count = service->lane_count ? service->lane_count : 1;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        const struct writer_figures *lane = &(i ? service->lanes[i] : service)->figures;

        histogram_merge(&out->batch, &lane->batch);
        histogram_merge(&out->commit, &lane->commit);
        figure_add(&out->requests, figure_get(&lane->requests));
        figure_add(&out->tasks, figure_get(&lane->tasks));
        figure_add(&out->jobs, figure_get(&lane->jobs));
        figure_add(&out->failures, figure_get(&lane->failures));
        for (size_t verdict = 0; verdict < VERDICTS; verdict++)
            figure_add(&out->events[verdict], figure_get(&lane->events[verdict]));
    }
}

static int64_t queue_of(struct service *service)
{
    size_t waiting = writer_queue_length(service);

    for (size_t i = 1; i < service->lane_count; i++)
        waiting += writer_queue_length(service->lanes[i]);
    return (int64_t)waiting;
}

static int64_t pool_queue_of(struct service *service)
{
    return service->pool ? (int64_t)pool_queue_length(service->pool) : -1;
}

static int64_t failures_of(struct service *service)
{
    struct writer_figures figures;

    sum_figures(service, &figures);
    return (int64_t)figure_get(&figures.failures);
}

static int64_t health_of(struct service *service)
{
    return lanes_healthy(service);
}

static void put_items(const struct page *page)
{
    static const char name[] = "boxoffice_writer_items_total";
    char labels[LABELS_MAX];

    metric_family(page->out, name, METRIC_COUNTER, "What a writer has done, by kind.");
    for (size_t i = 0; i < page->house->service_count; i++) {
        struct writer_figures figures;
        uint64_t events = 0;

        sum_figures(page->house->services[i], &figures);
        for (size_t verdict = 0; verdict < VERDICTS; verdict++)
            events += figure_get(&figures.events[verdict]);
        const struct {
            const char *kind;
            uint64_t count;
        } kinds[] = {{"request", figure_get(&figures.requests)},
                     {"task", figure_get(&figures.tasks)},
                     {"event", events},
                     {"job", figure_get(&figures.jobs)}};
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            snprintf(labels, sizeof labels, "service=\"%s\",kind=\"%s\"",
                     page->house->services[i]->def->name, kinds[k].kind);
            metric_line(page->out, name, labels, (int64_t)kinds[k].count);
        }
    }
}

static void put_histograms(const struct page *page, const char *name, const char *help,
                           size_t offset, const struct histogram_scale *scale)
{
    char labels[LABELS_MAX];

    metric_family(page->out, name, METRIC_HISTOGRAM, help);
    for (size_t i = 0; i < page->house->service_count; i++) {
        const struct service *service = page->house->services[i];
        struct writer_figures figures;
        const void *histogram = (const char *)&figures + offset;

        sum_figures(service, &figures);
        snprintf(labels, sizeof labels, "service=\"%s\"", service->def->name);
        metric_histogram(page->out, name, labels, histogram, scale);
    }
}

static void put_writers(const struct page *page)
{
    put_services(page, "boxoffice_writer_queue", METRIC_GAUGE,
                 "Requests waiting for a writer; over 8192 they are refused.", queue_of);
    put_services(page, "boxoffice_writer_healthy", METRIC_GAUGE,
                 "1: the writer's last transaction could be made.", health_of);
    put_services(page, "boxoffice_writer_failures_total", METRIC_COUNTER,
                 "Transactions that were not committed.", failures_of);
    put_items(page);
    put_histograms(page, "boxoffice_writer_batch_items",
                   "Requests, tasks and events of one transaction.",
                   offsetof(struct writer_figures, batch), &histogram_sizes);
    put_histograms(page, "boxoffice_writer_commit_seconds", "How long a commit took.",
                   offsetof(struct writer_figures, commit), &histogram_durations);
    put_services(page, "boxoffice_pool_queue", METRIC_GAUGE,
                 "Slow work (password hashing, card gateway) waiting for a thread.", pool_queue_of);
}

/* --- events -------------------------------------------------------------------------------- */

static int64_t last_sequence_of(struct service *service)
{
    return bus_last_sequence(service->house->bus, service->def->name);
}

static void put_verdicts(const struct page *page)
{
    static const char name[] = "boxoffice_events_total";
    static const char *const words[VERDICTS] = {"applied", "seen", "early", "retry", "dead"};
    char labels[LABELS_MAX];

    metric_family(page->out, name, METRIC_COUNTER, "Events delivered, by what became of them.");
    for (size_t i = 0; i < page->house->service_count; i++) {
        const struct service *service = page->house->services[i];

        for (size_t verdict = 0; verdict < VERDICTS && service->subscription; verdict++) {
            snprintf(labels, sizeof labels, "service=\"%s\",verdict=\"%s\"", service->def->name,
                     words[verdict]);
            metric_line(page->out, name, labels,
                        (int64_t)figure_get(&service->figures.events[verdict]));
        }
    }
}

static void put_lags(const struct page *page)
{
    static const char name[] = "boxoffice_subscription_lag_events";
    struct subscription_figures figures[SUBSCRIBER_FIGURES];
    size_t count = bus_figures(page->house->bus, figures, SUBSCRIBER_FIGURES);
    char labels[LABELS_MAX];

    metric_family(page->out, name, METRIC_GAUGE,
                  "Events of an outbox that a subscriber has not settled yet.");
    for (size_t i = 0; i < count && i < SUBSCRIBER_FIGURES; i++) {
        snprintf(labels, sizeof labels, "service=\"%s\",source=\"%s\"", figures[i].service,
                 figures[i].source);
        metric_line(page->out, name, labels, figures[i].last - figures[i].position);
    }
}

/* By the loop's own reader of each service; where it has none (PostgreSQL), what the writer saw
 * when it last looked. */
static void put_kept(const struct page *page, const char *name, const char *help, int loop,
                     enum kept which)
{
    char labels[LABELS_MAX];
    int64_t value;

    metric_family(page->out, name, METRIC_GAUGE, help);
    for (size_t i = 0; i < page->house->service_count; i++) {
        struct service *service = page->house->services[i];

        value = atomic_load(&service->kept[which]);
        if (service->readers[loop] &&
            kept_count(which, tx_read(service->readers[loop], 0), &value) != OK)
            continue;
        if (value < 0) continue;
        snprintf(labels, sizeof labels, "service=\"%s\"", service->def->name);
        metric_line(page->out, name, labels, value);
    }
}

static void put_events(const struct page *page, int loop)
{
    put_services(page, "boxoffice_outbox_last_sequence", METRIC_GAUGE,
                 "The newest event of an outbox.", last_sequence_of);
    put_lags(page);
    put_verdicts(page);
    put_kept(page, "boxoffice_events_waiting", "Events that wait for an earlier version.", loop,
             KEPT_WAITING);
    put_kept(page, "boxoffice_events_dead", "Dead letters kept.", loop, KEPT_DEAD);
    put_kept(page, "boxoffice_outbox_unrelayed",
             "Events that the broker has not acknowledged yet; at most 100000 are counted.", loop,
             KEPT_UNRELAYED);
}

/* --- the process ---------------------------------------------------------------------------- */

static int64_t open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int64_t count = 0;

    if (!folder) return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and the folder's own */
}

static int64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long long size, resident = 0;

    if (!file) return 0;
    if (fscanf(file, "%lld %lld", &size, &resident) != 2) resident = 0;
    fclose(file);
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

static double cpu_seconds(void)
{
    struct timespec time = {0};

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void put_process(const struct page *page)
{
    struct buf *out = page->out;
    struct rlimit limit = {0};

    getrlimit(RLIMIT_NOFILE, &limit);
    metric_family(out, "process_cpu_seconds_total", METRIC_COUNTER, "Processor time used.");
    metric_line_real(out, "process_cpu_seconds_total", "", cpu_seconds());
    metric_family(out, "process_resident_memory_bytes", METRIC_GAUGE, "Memory in RAM.");
    metric_line(out, "process_resident_memory_bytes", "", resident_bytes());
    metric_family(out, "process_open_fds", METRIC_GAUGE, "Descriptors open.");
    metric_line(out, "process_open_fds", "", open_descriptors());
    metric_family(out, "process_max_fds", METRIC_GAUGE, "Descriptors that may be open.");
    metric_line(out, "process_max_fds", "", (int64_t)limit.rlim_cur);
    metric_family(out, "process_start_time_seconds", METRIC_GAUGE, "When it started, UTC.");
    metric_line(out, "process_start_time_seconds", "", page->house->started_at_ms / 1000);
    metric_family(out, "boxoffice_build_info", METRIC_GAUGE, "Always 1; the version it is.");
    metric_line(out, "boxoffice_build_info", "version=\"" BOXOFFICE_VERSION "\"", 1);
}

/* --- GET /metrics -------------------------------------------------------------------------- */

enum err get_metrics(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct service *bus = rq->env->service;
    const struct http_server *server = atomic_load(&bus->house->server);
    struct page page = {.house = bus->house};
    struct buf text;

    if (!monitoring_allowed(rq)) return ERR_NOT_FOUND;
    buf_init(&text, rq->arena, TEXT_MAX);
    page.out = &text;
    if (server) http_server_metrics(server, &text);
    put_writers(&page);
    put_events(&page, streaming_loop(bus, tx));
    metric_write_all(&text);
    put_process(&page);
    return text.failed ? ERR_MEMORY : reply_text(rp, 200, CONTENT_TYPE, buf_str(&text));
}
