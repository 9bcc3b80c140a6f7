/* services/catalogue/search/search_routes.c: GET /api/shows with something to look for, what is
 * suggested while one types, and the operator's look at the index. */
#include "services/catalogue/search/search_routes.h"

#include "base/percent.h"
#include "services/catalogue/documents.h"
#include "services/catalogue/search/find.h"

#define QUERY_POINTS_MAX 200
#define SUGGESTIONS_MAX  8
#define SUGGESTED_FROM   60 /* shows whose names are looked at */
#define GUESSED_BYTES    16384

/* What may be asked for, and with them the page: in the order of links. */
static const char *const parameters[] = {"q",    "city", "country", "category", "venueId",
                                         "from", "to",   "when",    "near",     "radiusKm",
                                         "over", "sort", NULL};

bool is_search(struct request *rq)
{
    if (request_query(rq, "status").at) return false;
    for (size_t i = 0; parameters[i]; i++)
        if (strcmp(parameters[i], "venueId") != 0 && request_query(rq, parameters[i]).at)
            return true;
    return false;
}

/* --- what the query says ---------------------------------------------------------------------- */

/* A parameter of at most so many letters; empty when it is absent or only said to be there. */
static struct str take_text(struct request *rq, const char *name, const char *message)
{
    struct str text = str_trim(request_query(rq, name));

    if (str_code_points(text) > QUERY_POINTS_MAX) {
        request_reject_for(rq, name, message, "too_long", "Use at most 200 characters");
        return STR("");
    }
    return text.at ? text : STR("");
}

static enum err narrow(struct request *rq, struct search *search, enum narrowing by, struct str to)
{
    struct str word;

    if (!to.len) return OK;
    word = narrowing_word(rq->arena, by, to);
    if (!word.at) return ERR_MEMORY;
    search->narrowed[search->narrowed_count++] = word;
    return OK;
}

static enum err take_narrowing(struct request *rq, struct search *search)
{
    struct str city = take_text(rq, "city", "City must be the name of a city");
    struct str country = take_text(rq, "country", "Country must be a code of ISO 3166-1");
    struct str category = take_text(rq, "category", "Category must be one of the known ones");
    struct str venue = take_text(rq, "venueId", "VenueId must be an id of 24 hex digits");
    struct object_id id;
    enum err err;

    if (country.len && !country_valid(country))
        request_reject_for(rq, "country", "Country must be a code of ISO 3166-1", "unknown_country",
                           "Write its two capital letters, such as DE");
    if (category.len && !category_valid(category))
        request_reject_for(rq, "category", "Category must be one of the known ones",
                           "unknown_category",
                           "Write music, theatre, comedy, dance, sport, family, festival, "
                           "conference or other");
    if (venue.len && !object_id_parse(venue, &id))
        request_reject(rq, "venueId", "VenueId must be an id of 24 hex digits");
    TRY(narrow(rq, search, NARROW_CITY, city));
    TRY(narrow(rq, search, NARROW_COUNTRY, country));
    TRY(narrow(rq, search, NARROW_CATEGORY, category));
    TRY(narrow(rq, search, NARROW_VENUE, venue));
done:
    return err;
}

#define WHEN_MESSAGE "When must be today, weekend, week or month"

/* Days at the venue; and what has begun only when it is asked for. */
static void take_time(struct request *rq, struct search *search)
{
    struct str from = take_text(rq, "from", "From must be a day");
    struct str to = take_text(rq, "to", "To must be a day");
    struct str when = take_text(rq, "when", WHEN_MESSAGE);
    struct str over = take_text(rq, "over", "Over must be true or false");

    search->from = search->to = STR("");
    search->above = -1;
    search->below = INT64_MAX;
    if (over.len && !str_eq(over, STR("true")) && !str_eq(over, STR("false")))
        request_reject(rq, "over", "Over must be true or false");
    if (!str_eq(over, STR("true")))
        search->above = place_from(wall_after(env_now(rq->run->env), 1)) - 1;
    if (from.len && !search_from_day(search, from))
        request_reject_for(rq, "from", "From must be a day", "unreadable",
                           "Write a date such as 2027-03-28");
    if (to.len && !search_to_day(search, to))
        request_reject_for(rq, "to", "To must be a day", "unreadable",
                           "Write a date such as 2027-03-28");
    if (when.len && !search_when(search, when, env_now(rq->run->env)))
        request_reject_for(rq, "when", WHEN_MESSAGE, "unknown",
                           "Choose one of them, or name days with from and to");
    if (from.len && to.len && memcmp(from.at, to.at, from.len < to.len ? from.len : to.len) > 0)
        request_reject_for(rq, "to", "To must be a day", "before_from",
                           "Write the day of from, or a later one");
}

