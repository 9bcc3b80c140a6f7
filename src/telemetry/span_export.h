/* telemetry/span_export.h: the pieces of work a trace is made of, on their way to a collector.
 *
 * A span is recorded when its work is done, from any thread: it is copied to a bounded store, and a
 * thread of its own sends what is there, a batch at a time, as OTLP/HTTP JSON
 * (https://opentelemetry.io/docs/specs/otlp/). What finds no room, or cannot be sent, is dropped
 * and counted (boxoffice_spans_total); nobody ever waits. Without an endpoint nothing is recorded.
 */
#ifndef TELEMETRY_SPAN_EXPORT_H
#define TELEMETRY_SPAN_EXPORT_H

#include "telemetry/trace.h"

/* As OTLP numbers them. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3, SPAN_CONSUMER = 5 };

#define SPAN_REQUEST_ID_MAX 64

struct span {
    struct trace trace;       /* its span is this one's id */
    uint64_t parent;          /* 0: none */
    int64_t start_us, end_us; /* clock_monotonic_us */
    enum span_kind kind;
    const char *service;       /* this and the next two: for as long as the program runs */
    const char *verb, *object; /* "GET", "/api/orders/:id": its name */
    bool failed;
    int status;                 /* of an HTTP answer; 0: none */
    const char *verdict;        /* of an event; NULL: it is not about one */
    int64_t sequence;           /* of the event */
    int64_t wait_us, commit_us; /* of a writer's item, as part of it; 0: neither */
    char request_id[SPAN_REQUEST_ID_MAX];
    size_t request_id_len;
};

/* Begins to record and to send. endpoint: "http://host:4318"; "/v1/traces" is added. False: memory
 * ran out. */
bool spans_start(const char *endpoint);
/* Sends what is there, for a second at most, and ends. Fine without a start. */
void spans_stop(void);

/* Whether work of this trace is to be recorded. Any thread. */
bool spans_wanted(const struct trace *trace);
/* Copies *span. Any thread; never blocks for longer than the copy of another. */
void span_record(const struct span *span);

#endif
