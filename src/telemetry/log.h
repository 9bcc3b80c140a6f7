/* telemetry/log.h: one JSON line an occurrence on standard error.
 *
 * {"time":"…","level":"info","service":"orders","event":"order.created","requestId":"…",
 * "traceId":"…",…fields}
 * Never log secrets, passwords, tokens or card data. A line is one write(2), so lines of several
 * threads never mix. It is at most 4 KiB: a text that does not fit is shortened or left
 * out, and the line then ends with "cut":true. */
#ifndef TELEMETRY_LOG_H
#define TELEMETRY_LOG_H

#include "telemetry/trace.h"

#include <stdatomic.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below this level are dropped. Default LOG_INFO. Set once at start. */
void log_set_level(enum log_level level);
bool log_level_parse(struct str text, enum log_level *out); /* debug info warn error */

enum log_field_type { LOG_FIELD_TEXT, LOG_FIELD_INT };
struct log_field {
    const char *name;
    enum log_field_type type;
    struct str text;
    int64_t number;
};

static inline struct log_field log_text(const char *name, struct str text)
{
    return (struct log_field){name, LOG_FIELD_TEXT, text, 0};
}
static inline struct log_field log_int(const char *name, int64_t number)
{
    return (struct log_field){name, LOG_FIELD_INT, {0, 0}, number};
}

/* What the lines of this thread are about from now on: they carry requestId and traceId. Both may
 * be none; the id lives until the next call. */
void log_about(struct str request_id, const struct trace *trace);
static inline void log_about_nothing(void)
{
    log_about(STR(""), NULL);
}

/* What can go wrong again and again is logged when it changes and then once a minute. Zeroed at
 * first. Threads: any. */
#define LOG_PAUSE_KINDS 16
struct log_pause {
    struct {
        _Atomic int what;
        _Atomic int64_t until_us; /* clock_monotonic_us */
        _Atomic int64_t untold;
    } kinds[LOG_PAUSE_KINDS];
};
/* Whether to say `what` (an error's number, not 0) now. untold: how often it was not, since it was
 * said last. */
bool log_due(struct log_pause *pause, int what, int64_t *untold);

/* A broken invariant is a log line from now on (assert_report_by). Once, at start. */
void log_assertions(void);

void log_write(enum log_level level, const char *service, const char *event,
               const struct log_field *fields, size_t count);
/* log_event(LOG_WARN, "orders", "event.dead", log_text("reason", reason), log_int("seq", seq)) */
#define log_event(level, service, event, ...)                                                      \
    log_write(level, service, event, (const struct log_field[]){__VA_ARGS__},                      \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif
