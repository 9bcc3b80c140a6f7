/* services/catalogue/venues.c: /api/venues: places are proposed by anybody and looked after by
 * staff. */
#include "services/catalogue/catalogue.h"
#include "services/catalogue/documents.h"

#define FOLDER "/api/venues/"

static enum err reply_venue(struct reply *rp, int status, const struct venue *venue)
{
    struct json_writer json = reply_json(rp, status);

    venue_json(&json, venue);
    return OK;
}

/* --- looking --------------------------------------------------------------------------------- */

static const char *const narrowed_by[] = {"status", "q", NULL};
static const char *const staff_status[] = {"any", "proposed", "accepted", "refused", NULL};

/* GET /api/venues?status=&q=&limit=&after=: what shows may be at, newest first; for staff those of
 * a status, with q in their name or city. 200 an array; 400; 401 a status, and not of staff. */
enum err get_venues(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct staff_filter filter;
    enum listed which;
    struct json_writer json;
    struct list_page page;
    enum err err;

    TRY(take_listed(rq, staff_status, &which, &filter));
    TRY(request_list_page(rq, &page));
    json = reply_json(rp, 200);
    TRY(venues_json(tx, rq->arena, which, STR(""), &filter, &page, &json));
    if (which == LISTED)
        reply_list_page(rq, rp, &page);
    else
        reply_narrowed_page(rq, rp, &page, narrowed_by);
done:
    return err;
}

/* GET /api/venues/mine?limit=&after=: what the caller proposed, whatever became of it. */
enum err get_venues_mine(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    struct list_page page;
    enum err err;

    TRY(request_list_page(rq, &page));
    json = reply_json(rp, 200);
    TRY(venues_json(tx, rq->arena, LISTED_OF_USER, rq->user.id, NULL, &page, &json));
    reply_list_page(rq, rp, &page);
done:
    return err;
}

/* GET /api/venues/:id: 200; 304 by ETag; 308 to what it was merged into; 404, also for what is
 * proposed or refused, to anybody but staff and whose it is. */
enum err get_venue(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id_text text;
    struct venue venue;
    struct object_id id;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(venue_get(tx, rq->arena, id, &venue));
    if (is_merged(venue.merged_into)) return reply_merged(rq, rp, FOLDER, venue.merged_into);
    if (venue.status != VENUE_ACCEPTED && !is_staff(rq) && !str_eq(venue.user_id, rq->user.id))
        return ERR_NOT_FOUND;
    text = object_id_text(id);
    if (reply_etag(rq, rp, str_of(text.hex), venue.version)) return OK;
    return reply_venue(rp, 200, &venue);
done:
    return err;
}

/* --- what the body says ---------------------------------------------------------------------- */

static void take_coordinates(struct request *rq, struct venue_fields *out)
{
    const struct json *given = json_get(rq->body, "coordinates");

    out->latitude = out->longitude = DEGREES_UNKNOWN;
    if (!given || json_type(given) == JSON_NULL) return;
    if (!json_degrees(json_get(given, "latitude"), LATITUDE_MAX, &out->latitude))
        request_reject_for(rq, "coordinates.latitude", "Latitude must be a number of degrees",
                           "off_the_globe", "Write a number from -90 to 90, such as 52.509");
    if (!json_degrees(json_get(given, "longitude"), LONGITUDE_MAX, &out->longitude))
        request_reject_for(rq, "coordinates.longitude", "Longitude must be a number of degrees",
                           "off_the_globe", "Write a number from -180 to 180, such as 13.376");
}

static enum err take_zone(struct request *rq, struct str *name, const struct zone **zone)
{
    enum err err;

    *name = str_trim(request_body_text(rq, "timeZone"));
    err = zone_read(rq->arena, *name, zone);
    if (err != ERR_INVALID) return err;
    request_reject_for(rq, "timeZone", "Time zone must be one of the IANA database",
                       name->len ? "unknown_zone" : "empty",
                       "Write its area and city, such as Europe/Berlin");
    return OK;
}

enum err take_venue(struct request *rq, struct venue_fields *out, const struct zone **zone)
{
    enum err err;

    TRY(take_name(rq, "name", request_body_text(rq, "name"), &out->name));
    TRY(take_name(rq, "city", request_body_text(rq, "city"), &out->city));
    out->country = str_trim(request_body_text(rq, "country"));
    if (!country_valid(out->country))
        request_reject_for(rq, "country", "Country must be a code of ISO 3166-1",
                           out->country.len ? "unknown_country" : "empty",
                           "Write its two capital letters, such as DE");
    take_coordinates(rq, out);
    TRY(take_zone(rq, &out->time_zone, zone));
    return request_checked(rq);
done:
    return err;
}

