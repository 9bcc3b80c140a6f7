/* services/tickets/tickets_import.c: tickets of the Node application, on sale, reserved or sold. */
#include "services/service_import.h"

#include "services/tickets/tickets.h"

bool imported_title_valid(struct str title)
{
    return title_fault(title) == TITLE_FINE;
}

struct str imported_title_kept(struct arena *arena, struct str title)
{
    return title_kept(arena, title);
}

/* Whoever follows the events sees it listed, and then taken. */
static enum err publish(struct tx *tx, const struct ticket *ticket)
{
    enum err err;

    TRY(publish_ticket_created(
        tx, &(struct ticket_created){.id = ticket->id,
                                     .version = ticket->version - ticket_held(ticket),
                                     .title = ticket->title,
                                     .price_cents = ticket->price_cents,
                                     .user_id = ticket->user_id,
                                     .imported = true}));
    if (ticket_held(ticket)) TRY(ticket_save(tx, ticket));
done:
    return err;
}

enum err import_ticket(struct tx *tx, struct arena *arena, const struct imported_ticket *imported,
                       bool *added)
{
    struct ticket there, ticket = {.id = imported->id,
                                   .version = imported->version,
                                   .title = imported->title,
                                   .price_cents = imported->price_cents,
                                   .user_id = imported->user_id,
                                   .order_id = imported->order_id,
                                   .sold = imported->sold};
    enum err err = ticket_get(tx, arena, imported->id, &there);

    *added = err == ERR_NOT_FOUND;
    if (err != ERR_NOT_FOUND) return err;
    ASSERT(!ticket_held(&ticket) || ticket.version >= 1);
    TRY(ticket_insert(tx, &ticket, NULL));
    TRY(publish(tx, &ticket));
done:
    return err;
}

enum err import_followed_order(struct tx *tx, const struct imported_order *order)
{
    int64_t held;
    enum err err;

    TRY(order_version(tx, order->id, &held));
    if (held < 0)
        TRY(order_version_set(tx, order->id, order->version, order->status != IMPORTED_LIVE));
done:
    return err;
}
