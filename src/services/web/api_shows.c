/* services/web/api_shows.c: what the API said of shows and venues, as the pages want it. */
#include "services/web/api_shows.h"

#include "base/clock.h"
#include "base/degrees.h"
#include "base/zone.h"
#include "runtime/service.h"
#include "services/web/api.h"
#include "services/web/page_input.h"
#include "services/web/page_text.h"
#include "unicode/words.h"

#define SLUG_WORDS_MAX 8
#define SLUG_BYTES     80
#define PLAYERS_MAX    20

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

/* Its title in the letters that addresses have; an address is as good without. */
static struct str slug_of(struct request *rq, struct str title)
{
    struct word_list words;
    struct buf slug;

    buf_init(&slug, rq->arena, SLUG_BYTES);
    if (!text_words(rq->arena, title, false, SLUG_WORDS_MAX, &words)) return STR("");
    for (size_t i = 0; i < words.count; i++) {
        if (!str_is_ascii(words.at[i]) || slug.len + words.at[i].len + 1 > SLUG_BYTES) continue;
        buf_char(&slug, '-');
        buf_append(&slug, words.at[i]);
    }
    return slug.failed ? STR("") : buf_str(&slug);
}

/* https://schema.org/Event and what is more exact than that. */
static struct str kind_of(struct str category)
{
    static const struct {
        const char *category, *kind;
    } kinds[] = {{"music", "MusicEvent"}, {"theatre", "TheaterEvent"}, {"comedy", "ComedyEvent"},
                 {"dance", "DanceEvent"}, {"sport", "SportsEvent"},    {"festival", "Festival"}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq(category, str_of(kinds[i].category))) return str_of(kinds[i].kind);
    return STR("Event");
}

static void take_players(struct request *rq, const struct json *show, struct show_view *out)
{
    const struct json *list = json_get(show, "performers");
    struct player *players = arena_alloc(rq->arena, PLAYERS_MAX * sizeof *players);

    for (size_t i = 0; players && i < json_length(list) && i < PLAYERS_MAX; i++) {
        struct player *player = &players[out->players.count];

        if (!json_text(json_at(list, i), &player->name)) continue;
        player->more = out->players.count++ != 0;
    }
    out->players.at = players;
}

static struct str place_of(struct request *rq, const struct json *show)
{
    struct str name = json_member(show, "venue.name");

    if (!name.len) return STR("");
    return page_fill(rq, TEXT_FIND_PLACE, {STR("venue"), name},
                     {STR("city"), json_member(show, "venue.city")});
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

static struct str offers_of(struct request *rq, const struct json *show)
{
    int64_t cents, available;

    if (!json_price(json_get(show, "lowestTotal"), &cents) ||
        !json_int64(json_get(show, "available"), &available))
        return STR("");
    return page_fill(rq, TEXT_SHOW_OFFERS, {STR("price"), page_money(rq, cents)},
                     {STR("n"), page_number(rq, available)});
}

bool api_show(struct request *rq, const struct json *json, struct show_view *out)
{
    struct str local = json_member(json, "startsAtLocal");

    *out = (struct show_view){.id = json_member(json, "id"),
                              .venue_id = json_member(json, "venueId"),
                              .title = json_member(json, "title"),
                              .performers = performers_of(rq, json),
                              .slug = slug_of(rq, json_member(json, "title")),
                              .kind = kind_of(json_member(json, "category")),
                              .place = place_of(rq, json),
                              .offers = offers_of(rq, json),
                              .starts_at = local,
                              .when = local_day(rq, local),
                              .doors_at = json_member(json, "doorsAtLocal")};
    if (out->doors_at.len == WALL_TIME_LEN) out->doors = (struct str){out->doors_at.at + 11, 5};
    take_players(rq, json, out);
    take_status(rq, json, out);
    return out->id.len == OBJECT_ID_HEX && out->venue_id.len == OBJECT_ID_HEX && out->when.len;
}

/* "52.507211", in the arena; empty: there is none. */
static struct str degrees_of(struct request *rq, const struct json *venue, const char *path)
{
    int64_t degrees;
    struct buf text;

    if (!json_degrees(json_get_path(venue, path), LONGITUDE_MAX, &degrees)) return STR("");
    buf_init(&text, rq->arena, 32);
    degrees_text(&text, degrees);
    return text.failed ? STR("") : buf_str(&text);
}

bool api_venue(struct request *rq, const struct json *json, struct venue_view *out)
{
    *out = (struct venue_view){.id = json_member(json, "id"),
                               .name = json_member(json, "name"),
                               .city = json_member(json, "city"),
                               .country = json_member(json, "country"),
                               .zone = json_member(json, "timeZone"),
                               .latitude = degrees_of(rq, json, "coordinates.latitude"),
                               .longitude = degrees_of(rq, json, "coordinates.longitude"),
                               .refusal = json_member(json, "refusal"),
                               .proposed = str_eq(json_member(json, "status"), STR("proposed")),
                               .refused = json_get(json, "refusal") != NULL};
    return out->id.len == OBJECT_ID_HEX;
}

struct str api_search_when(struct request *rq)
{
    bool dated = page_typed(rq, "from").len || page_typed(rq, "to").len;

    return dated ? STR("") : page_typed(rq, "when");
}

void api_search(struct request *rq, struct buf *path)
{
    static const char *const names[] = {"q", "city", "from", "to"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        api_parameter(path, names[i], page_typed(rq, names[i]));
    api_parameter(path, "when", api_search_when(rq));
}

struct str api_show_path(struct request *rq, const struct show_view *show)
{
    struct str id_path = path_of(rq, "/shows/", show->id, "");
    struct buf path;

    buf_init(&path, rq->arena, id_path.len + show->slug.len + 1);
    buf_append(&path, id_path);
    buf_append(&path, show->slug);
    return path.failed ? id_path : buf_str(&path);
}

struct str api_show_address(struct request *rq, const struct json *json)
{
    const struct show_view show = {.id = json_member(json, "id"),
                                   .slug = slug_of(rq, json_member(json, "title"))};

    return show.id.len == OBJECT_ID_HEX ? api_show_path(rq, &show) : STR("");
}
