/* services/catalogue/shows.c: /api/shows: shows are proposed by anybody and looked after by
 * staff. */
#include "services/catalogue/catalogue.h"
#include "services/catalogue/documents.h"
#include "services/catalogue/search/search_routes.h"

#define FOLDER "/api/shows/"

static enum err reply_show(struct reply *rp, int status, const struct show *show)
{
    struct json_writer json = reply_json(rp, status);

    show_json(&json, show);
    return OK;
}

/* --- looking --------------------------------------------------------------------------------- */

static const char *const narrowed_by[] = {"status", "q", "venueId", NULL};
static const char *const staff_status[] = {"any",       "proposed",  "scheduled", "over",
                                           "postponed", "cancelled", "refused",   NULL};

/* GET /api/shows?status=&q=&venueId=&limit=&after=: all but proposals, taken or not, newest first;
 * of one venue; or for staff those of a status, with q in their title or among their performers.
 * Anything else that is asked for is a search. 200 an array; 400; 401 a status, and not of staff.
 */
enum err get_shows(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str venue = request_query(rq, "venueId");
    struct object_id_text text;
    struct staff_filter filter;
    struct object_id venue_id;
    enum listed which;
    struct json_writer json;
    struct list_page page;
    enum err err;

    if (is_search(rq)) return get_search(rq, tx, rp);
    if (venue.at && !object_id_parse(venue, &venue_id))
        request_reject(rq, "venueId", "VenueId must be an id of 24 hex digits");
    TRY(take_listed(rq, staff_status, &which, &filter));
    TRY(request_list_page(rq, &page));
    TRY(request_checked(rq));
    if (venue.at && which == LISTED) which = LISTED_OF_VENUE;
    if (venue.at) text = object_id_text(venue_id);
    json = reply_json(rp, 200);
    TRY(shows_json(tx, rq->arena, which, venue.at ? str_of(text.hex) : STR(""), &filter, &page,
                   &json));
    if (which == LISTED)
        reply_list_page(rq, rp, &page);
    else
        reply_narrowed_page(rq, rp, &page, narrowed_by);
done:
    return err;
}

/* GET /api/shows/mine?limit=&after=: what the caller proposed, whatever became of it. */
enum err get_shows_mine(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    struct list_page page;
    enum err err;

    TRY(request_list_page(rq, &page));
    json = reply_json(rp, 200);
    TRY(shows_json(tx, rq->arena, LISTED_OF_USER, rq->user.id, NULL, &page, &json));
    reply_list_page(rq, rp, &page);
done:
    return err;
}

/* A proposal, also one that was not taken. */
static bool is_private(const struct show *show)
{
    return show->status == SHOW_PROPOSED || show->refusal.at;
}

/* GET /api/shows/:id: 200; 304 by ETag; 308 to what it was merged into; 404, also for a proposal,
 * taken or not, to anybody but staff and whose it is. */
enum err get_show(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id_text text;
    struct object_id id;
    struct show show;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(show_get(tx, rq->arena, id, &show));
    if (is_merged(show.merged_into)) return reply_merged(rq, rp, FOLDER, show.merged_into);
    if (is_private(&show) && !is_staff(rq) && !str_eq(show.user_id, rq->user.id))
        return ERR_NOT_FOUND;
    text = object_id_text(id);
    if (reply_etag(rq, rp, str_of(text.hex), show.version)) return OK;
    return reply_show(rp, 200, &show);
done:
    return err;
}

/* --- what the body says ---------------------------------------------------------------------- */

/* "…: write A or B", in the arena. */
static const char *hint_of_two(struct request *rq, const char *why, const struct zone_moment at[2])
{
    char first[WALL_TIME_LEN + 1], second[WALL_TIME_LEN + 1];
    struct buf hint;

    wall_time_format(at[0], first);
    wall_time_format(at[1], second);
    buf_init(&hint, rq->arena, 256);
    buf_append(&hint, str_of(why));
    if (strcmp(first, second) == 0)
        buf_printf(&hint, ": write %s", first);
    else
        buf_printf(&hint, ": write %s or %s", first, second);
    buf_char(&hint, '\0');
    return hint.failed ? NULL : hint.at;
}