/* "52.509,13.376": degrees north and east. */
static bool read_place(struct str near, struct search *out)
{
    const char *comma = near.at ? memchr(near.at, ',', near.len) : NULL;
    size_t first = comma ? (size_t)(comma - near.at) : 0;

    return comma &&
           degrees_parse(str_trim((struct str){near.at, first}), LATITUDE_MAX, &out->latitude) &&
           degrees_parse(str_trim((struct str){comma + 1, near.len - first - 1}), LONGITUDE_MAX,
                         &out->longitude);
}

static void take_circle(struct request *rq, struct search *search)
{
    struct str near = take_text(rq, "near", "Near must be a latitude and a longitude");
    struct str radius = take_text(rq, "radiusKm", "RadiusKm must be a number from 1 to 500");

    search->around = near.len != 0;
    search->radius_km = RADIUS_KM_DEFAULT;
    if (near.len && !read_place(near, search))
        request_reject_for(rq, "near", "Near must be a latitude and a longitude", "off_the_globe",
                           "Write degrees north from -90 to 90, a comma, and degrees east from "
                           "-180 to 180, such as 52.509,13.376");
    if (radius.len && (!str_to_int64(radius, &search->radius_km) || search->radius_km < 1 ||
                       search->radius_km > RADIUS_KM_MAX))
        request_reject(rq, "radiusKm", "RadiusKm must be a number from 1 to 500");
    if (radius.len && !near.len)
        request_reject_for(rq, "near", "Near must be a latitude and a longitude", "empty",
                           "Say of which place radiusKm is meant, or leave it out");
}

#define SORT_MESSAGE "Sort must be soonest, latest, nearest or price"

static void take_sort(struct request *rq, struct search *search)
{
    struct str sort = take_text(rq, "sort", SORT_MESSAGE);

    search->sort = SORT_SOONEST;
    if (str_eq(sort, STR("latest")))
        search->sort = SORT_LATEST;
    else if (str_eq(sort, STR("nearest")))
        search->sort = SORT_NEAREST;
    else if (str_eq(sort, STR("price")))
        search->sort = SORT_PRICE;
    else if (sort.len && !str_eq(sort, STR("soonest")))
        request_reject(rq, "sort", SORT_MESSAGE);
    if (search->sort == SORT_NEAREST && !search->around)
        request_reject_for(rq, "sort", SORT_MESSAGE, "without_near",
                           "Say near which place, or sort by soonest");
}

static enum err take_page(struct request *rq, struct search *search)
{
    struct str after = request_query(rq, "after");
    enum err err;

    TRY(request_fingerprint(rq, parameters, &search->fingerprint));
    if (after.at && !cursor_read(search, after))
        request_reject_for(rq, "after", "After must be of this search's last page", "other_search",
                           "Leave it out to begin with the first page");
    return request_limit(rq, SEARCH_LIMIT, SEARCH_LIMIT_MAX, &search->limit);
done:
    return err;
}

/* All of it; every field's error is reported. */
static enum err take_search(struct request *rq, struct tx *tx, struct search **out)
{
    struct search *search = arena_alloc(rq->arena, sizeof *search);
    struct str typed = take_text(rq, "q", "Q must be the words to look for");
    enum err err;

