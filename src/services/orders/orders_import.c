/* services/orders/orders_import.c: orders of the Node application. */
#include "services/service_import.h"

#include "services/orders/orders.h"

/* Whoever follows the events sees it made, and then ended if it was. */
static enum err publish(struct tx *tx, struct arena *arena, const struct order *order)
{
    bool ended = order->status != ORDER_CREATED;
    enum err err;

    TRY(publish_order_created(tx,
                              &(struct order_created){.id = order->id,
                                                      .version = order->version - ended,
                                                      .status = order_status_text(ORDER_CREATED),
                                                      .user_id = order->user_id,
                                                      .expires_at = order->expires_at,
                                                      .ticket_id = order->tickets[0].id,
                                                      .price_cents = order->tickets[0].price_cents,
                                                      .title = order->tickets[0].title,
                                                      .imported = true}));
    if (ended) TRY(order_save(tx, arena, order, ORDER_CREATED));
done:
    return err;
}

/* The payment that completed it, so that its event is a repeat. */
static enum err note_payment(struct tx *tx, const struct imported_order *imported,
                             struct order *order)
{
    if (object_id_eq(imported->payment_id, (struct object_id){{0}})) return OK;
    order->payment = (struct payment){
        .id = imported->payment_id, .status = PAYMENT_CAPTURED, .stripe_id = imported->stripe_id};
    return payment_put(tx, order->id, &order->payment);
}

enum err import_order(struct tx *tx, struct arena *arena, const struct imported_order *imported,
                      bool *added)
{
    static const enum order_status statuses[] = {[IMPORTED_LIVE] = ORDER_CREATED,
                                                 [IMPORTED_COMPLETE] = ORDER_COMPLETE,
                                                 [IMPORTED_CANCELLED] = ORDER_CANCELLED};
    const struct imported_ticket *ticket = imported->ticket;
    struct ticket_copy copy = {.id = ticket->id,
                               .version = ticket->version,
                               .title = ticket->title,
                               .price_cents = ticket->price_cents};
    struct order there, order = {.id = imported->id,
                                 .version = imported->version,
                                 .status = statuses[imported->status],
                                 .user_id = imported->user_id,
                                 .expires_at = imported->expires_at,
                                 .reserved_until = imported->expires_at,
                                 .tickets = &copy,
                                 .ticket_count = 1};
    enum err err = order_get(tx, arena, imported->id, &there);

    *added = err == ERR_NOT_FOUND;
    if (err != ERR_NOT_FOUND) return err;
    ASSERT(imported->status == IMPORTED_LIVE || imported->version >= 1);
    TRY(order_insert(tx, &order, STR("")));
    TRY(note_payment(tx, imported, &order));
    TRY(publish(tx, arena, &order));
done:
    return err;
}
