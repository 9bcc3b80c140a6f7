/* services/tickets/ticket.c: the rules of a ticket. */
#include "services/tickets/ticket.h"

#include "base/money.h"

bool title_valid(struct str title)
{
    return str_trim(title).len > 0 && str_code_points(title) <= TITLE_CODE_POINTS_MAX;
}

bool price_take(const struct json *value, int64_t *price_cents)
{
    double dollars;
    struct str text;

    if (json_double(value, &dollars)) return price_from_double(dollars, price_cents);
    return json_text(value, &text) && price_from_text(text, price_cents);
}

enum err ticket_edit(struct ticket *ticket, struct str title, int64_t price_cents)
{
    if (ticket_held(ticket)) return ERR_TICKET_LOCKED;
    ticket->title = title;
    ticket->price_cents = price_cents;
    ticket->version++;
    return OK;
}

enum err ticket_reserve(struct ticket *ticket, struct object_id order_id)
{
    if (ticket_held(ticket)) return ERR_TICKET_RESERVED;
    ticket->order_id = order_id;
    ticket->version++;
    return OK;
}

void ticket_free(struct ticket *ticket)
{
    ticket->order_id = (struct object_id){{0}};
    ticket->sold = false;
    ticket->version++;
}

enum err ticket_sell(struct ticket *ticket, struct object_id order_id)
{
    if (ticket_held(ticket) && !ticket_held_by(ticket, order_id)) return ERR_TICKET_RESERVED;
    ticket->order_id = order_id;
    ticket->sold = true;
    ticket->version++;
    return OK;
}
