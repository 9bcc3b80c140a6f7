/* services/tickets/ticket.h: the rules of a ticket. Pure: what may change, and into what. */
#ifndef SERVICES_TICKETS_TICKET_H
#define SERVICES_TICKETS_TICKET_H

#include "base/err.h"
#include "base/object_id.h"
#include "unicode/text.h"

#define TITLE_CODE_POINTS_MAX 200

struct ticket {
    struct object_id id;
    int64_t version;
    struct str title; /* the request's or the rows' text */
    int64_t price_cents;
    struct str user_id;        /* the seller */
    struct object_id order_id; /* all zero: on sale */
    bool sold;
    /* Its seller has taken it down, for good. An order that was made before tickets said so may
     * still have it, and may buy it; once that lets go nobody can order it. */
    bool withdrawn;
    /* What the seller changed it into while an order had it already; price 0: nothing. It becomes
     * so when it is free again. */
    struct str edited_title;
    int64_t edited_price_cents;
    /* Of a ticket of a listing alone (listing.h). */
    struct object_id listing_id; /* all zero: it is of none */
    int64_t position;            /* in the listing's order, from 0 */
    struct str seat;             /* as its seller wrote it; empty: none is named */
    int64_t was_offered_cents;   /* ticket_offered_cents of the row that was read */
};

/* A title is 1 to 200 code points and has something to be seen in it (text_is_visible). */
enum title_fault { TITLE_FINE, TITLE_EMPTY, TITLE_INVISIBLE, TITLE_TOO_LONG };
enum title_fault title_fault(struct str title);
/* A title as typed into one to be kept: without what would reach beyond it or over its neighbours
 * (text_contained). at == NULL: out of memory. */
static inline struct str title_kept(struct arena *arena, struct str typed)
{
    return text_contained(arena, typed);
}

static inline bool ticket_held(const struct ticket *ticket)
{
    return !object_id_eq(ticket->order_id, (struct object_id){{0}});
}
static inline bool ticket_of_listing(const struct ticket *ticket)
{
    return !object_id_eq(ticket->listing_id, (struct object_id){{0}});
}
/* What it can be had for as a ticket of its listing; 0: it cannot. */
static inline int64_t ticket_offered_cents(const struct ticket *ticket)
{
    bool offered = ticket_of_listing(ticket) && !ticket_held(ticket) && !ticket->withdrawn;

    return offered ? ticket->price_cents : 0;
}
static inline bool ticket_held_by(const struct ticket *ticket, struct object_id order_id)
{
    return object_id_eq(ticket->order_id, order_id);
}

/* An order on a ticket, and what it was made at: what the ticket shows while the order has it. */
struct ticket_order {
    struct object_id id;
    struct str title; /* empty: told by a version that did not say; the ticket stays as it is */
    int64_t price_cents;
};

/* Each makes the next version, or refuses and leaves the ticket as it is. An order may have been
 * made before an edit that tickets took meanwhile: then the edit waits until the ticket is free. */
enum err ticket_edit(struct ticket *ticket, struct str title,
                     int64_t price_cents); /* TICKET_LISTED, TICKET_LOCKED, TICKET_WITHDRAWN */
/* The price of its listing has changed. It is free and stands. */
void ticket_reprice(struct ticket *ticket, int64_t price_cents);
/* TICKET_HELD, TICKET_SOLD. One that was taken down before stays as it is: *changed. */
enum err ticket_withdraw(struct ticket *ticket, bool *changed);
enum err ticket_reserve(struct ticket *ticket,
                        const struct ticket_order *order); /* TICKET_RESERVED */
void ticket_free(struct ticket *ticket);
/* Also a ticket that is free at the moment: an order that comes back to life with its payment. */
enum err ticket_sell(struct ticket *ticket, const struct ticket_order *order); /* TICKET_RESERVED */

#endif
