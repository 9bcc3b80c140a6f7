/* services/entries/documents.c: see services/entries/documents.h. */
#include "services/entries/documents.h"

void entry_show_json(struct json_writer *json, const struct entry_show *show)
{
    json_begin_object(json);
    json_member_id(json, "id", show->id);
    json_member_text(json, "title", show->title);
    json_member_text(json, "status", show->status);
    json_member_time(json, "startsAt", show->starts_at);
    json_member_text(json, "startsAtLocal", show->starts_local);
    if (wall_known(show->doors_at)) {
        json_member_time(json, "doorsAt", show->doors_at);
        json_member_text(json, "doorsAtLocal", show->doors_local);
    }
    json_end_object(json);
}

static void entry_venue_json(struct json_writer *json, const struct entry_venue *venue)
{
    json_begin_object(json);
    json_member_id(json, "id", venue->id);
    json_member_text(json, "name", venue->name);
    json_member_text(json, "city", venue->city);
    json_member_text(json, "country", venue->country);
    json_member_text(json, "timeZone", venue->time_zone);
    json_end_object(json);
}

void entry_place_json(struct json_writer *json, const struct entry_view *view)
{
    json_member_known(json, "section", view->listing.section);
    json_member_known(json, "row", view->listing.row);
    json_member_known(json, "seat", view->seat);
    json_key(json, "restrictions");
    json_begin_array(json);
    for (size_t i = 0; i < view->listing.restrictions.count; i++)
        json_put_text(json, view->listing.restrictions.at[i]);
    json_end_array(json);
}

/* What it opens, and where. */
static void opens_json(struct json_writer *json, const struct entry_view *view)
{
    entry_place_json(json, view);
    json_key(json, "show");
    entry_show_json(json, &view->show);
    if (view->venue.version >= 0) {
        json_key(json, "venue");
        entry_venue_json(json, &view->venue);
    }
}

static void waiting_json(struct json_writer *json, const struct transfer *transfer)
{
    json_begin_object(json);
    json_member_text(json, "email", transfer->email);
    json_member_time(json, "endsAt", transfer->ends_at);
    json_member_id(json, "id", transfer->id);
    json_end_object(json);
}

void entry_json(struct json_writer *json, const struct entry_view *view, struct str code)
{
    const struct entry *entry = &view->entry;

    json_begin_object(json);
    json_member_text(json, "status", entry_status_text(entry->status));
    json_member_text(json, "userId", entry->holder_id);
    json_member_text(json, "serial", entry->serial);
    json_member_id(json, "ticketId", entry->ticket_id);
    json_member_id(json, "orderId", entry->order_id);
    json_member_id(json, "listingId", view->listing.id);
    json_member_text(json, "delivery", view->listing.delivery);
    json_member_known(json, "code", code);
    if (view->received) json_member_bool(json, "received", true);
    if (transfer_known(&view->transfer)) {
        json_key(json, "transfer");
        waiting_json(json, &view->transfer);
    }
    opens_json(json, view);
    json_member_int(json, "version", entry->version);
    json_member_id(json, "id", entry->id);
    json_end_object(json);
}

void transfer_json(struct json_writer *json, const struct entry_view *view)
{
    const struct transfer *transfer = &view->transfer;

    json_begin_object(json);
    json_member_text(json, "status", transfer_status_text(transfer->status));
    json_member_text(json, "userId", transfer->giver_id);
    json_member_text(json, "from", transfer->giver_email);
    json_member_text(json, "email", transfer->email);
    json_member_id(json, "entryId", transfer->entry_id);
    json_member_time(json, "madeAt", transfer->made_at);
    json_member_time(json, "endsAt", transfer->ends_at);
    opens_json(json, view);
    json_member_int(json, "version", transfer->version);
    json_member_id(json, "id", transfer->id);
    json_end_object(json);
}
