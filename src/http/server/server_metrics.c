/* http/server/server_metrics.c: the metrics of connections and routes, summed over the loops. */
#include "http/server/net_loop.h"
#include "http/server/request_metrics.h"
#include "http/server/server.h"

#include <stdio.h>

#define LABELS_MAX 256

static void sum_routes(const struct http_server *server, size_t number, struct route_metrics *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < server->loop_count; i++) {
        const struct route_metrics *route = &server->loops[i]->loop.routes[number];

        histogram_merge(&out->duration, &route->duration);
        for (size_t class = 0; class < 5; class ++)
            counter_add(&out->statuses[class], counter_get(&route->statuses[class]));
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
            const struct http_route *route = &mount->routes[number - 1];

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
        struct route_metrics sum;
        char labels[LABELS_MAX], whole[LABELS_MAX + 32];

        sum_routes(server, number, &sum);
        put_labels(server, number, labels);
        for (size_t class = 0; class < 5; class ++) {
            uint64_t count = counter_get(&sum.statuses[class]);

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
        struct route_metrics sum;
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
    write_one(out, "boxoffice_http_unread_bytes", METRIC_GAUGE,
              "Bytes of answers that wait for clients who read slowly.",
              (uint64_t)atomic_load(&server->unread));
    write_one(out, "boxoffice_http_unread_cuts_total", METRIC_COUNTER,
              "Connections reset because too many bytes waited for their address, or for all.",
              counters.unread_cuts);
    write_one(out, "boxoffice_http_forwarded_untrusted_total", METRIC_COUNTER,
              "Requests forwarded by a peer that TRUSTED_PROXIES does not name.",
              counters.forwarded_untrusted);
}
