/* services/orders/documents.h: orders as docs/openapi.json shows them. */
#ifndef SERVICES_ORDERS_DOCUMENTS_H
#define SERVICES_ORDERS_DOCUMENTS_H

#include "base/json.h"
#include "services/orders/order.h"

void order_json(struct json_writer *json, const struct order *order);
/* The members of an order of a listing, which it would have, too: all its tickets, and what they
 * cost together. */
void order_tickets_json(struct json_writer *json, const struct order *order);
/* An order's ticket. */
void ticket_copy_json(struct json_writer *json, const struct ticket_copy *ticket);

#endif
