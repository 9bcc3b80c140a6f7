/* services/web/entries/calendar.c: see services/web/entries/calendar.h. */
#include "services/web/entries/calendar.h"

#include <stdio.h>

#define LINE_MAX_BYTES  75 /* without its end (section 3.1) */
#define VALUE_BYTES_MAX 8192
#define LOCAL_LEN       22 /* "2027-07-01T19:30+02:00" */

/* One content line, folded where there is no more room, and not within a character. */
static void put_line(struct buf *out, struct str line)
{
    size_t room = LINE_MAX_BYTES, at = 0;

    while (line.len - at > room) {
        size_t end = at + room;

        while (((unsigned char)line.at[end] & 0xC0) == 0x80)
            end--;
        buf_append(out, (struct str){line.at + at, end - at});
        buf_append(out, STR("\r\n "));
        at = end;
        room = LINE_MAX_BYTES - 1; /* the space counts */
    }
    buf_append(out, (struct str){line.at + at, line.len - at});
    buf_append(out, STR("\r\n"));
}

/* A text value (section 3.3.11). Control characters are not allowed. */
static void put_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (c == '\n') buf_append(out, STR("\\n"));
        if ((unsigned char)c < 0x20 || c == 0x7F) continue;
        if (c == '\\' || c == ';' || c == ',') buf_char(out, '\\');
        buf_char(out, c);
    }
}

static void put_property(struct buf *out, const char *name, struct str value, bool is_text)
{
    char memory[VALUE_BYTES_MAX];
    struct buf line = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

    if (!value.len) return;
    buf_append(&line, str_of(name));
    buf_char(&line, ':');
    if (is_text)
        put_text(&line, value);
    else
        buf_append(&line, value);
    if (line.failed)
        out->failed = true;
    else
        put_line(out, buf_str(&line));
}

/* Digits where digits belong, and the rest as it is. */
static bool is_local(struct str text)
{
    static const char shape[] = "0000-00-00T00:00+00:00";

    if (text.len != LOCAL_LEN) return false;
    for (size_t i = 0; i < LOCAL_LEN; i++) {
        char c = text.at[i];

        if (shape[i] == '0' ? c < '0' || c > '9' : c != shape[i] && !(shape[i] == '+' && c == '-'))
            return false;
    }
    return true;
}

/* The zone as it is on that day: a calendar that knows the name goes by its own rules, which say
 * the same of it. */
static void put_zone(struct buf *out, const struct calendar_event *event)
{
    const char *local = event->starts_local.at;
    struct buf offset;
    char memory[8];

    offset = (struct buf){.at = memory, .cap = sizeof memory, .max = sizeof memory};
    buf_printf(&offset, "%.3s%.2s", local + 16, local + 20);
    put_line(out, STR("BEGIN:VTIMEZONE"));
    put_property(out, "TZID", event->zone, true);
    put_line(out, STR("BEGIN:STANDARD"));
    put_line(out, STR("DTSTART:19700101T000000"));
    put_property(out, "TZOFFSETFROM", buf_str(&offset), false);
    put_property(out, "TZOFFSETTO", buf_str(&offset), false);
    put_line(out, STR("END:STANDARD"));
    put_line(out, STR("END:VTIMEZONE"));
}

/* "20270701T193000" */
static void put_start(struct buf *out, const struct calendar_event *event)
{
    const char *local = event->starts_local.at;
    char name[128], time[16];

    snprintf(name, sizeof name, "DTSTART;TZID=%.*s", (int)event->zone.len, event->zone.at);
    snprintf(time, sizeof time, "%.4s%.2s%.2sT%.2s%.2s00", local, local + 5, local + 8, local + 11,
             local + 14);
    put_property(out, name, str_of(time), false);
}

static void put_stamp(struct buf *out, struct wall_ms time)
{
    char iso[ISO8601_LEN + 1], stamp[20];

    iso8601_format(time, iso);
    snprintf(stamp, sizeof stamp, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", iso, iso + 5, iso + 8, iso + 11,
             iso + 14, iso + 17);
    put_property(out, "DTSTAMP", str_of(stamp), false);
}

bool calendar_write(struct buf *out, const struct calendar_event *event)
{
    if (!is_local(event->starts_local)) return false;
    put_line(out, STR("BEGIN:VCALENDAR"));
    put_line(out, STR("VERSION:2.0"));
    put_line(out, STR("PRODID:-//Boxoffice//Boxoffice//EN"));
    put_zone(out, event);
    put_line(out, STR("BEGIN:VEVENT"));
    put_property(out, "UID", event->id, true);
    put_stamp(out, event->made_at);
    put_start(out, event);
    put_property(out, "SUMMARY", event->title, true);
    put_property(out, "LOCATION", event->place, true);
    put_property(out, "DESCRIPTION", event->about, true);
    put_property(out, "URL", event->url, false);
    put_property(out, "STATUS", str_of(event->status), false);
    put_line(out, STR("END:VEVENT"));
    put_line(out, STR("END:VCALENDAR"));
    return true;
}
