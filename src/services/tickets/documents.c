/* services/tickets/documents.c: tickets as JSON. */
#include "services/tickets/documents.h"

/* A word to the seller. */
static void put_not_on_sale(struct json_writer *json, int64_t minimum_cents)
{
    char memory[96];
    struct buf hint = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

    buf_append(&hint, STR("The lowest price is "));
    money_text(&hint, minimum_cents);
    buf_append(&hint, STR(": raise the price to sell this ticket"));
    json_key(json, "notOnSale");
    json_begin_object(json);
    json_member_text(json, "code", str_of(err_code(ERR_PRICE_TOO_LOW)));
    json_member_text(json, "hint", buf_str(&hint));
    json_end_object(json);
}

void ticket_json(struct json_writer *json, const struct ticket *ticket, int64_t minimum_cents)
{
    json_begin_object(json);
    json_member_text(json, "title", ticket->title);
    json_key(json, "price");
    json_put_money(json, ticket->price_cents);
    json_member_text(json, "userId", ticket->user_id);
    json_member_int(json, "version", ticket->version);
    json_member_id(json, "id", ticket->id);
    if (ticket_of_listing(ticket)) {
        json_member_id(json, "listingId", ticket->listing_id);
        json_member_known(json, "seat", ticket->seat);
    }
    if (ticket_held(ticket)) json_member_id(json, "orderId", ticket->order_id);
    if (ticket->sold) {
        json_key(json, "sold");
        json_put_bool(json, true);
    }
    if (!ticket_held(ticket) && ticket->withdrawn) {
        json_key(json, "withdrawn");
        json_put_bool(json, true);
    } else if (!ticket_held(ticket) && ticket->price_cents < minimum_cents) {
        put_not_on_sale(json, minimum_cents);
    }
    json_end_object(json);
}

static const char *ticket_state(const struct ticket *ticket)
{
    if (ticket->sold) return "sold";
    if (ticket_held(ticket)) return "reserved";
    return ticket->withdrawn ? "withdrawn" : "free";
}

static void put_listed_tickets(struct json_writer *json, const struct ticket *tickets, size_t count)
{
    json_key(json, "tickets");
    json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(json);
        json_member_id(json, "id", tickets[i].id);
        json_member_known(json, "seat", tickets[i].seat);
        json_member_text(json, "state", str_of(ticket_state(&tickets[i])));
        json_end_object(json);
    }
    json_end_array(json);
}

static void put_terms(struct json_writer *json, const struct listing_terms *terms)
{
    json_member_text(json, "split", split_text(terms->split));
    json_member_money(json, "price", terms->price_cents);
    if (terms->face_value_cents) json_member_money(json, "faceValue", terms->face_value_cents);
    json_key(json, "restrictions");
    json_begin_array(json);
    for (size_t i = 0; i < terms->restrictions.count; i++)
        json_put_text(json, terms->restrictions.at[i]);
    json_end_array(json);
    json_member_text(json, "delivery", ticket_delivery_text(terms->delivery));
}

void listing_json(struct json_writer *json, const struct listing *listing,
                  const struct listing_sale *sale, const struct ticket *tickets, size_t count)
{
    json_begin_object(json);
    json_member_id(json, "id", listing->id);
    json_member_int(json, "version", listing->version);
    json_member_text(json, "userId", listing->user_id);
    json_member_id(json, "showId", listing->show_id);
    json_member_known(json, "section", listing->section);
    json_member_known(json, "row", listing->row);
    put_terms(json, &listing->terms);
    if (sale->quantity)
        json_member_money(json, "total", sale->quantity * listing->terms.price_cents);
    json_member_int(json, "quantity", listing->quantity);
    json_member_int(json, "free", sale->free);
    json_member_bool(json, "onSale", sale->open);
    if (sale->why_not != OK) {
        json_key(json, "notOnSale");
        json_begin_object(json);
        json_member_text(json, "code", str_of(err_code(sale->why_not)));
        json_member_text(json, "hint", str_of(err_message(sale->why_not)));
        json_end_object(json);
    }
    if (tickets) put_listed_tickets(json, tickets, count);
    json_end_object(json);
}
