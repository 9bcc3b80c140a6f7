/* services/web/api_listings.c: what the API said of listings, as the pages want it. */
#include "services/web/api_listings.h"

#include "services/web/api.h"
#include "services/web/api_shows.h"
#include "services/web/page_text.h"

struct str api_place(struct request *rq, const struct json *json)
{
    struct str section = json_member(json, "section"), row = json_member(json, "row");

    if (section.len && row.len)
        return page_fill(rq, TEXT_LISTING_SECTION_ROW, {STR("section"), section},
                         {STR("row"), row});
    if (row.len) return page_fill(rq, TEXT_LISTING_ROW, {STR("row"), row});
    return section.len ? section : page_text(rq, TEXT_LISTING_ANYWHERE);
}

enum err api_restrictions(struct request *rq, const struct json *list, struct block_list *out)
{
    size_t count = json_length(list);
    struct text_block *blocks = arena_alloc(rq->arena, (count + 1) * sizeof *blocks);

    if (!blocks) return ERR_MEMORY;
    *out = (struct block_list){blocks, 0};
    for (size_t i = 0; i < count; i++)
        if (json_text(json_at(list, i), &blocks[out->count].text)) out->count++;
    return OK;
}

static enum err take_tickets(struct request *rq, const struct json *list, struct listing_view *out)
{
    size_t count = json_length(list);
    struct listed_ticket *tickets = arena_alloc(rq->arena, (count + 1) * sizeof *tickets);
    int64_t run = 0; /* of free neighbours; places without a seat are no more apart than others */

    if (!tickets) return ERR_MEMORY;
    out->tickets.at = tickets;
    for (size_t i = 0; i < count; i++) {
        const struct json *json = json_at(list, i);
        struct str state = json_member(json, "state"), seat = json_member(json, "seat");

        run = str_eq(state, STR("free")) ? run + 1 : seat.len ? 0 : run;
        if (run > out->together) out->together = run;
        if (str_eq(state, STR("withdrawn"))) continue;
        tickets[out->tickets.count++] = (struct listed_ticket){
            .id = json_member(json, "id"),
            .name = seat.len ? page_fill(rq, TEXT_LISTING_SEAT, {STR("seat"), seat})
                             : page_fill(rq, TEXT_LISTING_TICKET,
                                         {STR("number"), page_number(rq, (int64_t)i + 1)}),
            .free = str_eq(state, STR("free")),
            .reserved = str_eq(state, STR("reserved")),
            .sold = str_eq(state, STR("sold"))};
    }
    return OK;
}

static void take_terms(struct request *rq, const struct json *json, struct listing_view *out)
{
    struct str split = json_member(json, "split");
    int64_t face_cents, total_cents;

    out->pairs = str_eq(split, STR("pairs"));
    out->all = str_eq(split, STR("all"));
    out->no_single = str_eq(split, STR("no_single"));
    out->price = page_money(rq, out->cents);
    if (json_price(json_get(json, "total"), &total_cents)) {
        out->total = page_money(rq, total_cents);
        out->quantity = page_number(rq, total_cents / out->cents);
    }
    if (json_price(json_get(json, "faceValue"), &face_cents))
        out->face_value = page_money(rq, face_cents);
}

bool api_listing(struct request *rq, const struct json *json, struct listing_view *out)
{
    *out = (struct listing_view){.id = json_member(json, "id"),
                                 .show_id = json_member(json, "showId"),
                                 .not_on_sale = json_member(json, "notOnSale.hint")};
    if (out->id.len != OBJECT_ID_HEX || out->show_id.len != OBJECT_ID_HEX) return false;
    if (!json_price(json_get(json, "price"), &out->cents)) return false;
    (void)json_int64(json_get(json, "version"), &out->version);
    (void)json_int64(json_get(json, "free"), &out->free);
    (void)json_bool(json_get(json, "onSale"), &out->on_sale);
    out->withdrawn =
        str_eq(json_member(json, "notOnSale.code"), str_of(err_code(ERR_LISTING_WITHDRAWN)));
    out->mine = rq->user.id.len && str_eq(json_member(json, "userId"), rq->user.id);
    out->place = api_place(rq, json);
    out->left = page_number(rq, out->free);
    out->one_left = out->free == 1;
    out->hue = api_hue(out->id);
    take_terms(rq, json, out);
    return api_restrictions(rq, json_get(json, "restrictions"), &out->restrictions) == OK &&
           take_tickets(rq, json_get(json, "tickets"), out) == OK;
}

enum err api_listings(struct request *rq, const struct json *list, struct show_page_view *view)
{
    size_t count = json_length(list), taken = 0;
    struct listing_view *listings = arena_alloc(rq->arena, (count + 1) * sizeof *listings);

    if (!listings) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        taken += api_listing(rq, json_at(list, i), &listings[taken]) && listings[taken].on_sale;
    view->listings.at = listings;
    view->listings.count = taken;
    return OK;
}
