/* services/web/entries/api_entries.h: what the API said of entries, as the pages want it. */
#ifndef SERVICES_WEB_ENTRIES_API_ENTRIES_H
#define SERVICES_WEB_ENTRIES_API_ENTRIES_H

#include "base/json.h"
#include "http/request.h"
#include "services/web/view.h"

/* False: it is none. Texts live in the answer and in the arena. */
bool api_entry(struct request *rq, const struct json *json, struct entry_view *out);
/* "Block A, row 4, seat 12", of what has the members of an entry's place; in the arena. */
struct str api_entry_place(struct request *rq, const struct json *json);
bool api_transfer(struct request *rq, const struct json *json, struct transfer_view *out);

#endif
