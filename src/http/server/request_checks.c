/* http/server/request_checks.c: the checks between the parser and the handler, in the order the
 * contract gives. */
#include "http/server/request_checks.h"

#include "base/percent.h"
#include "http/server/client_identity.h"

/* --- the target ---------------------------------------------------------------------------- */

/* Of an absolute-form target ("http://host/path") what an origin-form one would be. */
static struct str target_origin_form(struct str target)
{
    static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};

    for (size_t i = 0; i < 2; i++) {
        size_t skip = schemes[i].len;

        if (target.len < skip || !str_eq_nocase((struct str){target.at, skip}, schemes[i]))
            continue;
        while (skip < target.len && !strchr("/?#", target.at[skip]))
            skip++;
        return (struct str){target.at + skip, target.len - skip};
    }
    return target;
}

/* Splits off '#' and '?' parts; what is left is the raw path. */
static struct str target_split_query(struct str target, struct str *query)
{
    const char *mark = memchr(target.at, '#', target.len);

    if (mark) target.len = (size_t)(mark - target.at);
    mark = memchr(target.at, '?', target.len);
    *query = (struct str){"", 0};
    if (!mark) return target;
    *query = (struct str){mark + 1, target.len - (size_t)(mark - target.at) - 1};
    target.len = (size_t)(mark - target.at);
    return target;
}

/* Cuts the path at its slashes. False when there are more segments than any route has. */
static bool target_split_segments(struct str path, struct str *segments, size_t *count)
{
    size_t at = 0;

    *count = 0;
    while (at < path.len) {
        const char *start = path.at + at + 1;
        size_t left = path.len - at - 1;
        const char *slash = memchr(start, '/', left);
        size_t len = slash ? (size_t)(slash - start) : left;

        if (*count == SEGMENTS_MAX) return false;
        segments[(*count)++] = (struct str){start, len};
        at += len + 1;
    }
    return true;
}

static enum err path_decode(struct arena *arena, struct str text, struct str *out)
{
    enum err err = percent_decode(arena, text, false, out);

    return err == ERR_INVALID ? ERR_BAD_REQUEST : err;
}

/* Sets rq->path and rq->query. ERR_NOT_FOUND: the path is fine, but no route can have it;
 * ERR_BAD_REQUEST, ERR_MEMORY: it is not known. */
static enum err request_take_target(struct exchange *exchange, struct str *segments, size_t *count)
{
    struct request *rq = &exchange->rq;
    struct str target = {exchange->head.text, exchange->head.target_len};
    bool origin = target.len && target.at[0] == '/';
    struct str plain = origin ? target : target_origin_form(target), path;
    enum err err;
    bool fits;

    *count = 0;
    rq->path = STR("/");
    if (!origin && plain.at == target.at) /* "*" of OPTIONS, "host:port" of CONNECT */
        return str_eq(target, STR("*")) ? ERR_NOT_FOUND : ERR_BAD_REQUEST;
    path = target_split_query(plain, &rq->query);
    if (path.len && path.at[path.len - 1] == '/') path.len--;
    if (path.len == 0) return OK;
    fits = target_split_segments(path, segments, count);
    rq->path = path;
    if (!memchr(path.at, '%', path.len) && str_is_utf8(path)) return fits ? OK : ERR_NOT_FOUND;
    TRY(path_decode(rq->arena, path, &rq->path));
    for (size_t i = 0; i < *count; i++)
        TRY(path_decode(rq->arena, segments[i], &segments[i]));
    if (!fits) err = ERR_NOT_FOUND;
done:
    return err;
}

/* --- the body ------------------------------------------------------------------------------ */

static enum err request_take_body(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    const struct json *body;

    rq->body_bytes = buf_str(&exchange->body);
    if (rq->body_bytes.len == 0 || !request_has_type(rq, STR("application/json"))) return OK;
    if (json_parse(rq->arena, rq->body_bytes, &body) == ERR_MEMORY) return ERR_MEMORY;
    if (json_type(body) != JSON_OBJECT && json_type(body) != JSON_ARRAY) return ERR_BAD_REQUEST;
    rq->body = body;
    return OK;
}

/* --- to the route --------------------------------------------------------------------------- */

static bool request_is_browsers(const struct request *rq)
{
    struct str accept = request_header(rq, "accept");

    return accept.at && memmem(accept.at, accept.len, "text/html", sizeof "text/html" - 1);
}

static bool request_wants_html(const struct request *rq)
{
    return rq->method == METHOD_GET && request_is_browsers(rq);
}

/* Where it is asked for says what may be found: metrics on the listener of monitoring alone, and
 * nothing but metrics and health there; over the control socket all of it. */
static bool route_is_open(const struct exchange *exchange, enum access access)
{
    const struct peer *peer = exchange->peer;

    if (peer && peer->operator) return true;
    if (peer && peer->monitoring) return access == ACCESS_MONITORING || access == ACCESS_HEALTH;
    return access != ACCESS_MONITORING && access != ACCESS_OPERATOR;
}

