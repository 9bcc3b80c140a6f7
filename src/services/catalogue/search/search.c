/* services/catalogue/search/search.c: what may be asked, and the words a show is found by. */
#include "services/catalogue/search/search.h"

#include "base/hex.h"
#include "services/catalogue/search/typo.h"

#include <stdio.h>

#define MINUTE_MS   INT64_C(60000)
#define HOUR_MS     (60 * MINUTE_MS)
#define DAY_MS      (24 * HOUR_MS)
#define ZONE_BEHIND (12 * HOUR_MS)
#define ZONE_AHEAD  (14 * HOUR_MS)

/* --- places ----------------------------------------------------------------------------------- */

int64_t place_from(struct wall_ms at)
{
    return (at.ms + MINUTE_MS - 1) / MINUTE_MS << PLACE_BITS;
}

int64_t show_place(const struct show *show)
{
    uint64_t some = 0;

    /* the last bytes of an id are a counter, those before them of a random source */
    for (size_t i = 0; i < sizeof show->id.bytes; i++)
        some = some * 257 + show->id.bytes[i];
    return (show->is.starts.at.ms / MINUTE_MS << PLACE_BITS) +
           (int64_t)(some & ((UINT64_C(1) << PLACE_BITS) - 1));
}

/* --- words ------------------------------------------------------------------------------------ */

#define PRIVATE_USE "\xEE\x80" /* U+E000 to U+E03F, but for the last byte */

struct str narrowing_word(struct arena *arena, enum narrowing by, struct str name)
{
    struct str joined = text_joined(arena, name);
    struct buf word;

    buf_init(&word, arena, joined.len + 4);
    buf_append(&word, STR(PRIVATE_USE));
    buf_char(&word, (char)(0x80 + by));
    buf_append(&word, joined);
    return joined.at && !word.failed ? buf_str(&word) : (struct str){NULL, 0};
}

bool is_narrowing_word(struct str word)
{
    return str_starts(word, STR(PRIVATE_USE));
}

bool show_is_public(const struct show *show)
{
    return show->status != SHOW_PROPOSED && !is_merged(show->merged_into) && !show->refusal.at;
}

static bool add_words(struct arena *arena, struct str text, struct word_list *out)
{
    struct word_list more;

    if (!text_words(arena, text, false, SHOW_WORDS_MAX - out->count, &more)) return false;
    memcpy(out->at + out->count, more.at, more.count * sizeof *more.at);
    out->count += more.count;
    return true;
}

static void add_narrowing(struct arena *arena, enum narrowing by, struct str name, bool *fine,
                          struct word_list *out)
{
    struct str word = narrowing_word(arena, by, name);

    *fine = *fine && word.at;
    out->at[out->count++] = word;
}

bool show_words(struct arena *arena, const struct show *show, const struct venue *venue,
                struct word_list *out)
{
    struct object_id_text venue_id = object_id_text(venue->id);
    char cells[CELL_SIZES][CELL_BYTES];
    bool fine;

    *out = (struct word_list){
        arena_alloc(arena, (SHOW_WORDS_MAX + NARROW_CELL + CELL_SIZES) * sizeof *out->at), 0};
    fine = out->at && add_words(arena, show->is.title, out);
    fine = fine && add_words(arena, venue->is.name, out) && add_words(arena, venue->is.city, out);
    for (size_t i = 0; fine && i < show->is.performers.count; i++)
        fine = add_words(arena, show->is.performers.at[i], out);
    if (!fine) return false;
    add_narrowing(arena, NARROW_NOT, STR(""), &fine, out);
    add_narrowing(arena, NARROW_CITY, venue->is.city, &fine, out);
    add_narrowing(arena, NARROW_COUNTRY, venue->is.country, &fine, out);
    add_narrowing(arena, NARROW_CATEGORY, show->is.category, &fine, out);
    add_narrowing(arena, NARROW_VENUE, str_of(venue_id.hex), &fine, out);
    if (venue->is.latitude == DEGREES_UNKNOWN) return fine;
    globe_cells_of(venue->is.latitude, venue->is.longitude, cells);
    for (size_t i = 0; i < CELL_SIZES; i++)
        add_narrowing(arena, NARROW_CELL, str_of(cells[i]), &fine, out);
    return fine;
}

/* --- days ------------------------------------------------------------------------------------- */

/* The day's beginning, as if it were in UTC. */
static bool day_of(struct str day, struct wall_ms *out)
{
    char text[] = "0000-00-00T00:00Z";
    struct wall_time wall;

    if (day.len != DAY_LEN) return false;
    memcpy(text, day.at, DAY_LEN);
    if (!wall_time_parse(str_of(text), &wall)) return false;
    *out = wall_of_seconds(wall.wall_s);
    return true;
}

/* day: its beginning, as if it were in UTC. */
static void not_before(struct search *search, struct wall_ms day)
{
    int64_t above = place_from((struct wall_ms){day.ms > ZONE_AHEAD ? day.ms - ZONE_AHEAD : 0}) - 1;

    if (above > search->above) search->above = above;
}