/* --- changing -------------------------------------------------------------------------------- */

/* POST /api/venues {name, city, country, coordinates?{latitude, longitude}, timeZone}: staff make
 * it, anybody else proposes it. 201; 400; 401; 429 too many proposals are open. */
enum err post_venues(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct venue venue = {.status = is_staff(rq) ? VENUE_ACCEPTED : VENUE_PROPOSED,
                          .user_id = rq->user.id};
    const struct zone *zone;
    enum err err;

    TRY(take_venue(rq, &venue.is, &zone));
    if (!is_staff(rq)) TRY(check_proposals(rq, tx));
    venue.id = env_new_id(rq->run->env, tx);
    TRY(venue_add(tx, rq->arena, &venue));
    if (is_staff(rq)) TRY(request_changed_id(rq, venue.id, STR("")));
    return reply_venue(rp, 201, &venue);
done:
    return err;
}

static enum err save_and_reply(struct request *rq, struct tx *tx, struct reply *rp,
                               const struct venue *venue, struct str reason)
{
    enum err err;

    TRY(venue_save(tx, rq->arena, venue));
    TRY(request_changed_id(rq, venue->id, reason));
    return reply_venue(rp, 200, venue);
done:
    return err;
}

/* The path's venue, for staff, at the version they saw. */
static enum err find_venue(struct request *rq, struct tx *tx, struct venue *venue)
{
    struct object_id id;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(need_staff(rq));
    TRY(venue_get(tx, rq->arena, id, venue));
    if (is_merged(venue->merged_into))
        return refuse_with_id(rq, ERR_MERGED, "mergedInto", venue->merged_into);
    TRY(check_version(rq, venue->version));
done:
    return err;
}

/* PUT /api/venues/:id {as POST, version?}: staff correct it. With another time zone the local times
 * of its shows stay, and what they are in UTC changes. 200; 400; 401; 404; 409. */
enum err put_venue(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct venue_fields fields;
    const struct zone *zone;
    struct venue venue;
    bool moved;
    enum err err;

    TRY(take_venue(rq, &fields, &zone));
    TRY(find_venue(rq, tx, &venue));
    moved = !str_eq(venue.is.time_zone, fields.time_zone);
    TRY(venue_correct(&venue, &fields));
    if (moved) TRY(shows_move(rq, tx, venue.id, venue.id, zone));
    return save_and_reply(rq, tx, rp, &venue, STR(""));
done:
    return err;
}

/* POST /api/venues/:id/accept {version?}: shows may be at it. 200; 401; 404; 409. */
enum err post_venue_accept(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct venue venue;
    enum err err;

    TRY(find_venue(rq, tx, &venue));
    TRY(venue_accept(&venue));
    return save_and_reply(rq, tx, rp, &venue, STR(""));
done:
    return err;
}

/* POST /api/venues/:id/refuse {version?, reason?}: a proposal that is not taken. As accept. */
enum err post_venue_refuse(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str reason = take_reason(rq);
    struct venue venue;
    enum err err;

    TRY(request_checked(rq));
    TRY(find_venue(rq, tx, &venue));
    TRY(venue_refuse(&venue));
    venue.refusal = reason;
    return save_and_reply(rq, tx, rp, &venue, reason);
done:
    return err;
}

/* POST /api/venues/:id/merge {into, version?, reason?}: it is the same place as the other one; its
 * shows are there from now on, and its id answers 308. 200 the merged one; 400; 401; 404; 409. */
enum err post_venue_merge(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str reason = take_reason(rq);
    const struct zone *zone;
    struct venue venue, into;
    struct object_id id;
    enum err err;

    request_body_id(rq, "into", "Into must be the id of another venue", &id);
    TRY(request_checked(rq));
    TRY(find_venue(rq, tx, &venue));
    err = venue_get(tx, rq->arena, id, &into);
    if (err == ERR_NOT_FOUND) return ERR_MERGE_TARGET;
    TRY(err);
    TRY(venue_merge(&venue, &into));
    err = zone_read(rq->arena, into.is.time_zone, &zone);
    TRY(err == ERR_INVALID ? ERR_IO : err);
    TRY(shows_move(rq, tx, venue.id, into.id, zone));
    return save_and_reply(rq, tx, rp, &venue, reason);
done:
    return err;
}
