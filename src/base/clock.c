/* base/clock.c: the system's clocks, and ISO 8601 on the proleptic Gregorian calendar.
 *
 * Calendar arithmetic counts years from 1 March, so that the leap day is the last of its year. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define DAY_MS    INT64_C(86400000)
#define TIME_LAST INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

#define DAYS_TO_1970 719468 /* from 1 March of year 0 */
#define DAYS_400Y    146097
#define DAYS_4Y      1461
#define DAYS_5M      153 /* March to July; August to December is the same again */

static struct wall_ms system_wall(const struct clock *clock)
{
    struct timespec now;

    (void)clock;
    ASSERT(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (struct wall_ms){(int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}

static struct mono_ms system_mono(const struct clock *clock)
{
    (void)clock;
    return (struct mono_ms){clock_monotonic_us() / 1000};
}

const struct clock clock_system = {system_wall, system_mono};

int64_t clock_monotonic_us(void)
{
    struct timespec now;

    ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct date {
    uint32_t year, month, day;
};

static struct date date_of(uint32_t days_since_1970)
{
    uint32_t days = days_since_1970 + DAYS_TO_1970;
    uint32_t century = (4 * days + 3) / DAYS_400Y;
    uint32_t in_century = days - century * DAYS_400Y / 4;
    uint32_t year = (4 * in_century + 3) / DAYS_4Y;
    uint32_t in_year = in_century - year * DAYS_4Y / 4;
    uint32_t month = (5 * in_year + 2) / DAYS_5M; /* 0 is March */
    uint32_t day = in_year - (month * DAYS_5M + 2) / 5 + 1;

    year += 100 * century;
    return month < 10 ? (struct date){year, month + 3, day}
                      : (struct date){year + 1, month - 9, day};
}

static uint32_t days_of(struct date date)
{
    uint32_t year = date.month > 2 ? date.year : date.year - 1;
    uint32_t month = date.month > 2 ? date.month - 3 : date.month + 9;

    return 365 * year + year / 4 - year / 100 + year / 400 + (month * DAYS_5M + 2) / 5 + date.day -
           1 - DAYS_TO_1970;
}

static char *put_digits(char *at, uint32_t number, int width, char after)
{
    for (int i = width - 1; i >= 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
    at[width] = after;
    return at + width + 1;
}

void iso8601_format(struct wall_ms time, char out[ISO8601_LEN + 1])
{
    int64_t time_ms = time.ms;
    struct date date;
    uint32_t in_day_ms;

    if (time_ms < 0) time_ms = 0;
    if (time_ms > TIME_LAST) time_ms = TIME_LAST;
    date = date_of((uint32_t)(time_ms / DAY_MS));
    in_day_ms = (uint32_t)(time_ms % DAY_MS);
    out = put_digits(out, date.year, 4, '-');
    out = put_digits(out, date.month, 2, '-');
    out = put_digits(out, date.day, 2, 'T');
    out = put_digits(out, in_day_ms / 3600000, 2, ':');
    out = put_digits(out, in_day_ms / 60000 % 60, 2, ':');
    out = put_digits(out, in_day_ms / 1000 % 60, 2, '.');
    out = put_digits(out, in_day_ms % 1000, 3, 'Z');
    *out = '\0';
}

/* The first of January 1970 was a Thursday. */
void rfc5322_format(struct wall_ms time, char out[RFC5322_LEN + 1])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char iso[ISO8601_LEN + 1]; /* 2026-11-29T02:30:00.000Z */

    if (time.ms < 0) time.ms = 0;
    if (time.ms > TIME_LAST) time.ms = TIME_LAST;
    iso8601_format(time, iso);
    snprintf(out, RFC5322_LEN + 1, "%s, %.2s %s %.4s %.8s +0000", days[(time.ms / DAY_MS + 4) % 7],
             iso + 8, months[(iso[5] - '0') * 10 + iso[6] - '0' - 1], iso, iso + 11);
}

/* Reads what put_digits writes; *at moves past it. */
static bool take_digits(const char **at, int width, char after, uint32_t *number)
{
    *number = 0;
    for (; width > 0; width--, (*at)++) {
        if (**at < '0' || **at > '9') return false;
        *number = *number * 10 + (uint32_t)(**at - '0');
    }
    return *(*at)++ == after;
}

static uint32_t days_in_month(uint32_t year, uint32_t month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

bool iso8601_parse(struct str text, struct wall_ms *time)
{
    bool fraction = text.len == ISO8601_LEN;
    const char *at = text.at;
    uint32_t hour, minute, second, ms = 0;
    struct date date;

    if (!fraction && text.len != ISO8601_LEN - 4) return false;
    if (!take_digits(&at, 4, '-', &date.year) || !take_digits(&at, 2, '-', &date.month) ||
        !take_digits(&at, 2, 'T', &date.day) || !take_digits(&at, 2, ':', &hour) ||
        !take_digits(&at, 2, ':', &minute) || !take_digits(&at, 2, fraction ? '.' : 'Z', &second) ||
        (fraction && !take_digits(&at, 3, 'Z', &ms))) {
        return false;
    }
    if (date.year < 1970 || date.month < 1 || date.month > 12) return false;
    if (date.day < 1 || date.day > days_in_month(date.year, date.month)) return false;
    if (hour > 23 || minute > 59 || second > 59) return false;
    time->ms =
        days_of(date) * DAY_MS + ((int64_t)(hour * 60 + minute) * 60 + second) * 1000 + (int64_t)ms;
    return true;
}
