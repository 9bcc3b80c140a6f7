/* services/catalogue/search/search_routes.h: the routes of search. */
#ifndef SERVICES_CATALOGUE_SEARCH_SEARCH_ROUTES_H
#define SERVICES_CATALOGUE_SEARCH_SEARCH_ROUTES_H

#include "runtime/service.h"

#define CATALOGUE_JOB_REBUILD 0 /* its row in the catalogue's jobs */

/* GET /api/shows looks for something, rather than listing what there is. */
bool is_search(struct request *rq);

handler_fn get_search, get_suggestions, get_search_index, post_search_rebuild;

#endif
