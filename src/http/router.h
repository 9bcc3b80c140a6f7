/* http/router.h: from method and path segments to a route. */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "http/request.h"

/* A service's routes as the server mounts them. */
struct http_mount {
    const char *service; /* for logs */
    const struct http_route *routes;
    size_t route_count;
    void *owner;         /* request.owner of what comes by them */
    uint32_t revoked_by; /* whose bans it goes by (revocation_table.h) */
};

#define SEGMENTS_MAX 16 /* of a path; no route has more */

struct router;

struct route_match {
    const struct http_route *route;
    const struct http_mount *mount;
    struct str params[REQUEST_PARAMS_MAX];
    size_t number; /* of the route: 1 … router_count, in the order of the mounts and their tables */
};

/* NULL when memory ran out. Keeps pointers into mounts. A route mounted twice is a broken program.
 */
struct router *router_new(const struct http_mount *mounts, size_t count);
void router_free(struct router *router);
size_t router_count(const struct router *router);
/* Literal segments win over ":name" ones. */
bool router_find(const struct router *router, enum method method, const struct str *segments,
                 size_t count, struct route_match *out);
/* The route for HTML where there is nothing; false when no service has one. */
bool router_find_fallback(const struct router *router, struct route_match *out);

#endif
