/* services/web/catalogue/catalogue_kinds.c: what differs between the pages of venues and those of
 * shows: addresses, words, fields. */
#include "services/web/catalogue/catalogue_pages.h"

#define Q_POINTS_MAX 200 /* as the API has it */

static const struct field_spec venue_fields[VENUE_FIELDS_TYPED] = {
    {"name", "name", FIELD_LINE, TEXT_VENUE_FIELD_NAME, TEXT_VENUE_FIELD_NAME_HINT, false, false},
    {"city", "city", FIELD_LINE, TEXT_VENUE_FIELD_CITY, TEXT_VENUE_FIELD_CITY_HINT, false, false},
    {"country", "country", FIELD_CAPITALS, TEXT_VENUE_FIELD_COUNTRY, TEXT_VENUE_FIELD_COUNTRY_HINT,
     false, false},
    {"timezone", "timeZone", FIELD_LINE, TEXT_VENUE_FIELD_ZONE, TEXT_VENUE_FIELD_ZONE_HINT, false,
     false},
    {"latitude", "coordinates.latitude", FIELD_DECIMAL, TEXT_VENUE_FIELD_LATITUDE,
     TEXT_VENUE_FIELD_LATITUDE_HINT, true, false},
    {"longitude", "coordinates.longitude", FIELD_DECIMAL, TEXT_VENUE_FIELD_LONGITUDE,
     TEXT_VENUE_FIELD_LONGITUDE_HINT, true, false},
};

#define STARTS                                                                                     \
    {                                                                                              \
        "starts", "startsAt", FIELD_LOCAL, TEXT_SHOW_FIELD_STARTS, TEXT_SHOW_FIELD_STARTS_HINT,    \
            false, false                                                                           \
    }
#define DOORS                                                                                      \
    {                                                                                              \
        "doors", "doorsAt", FIELD_LOCAL, TEXT_SHOW_FIELD_DOORS, TEXT_SHOW_FIELD_DOORS_HINT, true,  \
            false                                                                                  \
    }

const struct field_spec show_times[TIME_FIELDS] = {STARTS, DOORS};

static const struct field_spec show_fields[SHOW_FIELDS_TYPED] = {
    {"venue", "venueId", FIELD_CHOICE, TEXT_SHOW_FIELD_VENUE, TEXT_SHOW_FIELD_VENUE_HINT, false,
     false},
    {"title", "title", FIELD_LINE, TEXT_SHOW_FIELD_TITLE, TEXT_SHOW_FIELD_TITLE_HINT, false, false},
    {"performers", "performers", FIELD_LINES, TEXT_SHOW_FIELD_PERFORMERS,
     TEXT_SHOW_FIELD_PERFORMERS_HINT, true, false},
    {"category", "category", FIELD_CHOICE, TEXT_SHOW_FIELD_CATEGORY, TEXT_SHOW_FIELD_CATEGORY_HINT,
     false, false},
    STARTS,
    DOORS,
    {"most", "rules.maxPerBuyer", FIELD_COUNT, TEXT_SHOW_FIELD_MOST, TEXT_SHOW_FIELD_MOST_HINT,
     true, true},
    {"resale", "rules.maxOverFaceBps", FIELD_PER_CENT, TEXT_SHOW_FIELD_RESALE,
     TEXT_SHOW_FIELD_RESALE_HINT, true, true},
};

static const struct catalogue_kind venue_kind = {.api = "/api/venues/",
                                                 .desk = "/admin/venues/",
                                                 .list = "/admin/venues",
                                                 .make = "/venues/new",
                                                 .page = "/venues/",
                                                 .fields = venue_fields,
                                                 .field_count = VENUE_FIELDS_TYPED,
                                                 .new_title = TEXT_STAFF_VENUE_NEW,
                                                 .propose_title = TEXT_PROPOSE_VENUE,
                                                 .propose_lead = TEXT_PROPOSE_VENUE_LEAD,
                                                 .edit_title = TEXT_STAFF_VENUE_EDIT,
                                                 .list_title = TEXT_STAFF_VENUES,
                                                 .list_empty = TEXT_STAFF_EMPTY_VENUES};
static const struct catalogue_kind show_kind = {.api = "/api/shows/",
                                                .desk = "/admin/shows/",
                                                .list = "/admin/shows",
                                                .make = "/shows/new",
                                                .page = "/shows/",
                                                .fields = show_fields,
                                                .field_count = SHOW_FIELDS_TYPED,
                                                .new_title = TEXT_STAFF_SHOW_NEW,
                                                .propose_title = TEXT_PROPOSE_SHOW,
                                                .propose_lead = TEXT_PROPOSE_SHOW_LEAD,
                                                .edit_title = TEXT_STAFF_SHOW_EDIT,
                                                .list_title = TEXT_STAFF_SHOWS,
                                                .list_empty = TEXT_STAFF_EMPTY_SHOWS,
                                                .shows = true};

const struct catalogue_kind *catalogue_kind_of(const struct request *rq)
{
    bool venues =
        str_starts(rq->path, STR("/venues")) || str_starts(rq->path, str_of(venue_kind.list));

    return venues ? &venue_kind : &show_kind;
}

const struct catalogue_kind *catalogue_kind_named(bool shows)
{
    return shows ? &show_kind : &venue_kind;
}

struct str catalogue_about(struct request *rq, const struct catalogue_kind *kind,
                           const struct json *thing)
{
    struct show_view show;

    if (kind->shows) return api_show(rq, thing, &show) ? show.when : STR("");
    return page_fill(rq, TEXT_STAFF_VENUE_ABOUT, {STR("city"), json_member(thing, "city")},
                     {STR("country"), json_member(thing, "country")},
                     {STR("zone"), json_member(thing, "timeZone")});
}

struct str catalogue_status(struct request *rq, const struct catalogue_kind *kind,
                            const struct json *thing, const char **class)
{
    static const struct {
        const char *status;
        enum text text;
        const char *class;
    } words[] = {
        {"proposed", TEXT_STATUS_PROPOSED, "held"},   {"accepted", TEXT_STATUS_ACCEPTED, "good"},
        {"refused", TEXT_STATUS_REFUSED, "gone"},     {"scheduled", TEXT_STATUS_SCHEDULED, "good"},
        {"postponed", TEXT_STATUS_POSTPONED, "held"}, {"cancelled", TEXT_STATUS_CANCELLED, "gone"},
    };
    struct str status = json_member(thing, "status");
    struct show_view show = {.over = false};

    *class = "gone";
    if (json_member(thing, "mergedInto").len) return page_text(rq, TEXT_STATUS_MERGED);
    if (json_get(thing, "refusal")) return page_text(rq, TEXT_STATUS_REFUSED);
    if (kind->shows && api_show(rq, thing, &show) && (show.over || show.begun))
        return page_text(rq, show.over ? TEXT_SHOW_OVER_SHORT : TEXT_SHOW_BEGUN_SHORT);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!str_eq(status, str_of(words[i].status))) continue;
        *class = words[i].class;
        return page_text(rq, words[i].text);
    }
    return status;
}

struct str catalogue_q(struct str typed)
{
    struct str q = str_trim(typed);

    while (str_code_points(q) > Q_POINTS_MAX)
        q.len -= str_code_points(q) - Q_POINTS_MAX;
    while (!str_is_utf8(q))
        q.len--;
    return q;
}
