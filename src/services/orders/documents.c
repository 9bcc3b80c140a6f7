/* services/orders/documents.c: orders as JSON. */
#include "services/orders/documents.h"

static void payment_json(struct json_writer *json, const struct payment *payment)
{
    json_begin_object(json);
    json_member_text(json, "status", payment_status_text(payment->status));
    json_member_known(json, "stripeId", payment->stripe_id);
    json_member_known(json, "refundId", payment->refund_id);
    json_end_object(json);
}

void ticket_copy_json(struct json_writer *json, const struct ticket_copy *ticket)
{
    json_begin_object(json);
    json_member_text(json, "title", ticket->title);
    json_member_money(json, "price", ticket->price_cents);
    json_member_int(json, "version", ticket->version);
    json_member_id(json, "id", ticket->id);
    json_end_object(json);
}

void order_json(struct json_writer *json, const struct order *order)
{
    json_begin_object(json);
    json_member_text(json, "status", order_status_text(order->status));
    json_member_text(json, "userId", order->user_id);
    json_member_time(json, "expiresAt", order->expires_at);
    json_key(json, "ticket");
    ticket_copy_json(json, &order->ticket);
    if (order_has_payment(order)) {
        json_key(json, "payment");
        payment_json(json, &order->payment);
    }
    json_member_int(json, "version", order->version);
    json_member_id(json, "id", order->id);
    json_end_object(json);
}
