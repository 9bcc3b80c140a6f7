/* base/clock.h: time as something handed in, so that tests and the simulator own it.
 *
 * Two clocks, and two types that the compiler keeps apart. A length of time is an int64_t whose
 * name ends in _ms. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"

/* A moment of the wall clock, UTC since 1970, which may be set at any time: for what people see and
 * for what is stored, which must mean the same after a restart. */
struct wall_ms {
    int64_t ms;
};

#define WALL_NONE  ((struct wall_ms){0}) /* no time is known, or none is needed */
#define WALL_NEVER ((struct wall_ms){INT64_MAX})

/* A moment of the monotonic clock, which nobody can set: for every pause, lease, back-off, deadline
 * and limit. It means nothing to another process, nor after a restart. {0} is over. */
struct mono_ms {
    int64_t ms;
};

#define MONO_NEVER ((struct mono_ms){INT64_MAX})

struct clock {
    struct wall_ms (*wall)(const struct clock *clock);
    struct mono_ms (*mono)(const struct clock *clock); /* > 0 */
};

static inline struct wall_ms clock_wall(const struct clock *clock)
{
    return clock->wall(clock);
}
static inline struct mono_ms clock_mono(const struct clock *clock)
{
    return clock->mono(clock);
}

/* length_ms after it, or before when that is negative; WALL_NEVER stays, and what would lie beyond
 * it becomes it. */
static inline struct wall_ms wall_after(struct wall_ms from, int64_t length_ms)
{
    if (from.ms == INT64_MAX || (length_ms > 0 && from.ms > INT64_MAX - length_ms))
        return WALL_NEVER;
    return (struct wall_ms){from.ms + length_ms};
}
/* at is now or over. */
static inline bool wall_reached(struct wall_ms now, struct wall_ms at)
{
    return at.ms <= now.ms;
}
/* How long after `then` it is now; negative when the clock was set back meanwhile. */
static inline int64_t wall_since(struct wall_ms now, struct wall_ms then)
{
    return now.ms - then.ms;
}
/* Whole seconds since 1970, as tokens and other protocols count. */
static inline int64_t wall_seconds(struct wall_ms time)
{
    return time.ms / 1000;
}
/* It is one: not WALL_NONE. */
static inline struct wall_ms wall_of_seconds(int64_t time_s)
{
    return (struct wall_ms){time_s * 1000};
}
static inline bool wall_known(struct wall_ms time)
{
    return time.ms != 0;
}
static inline bool wall_same(struct wall_ms a, struct wall_ms b)
{
    return a.ms == b.ms;
}
static inline bool wall_before(struct wall_ms a, struct wall_ms b)
{
    return a.ms < b.ms;
}
static inline struct wall_ms wall_earlier(struct wall_ms a, struct wall_ms b)
{
    return a.ms < b.ms ? a : b;
}
static inline struct wall_ms wall_later(struct wall_ms a, struct wall_ms b)
{
    return a.ms < b.ms ? b : a;
}

/* pause_ms after it; MONO_NEVER stays, and what would lie beyond it becomes it. */
static inline struct mono_ms mono_after(struct mono_ms from, int64_t pause_ms)
{
    if (pause_ms > 0 && from.ms > INT64_MAX - pause_ms) return MONO_NEVER;
    return (struct mono_ms){from.ms + pause_ms};
}
/* at is now or over. */
static inline bool mono_reached(struct mono_ms now, struct mono_ms at)
{
    return at.ms <= now.ms;
}
static inline int64_t mono_since(struct mono_ms now, struct mono_ms then)
{
    return now.ms - then.ms;
}
static inline bool mono_before(struct mono_ms a, struct mono_ms b)
{
    return a.ms < b.ms;
}
static inline struct mono_ms mono_earlier(struct mono_ms a, struct mono_ms b)
{
    return a.ms < b.ms ? a : b;
}

/* The real ones: CLOCK_REALTIME and CLOCK_MONOTONIC. Threads: any. */
extern const struct clock clock_system;
/* Monotonic microseconds, for measuring durations only; never for business decisions. */
int64_t clock_monotonic_us(void);

#define ISO8601_LEN 24
/* 2026-11-21T12:34:56.789Z and back; parse takes exactly this shape (also without fraction).
 * Years 1970 to 9999; format shows a time outside them as the nearest end. out has room for
 * ISO8601_LEN + 1. */
void iso8601_format(struct wall_ms time, char out[ISO8601_LEN + 1]);
#define RFC5322_LEN 31
/* "Sun, 29 Nov 2026 02:30:00 +0000" (RFC 5322 section 3.3), UTC; within the same bounds. out:
 * RFC5322_LEN + 1. */
void rfc5322_format(struct wall_ms time, char out[RFC5322_LEN + 1]);
bool iso8601_parse(struct str text, struct wall_ms *time);

#endif