static void not_after(struct search *search, struct wall_ms day)
{
    int64_t below = place_from(wall_after(day, DAY_MS + ZONE_BEHIND));

    if (below < search->below) search->below = below;
}

bool search_from_day(struct search *search, struct str day)
{
    struct wall_ms at;

    if (!day_of(day, &at)) return false;
    search->from = day;
    not_before(search, at);
    return true;
}

bool search_to_day(struct search *search, struct str day)
{
    struct wall_ms at;

    if (!day_of(day, &at)) return false;
    search->to = day;
    not_after(search, at);
    return true;
}

/* --- days that hang on today ------------------------------------------------------------------ */

#define MONTH_LEN  7 /* "2027-03" */
#define MONTH_DAYS 31
#define SATURDAY   2 /* days after the weekday on which 1970 began */
#define SUNDAY     3

struct span {
    struct wall_ms first, last;
};

static struct wall_ms day_after(struct wall_ms day, int64_t days)
{
    return wall_after(day, days * DAY_MS);
}

static bool of_one_month(struct wall_ms day, struct wall_ms other)
{
    char one[ISO8601_LEN + 1], two[ISO8601_LEN + 1];

    iso8601_format(day, one);
    iso8601_format(other, two);
    return memcmp(one, two, MONTH_LEN) == 0;
}

static struct span this_weekend(struct wall_ms today)
{
    int64_t weekday = today.ms / DAY_MS % 7;
    int64_t saturday = weekday == SUNDAY ? 0 : (SATURDAY - weekday + 7) % 7;

    return (struct span){day_after(today, saturday), day_after(today, (SUNDAY - weekday + 7) % 7)};
}

static struct span this_month(struct wall_ms today)
{
    int64_t days = 1;

    while (days < MONTH_DAYS && of_one_month(today, day_after(today, days)))
        days++;
    return (struct span){today, day_after(today, days - 1)};
}

static bool span_of(struct str when, struct wall_ms today, struct span *out)
{
    if (str_eq(when, STR("today")))
        *out = (struct span){today, today};
    else if (str_eq(when, STR("weekend")))
        *out = this_weekend(today);
    else if (str_eq(when, STR("week")))
        *out = (struct span){today, day_after(today, 6)};
    else if (str_eq(when, STR("month")))
        *out = this_month(today);
    else
        return false;
    return true;
}

static void put_day(struct wall_ms day, char out[DAY_LEN])
{
    char iso[ISO8601_LEN + 1];

    iso8601_format(day, iso);
    memcpy(out, iso, DAY_LEN);
}

bool search_when(struct search *search, struct str when, struct wall_ms now)
{
    struct wall_ms today = {now.ms / DAY_MS * DAY_MS};
    struct span spans[3];

    for (int i = 0; i < 3; i++) {
        if (!span_of(when, day_after(today, i - 1), &spans[i])) return false;
        put_day(spans[i].first, search->when + (2 * i) * DAY_LEN);
        put_day(spans[i].last, search->when + (2 * i + 1) * DAY_LEN);
    }
    search->when[WHEN_LEN] = 0;
    search->minute = (now.ms - today.ms) / MINUTE_MS;
    not_before(search, spans[0].first);
    not_after(search, spans[2].last);
    return true;
}

/* --- cursors ---------------------------------------------------------------------------------- */

void cursor_write(const struct search *search, int64_t place, int64_t rank,
                  char out[CURSOR_LEN + 1])
{
    snprintf(out, CURSOR_LEN + 1, "%016llx%016llx%016llx", (unsigned long long)search->fingerprint,
             (unsigned long long)place, (unsigned long long)rank);
}

bool cursor_read(struct search *search, struct str text)
{
    if (text.len != CURSOR_LEN || !hex_is_lower(text) || hex_number(text.at) != search->fingerprint)
        return false;
    search->continued = true;
    search->after = (int64_t)hex_number(text.at + HEX_NUMBER_LEN);
    search->after_rank = (int64_t)hex_number(text.at + 2 * HEX_NUMBER_LEN);
    return true;
}

/* --- suggestions ------------------------------------------------------------------------------ */

static bool begins_one(const struct word_list *list, struct str beginning)
{
    for (size_t i = 0; i < list->count; i++)
        if (str_starts(list->at[i], beginning)) return true;
    return false;
}

bool search_is_in(struct arena *arena, const struct search *search, struct str text)
{
    struct word_list list;

    if (!text_words(arena, text, false, SHOW_WORDS_MAX, &list)) return false;
    for (size_t i = 0; i < search->word_count; i++) {
        const struct asked_word *word = &search->words[i];
        bool found = begins_one(&list, word->text);

        for (size_t near = 0; near < word->near_count && !found; near++)
            found = begins_one(&list, word->near[near]);
        if (!found) return false;
    }
    return search->word_count != 0;
}
