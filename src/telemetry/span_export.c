/* telemetry/span_export.c: the store of spans and the thread that sends them. */
#include "telemetry/span_export.h"

#include "base/json.h"
#include "telemetry/metric.h"
#include "base/wait.h"
#include "client/http_client.h"

#include <stdio.h>
#include <stdlib.h>

#define SPANS_MAX      4096
#define BATCH_MAX      512
#define PAUSE_MS       200 /* between batches: at most 2,560 spans a second */
#define ANSWER_MS_MAX  2000
#define STOP_MS_MAX    1000
#define BODY_BYTES_MAX (1024 * 1024)
#define URL_BYTES      1024

static struct {
    pthread_mutex_t lock; /* guards ring, first, count and stopping */
    pthread_cond_t wake;
    struct span *ring;
    size_t first, count;
    bool stopping;
    _Atomic bool on;
    pthread_t thread;
    struct span *batch; /* this and the rest: the thread's own */
    struct buf body;
    char url[URL_BYTES];
} spans = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool spans_wanted(const struct trace *trace)
{
    return OBSERVED && trace->sampled && atomic_load_explicit(&spans.on, memory_order_relaxed);
}

void span_record(const struct span *span)
{
    bool room;

    pthread_mutex_lock(&spans.lock);
    room = spans.ring && spans.count < SPANS_MAX;
    if (room) spans.ring[(spans.first + spans.count++) % SPANS_MAX] = *span;
    pthread_mutex_unlock(&spans.lock);
    if (!room) metric_add(METRIC_SPANS_DROPPED, 1);
}

/* --- as JSON ------------------------------------------------------------------------------- */

static void span_put_text(struct json_writer *json, const char *key, struct str text)
{
    json_member_text(json, key, text);
}

static void span_put_hex(struct json_writer *json, const char *key, uint64_t high, uint64_t low)
{
    char text[32];

    trace_hex(high, text);
    trace_hex(low, text + 16);
    span_put_text(json, key, (struct str){text, sizeof text});
}

static void span_put_hex_short(struct json_writer *json, const char *key, uint64_t number)
{
    char text[16];

    trace_hex(number, text);
    span_put_text(json, key, (struct str){text, sizeof text});
}

/* 64-bit numbers are text in the JSON form of protocol buffers. */
static void span_put_number(struct json_writer *json, const char *key, int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)number);
    span_put_text(json, key, str_of(text));
}

static void span_put_attribute(struct json_writer *json, const char *key, struct str text)
{
    json_begin_object(json);
    span_put_text(json, "key", str_of(key));
    json_key(json, "value");
    json_begin_object(json);
    span_put_text(json, "stringValue", text);
    json_end_object(json);
    json_end_object(json);
}

static void span_put_attribute_int(struct json_writer *json, const char *key, int64_t number)
{
    json_begin_object(json);
    span_put_text(json, "key", str_of(key));
    json_key(json, "value");
    json_begin_object(json);
    span_put_number(json, "intValue", number);
    json_end_object(json);
    json_end_object(json);
}

static void span_put_attributes(struct json_writer *json, const struct span *span)
{
    json_key(json, "attributes");
    json_begin_array(json);
    if (span->kind == SPAN_SERVER) {
        span_put_attribute(json, "http.request.method", str_of(span->verb));
        span_put_attribute(json, "http.route", str_of(span->object));
        span_put_attribute_int(json, "http.response.status_code", span->status);
    }
    if (span->verdict) {
        span_put_attribute(json, "messaging.destination.name", str_of(span->object));
        span_put_attribute_int(json, "boxoffice.event.sequence", span->sequence);
        span_put_attribute(json, "boxoffice.event.verdict", str_of(span->verdict));
    }
    if (span->commit_us) {
        span_put_attribute_int(json, "boxoffice.wait_us", span->wait_us);
        span_put_attribute_int(json, "boxoffice.commit_us", span->commit_us);
    }
    if (span->request_id_len)
        span_put_attribute(json, "boxoffice.request_id",
                           (struct str){span->request_id, span->request_id_len});
    json_end_array(json);
}

/* past_us: what makes a wall-clock time of a monotonic one. */
static void span_put(struct json_writer *json, const struct span *span, int64_t past_us)
{
    char name[192];

    snprintf(name, sizeof name, "%s %s", span->verb, span->object);
    json_begin_object(json);
    span_put_hex(json, "traceId", span->trace.high, span->trace.low);
    span_put_hex_short(json, "spanId", span->trace.span);
    if (span->parent) span_put_hex_short(json, "parentSpanId", span->parent);
    span_put_text(json, "name", str_of(name));
    json_member_int(json, "kind", span->kind);
    span_put_number(json, "startTimeUnixNano", (span->start_us + past_us) * 1000);
    span_put_number(json, "endTimeUnixNano", (span->end_us + past_us) * 1000);
    span_put_attributes(json, span);
    json_key(json, "status");
    json_begin_object(json);
    if (span->failed) {
        json_member_int(json, "code", 2);
    }
    json_end_object(json);
    json_end_object(json);
}

