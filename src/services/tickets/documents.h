/* services/tickets/documents.h: tickets as docs/openapi.json shows them. */
#ifndef SERVICES_TICKETS_DOCUMENTS_H
#define SERVICES_TICKETS_DOCUMENTS_H

#include "base/json.h"
#include "services/tickets/listing.h"

/* One that is free and not on sale says why: it was taken down, or its price is below the lowest
 * one, in cents. */
void ticket_json(struct json_writer *json, const struct ticket *ticket, int64_t minimum_cents);

/* Whether anything of a listing can be bought, as far as its show, its price and its seller go, and
 * why not. */
struct listing_sale {
    bool open;
    enum err why_not; /* its code and message say it; OK of one that is open */
    int64_t free;     /* tickets */
    int64_t quantity; /* that were asked for: what they cost in full is said; 0: none */
};
/* tickets: all of its tickets, in its order; NULL: they are not shown. */
void listing_json(struct json_writer *json, const struct listing *listing,
                  const struct listing_sale *sale, const struct ticket *tickets, size_t count);

#endif
