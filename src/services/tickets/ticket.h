/* services/tickets/ticket.h: the rules of a ticket. Pure: what may change, and into what. */
#ifndef SERVICES_TICKETS_TICKET_H
#define SERVICES_TICKETS_TICKET_H

#include "runtime/service.h"

#define TITLE_CODE_POINTS_MAX 200

struct ticket {
    struct object_id id;
    int64_t version;
    struct str title; /* the request's or the rows' text */
    int64_t price_cents;
    struct str user_id;        /* the seller */
    struct object_id order_id; /* all zero: on sale */
    bool sold;
};

bool title_valid(struct str title); /* 1 to 200 code points, not all white space */
/* A price as docs/openapi.json takes it: a JSON number, or the same as text. */
bool price_take(const struct json *value, int64_t *price_cents);

static inline bool ticket_held(const struct ticket *ticket)
{
    return !object_id_eq(ticket->order_id, (struct object_id){{0}});
}
static inline bool ticket_held_by(const struct ticket *ticket, struct object_id order_id)
{
    return object_id_eq(ticket->order_id, order_id);
}

/* Each makes the next version, or refuses and leaves the ticket as it is. */
enum err ticket_edit(struct ticket *ticket, struct str title,
                     int64_t price_cents);                                 /* TICKET_LOCKED */
enum err ticket_reserve(struct ticket *ticket, struct object_id order_id); /* TICKET_RESERVED */
void ticket_free(struct ticket *ticket);
/* Also a ticket that is free at the moment: an order that comes back to life with its payment. */
enum err ticket_sell(struct ticket *ticket, struct object_id order_id); /* TICKET_RESERVED */

#endif