/* A time of the body, at a venue of that zone (NULL: it is not known, so only its form counts). */
static void take_time(struct request *rq, const char *field, struct str text,
                      const struct zone *zone, struct show_time *out)
{
    static const char message[] = "Time must be a local time at the venue";
    struct zone_moment at[2];
    struct wall_time wall;
    enum time_fault fault;

    *out = (struct show_time){.at = WALL_NONE};
    fault = !zone ? (wall_time_parse(text, &wall) ? TIME_FINE : TIME_UNREADABLE)
                  : show_time_read(zone, text, out, at);
    switch (fault) {
    case TIME_FINE:
        break;
    case TIME_UNREADABLE:
        request_reject_for(rq, field, message, text.len ? "unreadable" : "empty",
                           "Write its date and time there, such as 2027-03-28T19:30");
        break;
    case TIME_SKIPPED:
        request_reject_for(
            rq, field, message, "skipped",
            hint_of_two(rq, "Clocks there are put forward over that time, it does not exist", at));
        break;
    case TIME_TWICE:
        request_reject_for(rq, field, message, "twice",
                           hint_of_two(rq, "Clocks there are put back, that time comes twice", at));
        break;
    case TIME_OTHER_OFFSET:
        request_reject_for(rq, field, message, "other_offset",
                           hint_of_two(rq, "Clocks there have another offset then", at));
        break;
    }
}

static void take_times(struct request *rq, const struct zone *zone, struct show_time *starts,
                       struct show_time *doors)
{
    const struct json *given = json_get(rq->body, "doorsAt");

    take_time(rq, "startsAt", str_trim(request_body_text(rq, "startsAt")), zone, starts);
    *doors = (struct show_time){.at = WALL_NONE};
    if (!given || json_type(given) == JSON_NULL) return;
    take_time(rq, "doorsAt", str_trim(request_body_text(rq, "doorsAt")), zone, doors);
    if (wall_known(starts->at) && wall_known(doors->at) && !doors_valid(doors->at, starts->at))
        request_reject_for(rq, "doorsAt", "Doors must open before the show", "not_before",
                           "Write a time of the 24 hours before it starts");
}

static void refuse_past(struct request *rq)
{
    request_reject_for(rq, "startsAt", "A show must be in the future", "past",
                       "Write a time that is still to come");
}

static enum err take_performers(struct request *rq, struct name_list *out)
{
    const struct json *given = json_get(rq->body, "performers");
    struct str *names, text;
    size_t count = json_length(given);
    enum err err = OK;

    *out = (struct name_list){NULL, 0};
    if (!given || json_type(given) == JSON_NULL) return OK;
    if (json_type(given) != JSON_ARRAY || count > NAMES_MAX) {
        request_reject_for(rq, "performers", "Performers must be a list of names", "too_many",
                           "Name at most 20, each as one text");
        return OK;
    }
    names = arena_alloc(rq->arena, (count + 1) * sizeof *names);
    if (!names) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (!json_text(json_at(given, i), &text)) text = STR("");
        TRY(take_name(rq, "performers", text, &names[i]));
    }
    *out = (struct name_list){names, count};
done:
    return err;
}

static void take_bound(struct request *rq, const char *path, int64_t min, int64_t max,
                       const char *message, int64_t *out)
{
    const struct json *given = json_get_path(rq->body, path);

    if (!given || json_type(given) == JSON_NULL) return;
    if (!json_int64(given, out) || *out < min || *out > max) request_reject(rq, path, message);
}

/* The venue the body names: one that shows may be at, for this caller. Its row is locked, so that
 * it is not merged meanwhile. *zone is NULL when it is none. */
