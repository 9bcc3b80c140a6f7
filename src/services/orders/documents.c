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

void order_tickets_json(struct json_writer *json, const struct order *order)
{
    json_member_id(json, "listingId", order->listing_id);
    json_key(json, "tickets");
    json_begin_array(json);
    for (size_t i = 0; i < order->ticket_count; i++)
        ticket_copy_json(json, &order->tickets[i]);
    json_end_array(json);
    json_member_money(json, "total", order_total_cents(order));
}

void order_json(struct json_writer *json, const struct order *order)
{
    json_begin_object(json);
    json_member_text(json, "status", order_status_text(order->status));
    json_member_text(json, "userId", order->user_id);
    json_member_time(json, "expiresAt", order->expires_at);
    json_key(json, "ticket");
    ticket_copy_json(json, &order->tickets[0]);
    if (order_of_listing(order)) order_tickets_json(json, order);
    if (order_has_payment(order)) {
        json_key(json, "payment");
        payment_json(json, &order->payment);
    }
    json_member_int(json, "version", order->version);
    json_member_id(json, "id", order->id);
    json_end_object(json);
}
