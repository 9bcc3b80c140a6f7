/* http/server/request_metrics.c: what is counted of a request, and its span. */
#include "http/server/request_metrics.h"

#include "telemetry/span_export.h"

const char *method_word(enum method method)
{
    static const char *const words[] = {
        [METHOD_GET] = "GET", [METHOD_HEAD] = "HEAD",     [METHOD_POST] = "POST",
        [METHOD_PUT] = "PUT", [METHOD_DELETE] = "DELETE", [METHOD_OTHER] = "other"};

    return words[method];
}

static void request_span_record(const struct exchange *exchange, int64_t end_us)
{
    const struct request *rq = &exchange->rq;
    struct span span = {.trace = rq->trace,
                        .parent = rq->trace_parent,
                        .start_us = exchange->started_us,
                        .end_us = end_us,
                        .kind = SPAN_SERVER,
                        .service = exchange->rq.matched ? exchange->mount->service : "boxoffice",
                        .verb = method_word(rq->method),
                        .object = rq->matched ? rq->matched->path : "",
                        .failed = rq->reply.status >= 500,
                        .status = rq->reply.status};

    span.request_id_len = rq->request_id.len;
    if (span.request_id_len > sizeof span.request_id) span.request_id_len = sizeof span.request_id;
    memcpy(span.request_id, rq->request_id.at, span.request_id_len);
    span_record(&span);
}

void request_metrics_answered(struct exchange *exchange)
{
    struct event_loop *loop = exchange->loop;
    struct route_metrics *route = &loop->routes[exchange->route_number];
    unsigned class = (unsigned)exchange->rq.reply.status / 100;

    if (!OBSERVED) return;
    if (class >= 1 && class <= 5) counter_add(&route->statuses[class - 1], 1);
    if (!exchange->started_us) return;
    loop->clock_us = clock_monotonic_us();
    histogram_add(&route->duration, &histogram_durations, loop->clock_us - exchange->started_us);
    if (exchange->rq.trace.sampled && spans_wanted(&exchange->rq.trace))
        request_span_record(exchange, loop->clock_us);
}

void request_metrics_called(struct exchange *call)
{
    if (spans_wanted(&call->rq.trace)) request_span_record(call, clock_monotonic_us());
}
