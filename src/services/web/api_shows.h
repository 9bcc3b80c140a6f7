/* services/web/api_shows.h: what the API said of shows and venues, as the pages want it. */
#ifndef SERVICES_WEB_API_SHOWS_H
#define SERVICES_WEB_API_SHOWS_H

#include "base/json.h"
#include "http/request.h"
#include "services/web/view.h"

/* False: it is none. Texts live in the answer and in the arena. */
bool api_show(struct request *rq, const struct json *json, struct show_view *out);
bool api_venue(struct request *rq, const struct json *json, struct venue_view *out);
/* The days by their name that the page's own address says are looked for; empty: none are, or they
 * are said by date as well, which counts. */
struct str api_search_when(struct request *rq);
/* What the page's own address says is looked for, appended to one that has a query (api_parameter):
 * q, city, from, to and when. */
void api_search(struct request *rq, struct buf *path);
/* "/shows/ID-slug", in the arena. */
struct str api_show_path(struct request *rq, const struct show_view *show);
/* The same of what the API said of it, without all else that a page wants of a show: for lists of
 * many. Empty: it is none. */
struct str api_show_address(struct request *rq, const struct json *json);
/* A text at a path of members, "rules.maxPerBuyer"; empty: there is none. */
struct str json_member(const struct json *object, const char *path);

#endif
