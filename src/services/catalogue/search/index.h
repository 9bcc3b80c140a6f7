/* services/catalogue/search/index.h: keeping the search index: what everybody may find is in it
 * from the commit on that made it so, and no longer. */
#ifndef SERVICES_CATALOGUE_SEARCH_INDEX_H
#define SERVICES_CATALOGUE_SEARCH_INDEX_H

#include "services/catalogue/search/search_store.h"

/* In the transaction that stored the show; arena: for the way. */
enum err index_show(struct tx *tx, struct arena *arena, const struct show *show);
/* Its name or place changed: all shows at it. */
enum err index_venue(struct tx *tx, const struct venue *venue);

/* The job that makes the index anew, some shows at a time; it is found from meanwhile. */
enum err index_rebuild(struct env *env, struct tx *tx, struct wall_ms *next);

#endif
