/* telemetry/log.c: log lines, built on the stack and written at once. */
#include "telemetry/log.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdatomic.h>
#include <unistd.h>

#define PAUSE_US       INT64_C(60000000)
#define LINE_MAX_BYTES 4096
#define CUT_MARK       ",\"cut\":true"
#define END_BYTES      (sizeof CUT_MARK - 1 + sizeof "}\n" - 1)

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static enum log_level level_min = LOG_INFO;

void log_set_level(enum log_level level)
{
    level_min = level;
}

bool log_level_parse(struct str text, enum log_level *out)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (str_eq(text, str_of(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* False when the field does not fit; the line is then as it was before. */
static bool put_field(struct json_writer *line, const struct log_field *field)
{
    struct json_writer before = *line;
    size_t len = line->out->len;

    json_key(line, field->name);
    if (field->type == LOG_FIELD_INT) {
        json_put_int(line, field->number);
    } else {
        json_put_text(line, field->text);
    }
    if (!line->out->failed) return true;
    line->out->failed = false;
    line->out->len = len;
    *line = before;
    return false;
}

/* As much of a text as surely fits even if each byte becomes six (\u00XX), in whole characters. */
static struct log_field shortened(const struct json_writer *line, const struct log_field *field)
{
    size_t room = line->out->max - line->out->len;
    size_t frame = strlen(field->name) * 6 + sizeof ",\"\":\"\"";
    struct log_field part = *field;

    part.text.len = room > frame ? (room - frame) / 6 : 0;
    if (part.text.len >= field->text.len) return *field;
    while (part.text.len && ((unsigned char)part.text.at[part.text.len] & 0xC0) == 0x80) {
        part.text.len--;
    }
    return part;
}

/* False when the field had to be shortened or left out. */
static bool fit_field(struct json_writer *line, const struct log_field *field)
{
    struct log_field part;

    if (put_field(line, field)) return true;
    if (field->type == LOG_FIELD_TEXT) {
        part = shortened(line, field);
        if (part.text.len) put_field(line, &part);
    }
    return false;
}

static _Thread_local struct {
    struct str request_id;
    struct trace trace;
} about;

void log_about(struct str request_id, const struct trace *trace)
{
    about.request_id = request_id;
    about.trace = trace ? *trace : (struct trace){0};
}

static void write_line(const struct log_field *head, size_t head_count,
                       const struct log_field *fields, size_t count)
{
    char memory[LINE_MAX_BYTES + 1]; /* one byte more than cap, as buf.c keeps it */
    /* max is cap, so that the buffer never takes memory */
    struct buf out = {
        .at = memory, .cap = LINE_MAX_BYTES - END_BYTES, .max = LINE_MAX_BYTES - END_BYTES};
    struct json_writer line = json_writer_to(&out);
    bool whole = true;
    ssize_t written;

    json_begin_object(&line);
    for (size_t i = 0; i < head_count; i++)
        whole &= fit_field(&line, &head[i]);
    for (size_t i = 0; i < count; i++)
        whole &= fit_field(&line, &fields[i]);
    out.max = out.cap = LINE_MAX_BYTES;
    if (!whole) buf_append(&out, STR(CUT_MARK));
    buf_append(&out, STR("}\n"));
    written = write(STDERR_FILENO, out.at, out.len);
    (void)written; /* there is nowhere to tell that the log cannot be written */
}

bool log_due(struct log_pause *pause, int what, int64_t *untold)
{
    size_t kind = ((unsigned)what ^ (unsigned)what >> 8) % LOG_PAUSE_KINDS;
    int64_t now_us = clock_monotonic_us();

    *untold = 0;
    if (atomic_load(&pause->kinds[kind].what) == what &&
        now_us < atomic_load(&pause->kinds[kind].until_us)) {
        atomic_fetch_add(&pause->kinds[kind].untold, 1);
        return false;
    }
    if (atomic_load(&pause->kinds[kind].what) == what)
        *untold = atomic_exchange(&pause->kinds[kind].untold, 0);
    atomic_store(&pause->kinds[kind].what, what);
    atomic_store(&pause->kinds[kind].until_us, now_us + PAUSE_US);
    return true;
}

void log_write(enum log_level level, const char *service, const char *event,
               const struct log_field *fields, size_t count)
{
    char time[ISO8601_LEN + 1], trace[32];
    struct log_field head[6];
    size_t head_count = 0;

    if (level < level_min) return;
    iso8601_format(clock_wall(&clock_system), time);
    head[head_count++] = log_text("time", (struct str){time, ISO8601_LEN});
    head[head_count++] = log_text("level", str_of(level_names[level]));
    head[head_count++] = log_text("service", str_of(service));
    head[head_count++] = log_text("event", str_of(event));
    if (about.request_id.len) head[head_count++] = log_text("requestId", about.request_id);
    if (trace_known(&about.trace)) {
        trace_hex(about.trace.high, trace);
        trace_hex(about.trace.low, trace + 16);
        head[head_count++] = log_text("traceId", (struct str){trace, sizeof trace});
    }
    write_line(head, head_count, fields, count);
}

static void log_assertion(const char *condition, const char *file, int line)
{
    log_event(LOG_ERROR, "boxoffice", "assertion.failed", log_text("condition", str_of(condition)),
              log_text("file", str_of(file)), log_int("line", line));
}

void log_assertions(void)
{
    assert_report_by(log_assertion);
}
