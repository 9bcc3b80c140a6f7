/* base/clock.h: time as something handed in, so that tests and the simulator own it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"

struct clock {
    int64_t (*now_ms)(const struct clock *clock); /* UTC milliseconds since 1970 */
};

static inline int64_t clock_now_ms(const struct clock *clock)
{
    return clock->now_ms(clock);
}

/* The real one: CLOCK_REALTIME. Threads: any. */
extern const struct clock clock_system;
/* Monotonic microseconds, for measuring durations only; never for business decisions. */
int64_t clock_monotonic_us(void);

#define ISO8601_LEN 24
/* 2026-11-21T12:34:56.789Z and back; parse takes exactly this shape (also without fraction).
 * Years 1970 to 9999; format shows a time outside them as the nearest end. out has room for
 * ISO8601_LEN + 1. */
void iso8601_format(int64_t time_ms, char out[ISO8601_LEN + 1]);
bool iso8601_parse(struct str text, int64_t *time_ms);

#endif