static bool request_find_route(const struct exchange *exchange, const struct str *segments,
                               size_t count, bool known, struct route_match *match)
{
    const struct router *router = exchange->loop->router;
    const struct request *rq = &exchange->rq;

    if (known && router_find(router, rq->method, segments, count, match) &&
        route_is_open(exchange, match->route->access))
        return true;
    return request_wants_html(rq) && router_find_fallback(router, match) &&
           route_is_open(exchange, match->route->access);
}

bool request_route_known(struct exchange *exchange)
{
    struct str segments[SEGMENTS_MAX];
    struct route_match match;
    size_t count;
    enum err target = request_take_target(exchange, segments, &count);

    return target != ERR_BAD_REQUEST && target != ERR_MEMORY &&
           request_find_route(exchange, segments, count, target == OK, &match);
}

enum err request_takes_body(struct exchange *exchange, uint64_t size)
{
    struct str segments[SEGMENTS_MAX];
    struct route_match match;
    size_t count;

    if (size <= exchange->body.max) return OK;
    if (size > HTTP_LARGE_BODY_MAX) return ERR_TOO_LARGE;
    if (request_take_target(exchange, segments, &count) != OK ||
        !request_find_route(exchange, segments, count, true, &match) ||
        size > match.route->body_max)
        return ERR_TOO_LARGE;
    return exchange_reserve_large(exchange, size, match.route->body_max);
}

static void request_take_route(struct exchange *exchange, const struct route_match *match)
{
    struct request *rq = &exchange->rq;

    rq->matched = match->route;
    rq->route = match->route->route;
    rq->owner = match->mount->owner;
    exchange->route_number = match->number;
    exchange->mount = match->mount;
    memcpy(rq->params, match->params, sizeof rq->params);
}

/* Target, body and route; the session is the caller's matter. */
static enum err request_prepare(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    struct str segments[SEGMENTS_MAX];
    struct route_match match;
    size_t count;
    enum err target, err;
    bool found;

    target = request_take_target(exchange, segments, &count);
    if (target == ERR_MEMORY || (target == ERR_BAD_REQUEST && !request_wants_html(rq)))
        return target;
    found = request_find_route(exchange, segments, count, target == OK, &match);
    if (found && match.route->access == ACCESS_SIGNED)
        rq->body_bytes = buf_str(&exchange->body);
    else
        TRY(request_take_body(exchange));
    if (!found) return ERR_NOT_FOUND;
    request_take_route(exchange, &match);
done:
    return err;
}

/* What a form on somebody else's page can send, with the visitor's cookies in browsers that know no
 * SameSite, is no JSON: that would be asked for first (CORS), and we never agree. Pages ask for
 * themselves, and for more. */
static enum err request_check_site(const struct request *rq)
{
    if (rq->method == METHOD_GET || rq->matched->access == ACCESS_PAGE) return OK;
    if (request_site(rq) != SITE_OTHER || request_has_type(rq, STR("application/json"))) return OK;
    request_log_refused(rq);
    return ERR_CROSS_SITE;
}

/* An HTTP/1.0 client may name no host; no browser is one. */
static enum err request_check_host(const struct exchange *exchange)
{
    struct str host = request_header(&exchange->rq, "host");

    if (!exchange->peer->monitoring || !host.at || host_is_private(host)) return OK;
    return ERR_MISDIRECTED;
}

static enum err request_check_access(const struct request *rq)
{
    return rq->matched->access == ACCESS_SESSION && rq->user.id.len == 0 ? ERR_NOT_AUTHORIZED : OK;
}

enum err request_check(struct exchange *exchange)
{
    enum err err;

    client_identify(exchange);
    TRY(request_check_host(exchange));
    TRY(request_prepare(exchange));
    TRY(request_check_site(&exchange->rq));
    if (exchange->rq.matched->access == ACCESS_SIGNED) return OK;
    client_session(exchange);
    if (arena_failed(exchange->rq.arena)) return ERR_MEMORY; /* a session that could not be read */
    client_forget_revoked(exchange);
    TRY(request_check_access(&exchange->rq));
done:
    return err;
}

enum err request_check_call(struct exchange *exchange)
{
    enum err err;

    TRY(request_prepare(exchange));
    client_forget_revoked(exchange);
    TRY(request_check_access(&exchange->rq));
done:
    return err;
}

bool request_refusal_page(struct exchange *exchange, enum err err)
{
    struct request *rq = &exchange->rq;
    struct route_match match;

    if (err != ERR_TOO_LARGE || !exchange->head_done || !request_is_browsers(rq)) return false;
    if (!router_find_fallback(exchange->loop->router, &match) ||
        !route_is_open(exchange, match.route->access))
        return false;
    request_take_route(exchange, &match);
    rq->method = METHOD_GET;
    rq->refused = err;
    return true;
}
