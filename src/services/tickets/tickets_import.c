/* services/tickets/tickets_import.c: tickets of the Node application, on sale, reserved or sold;
 * and listings out of files, as their sellers would make them. */
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

enum err import_followed_show(struct tx *tx, const struct show_copy *show)
{
    int64_t held;
    enum err err;

    TRY(listed_show_version(tx, show->id, &held));
    if (held < 0 && show->version == 0)
        TRY(listed_show_put(tx, show, show_sale(show, tx->now) == SALE_OPEN));
done:
    return err;
}

/* What is no field's error in a request is one in a file. */
static enum err reject_as_field(struct request *rq, enum err err)
{
    struct buf hint;

    if (err == ERR_ADDRESS_UNCONFIRMED)
        return request_reject_for(rq, "seller", err_message(err), err_code(err),
                                  "Let the seller open the link that was mailed to the address");
    if (err != ERR_SEAT_TAKEN) return err;
    buf_init(&hint, rq->arena, 256);
    buf_printf(&hint, "Leave out seat %.*s", (int)rq->error_value.len, rq->error_value.at);
    buf_char(&hint, '\0');
    return request_reject_for(rq, "seats", err_message(ERR_SEAT_TAKEN), err_code(ERR_SEAT_TAKEN),
                              hint.failed ? NULL : hint.at);
}

enum err import_listing(struct request *rq, struct tx *tx, struct object_id id, bool *added)
{
    struct listing there, listing = {.id = id, .user_id = rq->user.id};
    struct places places;
    struct show_copy show;
    bool known;
    enum err err = listing_get(tx, rq->arena, id, &there), why_not;

    *added = err == ERR_NOT_FOUND;
    if (err != ERR_NOT_FOUND) return err;
    TRY(listed_show_find(rq, tx, &show, &known, &why_not));
    if (why_not != OK) listed_show_refuse(rq, why_not);
    TRY(take_listing(rq, tx, known ? &show : NULL, &listing, &places));
    TRY(check_seats(rq, tx, show.id, &places));
    TRY(listing_offer(rq->run->env, tx, rq->arena, &listing, show.title, &places));
done:
    return err ? reject_as_field(rq, err) : OK;
}
