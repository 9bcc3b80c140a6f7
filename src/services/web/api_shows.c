/* services/web/api_shows.c: what the API said of shows and venues, as the pages want it. */
#include "services/web/api_shows.h"

#include "base/clock.h"
#include "base/zone.h"
#include "runtime/service.h"
#include "services/web/page_text.h"

/* No end is known of a show: so long after its start it is taken to be over. */
#define SHOW_OVER_MS (INT64_C(6) * 60 * 60 * 1000)

struct str json_member(const struct json *object, const char *path)
{
    struct str text = STR("");

    (void)json_text(json_get_path(object, path), &text);
    return text;
}

/* "2027-03-28T19:30+02:00" for people: "Sunday, 28 March 2027, 19:30". */
static struct str local_day(struct request *rq, struct str local)
{
    static const enum text days[] = {TEXT_WEEKDAY_4, TEXT_WEEKDAY_5, TEXT_WEEKDAY_6, TEXT_WEEKDAY_7,
                                     TEXT_WEEKDAY_1, TEXT_WEEKDAY_2, TEXT_WEEKDAY_3};
    char iso[] = "0000-00-00T00:00:00Z";
    int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;
    struct wall_ms shown; /* as if the clock on the wall were UTC's */

    if (local.len != WALL_TIME_LEN) return STR("");
    memcpy(iso, local.at, 16);
    if (!iso8601_parse(str_of(iso), &shown)) return STR("");
    /* 1970 began on a Thursday */
    return page_fill(rq, TEXT_SHOW_WHEN,
                     {STR("weekday"), page_text(rq, days[shown.ms / day_ms % 7])},
                     {STR("year"), arena_copy(rq->arena, (struct str){iso, 4})},
                     {STR("month"), page_text(rq, page_month(iso))},
                     {STR("day"), page_number(rq, (iso[8] - '0') * 10 + iso[9] - '0')},
                     {STR("time"), arena_copy(rq->arena, (struct str){iso + 11, 5})});
}

static struct str performers_of(struct request *rq, const struct json *show)
{
    const struct json *list = json_get(show, "performers");
    struct buf names;
    struct str name;

    buf_init(&names, rq->arena, 32768);
    for (size_t i = 0; i < json_length(list); i++) {
        if (!json_text(json_at(list, i), &name)) continue;
        if (names.len) buf_append(&names, STR(" · "));
        buf_append(&names, name);
    }
    return names.failed ? STR("") : buf_str(&names);
}

/* What is to be said of it beside its time; empty: nothing. */
static void take_status(struct request *rq, const struct json *show, struct show_view *out)
{
    struct str status = json_member(show, "status");
    struct wall_ms starts, now = env_now(rq->run->env);

    out->refused = json_get(show, "refusal") != NULL;
    out->refusal = json_member(show, "refusal");
    out->cancelled = !out->refused && str_eq(status, STR("cancelled"));
    out->postponed = str_eq(status, STR("postponed"));
    out->proposed = str_eq(status, STR("proposed"));
    if (!str_eq(status, STR("scheduled")) || !iso8601_parse(json_member(show, "startsAt"), &starts))
        return;
    out->over = wall_reached(now, wall_after(starts, SHOW_OVER_MS));
    out->begun = wall_reached(now, starts) && !out->over;
}

bool api_show(struct request *rq, const struct json *json, struct show_view *out)
{
    struct str local = json_member(json, "startsAtLocal");

    *out = (struct show_view){.id = json_member(json, "id"),
                              .venue_id = json_member(json, "venueId"),
                              .title = json_member(json, "title"),
                              .performers = performers_of(rq, json),
                              .starts_at = local,
                              .when = local_day(rq, local),
                              .doors_at = json_member(json, "doorsAtLocal")};
    if (out->doors_at.len == WALL_TIME_LEN) out->doors = (struct str){out->doors_at.at + 11, 5};
    take_status(rq, json, out);
    return out->id.len == OBJECT_ID_HEX && out->venue_id.len == OBJECT_ID_HEX && out->when.len;
}

bool api_venue(const struct json *json, struct venue_view *out)
{
    *out = (struct venue_view){.id = json_member(json, "id"),
                               .name = json_member(json, "name"),
                               .city = json_member(json, "city"),
                               .country = json_member(json, "country"),
                               .zone = json_member(json, "timeZone"),
                               .refusal = json_member(json, "refusal"),
                               .proposed = str_eq(json_member(json, "status"), STR("proposed")),
                               .refused = json_get(json, "refusal") != NULL};
    return out->id.len == OBJECT_ID_HEX;
}
