/* base/zone.c: TZif files (RFC 9636), and the rule for the years after their last transition (the
 * TZ string of POSIX.1-2017, section 8.3, with the extensions of RFC 9636, section 3.3). */
#include "base/zone.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FOLDER   "/usr/share/zoneinfo/"
#define FILE_MAX 16384
#define HEADER   44 /* bytes */
#define TYPE     6  /* bytes of a local time type */
#define DAY_S    INT64_C(86400)
#define HOUR_S   3600
#define WINDOW_S                                                                                   \
    (36 * HOUR_S) /* no zone is further from UTC than 26 hours, when it changes side               \
                   */

/* When in a year clocks change. */
struct rule {
    enum { RULE_DAY, RULE_DAY_NO_LEAP, RULE_MONTH } kind;
    int day; /* of the year, from 0; not counting 29 February, from 1; of the week, 0 is Sunday */
    int month, week;
    int32_t time_s; /* after midnight, by the clocks before the change */
};

struct zone {
    const unsigned char *times; /* 64 bits each, growing */
    const unsigned char *types; /* of each time: which of the offsets is true from then on */
    const unsigned char *offsets;
    size_t time_count, offset_count;
    bool has_rules; /* after the last time */
    bool saves;     /* … and clocks change twice a year */
    int32_t standard_s, saving_s;
    struct rule begins, ends; /* of the saving time */
};

/* --- numbers in a file -------------------------------------------------------------------------
 */

static uint32_t read_32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t read_64(const unsigned char *at)
{
    return (int64_t)((uint64_t)read_32(at) << 32 | read_32(at + 4));
}

/* --- the rule after the last transition ---------------------------------------------------------
 */

struct reader {
    const char *at, *end;
};

static bool reader_take(struct reader *text, char c)
{
    if (text->at == text->end || *text->at != c) return false;
    text->at++;
    return true;
}

static bool take_number(struct reader *text, int max, int *out)
{
    const char *from = text->at;

    *out = 0;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9' && *out <= max)
        *out = *out * 10 + (*text->at++ - '0');
    return text->at > from && *out <= max;
}

/* "CET" or "<+03>". */
static bool take_name(struct reader *text)
{
    const char *from = text->at;
    bool quoted = reader_take(text, '<');

    while (text->at < text->end &&
           (quoted ? *text->at != '>' : (*text->at | 32) >= 'a' && (*text->at | 32) <= 'z'))
        text->at++;
    return (!quoted || reader_take(text, '>')) && text->at > from;
}

/* [+-]h[h][:mm[:ss]] */
static bool take_time(struct reader *text, int32_t *out)
{
    bool negative = reader_take(text, '-');
    int hours, minutes = 0, seconds = 0;

    if (!negative) reader_take(text, '+');
    if (!take_number(text, 167, &hours)) return false;
    if (reader_take(text, ':') && !take_number(text, 59, &minutes)) return false;
    if (reader_take(text, ':') && !take_number(text, 59, &seconds)) return false;
    *out = (int32_t)(hours * HOUR_S + minutes * 60 + seconds) * (negative ? -1 : 1);
    return true;
}

/* ",M3.5.0/3" */
static bool take_rule(struct reader *text, struct rule *out)
{
    out->time_s = 2 * HOUR_S;
    if (!reader_take(text, ',')) return false;
    if (reader_take(text, 'M')) {
        out->kind = RULE_MONTH;
        if (!take_number(text, 12, &out->month) || out->month < 1 || !reader_take(text, '.') ||
            !take_number(text, 5, &out->week) || out->week < 1 || !reader_take(text, '.') ||
            !take_number(text, 6, &out->day))
            return false;
    } else {
        out->kind = reader_take(text, 'J') ? RULE_DAY_NO_LEAP : RULE_DAY;
        if (!take_number(text, 365, &out->day)) return false;
        if (out->kind == RULE_DAY_NO_LEAP && out->day == 0) return false;
    }
    return !reader_take(text, '/') || take_time(text, &out->time_s);
}

