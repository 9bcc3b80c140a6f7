/* services/tickets/store.h: what the tickets service keeps. Texts read live in the arena. */
#ifndef SERVICES_TICKETS_STORE_H
#define SERVICES_TICKETS_STORE_H

#include "services/tickets/ticket.h"

extern const struct migration tickets_schema[];

enum err ticket_insert(struct tx *tx, const struct ticket *ticket);
enum err ticket_update(struct tx *tx, const struct ticket *ticket);
enum err ticket_get(struct tx *tx, struct arena *arena, struct object_id id,
                    struct ticket *out); /* ERR_NOT_FOUND */

/* A page of what is on sale, by sellers who are not banned, straight into a JSON array: it may be a
 * thousand tickets long. */
enum err tickets_on_sale(struct tx *tx, struct list_page *page, struct json_writer *json);
/* The same of what one user listed, on sale or not. */
enum err tickets_of_seller(struct tx *tx, struct str user_id, struct list_page *page,
                           struct json_writer *json);
/* One ticket as docs/openapi.json shows it. */
void ticket_json(struct json_writer *json, const struct ticket *ticket);

/* -1: no event of this order was applied yet. */
enum err order_version(struct tx *tx, struct object_id order_id, int64_t *version);
enum err order_version_set(struct tx *tx, struct object_id order_id, int64_t version);

#endif