/* The spans of one service, which is a resource of its own. */
static void span_put_service(struct json_writer *json, const char *service, size_t count,
                             int64_t past_us)
{
    json_begin_object(json);
    json_key(json, "resource");
    json_begin_object(json);
    json_key(json, "attributes");
    json_begin_array(json);
    span_put_attribute(json, "service.name", str_of(service));
    span_put_attribute(json, "service.namespace", STR("boxoffice"));
    span_put_attribute(json, "service.version", STR(BOXOFFICE_VERSION));
    json_end_array(json);
    json_end_object(json);
    json_key(json, "scopeSpans");
    json_begin_array(json);
    json_begin_object(json);
    json_key(json, "scope");
    json_begin_object(json);
    span_put_text(json, "name", STR("boxoffice"));
    json_end_object(json);
    json_key(json, "spans");
    json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        if (strcmp(spans.batch[i].service, service) == 0) span_put(json, &spans.batch[i], past_us);
    json_end_array(json);
    json_end_object(json);
    json_end_array(json);
    json_end_object(json);
}

static bool batch_has_service(const char *service, size_t before)
{
    for (size_t i = 0; i < before; i++)
        if (strcmp(spans.batch[i].service, service) == 0) return true;
    return false;
}

static void batch_write(size_t count)
{
    struct json_writer json = json_writer_to(&spans.body);
    int64_t past_us = clock_wall(&clock_system).ms * 1000 - clock_monotonic_us();

    buf_reset(&spans.body);
    json_begin_object(&json);
    json_key(&json, "resourceSpans");
    json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        if (!batch_has_service(spans.batch[i].service, i))
            span_put_service(&json, spans.batch[i].service, count, past_us);
    json_end_array(&json);
    json_end_object(&json);
}

/* --- the thread ---------------------------------------------------------------------------- */

static bool batch_send(struct http_client *client, struct arena *arena, size_t count,
                       int64_t answer_ms_max)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct http_client_answer answer;

    batch_write(count);
    if (!client || spans.body.failed) return false;
    arena_reset(arena);
    return http_client_ask(client, arena,
                           &(struct http_client_request){.method = "POST",
                                                         .url = spans.url,
                                                         .headers = headers,
                                                         .body = buf_str(&spans.body),
                                                         .connect_ms_max = answer_ms_max,
                                                         .total_ms_max = answer_ms_max,
                                                         .answer_bytes_max = 65536},
                           &answer) == HTTP_CLIENT_OK &&
           answer.status / 100 == 2;
}

/* Sleeps a while, then takes a batch. False: it is over, and nothing is left. */
static bool batch_take(size_t *count, bool *stopping)
{
    struct mono_ms until = mono_after(clock_mono(&clock_system), PAUSE_MS);

    pthread_mutex_lock(&spans.lock);
    while (!spans.stopping && wait_until(&spans.wake, &spans.lock, until)) {
    }
    *count = spans.count < BATCH_MAX ? spans.count : BATCH_MAX;
    for (size_t i = 0; i < *count; i++)
        spans.batch[i] = spans.ring[(spans.first + i) % SPANS_MAX];
    spans.first = (spans.first + *count) % SPANS_MAX;
    spans.count -= *count;
    *stopping = spans.stopping;
    pthread_mutex_unlock(&spans.lock);
    return *count || !*stopping;
}

static void *spans_main(void *context)
{
    struct arena *arena = context;
    struct http_client *client = http_client_new();
    int64_t end_us = 0;
    bool stopping;
    size_t count;

    pthread_setname_np(pthread_self(), "spans");
    while (batch_take(&count, &stopping)) {
        bool sent = false;

        if (stopping && !end_us) end_us = clock_monotonic_us() + STOP_MS_MAX * 1000;
        if (count == 0) continue;
        if (!stopping)
            sent = batch_send(client, arena, count, ANSWER_MS_MAX);
        else if (clock_monotonic_us() < end_us)
            sent = batch_send(client, arena, count, STOP_MS_MAX);
        metric_add(sent ? METRIC_SPANS_EXPORTED : METRIC_SPANS_FAILED, (int64_t)count);
    }
    http_client_free(client);
    arena_free(arena);
    return NULL;
}

bool spans_start(const char *endpoint)
{
    struct arena *arena = arena_new(256 * 1024);

    snprintf(spans.url, sizeof spans.url, "%s/v1/traces", endpoint);
    wait_init(&spans.wake);
    spans.ring = calloc(SPANS_MAX, sizeof *spans.ring);
    spans.batch = calloc(BATCH_MAX, sizeof *spans.batch);
    buf_init(&spans.body, NULL, BODY_BYTES_MAX);
    if (arena && spans.ring && spans.batch &&
        pthread_create(&spans.thread, NULL, spans_main, arena) == 0) {
        atomic_store(&spans.on, true);
        return true;
    }
    if (arena) arena_free(arena);
    free(spans.ring);
    free(spans.batch);
    spans.ring = spans.batch = NULL;
    return false;
}

void spans_stop(void)
{
    if (!atomic_exchange(&spans.on, false)) return;
    pthread_mutex_lock(&spans.lock);
    spans.stopping = true;
    pthread_cond_signal(&spans.wake);
    pthread_mutex_unlock(&spans.lock);
    pthread_join(spans.thread, NULL);
    free(spans.ring);
    free(spans.batch);
    buf_free(&spans.body);
    spans.ring = spans.batch = NULL;
    spans.stopping = false;
}
