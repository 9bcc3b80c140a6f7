/* services/entries/documents.h: entries as JSON. */
#ifndef SERVICES_ENTRIES_DOCUMENTS_H
#define SERVICES_ENTRIES_DOCUMENTS_H

#include "base/json.h"
#include "services/entries/view_store.h"

/* As its holder sees it: docs/openapi.json's Entry. code: what a gate reads; empty: none is shown.
 */
void entry_json(struct json_writer *json, const struct entry_view *view, struct str code);
/* The show, as an object. */
void entry_show_json(struct json_writer *json, const struct entry_show *show);
/* Where the entry's place is, as members of the object that is open. */
void entry_place_json(struct json_writer *json, const struct entry_view *view);
/* What is on its way, as who gave it and whom it is for see it: docs/openapi.json's Transfer. */
void transfer_json(struct json_writer *json, const struct entry_view *view);

#endif
