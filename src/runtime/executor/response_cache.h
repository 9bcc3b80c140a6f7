/* runtime/executor/response_cache.h: a loop's own small store of answers of IN_SHARED_READER
 * routes, each true as long as nothing is committed. In that loop's thread. */
#ifndef RUNTIME_EXECUTOR_RESPONSE_CACHE_H
#define RUNTIME_EXECUTOR_RESPONSE_CACHE_H

#include "http/request.h"

struct response_cache;

struct response_cache *response_cache_new(void); /* NULL when memory ran out */
void response_cache_free(struct response_cache *cache);
/* True: rq has the answer that was given to the same target while the database has seen `commits`
 * commits. It must be sent before the next answer is put. */
bool response_cache_find(const struct response_cache *cache, struct request *rq, uint64_t commits);
/* Keeps rq's answer, when it is one that may be given again. */
void response_cache_put(struct response_cache *cache, const struct request *rq, uint64_t commits);

#endif
