/* runtime/streaming/bus_service.c: the bus service's one table, and the documents it serves. It
 * always runs: its database's lock says whose data folder this is. */
#include "runtime/serve.h"
#include "runtime/streaming/streaming.h"

static enum err get_openapi(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rq, (void)tx;
    return reply_text(rp, 200, "application/json; charset=utf-8", openapi_json);
}

static enum err get_asyncapi(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer writer = reply_json(rp, 200);

    (void)rq, (void)tx;
    events_asyncapi(writer.out);
    return rp->body.failed ? ERR_MEMORY : OK;
}

static const struct route routes[] = {
    {METHOD_GET, "/healthz", ACCESS_PUBLIC, IN_LOOP, get_healthz},
    {METHOD_GET, "/readyz", ACCESS_PUBLIC, IN_READER, get_readyz},
    {METHOD_GET, "/api/openapi.json", ACCESS_PUBLIC, IN_LOOP, get_openapi},
    {METHOD_GET, "/api/asyncapi.json", ACCESS_PUBLIC, IN_LOOP, get_asyncapi},
};

const struct service_definition bus_service = {
    .name = "bus",
    .routes = routes,
    .route_count = sizeof routes / sizeof *routes,
};
