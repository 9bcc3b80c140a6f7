/* services/catalogue/show.c: the rules of a show. */
#include "services/catalogue/show.h"

static const char *const words[] = {
    [SHOW_PROPOSED] = "proposed",
    [SHOW_SCHEDULED] = "scheduled",
    [SHOW_POSTPONED] = "postponed",
    [SHOW_CANCELLED] = "cancelled",
};

struct str show_status_text(enum show_status status)
{
    return str_of(words[status]);
}

bool show_status_parse(struct str text, enum show_status *out)
{
    for (enum show_status status = SHOW_PROPOSED; status <= SHOW_CANCELLED; status++) {
        if (!str_eq(text, str_of(words[status]))) continue;
        *out = status;
        return true;
    }
    return false;
}

bool category_valid(struct str word)
{
    static const char *const categories[] = {"music",  "theatre",  "comedy",     "dance", "sport",
                                             "family", "festival", "conference", "other"};

    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
        if (str_eq(word, str_of(categories[i]))) return true;
    return false;
}

/* --- times ----------------------------------------------------------------------------------- */

static void set_time(struct show_time *out, struct zone_moment moment)
{
    out->at = wall_of_seconds(moment.time_s);
    wall_time_format(moment, out->local);
}

enum time_fault show_time_read(const struct zone *zone, struct str text, struct show_time *out,
                               struct zone_moment at[2])
{
    struct wall_time wall;
    enum zone_fit fit;
    bool first;

    *out = (struct show_time){.at = WALL_NONE};
    if (!wall_time_parse(text, &wall)) return TIME_UNREADABLE;
    if (wall.utc) {
        set_time(out, (struct zone_moment){wall.wall_s, zone_offset_s(zone, wall.wall_s)});
        return TIME_FINE;
    }
    fit = zone_find(zone, wall.wall_s, at);
    if (fit == ZONE_SKIPPED) return TIME_SKIPPED;
    if (fit == ZONE_ONCE) at[1] = at[0];
    if (!wall.has_offset && fit == ZONE_TWICE) return TIME_TWICE;
    first = !wall.has_offset || at[0].offset_s == wall.offset_s;
    if (!first && at[1].offset_s != wall.offset_s) return TIME_OTHER_OFFSET;
    set_time(out, at[first ? 0 : 1]);
    return TIME_FINE;
}

bool show_time_move(struct show_time *time, const struct zone *zone)
{
    struct zone_moment at[2];
    struct wall_time wall;
    enum zone_fit fit;

    if (!time->local[0]) return true;
    if (!wall_time_parse(str_of(time->local), &wall)) return false;
    fit = zone_find(zone, wall.wall_s, at);
    if (fit == ZONE_SKIPPED) return false;
    set_time(time, at[fit == ZONE_TWICE && at[1].offset_s == wall.offset_s]);
    return true;
}

bool doors_valid(struct wall_ms doors_at, struct wall_ms starts_at)
{
    return wall_reached(starts_at, doors_at) &&
           wall_reached(doors_at, wall_after(starts_at, -DOORS_BEFORE_MS));
}

/* --- what may follow on what ----------------------------------------------------------------- */

static enum err open_for_change(const struct show *show)
{
    if (is_merged(show->merged_into)) return ERR_MERGED;
    return show->status == SHOW_CANCELLED ? ERR_WRONG_STATUS : OK;
}

static enum err go_to(struct show *show, enum show_status from, enum show_status to)
{
    enum err err = open_for_change(show);

    if (err != OK) return err;
    if (show->status != from) return ERR_WRONG_STATUS;
    show->status = to;
    show->version++;
    return OK;
}

enum err show_correct(struct show *show, const struct show_fields *fields, struct wall_ms now)
{
    enum err err = open_for_change(show);

    if (err != OK) return err;
    if (!wall_same(fields->starts.at, show->is.starts.at) && wall_reached(now, fields->starts.at))
        return ERR_SHOW_PAST;
    show->is = *fields;
    show->version++;
    return OK;
}

enum err show_accept(struct show *show, struct wall_ms now)
{
    if (show->status == SHOW_PROPOSED && wall_reached(now, show->is.starts.at))
        return ERR_SHOW_PAST;
    return go_to(show, SHOW_PROPOSED, SHOW_SCHEDULED);
}

enum err show_postpone(struct show *show)
{
    return go_to(show, SHOW_SCHEDULED, SHOW_POSTPONED);
}

enum err show_reschedule(struct show *show, const struct show_time *starts,
                         const struct show_time *doors, struct wall_ms now)
{
    enum err err;

    if (wall_reached(now, starts->at)) return ERR_SHOW_PAST;
    err = go_to(show, SHOW_POSTPONED, SHOW_SCHEDULED);
    if (err != OK) return err;
    show->is.starts = *starts;
    show->is.doors = *doors;
    return OK;
}

enum err show_cancel(struct show *show)
{
    enum err err = open_for_change(show);

    return err == OK ? go_to(show, show->status, SHOW_CANCELLED) : err;
}

enum err show_merge(struct show *show, const struct show *into)
{
    enum err err = open_for_change(show);

    if (err != OK) return err;
    if (is_merged(into->merged_into) || object_id_eq(show->id, into->id) ||
        (into->status != SHOW_SCHEDULED && into->status != SHOW_POSTPONED))
        return ERR_MERGE_TARGET;
    show->merged_into = into->id;
    show->version++;
    return OK;
}

enum err show_move(struct show *show, struct object_id venue_id, const struct zone *zone)
{
    struct show_time starts = show->is.starts, doors = show->is.doors;

    if (!show_time_move(&starts, zone) || !show_time_move(&doors, zone)) return ERR_SHOW_TIME;
    show->is.venue_id = venue_id;
    show->is.starts = starts;
    show->is.doors = doors;
    show->version++;
    return OK;
}
