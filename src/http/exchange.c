/* http/exchange.c: one request from its first byte to its answer: where it lives, and the checks
 * between the parser and the handler, in the order the contract gives. */
#include "http/internal.h"

#include <stdlib.h>

static struct exchange *exchange_new(struct lane *lane)
{
    struct exchange *exchange = malloc(sizeof *exchange);

    if (!exchange) return NULL;
    exchange->lane = lane;
    exchange->rq.arena = arena_new(HTTP_ARENA_MAX);
    if (exchange->rq.arena) return exchange;
    free(exchange);
    return NULL;
}

struct exchange *exchange_acquire(struct lane *lane, struct connection *connection)
{
    struct exchange *exchange = lane->spare;

    if (exchange) {
        lane->spare = exchange->spare;
        lane->spare_count--;
    } else {
        exchange = exchange_new(lane);
        if (!exchange) return NULL;
    }
    request_init(&exchange->rq, exchange->rq.arena);
    exchange->rq.headers = &exchange->head;
    exchange->rq.body = lane->empty_object;
    exchange->mail = (struct mail){NULL, MAIL_ANSWER};
    exchange->connection = connection;
    exchange->caller = NULL;
    exchange->mount = NULL;
    exchange->spare = NULL;
    buf_init(&exchange->body, exchange->rq.arena, HTTP_BODY_MAX);
    exchange->refusal = OK;
    exchange->route_number = 0;
    exchange->started_us = 0;
    exchange->head_done = false;
    exchange->keep_alive = false;
    exchange->http10 = false;
    exchange->waiting_for_continue = false;
    exchange->head.text = exchange->head.first;
    exchange->head.cap = sizeof exchange->head.first;
    exchange->head.len = 0;
    exchange->head.target_len = 0;
    exchange->head.count = 0;
    exchange->head.lengths = 0;
    exchange->head.in_value = false;
    if (connection) visit_identify(exchange);
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    arena_free(exchange->rq.arena);
    free(exchange);
}

void exchange_abandon(struct exchange *exchange)
{
    while (exchange) {
        struct exchange *caller = exchange->caller;
        struct lane *lane = exchange->lane;

        exchange_free(exchange);
        lane_unref(lane);
        exchange = caller;
    }
}

void exchange_release(struct exchange *exchange)
{
    struct lane *lane = exchange->lane;

    if (lane->spare_count == SPARE_MAX) {
        exchange_free(exchange);
        return;
    }
    arena_reset(exchange->rq.arena);
    exchange->connection = NULL;
    exchange->spare = lane->spare;
    lane->spare = exchange;
    lane->spare_count++;
}

/* --- the target ---------------------------------------------------------------------------- */

/* Of an absolute-form target ("http://host/path") what an origin-form one would be. */
static struct str origin_form(struct str target)
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
static struct str split_query(struct str target, struct str *query)
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
static bool split_segments(struct str path, struct str *segments, size_t *count)
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

/* Sets rq->path and rq->query. ERR_NOT_FOUND: the path is fine, but no route can have it. */
static enum err take_target(struct exchange *exchange, struct str *segments, size_t *count)
{
    struct request *rq = &exchange->rq;
    struct str target = {exchange->head.text, exchange->head.target_len};
    bool origin = target.len && target.at[0] == '/';
    struct str plain = origin ? target : origin_form(target), path;
    bool fits;

    *count = 0;
    rq->path = STR("/");
    if (!origin && plain.at == target.at) /* "*" of OPTIONS, "host:port" of CONNECT */
        return str_eq(target, STR("*")) ? ERR_NOT_FOUND : ERR_BAD_REQUEST;
    path = split_query(plain, &rq->query);
    if (path.len && path.at[path.len - 1] == '/') path.len--;
    if (path.len == 0) return OK;
    fits = split_segments(path, segments, count);
    rq->path = path;
    if (!memchr(path.at, '%', path.len) && str_is_utf8(path)) return fits ? OK : ERR_NOT_FOUND;
    if (!percent_decode(rq->arena, path, false, &rq->path)) return ERR_BAD_REQUEST;
    for (size_t i = 0; i < *count; i++)
        if (!percent_decode(rq->arena, segments[i], false, &segments[i])) return ERR_BAD_REQUEST;
    return fits ? OK : ERR_NOT_FOUND;
}

/* --- the body ------------------------------------------------------------------------------ */

static enum err take_body(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    const struct json *body;

    rq->body_bytes = buf_str(&exchange->body);
    if (rq->body_bytes.len == 0 || !request_has_type(rq, STR("application/json"))) return OK;
    body = json_parse(rq->arena, rq->body_bytes);
    if (!body || (json_type(body) != JSON_OBJECT && json_type(body) != JSON_ARRAY))
        return ERR_BAD_REQUEST;
    rq->body = body;
    return OK;
}

/* --- to the route --------------------------------------------------------------------------- */

static bool wants_html(const struct request *rq)
{
    struct str accept = request_header(rq, "accept");

    return rq->method == METHOD_GET && accept.at &&
           memmem(accept.at, accept.len, "text/html", sizeof "text/html" - 1);
}

static bool find_route(const struct exchange *exchange, const struct str *segments, size_t count,
                       bool known, struct route_match *match)
{
    const struct router *router = exchange->lane->router;
    const struct request *rq = &exchange->rq;

    if (known && router_find(router, rq->method, segments, count, match) &&
        (match->route->access != ACCESS_OPERATOR || rq->operator))
        return true;
    return wants_html(rq) && router_find_fallback(router, match);
}

/* Target, body and route; the session is the caller's matter. */
static enum err prepare(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    struct str segments[SEGMENTS_MAX];
    struct route_match match;
    size_t count;
    enum err target, err;

    target = take_target(exchange, segments, &count);
    if (target == ERR_BAD_REQUEST) return target;
    TRY(take_body(exchange));
    if (!find_route(exchange, segments, count, target == OK, &match)) return ERR_NOT_FOUND;
    rq->route = match.route;
    rq->env = match.mount->env;
    exchange->route_number = match.number;
    exchange->mount = match.mount;
    memcpy(rq->params, match.params, sizeof rq->params);
done:
    return err;
}

/* What a form on somebody else's page can send, with the visitor's cookies in browsers that know no
 * SameSite, is no JSON: that would be asked for first (CORS), and we never agree. Pages ask for
 * themselves, and for more. */
static enum err check_site(const struct request *rq)
{
    if (rq->method == METHOD_GET || rq->route->access == ACCESS_PAGE) return OK;
    if (request_site(rq) != SITE_OTHER || request_has_type(rq, STR("application/json"))) return OK;
    return ERR_CROSS_SITE;
}

static enum err check_access(const struct request *rq)
{
    return rq->route->access == ACCESS_SESSION && rq->user.id.len == 0 ? ERR_NOT_AUTHORIZED : OK;
}

enum err exchange_prepare(struct exchange *exchange)
{
    enum err err;

    visit_identify(exchange);
    TRY(prepare(exchange));
    TRY(check_site(&exchange->rq));
    visit_session(exchange);
    visit_revoked(exchange);
    TRY(check_access(&exchange->rq));
done:
    return err;
}

enum err exchange_prepare_call(struct exchange *exchange)
{
    enum err err;

    TRY(prepare(exchange));
    visit_revoked(exchange);
    TRY(check_access(&exchange->rq));
done:
    return err;
}
