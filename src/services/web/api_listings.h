/* services/web/api_listings.h: what the API said of listings, as the pages want it. */
#ifndef SERVICES_WEB_API_LISTINGS_H
#define SERVICES_WEB_API_LISTINGS_H

#include "base/json.h"
#include "http/request.h"
#include "services/web/view.h"

/* False: it is none. Its tickets are filled in where the answer has them. Texts live in the answer
 * and in the arena. */
bool api_listing(struct request *rq, const struct json *json, struct listing_view *out);
/* Every listing of an array, in its order. ERR_MEMORY. */
enum err api_listings(struct request *rq, const struct json *list, struct show_page_view *view);

/* "Block A, row 4", of what names a section and a row, or neither. */
struct str api_place(struct request *rq, const struct json *json);
/* Restrictions, one a line, in the arena. ERR_MEMORY. */
enum err api_restrictions(struct request *rq, const struct json *list, struct block_list *out);

#endif
