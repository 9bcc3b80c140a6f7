/* http/router.c: from method and path segments to a route, by a tree of segments built at start. */
#include "http/router.h"

#include <stdlib.h>

#define METHODS (METHOD_OTHER + 1)

struct leaf {
    const struct http_route *route;
    const struct http_mount *mount;
    size_t number;
};

struct node {
    struct str name; /* of a literal segment */
    struct node *sibling;
    struct node *literals; /* below this one */
    struct node *param;
    struct leaf leaves[METHODS];
};

struct router {
    struct node root;
    struct leaf fallback;
    size_t count; /* of routes */
};

static void nodes_free(struct node *node)
{
    while (node) {
        struct node *next = node->sibling;

        nodes_free(node->literals);
        nodes_free(node->param);
        free(node);
        node = next;
    }
}

/* The child for one segment of a route's path, made when it is new. */
static struct node *node_child(struct node *parent, struct str segment)
{
    bool is_param = segment.at[0] == ':';
    struct node **slot = is_param ? &parent->param : &parent->literals;
    struct node *child;

    if (is_param && *slot) return *slot;
    for (; *slot; slot = &(*slot)->sibling)
        if (str_eq((*slot)->name, segment)) return *slot;
    child = calloc(1, sizeof *child);
    if (!child) return NULL;
    child->name = segment;
    *slot = child;
    return child;
}

static bool router_add(struct router *router, const struct http_mount *mount,
                       const struct http_route *route)
{
    struct node *node = &router->root;
    const char *at = route->path;
    size_t params = 0;

    if (strcmp(at, "*") == 0) {
        ASSERT(route->method == METHOD_GET && !router->fallback.route);
        router->fallback = (struct leaf){route, mount, ++router->count};
        return true;
    }
    ASSERT(at[0] == '/' && route->method < METHODS && route->method != METHOD_HEAD);
    while (*at) {
        size_t len = strcspn(++at, "/");

        if (len == 0) break;
        params += *at == ':';
        node = node_child(node, (struct str){at, len});
        if (!node) return false;
        at += len;
    }
    ASSERT(params <= REQUEST_PARAMS_MAX);
    ASSERT(!node->leaves[route->method].route);
    node->leaves[route->method] = (struct leaf){route, mount, ++router->count};
    return true;
}

struct router *router_new(const struct http_mount *mounts, size_t count)
{
    struct router *router = calloc(1, sizeof *router);

    if (!router) return NULL;
    for (size_t m = 0; m < count; m++) {
        for (size_t r = 0; r < mounts[m].route_count; r++) {
            if (router_add(router, &mounts[m], &mounts[m].routes[r])) continue;
            router_free(router);
            return NULL;
        }
    }
    return router;
}

size_t router_count(const struct router *router)
{
    return router->count;
}

void router_free(struct router *router)
{
    if (!router) return;
    nodes_free(router->root.literals);
    nodes_free(router->root.param);
    free(router);
}

/* depth: parameters taken so far. Tries the literal first and comes back for the parameter. */
static bool find_below(const struct node *node, enum method method, const struct str *segments,
                       size_t count, size_t depth, struct route_match *out)
{
    if (count == 0) {
        out->route = node->leaves[method].route;
        out->mount = node->leaves[method].mount;
        out->number = node->leaves[method].number;
        return out->route != NULL;
    }
    for (const struct node *child = node->literals; child; child = child->sibling) {
        if (!str_eq(child->name, segments[0])) continue;
        if (find_below(child, method, segments + 1, count - 1, depth, out)) return true;
        break;
    }
    if (!node->param || segments[0].len == 0) return false;
    ASSERT(depth < REQUEST_PARAMS_MAX);
    out->params[depth] = segments[0];
    return find_below(node->param, method, segments + 1, count - 1, depth + 1, out);
}

bool router_find(const struct router *router, enum method method, const struct str *segments,
                 size_t count, struct route_match *out)
{
    memset(out, 0, sizeof *out);
    return find_below(&router->root, method, segments, count, 0, out);
}

bool router_find_fallback(const struct router *router, struct route_match *out)
{
    memset(out, 0, sizeof *out);
    out->route = router->fallback.route;
    out->mount = router->fallback.mount;
    out->number = router->fallback.number;
    return out->route != NULL;
}
