/* services/tickets/ticket.c: the rules of a ticket. */
#include "services/tickets/ticket.h"

enum title_fault title_fault(struct str title)
{
    if (str_trim(title).len == 0) return TITLE_EMPTY;
    if (str_code_points(title) > TITLE_CODE_POINTS_MAX) return TITLE_TOO_LONG;
    return text_is_visible(title) ? TITLE_FINE : TITLE_INVISIBLE;
}

enum err ticket_edit(struct ticket *ticket, struct str title, int64_t price_cents)
{
    if (ticket_of_listing(ticket)) return ERR_TICKET_LISTED;
    if (ticket_held(ticket)) return ERR_TICKET_LOCKED;
    if (ticket->withdrawn) return ERR_TICKET_WITHDRAWN;
    ticket->title = title;
    ticket->price_cents = price_cents;
    ticket->version++;
    return OK;
}

void ticket_reprice(struct ticket *ticket, int64_t price_cents)
{
    ASSERT(!ticket_held(ticket) && !ticket->withdrawn);
    ticket->price_cents = price_cents;
    ticket->version++;
}

enum err ticket_withdraw(struct ticket *ticket, bool *changed)
{
    *changed = false;
    if (ticket->sold) return ERR_TICKET_SOLD;
    if (ticket_held(ticket)) return ERR_TICKET_HELD;
    if (ticket->withdrawn) return OK;
    ticket->withdrawn = true;
    ticket->version++;
    *changed = true;
    return OK;
}

/* What the order was made at is what the ticket shows; an edit since then waits. */
static void show_as_ordered(struct ticket *ticket, const struct ticket_order *order)
{
    if (order->title.len == 0) return;
    if (ticket->price_cents == order->price_cents && str_eq(ticket->title, order->title)) return;
    ticket->edited_title = ticket->title;
    ticket->edited_price_cents = ticket->price_cents;
    ticket->title = order->title;
    ticket->price_cents = order->price_cents;
}

enum err ticket_reserve(struct ticket *ticket, const struct ticket_order *order)
{
    if (ticket_held(ticket)) return ERR_TICKET_RESERVED;
    show_as_ordered(ticket, order);
    ticket->order_id = order->id;
    ticket->version++;
    return OK;
}

void ticket_free(struct ticket *ticket)
{
    ticket->order_id = (struct object_id){{0}};
    ticket->sold = false;
    ticket->version++;
    if (ticket->edited_price_cents == 0) return;
    ticket->title = ticket->edited_title;
    ticket->price_cents = ticket->edited_price_cents;
    ticket->edited_title = (struct str){0};
    ticket->edited_price_cents = 0;
}

enum err ticket_sell(struct ticket *ticket, const struct ticket_order *order)
{
    if (ticket_held(ticket) && !ticket_held_by(ticket, order->id)) return ERR_TICKET_RESERVED;
    if (!ticket_held(ticket)) show_as_ordered(ticket, order);
    ticket->order_id = order->id;
    ticket->sold = true;
    ticket->version++;
    return OK;
}