static enum err take_venue_of(struct request *rq, struct tx *tx, struct venue *venue,
                              const struct zone **zone)
{
    struct object_id id;
    enum err err;
    bool open;

    *zone = NULL;
    if (request_body_id(rq, "venueId", "VenueId must be the id of a venue", &id) != OK) return OK;
    err = venue_get(tx, rq->arena, id, venue);
    if (err != ERR_NOT_FOUND) TRY(err);
    open = err == OK && !is_merged(venue->merged_into) &&
           (venue->status == VENUE_ACCEPTED ||
            (venue->status == VENUE_PROPOSED &&
             (is_staff(rq) || str_eq(venue->user_id, rq->user.id))));
    if (!open) {
        request_reject_for(rq, "venueId", "There is no such venue", "unknown_venue",
                           "Choose one of GET /api/venues, or propose it first");
        return OK;
    }
    err = zone_read(rq->arena, venue->is.time_zone, zone);
    if (err == ERR_INVALID) err = ERR_IO; /* it was there when the venue was made */
done:
    return err;
}

static enum err take_show(struct request *rq, struct tx *tx, struct venue *venue,
                          struct show_fields *out)
{
    const struct zone *zone;
    enum err err;

    *out = (struct show_fields){.max_over_face_bps = NO_BOUND};
    TRY(take_venue_of(rq, tx, venue, &zone));
    if (zone) out->venue_id = venue->id;
    TRY(take_name(rq, "title", request_body_text(rq, "title"), &out->title));
    TRY(take_performers(rq, &out->performers));
    out->category = str_trim(request_body_text(rq, "category"));
    if (!category_valid(out->category))
        request_reject_for(rq, "category", "Category must be one of the known ones",
                           out->category.len ? "unknown_category" : "empty",
                           "Write music, theatre, comedy, dance, sport, family, festival, "
                           "conference or other");
    take_times(rq, zone, &out->starts, &out->doors);
    take_bound(rq, "rules.maxPerBuyer", 1, MAX_PER_BUYER_MAX,
               "MaxPerBuyer must be a number from 1 to 1000, or be left out", &out->max_per_buyer);
    take_bound(rq, "rules.maxOverFaceBps", 0, MAX_OVER_FACE_BPS_MAX,
               "MaxOverFaceBps must be hundredths of a per cent from 0 to 100000, or be left out",
               &out->max_over_face_bps);
done:
    return err;
}

/* --- changing -------------------------------------------------------------------------------- */

enum err take_new_show(struct request *rq, struct tx *tx, struct show *show)
{
    struct venue venue;
    enum err err;

    TRY(take_show(rq, tx, &venue, &show->is));
    if (wall_known(show->is.starts.at) && wall_reached(tx->now, show->is.starts.at))
        refuse_past(rq);
    TRY(request_checked(rq));
    if (show->status == SHOW_SCHEDULED && venue.status != VENUE_ACCEPTED) return ERR_VENUE_PROPOSED;
done:
    return err;
}

/* POST /api/shows {venueId, title, performers?, category, startsAt, doorsAt?, rules?}: staff
 * schedule it, anybody else proposes it. 201; 400; 401; 409 its venue is not accepted yet; 429 too
 * many proposals are open. */
enum err post_shows(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct show show = {.status = is_staff(rq) ? SHOW_SCHEDULED : SHOW_PROPOSED,
                        .user_id = rq->user.id};
    enum err err;

    TRY(take_new_show(rq, tx, &show));
    if (!is_staff(rq)) TRY(check_proposals(rq, tx));
    show.id = env_new_id(rq->run->env, tx);
    TRY(show_add(tx, rq->arena, &show));
    if (is_staff(rq)) TRY(request_changed_id(rq, show.id, STR("")));
    return reply_show(rp, 201, &show);
done:
    return err;
}

/* The path's show, for staff, at the version they saw. */
static enum err find_show(struct request *rq, struct tx *tx, struct show *show)
{
    struct object_id id;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(need_staff(rq));
    TRY(show_get(tx, rq->arena, id, show));
    if (is_merged(show->merged_into))
        return refuse_with_id(rq, ERR_MERGED, "mergedInto", show->merged_into);
    TRY(check_version(rq, show->version));
done:
    return err;
}

static enum err save_and_reply(struct request *rq, struct tx *tx, struct reply *rp,
                               const struct show *show, struct str reason)
{
    enum err err;

    TRY(show_save(tx, rq->arena, show));
    TRY(request_changed_id(rq, show->id, reason));
    return reply_show(rp, 200, show);
done:
    return err;
}

