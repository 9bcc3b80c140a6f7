/* base/log.h: one JSON line an occurrence on standard error.
 *
 * {"time":"…","level":"info","service":"orders","event":"order.created","requestId":"…",
 * "traceId":"…",…fields}
 * Never log secrets, passwords, tokens or card data. A line is one write(2), so lines of several
 * threads never mix. It is at most 4 KiB: a text that does not fit is shortened or left
 * out, and the line then ends with "cut":true. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/trace.h"

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

void log_write(enum log_level level, const char *service, const char *event,
               const struct log_field *fields, size_t count);
/* log_event(LOG_WARN, "orders", "event.dead", log_text("reason", reason), log_int("seq", seq)) */
#define log_event(level, service, event, ...)                                                      \
    log_write(level, service, event, (const struct log_field[]){__VA_ARGS__},                      \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif
