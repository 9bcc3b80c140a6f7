/* services/tickets/documents.h: tickets as docs/openapi.json shows them. */
#ifndef SERVICES_TICKETS_DOCUMENTS_H
#define SERVICES_TICKETS_DOCUMENTS_H

#include "base/json.h"
#include "services/tickets/ticket.h"

/* One that is free and not on sale says why: it was taken down, or its price is below the lowest
 * one, in cents. */
void ticket_json(struct json_writer *json, const struct ticket *ticket, int64_t minimum_cents);

#endif
