/* telemetry/trace.h: which larger doing a piece of work belongs to, as W3C Trace Context tells it
 * (https://www.w3.org/TR/trace-context/): one trace id for everything that follows from one cause,
 * one span id for each piece of work. */
#ifndef TELEMETRY_TRACE_H
#define TELEMETRY_TRACE_H

#include "base/random.h"
#include "base/str.h"

/* All zero: none. */
struct trace {
    uint64_t high, low; /* the trace id */
    uint64_t span;      /* the piece of work itself */
    bool sampled;       /* its spans are recorded */
};

static inline bool trace_known(const struct trace *trace)
{
    return trace->high | trace->low;
}

#define TRACE_TEXT_LEN 55

/* A traceparent header's value: "00-", 32, "-", 16, "-", 2 lower-case hex digits; of a later
 * version what the first says. False: it is not one, and *out is none. */
bool trace_parse(struct str text, struct trace *out);
/* The same as text, without a NUL. */
void trace_format(const struct trace *trace, char out[TRACE_TEXT_LEN]);
/* An id's half, or a span's id, as lower-case hex digits, without a NUL. */
#define TRACE_ID_HEX 16
void trace_hex(uint64_t number, char out[TRACE_ID_HEX]);

/* Makes ids: unlike each other, no secrets. One thread's own. */
struct trace_source {
    uint64_t state[4];
};
void trace_source_init(struct trace_source *source, struct random *random);
uint64_t trace_source_next(struct trace_source *source); /* never 0 */

/* The beginning of something, to be recorded. */
static inline struct trace trace_new(struct trace_source *source)
{
    uint64_t high = trace_source_next(source), low = trace_source_next(source);

    return (struct trace){high, low, trace_source_next(source), true};
}
/* A piece of work that follows from parent; from none: none. */
static inline struct trace trace_follow(struct trace_source *source, const struct trace *parent)
{
    if (!trace_known(parent)) return *parent;
    return (struct trace){parent->high, parent->low, trace_source_next(source), parent->sampled};
}

#endif
