/* services/tickets/commands.c: what is stored of a ticket, and told of it, in one transaction. */
#include "services/tickets/tickets.h"

enum err ticket_save(struct tx *tx, const struct ticket *ticket)
{
    enum err err;

    TRY(ticket_update(tx, ticket));
    TRY(publish_ticket_updated(tx, &(struct ticket_updated){.id = ticket->id,
                                                            .version = ticket->version,
                                                            .title = ticket->title,
                                                            .price_cents = ticket->price_cents,
                                                            .user_id = ticket->user_id,
                                                            .order_id = ticket->order_id,
                                                            .sold = ticket->sold,
                                                            .withdrawn = ticket->withdrawn}));
done:
    return err;
}

enum err ticket_offer(struct tx *tx, const struct ticket *ticket)
{
    enum err err;

    TRY(ticket_insert(tx, ticket));
    TRY(publish_ticket_created(tx, &(struct ticket_created){.id = ticket->id,
                                                            .version = ticket->version,
                                                            .title = ticket->title,
                                                            .price_cents = ticket->price_cents,
                                                            .user_id = ticket->user_id}));
done:
    return err;
}
