/* services/web/fragments.h: lists that were rendered before. */
#ifndef SERVICES_WEB_FRAGMENTS_H
#define SERVICES_WEB_FRAGMENTS_H

#include "base/arena.h"
#include "http/request.h"
#include "services/web/view.h"

/* Lives in the arena; NULL: no memory. Freed with fragments_free, which gives back the lists kept.
 */
struct fragments *fragments_new(struct arena *arena);
void fragments_free(struct fragments *fragments);
/* The cards of a list, rendered from the API's answer, or found again when the answer is to the
 * byte what it was then. The HTML lives in the request's arena. Threads: any. */
enum err fragment_cards(struct request *rq, struct html *out, size_t *count);

#endif
