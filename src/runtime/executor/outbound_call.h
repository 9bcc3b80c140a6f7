/* runtime/executor/outbound_call.h: calls of pages to an API that runs somewhere else. */
#ifndef RUNTIME_EXECUTOR_OUTBOUND_CALL_H
#define RUNTIME_EXECUTOR_OUTBOUND_CALL_H

#include "client/http_client.h"
#include "http/server/server.h"
#include "runtime/service.h"

/* The API is somewhere else (API_BASE_URL): calls of pages go over HTTP, from the pool. */
static inline bool api_is_elsewhere(const struct env *env)
{
    return env->settings->api_base_url != NULL;
}
/* In a pool thread: asks what rq->call says; rq->call gets the answer, 503 when none came. */
void outbound_call_run(struct http_client *client, struct request *rq);

#endif
