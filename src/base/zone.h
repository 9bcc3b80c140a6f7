/* base/zone.h: time zones by their IANA names, and what the clocks on their walls show.
 *
 * Read from the system's tzdata, whose updates count at once: TZif (RFC 9636) under
 * /usr/share/zoneinfo. The C library knows one zone a process (TZ), and changing it is not for
 * threads; libraries that know more of them bring data of their own, which gets old. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/arena.h"

#define ZONE_NAME_MAX 64 /* bytes */

struct zone; /* lives in the arena it was read into */

/* "Europe/Berlin". ERR_INVALID: there is no such zone; ERR_IO: what is there under its name is no
 * zone, or cannot be read; ERR_MEMORY. Threads: any. */
enum err zone_read(struct arena *arena, struct str name, const struct zone **out);
/* The same from the bytes of a file. ERR_INVALID when they are none. */
enum err zone_parse(struct arena *arena, struct str bytes, const struct zone **out);

/* A moment, and how far ahead of UTC the zone's clocks are then. */
struct zone_moment {
    int64_t time_s;   /* UTC, since 1970 */
    int32_t offset_s; /* east is positive */
};
/* How far ahead of UTC the zone's clocks are at a moment. */
int32_t zone_offset_s(const struct zone *zone, int64_t time_s);

/* When the zone's clocks show a time. */
enum zone_fit {
    ZONE_ONCE,    /* at[0] */
    ZONE_SKIPPED, /* never: clocks are put forward over it. at[]: just before and just after, by as
                     much as it is within the gap */
    ZONE_TWICE    /* clocks are put back: at[0] and later at[1] */
};
/* wall_s: what they show, read as if it were UTC. at has room for two. */
enum zone_fit zone_find(const struct zone *zone, int64_t wall_s, struct zone_moment at[2]);

/* --- written times --------------------------------------------------------------------------- */

/* "2027-03-28T19:30", perhaps with seconds of 0, and with an offset or Z after it. */
struct wall_time {
    int64_t wall_s; /* as written, read as if it were UTC */
    bool has_offset;
    bool utc; /* Z: a moment, whatever the zone */
    int32_t offset_s;
};
/* False: text is no such time, of the years 1970 to 9999. */
bool wall_time_parse(struct str text, struct wall_time *out);

#define WALL_TIME_LEN 22
/* "2027-03-28T19:30+02:00". */
void wall_time_format(struct zone_moment moment, char out[WALL_TIME_LEN + 1]);

#endif
