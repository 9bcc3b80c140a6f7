/* services/catalogue/documents.h: venues and shows as docs/openapi.json shows them. */
#ifndef SERVICES_CATALOGUE_DOCUMENTS_H
#define SERVICES_CATALOGUE_DOCUMENTS_H

#include "services/catalogue/store.h"

void venue_json(struct json_writer *json, const struct venue *venue);
void show_json(struct json_writer *json, const struct show *show);
/* The same without the object around it, for who has more to say. */
void show_members(struct json_writer *json, const struct show *show);
/* What can be had of it, beside them. */
void offer_members(struct json_writer *json, const struct show_offers *offers);
/* A page of them (venues_list, shows_list) as an array. */
enum err venues_json(struct tx *tx, struct arena *arena, enum listed which, struct str of,
                     const struct staff_filter *filter, struct list_page *page,
                     struct json_writer *json);
enum err shows_json(struct tx *tx, struct arena *arena, enum listed which, struct str of,
                    const struct staff_filter *filter, struct list_page *page,
                    struct json_writer *json);

#endif