    if (!search) return ERR_MEMORY;
    TRY(take_narrowing(rq, search));
    take_time(rq, search);
    take_circle(rq, search);
    take_sort(rq, search);
    err = take_page(rq, search);
    if (err != ERR_INVALID) TRY(err);
    TRY(request_checked(rq));
    TRY(find_words(tx, rq->arena, typed, search));
    *out = search;
done:
    return err;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void put_found(struct json_writer *json, const struct search *search,
                      const struct found_show *found)
{
    json_begin_object(json);
    show_members(json, &found->show);
    json_key(json, "venue");
    venue_json(json, &found->venue);
    offer_members(json, &found->offers);
    if (search->around) json_member_int(json, "distanceM", globe_ground_m(found->square));
    json_end_object(json);
}

static void reply_next(struct request *rq, struct reply *rp, const struct search *search,
                       const struct found_show *last)
{
    char cursor[CURSOR_LEN + 1];

    cursor_write(search, last->place, last->rank, cursor);
    reply_narrowed_next(rq, rp, search->limit, str_of(cursor), parameters);
}

/* Which words were taken for others, percent-encoded, commas between them. */
static void reply_guessed(struct request *rq, struct reply *rp, const struct search *search)
{
    struct buf words;

    buf_init(&words, rq->arena, GUESSED_BYTES);
    for (size_t i = 0; i < search->word_count; i++) {
        if (!search->words[i].near_count) continue;
        if (words.len) buf_char(&words, ',');
        percent_encode(&words, search->words[i].text, "");
    }
    if (!words.failed) reply_header(rp, "Search-Guessed", buf_str(&words));
}

/* GET /api/shows?q=&city=&country=&category=&venueId=&from=&to=&near=&radiusKm=&over=&sort=&limit=
 * &after=: what everybody may find. 200 an array of shows with their venues, and how far away they
 * are; 400. Runs on a read-only snapshot. */
enum err get_search(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct found_show found;
    struct json_writer json;
    struct search *search;
    int64_t count = 0;
    struct rows rows;
    enum err err, end;

    TRY(take_search(rq, tx, &search));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    if (!search->nothing) {
        TRY(find_shows(tx, rq->arena, search, &rows));
        while ((err = found_next(&rows, rq->arena, &found)) == OK) {
            put_found(&json, search, &found);
            count++;
        }
        end = rows_end(&rows);
        TRY(err == ERR_NOT_FOUND ? end : err);
    }
    json_end_array(&json);
    if (count == search->limit) reply_next(rq, rp, search, &found);
    if (find_guessed(search)) reply_guessed(rq, rp, search);
    return OK;
done:
    return err;
}

/* --- suggestions ------------------------------------------------------------------------------ */

struct suggestions {
    struct request *rq;
    const struct search *search;
    struct json_writer json;
    struct str told[SUGGESTIONS_MAX]; /* as they are compared */
    size_t count;
};

/* A name that has what was typed, once. */
static enum err suggest(struct suggestions *out, const char *kind, struct str text)
{
    struct arena *arena = out->rq->arena;
    struct str joined;

    if (out->count == SUGGESTIONS_MAX || !search_is_in(arena, out->search, text)) return OK;
    joined = text_joined(arena, text);
    if (!joined.at) return ERR_MEMORY;
    for (size_t i = 0; i < out->count; i++)
        if (str_eq(out->told[i], joined)) return OK;
    out->told[out->count++] = joined;
    json_begin_object(&out->json);
    json_member_text(&out->json, "kind", str_of(kind));
    json_member_text(&out->json, "text", text);
    json_end_object(&out->json);
    return OK;
}

static enum err suggest_names(struct suggestions *out, const struct found_show *found)
{
    const struct show_fields *is = &found->show.is;
    enum err err;

    for (size_t i = 0; i < is->performers.count; i++)
        TRY(suggest(out, "performer", is->performers.at[i]));
    TRY(suggest(out, "show", is->title));
    TRY(suggest(out, "venue", found->venue.is.name));
    TRY(suggest(out, "city", found->venue.is.city));
done:
    return err;
}

/* GET /api/shows/suggestions?q=: names that have what was typed, of the shows that are on next. 200
 * an array of at most eight {kind, text}, kind: performer, show, venue or city; 400. */
enum err get_suggestions(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct suggestions out = {.rq = rq};
    struct found_show found;
    struct search *search;
    struct rows rows;
    enum err err, end;

    TRY(take_search(rq, tx, &search));
    search->limit = SUGGESTED_FROM;
    out.search = search;
    out.json = reply_json(rp, 200);
    json_begin_array(&out.json);
    if (search->word_count) {
        TRY(find_shows(tx, rq->arena, search, &rows));
        while ((err = found_next(&rows, rq->arena, &found)) == OK && out.count < SUGGESTIONS_MAX)
            if ((err = suggest_names(&out, &found)) != OK) break;
        end = rows_end(&rows);
        TRY(err == ERR_NOT_FOUND || err == OK ? end : err);
    }
    json_end_array(&out.json);
    return OK;
done:
    return err;
}

/* --- the operator ----------------------------------------------------------------------------- */

static enum err reply_index(struct tx *tx, struct reply *rp)
{
    struct json_writer json = reply_json(rp, 200);
    int64_t count;
    bool rebuilding;
    enum err err;

    TRY(search_count(tx, &count));
    TRY(rebuild_is_on(tx, &rebuilding));
    json_begin_object(&json);
    json_member_int(&json, "shows", count);
    json_member_bool(&json, "rebuilding", rebuilding);
    json_end_object(&json);
done:
    return err;
}

/* GET /operator/search: how many shows can be found, and whether the index is being made anew. */
enum err get_search_index(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rq;
    return reply_index(tx, rp);
}

/* POST /operator/search/rebuild: makes the index anew, while it is searched. 200 as GET. */
enum err post_search_rebuild(struct request *rq, struct tx *tx, struct reply *rp)
{
    enum err err;

    TRY(rebuild_begin(tx));
    env_job_due(rq->run->env, CATALOGUE_JOB_REBUILD, tx->now);
    TRY(request_changed(rq, STR("search"), STR("")));
    return reply_index(tx, rp);
done:
    return err;
}