/* Offsets are written the other way round: so much has to be added to come to UTC. */
static bool parse_rules(struct zone *zone, struct reader text)
{
    if (text.at == text.end) return true; /* none is told */
    if (!take_name(&text) || !take_time(&text, &zone->standard_s)) return false;
    zone->standard_s = -zone->standard_s;
    zone->saving_s = zone->standard_s + HOUR_S;
    zone->has_rules = true;
    if (text.at == text.end) return true;
    zone->saves = true;
    if (!take_name(&text)) return false;
    if (text.at < text.end && *text.at != ',') {
        if (!take_time(&text, &zone->saving_s)) return false;
        zone->saving_s = -zone->saving_s;
    }
    return take_rule(&text, &zone->begins) && take_rule(&text, &zone->ends) && text.at == text.end;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970 to 1 January. year: 1 and later. */
static int64_t year_day(int64_t year)
{
    int64_t before = year - 1;

    return 365 * (year - 1970) + (before / 4 - before / 100 + before / 400) - 477;
}

/* The day of a rule, counted from 1970. */
static int64_t rule_day(const struct rule *rule, int64_t year)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t leap = is_leap(year), first, length, day;

    if (rule->kind == RULE_DAY) return year_day(year) + rule->day;
    if (rule->kind == RULE_DAY_NO_LEAP)
        return year_day(year) + rule->day - 1 + (rule->day >= 60 ? leap : 0);
    first = year_day(year) + before[rule->month - 1] + (rule->month > 2 ? leap : 0);
    length = before[rule->month] - before[rule->month - 1] + (rule->month == 2 ? leap : 0);
    day = (rule->day - (first + 4) % 7 + 7) % 7; /* 1970 began on a Thursday */
    day += (int64_t)7 * (rule->week - 1);
    return first + (day < length ? day : day - 7);
}

static int32_t rule_offset(const struct zone *zone, int64_t time_s)
{
    int64_t day = (time_s + zone->standard_s) / DAY_S, year = 1970 + day / 366, begins, ends;

    if (!zone->saves) return zone->standard_s;
    while (year_day(year + 1) <= day)
        year++;
    begins = rule_day(&zone->begins, year) * DAY_S + zone->begins.time_s - zone->standard_s;
    ends = rule_day(&zone->ends, year) * DAY_S + zone->ends.time_s - zone->saving_s;
    if (begins < ends) return time_s >= begins && time_s < ends ? zone->saving_s : zone->standard_s;
    return time_s >= ends && time_s < begins ? zone->standard_s : zone->saving_s;
}

/* --- files -------------------------------------------------------------------------------------
 */

/* What a header says of the block after it. */
struct counts {
    size_t is_ut, is_standard, leap, time, type, letters;
};

static bool read_header(struct str bytes, size_t at, struct counts *out)
{
    const unsigned char *header = (const unsigned char *)bytes.at + at;

    if (bytes.len < at + HEADER || memcmp(header, "TZif", 4) != 0 || header[4] < '2') return false;
    *out = (struct counts){read_32(header + 20), read_32(header + 24), read_32(header + 28),
                           read_32(header + 32), read_32(header + 36), read_32(header + 40)};
    return out->is_ut <= FILE_MAX && out->is_standard <= FILE_MAX && out->leap <= FILE_MAX &&
           out->time <= FILE_MAX && out->type <= FILE_MAX && out->letters <= FILE_MAX;
}

static size_t block_size(const struct counts *counts, size_t time_size)
{
    return counts->time * (time_size + 1) + counts->type * TYPE + counts->letters +
           counts->leap * (time_size + 4) + counts->is_standard + counts->is_ut;
}

static bool types_are_known(const struct zone *zone)
{
    for (size_t i = 0; i < zone->time_count; i++)
        if (zone->types[i] >= zone->offset_count) return false;
    return zone->offset_count > 0;
}

/* The rule between the two line ends at the end of the file. */
static bool read_rules(struct zone *zone, struct str bytes, size_t at)
{
    const char *from = bytes.at + at, *end;

    if (at >= bytes.len || *from != '\n') return false;
    end = memchr(from + 1, '\n', bytes.len - at - 1);
    return end && parse_rules(zone, (struct reader){from + 1, end});
}

enum err zone_parse(struct arena *arena, struct str bytes, const struct zone **out)
{
    struct zone *zone = arena_alloc(arena, sizeof *zone);
    struct counts counts;
    size_t at;

    *out = NULL;
    if (!zone) return ERR_MEMORY;
    if (!read_header(bytes, 0, &counts)) return ERR_INVALID;
    at = HEADER + block_size(&counts, 4); /* the block for old programs */
    if (!read_header(bytes, at, &counts)) return ERR_INVALID;
    at += HEADER;
    if (bytes.len - at < block_size(&counts, 8)) return ERR_INVALID;
    zone->times = (const unsigned char *)bytes.at + at;
    zone->types = zone->times + 8 * counts.time;
    zone->offsets = zone->types + counts.time;
    zone->time_count = counts.time;
    zone->offset_count = counts.type;
    if (!types_are_known(zone) || !read_rules(zone, bytes, at + block_size(&counts, 8)))
        return ERR_INVALID;
    *out = zone;
    return OK;
}

/* "Area/Place" of letters, digits, '+', '-' and '_', which never leads out of the folder, nor to
 * the second set of files there whose clocks count leap seconds. */
