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
