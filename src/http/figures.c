/* http/figures.c: what is counted of connections and requests, and the span of a request. */
#include "http/loop.h"

#include "http/spans.h"

#include <stdio.h>

#define LABELS_MAX 256

static const char *method_word(enum method method)
{
    static const char *const words[] = {
        [METHOD_GET] = "GET", [METHOD_HEAD] = "HEAD",     [METHOD_POST] = "POST",
        [METHOD_PUT] = "PUT", [METHOD_DELETE] = "DELETE", [METHOD_OTHER] = "other"};

    return words[method];
}

/* --- a request ----------------------------------------------------------------------------- */

static void record(const struct exchange *exchange, int64_t end_us)
{
    const struct request *rq = &exchange->rq;
    struct span span = {.trace = rq->trace,
                        .parent = rq->trace_parent,
                        .start_us = exchange->started_us,
                        .end_us = end_us,
                        .kind = SPAN_SERVER,
                        .service = exchange->rq.route ? exchange->mount->service : "boxoffice",
                        .verb = method_word(rq->method),
                        .object = rq->route ? rq->route->path : "",
                        .failed = rq->reply.status >= 500,
                        .status = rq->reply.status};

    span.request_id_len = rq->request_id.len;
    if (span.request_id_len > sizeof span.request_id) span.request_id_len = sizeof span.request_id;
    memcpy(span.request_id, rq->request_id.at, span.request_id_len);
    span_record(&span);
}

void figures_answered(struct exchange *exchange)
{
    struct lane *lane = exchange->lane;
    struct route_figures *route = &lane->routes[exchange->route_number];
    unsigned class = (unsigned)exchange->rq.reply.status / 100;

    if (!OBSERVED) return;
    if (class >= 1 && class <= 5) figure_add(&route->statuses[class - 1], 1);
    if (!exchange->started_us) return;
    lane->clock_us = clock_monotonic_us();
    histogram_add(&route->duration, &histogram_durations, lane->clock_us - exchange->started_us);
    if (exchange->rq.trace.sampled && spans_wanted(&exchange->rq.trace))
        record(exchange, lane->clock_us);
}

void figures_called(struct exchange *call)
{
    if (spans_wanted(&call->rq.trace)) record(call, clock_monotonic_us());
}

/* --- all of them --------------------------------------------------------------------------- */

static void sum_routes(const struct http_server *server, size_t number, struct route_figures *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < server->loop_count; i++) {
        const struct route_figures *route = &server->loops[i]->lane.routes[number];

        histogram_merge(&out->duration, &route->duration);
        for (size_t class = 0; class < 5; class ++)
            figure_add(&out->statuses[class], figure_get(&route->statuses[class]));
    }
}

/* The route of a number, counted as the router does; the labels of number 0 say that there is none.
 */
static void put_labels(const struct http_server *server, size_t number, char out[LABELS_MAX])
{
    const struct http_config *config = &server->config;

    snprintf(out, LABELS_MAX, "service=\"\",method=\"\",route=\"\"");
    for (size_t i = 0; i < config->mount_count && number; i++) {
        const struct http_mount *mount = &config->mounts[i];

        if (number <= mount->route_count) {
            const struct route *route = &mount->routes[number - 1];

            snprintf(out, LABELS_MAX, "service=\"%s\",method=\"%s\",route=\"%s\"", mount->service,
                     method_word(route->method), route->path);
            return;
        }
        number -= mount->route_count;
    }
}

static void write_statuses(const struct http_server *server, struct buf *out)
{
    static const char name[] = "boxoffice_http_requests_total";

    metric_family(out, name, METRIC_COUNTER, "Requests answered, by route and class of status.");
    for (size_t number = 0; number <= router_count(server->router); number++) {
        struct route_figures sum;
        char labels[LABELS_MAX], whole[LABELS_MAX + 32];

        sum_routes(server, number, &sum);
        put_labels(server, number, labels);
        for (size_t class = 0; class < 5; class ++) {
            uint64_t count = figure_get(&sum.statuses[class]);

            if (!count) continue;
            snprintf(whole, sizeof whole, "%s,status=\"%zuxx\"", labels, class + 1);
            metric_line(out, name, whole, (int64_t)count);
        }
    }
}

static void write_durations(const struct http_server *server, struct buf *out)
{
    static const char name[] = "boxoffice_http_request_duration_seconds";

    metric_family(out, name, METRIC_HISTOGRAM,
                  "From a request's last byte to its answer, by route.");
    for (size_t number = 0; number <= router_count(server->router); number++) {
        struct route_figures sum;
        char labels[LABELS_MAX];

        sum_routes(server, number, &sum);
        if (!histogram_count(&sum.duration)) continue;
        put_labels(server, number, labels);
        metric_histogram(out, name, labels, &sum.duration, &histogram_durations);
    }
}

static void write_one(struct buf *out, const char *name, enum metric_kind kind, const char *help,
                      uint64_t value)
{
    metric_family(out, name, kind, help);
    metric_line(out, name, "", (int64_t)value);
}

void http_server_metrics(const struct http_server *server, struct buf *out)
{
    struct http_counters counters = http_server_counters(server);

    write_statuses(server, out);
    write_durations(server, out);
    write_one(out, "boxoffice_http_connections", METRIC_GAUGE, "Connections open now.",
              counters.connections_open);
    write_one(out, "boxoffice_http_connections_max", METRIC_GAUGE,
              "Connections that may be open at a time.", (uint64_t)server->config.connections_max);
    write_one(out, "boxoffice_http_connections_accepted_total", METRIC_COUNTER,
              "Connections that were taken.", counters.connections_total);
    metric_family(
        out, "boxoffice_http_connections_refused_total", METRIC_COUNTER,
        "Connections over a limit: of all, of one address; and silent ones that made way.");
    metric_line(out, "boxoffice_http_connections_refused_total", "limit=\"all\"",
                (int64_t)counters.connections_refused);
    metric_line(out, "boxoffice_http_connections_refused_total", "limit=\"address\"",
                (int64_t)counters.connections_refused_address);
    metric_line(out, "boxoffice_http_connections_refused_total", "limit=\"evicted\"",
                (int64_t)counters.connections_evicted);
    write_one(out, "boxoffice_http_deadline_cuts_total", METRIC_COUNTER,
              "Connections that took too long to send or to read.", counters.deadline_cuts);
    write_one(out, "boxoffice_http_bad_requests_total", METRIC_COUNTER,
              "Requests that were not well-formed.", counters.bad_requests);
}