static bool is_name(struct str name)
{
    bool begins = true;

    if (name.len == 0 || name.len > ZONE_NAME_MAX || str_starts(name, STR("right/"))) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i], lower = (char)(c | 32);
        bool letter = lower >= 'a' && lower <= 'z';

        if (begins ? !letter : !letter && !(c >= '0' && c <= '9') && !strchr("+-_/", c))
            return false;
        begins = c == '/';
    }
    return !begins;
}

enum err zone_read(struct arena *arena, struct str name, const struct zone **out)
{
    char path[sizeof FOLDER + ZONE_NAME_MAX];
    enum err err;
    char *bytes;
    ssize_t size;
    int fd;

    *out = NULL;
    if (!is_name(name)) return ERR_INVALID;
    snprintf(path, sizeof path, FOLDER "%.*s", (int)name.len, name.at);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? ERR_INVALID : ERR_IO;
    bytes = arena_alloc_raw(arena, FILE_MAX);
    size = bytes ? read(fd, bytes, FILE_MAX) : 0;
    err = !bytes ? ERR_MEMORY : size >= 0 ? OK : errno == EISDIR ? ERR_INVALID : ERR_IO;
    close(fd);
    return err == OK ? zone_parse(arena, (struct str){bytes, (size_t)size}, out) : err;
}

/* --- times -------------------------------------------------------------------------------------
 */

static int32_t offset_at(const struct zone *zone, size_t type)
{
    return (int32_t)read_32(zone->offsets + TYPE * type);
}

int32_t zone_offset_s(const struct zone *zone, int64_t time_s)
{
    size_t from = 0, to = zone->time_count; /* the first one after time_s is in between */

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (read_64(zone->times + 8 * middle) <= time_s)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == zone->time_count && zone->has_rules) return rule_offset(zone, time_s);
    return offset_at(zone, from ? zone->types[from - 1] : 0);
}

enum zone_fit zone_find(const struct zone *zone, int64_t wall_s, struct zone_moment at[2])
{
    int32_t before = zone_offset_s(zone, wall_s - WINDOW_S);
    int32_t after = zone_offset_s(zone, wall_s + WINDOW_S);
    struct zone_moment first = {wall_s - before, zone_offset_s(zone, wall_s - before)};
    struct zone_moment second = {wall_s - after, zone_offset_s(zone, wall_s - after)};
    bool by_first = first.offset_s == before, by_second = second.offset_s == after;

    at[0] = by_first ? first : second;
    at[1] = second;
    if (by_first && by_second) return before == after ? ZONE_ONCE : ZONE_TWICE;
    if (by_first || by_second) return ZONE_ONCE;
    at[1] = first; /* by the clocks of before: it is later */
    return ZONE_SKIPPED;
}

bool wall_time_parse(struct str text, struct wall_time *out)
{
    char minutes[] = "0000-00-00T00:00:00Z";
    static const struct str zeros[] = {{":00.000", 7}, {":00", 3}};
    struct wall_ms shown; /* as if the clock on the wall were UTC's */
    struct reader rest;
    int hour, minute;
    bool west;

    *out = (struct wall_time){0};
    if (text.len < 16) return false;
    memcpy(minutes, text.at, 16);
    if (!iso8601_parse(str_of(minutes), &shown)) return false;
    out->wall_s = shown.ms / 1000;
    text = (struct str){text.at + 16, text.len - 16};
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        if (str_starts(text, zeros[i]))
            text = (struct str){text.at + zeros[i].len, text.len - zeros[i].len};
    if (text.len == 0) return true;
    out->has_offset = true;
    out->utc = str_eq(text, STR("Z"));
    if (out->utc) return true;
    west = *text.at == '-';
    if (text.len != 6 || (!west && *text.at != '+')) return false;
    rest = (struct reader){text.at + 1, text.at + text.len};
    if (!take_number(&rest, 26, &hour) || !reader_take(&rest, ':') ||
        !take_number(&rest, 59, &minute))
        return false;
    out->offset_s = (int32_t)(hour * HOUR_S + minute * 60) * (west ? -1 : 1);
    return rest.at == rest.end;
}

void wall_time_format(struct zone_moment moment, char out[WALL_TIME_LEN + 1])
{
    char text[ISO8601_LEN + 1];
    int minutes = moment.offset_s / 60;
    int32_t size = minutes < 0 ? -minutes : minutes;

    iso8601_format((struct wall_ms){(moment.time_s + moment.offset_s) * 1000}, text);
    snprintf(out, WALL_TIME_LEN + 1, "%.16s%c%02d:%02d", text, minutes < 0 ? '-' : '+',
             (int)(size / 60 % 100), (int)(size % 60));
}