/* PUT /api/shows/:id {as POST, version?}: staff correct it. 200; 400; 401; 404; 409. */
enum err put_show(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct show_fields fields;
    struct venue venue;
    struct show show;
    enum err err;

    TRY(take_show(rq, tx, &venue, &fields));
    TRY(request_checked(rq));
    TRY(find_show(rq, tx, &show));
    if (show.status != SHOW_PROPOSED && venue.status != VENUE_ACCEPTED) return ERR_VENUE_PROPOSED;
    err = show_correct(&show, &fields, tx->now);
    if (err == ERR_SHOW_PAST) refuse_past(rq);
    if (err == ERR_SHOW_PAST) return ERR_INVALID;
    TRY(err);
    return save_and_reply(rq, tx, rp, &show, STR(""));
done:
    return err;
}

/* POST /api/shows/:id/accept {version?}: a proposal becomes a show. 200; 401; 404; 409. */
enum err post_show_accept(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct venue venue;
    struct show show;
    enum err err;

    TRY(find_show(rq, tx, &show));
    TRY(show_accept(&show, tx->now));
    TRY(venue_get(tx, rq->arena, show.is.venue_id, &venue));
    if (venue.status != VENUE_ACCEPTED) return ERR_VENUE_PROPOSED;
    return save_and_reply(rq, tx, rp, &show, STR(""));
done:
    return err;
}

/* POST /api/shows/:id/postpone {version?, reason?}: its new day is not known yet. As accept. */
enum err post_show_postpone(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str reason = take_reason(rq);
    struct show show;
    enum err err;

    TRY(request_checked(rq));
    TRY(find_show(rq, tx, &show));
    TRY(show_postpone(&show));
    return save_and_reply(rq, tx, rp, &show, reason);
done:
    return err;
}

/* POST /api/shows/:id/reschedule {startsAt, doorsAt?, version?}: the new day of a postponed one.
 * 200; 400; 401; 404; 409. */
enum err post_show_reschedule(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct show_time starts, doors;
    const struct zone *zone;
    struct venue venue;
    struct show show;
    enum err err;

    take_times(rq, NULL, &starts, &doors); /* whatever show it is */
    TRY(request_checked(rq));
    TRY(find_show(rq, tx, &show));
    TRY(venue_get(tx, rq->arena, show.is.venue_id, &venue));
    err = zone_read(rq->arena, venue.is.time_zone, &zone);
    TRY(err == ERR_INVALID ? ERR_IO : err);
    take_times(rq, zone, &starts, &doors);
    TRY(request_checked(rq));
    err = show_reschedule(&show, &starts, &doors, tx->now);
    if (err == ERR_SHOW_PAST) refuse_past(rq);
    if (err == ERR_SHOW_PAST) return ERR_INVALID;
    TRY(err);
    return save_and_reply(rq, tx, rp, &show, STR(""));
done:
    return err;
}

/* POST /api/shows/:id/cancel {version?, reason?}: for good; also a proposal that is not taken. As
 * accept. */
enum err post_show_cancel(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str reason = take_reason(rq);
    struct show show;
    enum err err;

    TRY(request_checked(rq));
    TRY(find_show(rq, tx, &show));
    if (show.status == SHOW_PROPOSED) show.refusal = reason;
    TRY(show_cancel(&show));
    return save_and_reply(rq, tx, rp, &show, reason);
done:
    return err;
}

/* POST /api/shows/:id/merge {into, version?, reason?}: it is the same show as the other one; its id
 * answers 308 from now on. 200 the merged one; 400; 401; 404; 409. */
enum err post_show_merge(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str reason = take_reason(rq);
    struct show show, into;
    struct object_id id;
    enum err err;

    request_body_id(rq, "into", "Into must be the id of another show", &id);
    TRY(request_checked(rq));
    TRY(find_show(rq, tx, &show));
    err = show_get(tx, rq->arena, id, &into);
    if (err == ERR_NOT_FOUND) return ERR_MERGE_TARGET;
    TRY(err);
    TRY(show_merge(&show, &into));
    return save_and_reply(rq, tx, rp, &show, reason);
done:
    return err;
}
