/* services/web/entries/api_entries.c: see services/web/entries/api_entries.h. */
#include "services/web/entries/api_entries.h"

#include "services/web/api_listings.h"
#include "services/web/api_shows.h"
#include "services/web/entries/qr_code.h"
#include "services/web/page_text.h"

struct str api_entry_place(struct request *rq, const struct json *json)
{
    struct str seat = json_member(json, "seat");
    bool named = json_member(json, "section").len || json_member(json, "row").len;

    if (named && seat.len)
        return page_fill(rq, TEXT_ENTRY_PLACE, {STR("place"), api_place(rq, json)},
                         {STR("seat"), seat});
    if (seat.len) return page_fill(rq, TEXT_LISTING_SEAT, {STR("seat"), seat});
    return named ? api_place(rq, json) : page_text(rq, TEXT_ENTRY_PLACE_UNSEATED);
}

/* "7K2Q X0MB": as people read it out. */
static struct str in_groups(struct request *rq, struct str serial)
{
    struct buf out;

    buf_init(&out, rq->arena, 64);
    for (size_t i = 0; i < serial.len && i < 32; i++) {
        if (i > 0 && i % 4 == 0) buf_char(&out, ' ');
        buf_char(&out, serial.at[i]);
    }
    return out.failed ? serial : buf_str(&out);
}

static struct str ends_of(struct request *rq, const struct json *json)
{
    struct wall_ms ends;

    return iso8601_parse(json_member(json, "endsAt"), &ends) ? page_moment(rq, ends) : STR("");
}

bool api_transfer(struct request *rq, const struct json *json, struct transfer_view *out)
{
    *out = (struct transfer_view){.id = json_member(json, "id"),
                                  .from = json_member(json, "from"),
                                  .email = json_member(json, "email"),
                                  .ends = ends_of(rq, json),
                                  .place = api_entry_place(rq, json)};
    (void)api_show(rq, json_get(json, "show"), &out->show); /* it names no venue by itself */
    return out->id.len == OBJECT_ID_HEX && out->show.when.len;
}

bool api_entry(struct request *rq, const struct json *json, struct entry_view *out)
{
    const struct json *show = json_get(json, "show"), *venue = json_get(json, "venue"),
                      *transfer = json_get(json, "transfer");
    struct str status = json_member(json, "status"), code = json_member(json, "code");

    *out = (struct entry_view){.id = json_member(json, "id"),
                               .order_id = json_member(json, "orderId"),
                               .serial = in_groups(rq, json_member(json, "serial")),
                               .place = api_entry_place(rq, json),
                               .valid = str_eq(status, STR("valid")),
                               .upload = str_eq(json_member(json, "delivery"), STR("upload"))};
    json_bool(json_get(json, "received"), &out->received);
    if (transfer) {
        out->transfer.id = json_member(transfer, "id");
        out->transfer.email = json_member(transfer, "email");
        out->transfer.ends = ends_of(rq, transfer);
    }
    (void)api_show(rq, show, &out->show); /* it names no venue by itself */
    if (venue) (void)api_venue(rq, venue, &out->venue);
    out->movable = out->valid && !out->transfer.id.len && !out->show.cancelled;
    if (api_restrictions(rq, json_get(json, "restrictions"), &out->restrictions) != OK)
        return false;
    if (code.len && qr_code_path(rq->arena, code, &out->path, &out->size) != OK) return false;
    return out->id.len == OBJECT_ID_HEX && out->show.when.len;
}
