/* services/catalogue/documents.c: venues and shows as JSON. */
#include "services/catalogue/documents.h"

void venue_json(struct json_writer *json, const struct venue *venue)
{
    json_begin_object(json);
    json_member_id(json, "id", venue->id);
    json_member_int(json, "version", venue->version);
    json_member_text(json, "name", venue->is.name);
    json_member_text(json, "city", venue->is.city);
    json_member_text(json, "country", venue->is.country);
    if (venue->is.latitude != DEGREES_UNKNOWN) {
        json_key(json, "coordinates");
        json_begin_object(json);
        json_key(json, "latitude");
        json_put_degrees(json, venue->is.latitude);
        json_key(json, "longitude");
        json_put_degrees(json, venue->is.longitude);
        json_end_object(json);
    }
    json_member_text(json, "timeZone", venue->is.time_zone);
    json_member_text(json, "status", venue_status_text(venue->status));
    json_member_text(json, "userId", venue->user_id);
    if (is_merged(venue->merged_into)) json_member_id(json, "mergedInto", venue->merged_into);
    if (venue->refusal.at) json_member_text(json, "refusal", venue->refusal);
    json_end_object(json);
}

enum err venues_json(struct tx *tx, struct arena *arena, enum listed which, struct str of,
                     const struct staff_filter *filter, struct list_page *page,
                     struct json_writer *json)
{
    struct venue venue;
    struct rows rows;
    enum err err, end;

    venues_list(tx, &rows, which, of, filter, page);
    json_begin_array(json);
    while ((err = venue_next(&rows, arena, page, &venue)) == OK)
        venue_json(json, &venue);
    json_end_array(json);
    end = rows_end(&rows);
    return err == ERR_NOT_FOUND ? end : err;
}

static void put_times(struct json_writer *json, const struct show_fields *is)
{
    json_member_time(json, "startsAt", is->starts.at);
    json_member_text(json, "startsAtLocal", str_of(is->starts.local));
    if (!wall_known(is->doors.at)) return;
    json_member_time(json, "doorsAt", is->doors.at);
    json_member_text(json, "doorsAtLocal", str_of(is->doors.local));
}

static void put_rules(struct json_writer *json, const struct show_fields *is)
{
    json_key(json, "rules");
    json_begin_object(json);
    if (is->max_per_buyer) json_member_int(json, "maxPerBuyer", is->max_per_buyer);
    if (is->max_over_face_bps != NO_BOUND)
        json_member_int(json, "maxOverFaceBps", is->max_over_face_bps);
    json_end_object(json);
}

void show_members(struct json_writer *json, const struct show *show)
{
    json_member_id(json, "id", show->id);
    json_member_int(json, "version", show->version);
    json_member_id(json, "venueId", show->is.venue_id);
    json_member_text(json, "title", show->is.title);
    json_key(json, "performers");
    json_begin_array(json);
    for (size_t i = 0; i < show->is.performers.count; i++)
        json_put_text(json, show->is.performers.at[i]);
    json_end_array(json);
    json_member_text(json, "category", show->is.category);
    put_times(json, &show->is);
    json_member_text(json, "status", show_status_text(show->status));
    put_rules(json, &show->is);
    json_member_text(json, "userId", show->user_id);
    if (is_merged(show->merged_into)) json_member_id(json, "mergedInto", show->merged_into);
    if (show->refusal.at) json_member_text(json, "refusal", show->refusal);
}

void offer_members(struct json_writer *json, const struct show_offers *offers)
{
    if (offers->lowest_cents) json_member_money(json, "lowestTotal", offers->lowest_cents);
    json_member_int(json, "available", offers->available);
}

void show_json(struct json_writer *json, const struct show *show)
{
    json_begin_object(json);
    show_members(json, show);
    json_end_object(json);
}

static void put_offers(struct json_writer *json, struct rows *rows)
{
    struct show_offers offers = show_offers_read(rows);

    offer_members(json, &offers);
}

enum err shows_json(struct tx *tx, struct arena *arena, enum listed which, struct str of,
                    const struct staff_filter *filter, struct list_page *page,
                    struct json_writer *json)
{
    struct show show;
    struct rows rows;
    enum err err, end;

    shows_list(tx, &rows, which, of, filter, page);
    json_begin_array(json);
    while ((err = show_next(&rows, arena, page, &show)) == OK) {
        json_begin_object(json);
        show_members(json, &show);
        if (which == LISTED || which == LISTED_OF_VENUE) put_offers(json, &rows);
        json_end_object(json);
    }
    json_end_array(json);
    end = rows_end(&rows);
    return err == ERR_NOT_FOUND ? end : err;
}
