/* Any bytes where a file of a time zone or a written local time is expected: the first line of the
 * input is the time, the rest the zone. Promises: what is taken as a time is written back as a text
 * that means the same; every moment that a zone finds for what clocks show is one at which they do.
 */
#include "fuzz.h"
#include "base/zone.h"

#define OFFSET_MAX 97200                 /* seconds: 26:59 and a minute */
#define YEAR_LAST  INT64_C(253402300799) /* the last second of 9999 */

/* What a zone finds for what clocks show is when they do, however odd its file is. */
static void check_fit(const struct zone *zone, int64_t wall_s)
{
    struct zone_moment at[2];
    enum zone_fit fit = zone_find(zone, wall_s, at);

    for (int i = 0; fit != ZONE_SKIPPED && i <= (fit == ZONE_TWICE); i++) {
        ASSERT(at[i].time_s + at[i].offset_s == wall_s);
        ASSERT(zone_offset_s(zone, at[i].time_s) == at[i].offset_s);
    }
}

static void try_local(const struct zone *zone, struct str text)
{
    char shown[WALL_TIME_LEN + 1];
    struct wall_time wall, again;
    struct zone_moment moment;

    if (!wall_time_parse(text, &wall)) return;
    ASSERT(wall.wall_s >= 0 && wall.wall_s <= YEAR_LAST);
    ASSERT(wall.offset_s > -OFFSET_MAX && wall.offset_s < OFFSET_MAX);
    moment = (struct zone_moment){wall.wall_s - wall.offset_s, wall.offset_s};
    if (moment.time_s >= 0 && wall.offset_s % 60 == 0) {
        wall_time_format(moment, shown);
        ASSERT(wall_time_parse(str_of(shown), &again));
        ASSERT(again.wall_s - again.wall_s % 60 == wall.wall_s - wall.wall_s % 60);
        ASSERT(again.offset_s == wall.offset_s);
    }
    if (zone) check_fit(zone, wall.wall_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t some[] = {0, 1, -1, 1798761600, 4102444800, YEAR_LAST};
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t line = end ? (size_t)(end - data) : 0, skip = end ? line + 1 : 0;
    const struct zone *zone = NULL;

    if (zone_parse(fuzz_arena(), (struct str){(const char *)data + skip, size - skip}, &zone) != OK)
        zone = NULL;
    if (zone)
        for (size_t i = 0; i < sizeof some / sizeof *some; i++)
            check_fit(zone, some[i]);
    try_local(zone, (struct str){(const char *)data, end ? line : size});
    return 0;
}
