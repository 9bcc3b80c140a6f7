/* runtime/executor/response_cache.h: a loop's own small store of answers that may be given to
 * others: those of IN_SHARED_READER routes, and the pages that are the same for every stranger
 * (PACK_SHARED) and were made of such reads alone. Each is true as long as nothing is committed in
 * what it was made from. In that loop's thread. */
#ifndef RUNTIME_EXECUTOR_RESPONSE_CACHE_H
#define RUNTIME_EXECUTOR_RESPONSE_CACHE_H

#include "http/request.h"

struct response_cache;

struct response_cache *response_cache_new(void); /* NULL when memory ran out */
void response_cache_free(struct response_cache *cache);
/* True: rq has the answer that was made for the same request and is still true, and what it was
 * made from. It must be sent before the next answer is put. */
bool response_cache_find(const struct response_cache *cache, struct request *rq,
                         struct mono_ms now);
/* Keeps rq's answer, when it is one that may be given again. */
void response_cache_put(struct response_cache *cache, const struct request *rq, struct mono_ms now);

#endif
