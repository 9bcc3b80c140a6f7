/* http/visit.c: who is asking: client address, request id, session. */
#include "http/internal.h"

#include <stdlib.h>

struct session_cache {
    struct session_user user; /* its strings lie in text, behind the cookie */
    int64_t until_s;
    uint64_t generation; /* of the keys it was verified with */
    struct str cookie;
    char text[];
};

static bool is_safe_id(struct str id)
{
    if (id.len == 0 || id.len > REQUEST_ID_MAX) return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) continue;
        if (c != '-' && c != '_' && c != '.') return false;
    }
    return true;
}

/* A random name for the lane, and a number. */
static struct str make_id(struct exchange *exchange)
{
    struct lane *lane = exchange->lane;
    uint64_t number = lane->id_next++;
    size_t len = sizeof lane->id_prefix;

    memcpy(exchange->id, lane->id_prefix, len);
    do {
        exchange->id[len++] = "0123456789abcdefghijklmnopqrstuv"[number & 31];
        number >>= 5;
    } while (number && len < sizeof exchange->id);
    return (struct str){exchange->id, len};
}

/* Whether a trace begins here: so many a second do. What comes beyond them has none. */
static bool may_begin_trace(struct lane *lane)
{
    int64_t second = lane_clock_us(lane) / 1000000;

    if (!lane->config->traces_per_second) return false;
    if (lane->sampling_s != second) lane->sampled = 0;
    lane->sampling_s = second;
    return lane->sampled++ < lane->config->traces_per_second;
}

/* Anybody may say what their request belongs to: it names nothing of ours. More than one header is
 * none (https://www.w3.org/TR/trace-context/#traceparent-header). */
static void take_trace(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    struct lane *lane = exchange->lane;
    struct str parent = {NULL, 0};
    struct trace cause;

    if (!header_absent(&exchange->head, sizeof "traceparent" - 1))
        parent = request_header_joined(rq, "traceparent", STR(","));
    rq->trace_given = parent.at && trace_parse(parent, &cause);
    if (rq->trace_given) {
        rq->trace_parent = cause.span;
        rq->trace = trace_follow(&lane->traces, &cause);
    } else if (may_begin_trace(lane)) {
        rq->trace = trace_new(&lane->traces);
    }
}

static void take_forwarded(struct exchange *exchange, const struct connection *connection)
{
    struct request *rq = &exchange->rq;
    struct str forwarded = request_header_joined(rq, "x-forwarded-for", STR(","));
    struct str scheme = request_header_joined(rq, "x-forwarded-proto", STR(","));
    struct address client;
    const char *comma;

    if (scheme.at) { /* the nearest proxy's word is the last one */
        comma = memrchr(scheme.at, ',', scheme.len);
        if (comma) scheme = (struct str){comma + 1, scheme.len - (size_t)(comma - scheme.at) - 1};
        rq->secure = str_eq_nocase(str_trim(scheme), STR("https"));
    }
    if (!forwarded.at) return;
    client = proxies_client(exchange->lane->proxies, forwarded, connection->peer);
    rq->client.at = exchange->client;
    rq->client.len = address_format(&client, exchange->client);
    rq->from_loopback = address_is_loopback(&client);
}

void visit_identify(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    const struct connection *connection = exchange->connection;
    int cookie_secure = exchange->lane->config->cookie_secure;
    struct str id = {NULL, 0};

    rq->operator= connection->operator;
    rq->operator_uid = connection->operator_uid;
    /* Forwarded by somebody we do not trust to say for whom: from anywhere. */
    rq->from_loopback = connection->peer_loopback && !request_header(rq, "x-forwarded-for").at;
    /* Copied: the connection may be gone before the request is done. */
    memcpy(exchange->client, connection->peer_text, sizeof exchange->client);
    rq->client = (struct str){exchange->client, connection->peer_text_len};
    if (exchange->head.count && connection->peer_trusted) take_forwarded(exchange, connection);
    if (exchange->head.count && (connection->peer_trusted || connection->peer_loopback))
        id = request_header(rq, "x-request-id");
    if (id.at && is_safe_id(id))
        rq->request_id = id;
    else if (!rq->request_id.len)
        rq->request_id = make_id(exchange);
    if (exchange->head_done && OBSERVED) take_trace(exchange);
    rq->cookie_secure = cookie_secure > 0 || (cookie_secure < 0 && rq->secure);
}

struct str request_client_network(const struct request *rq)
{
    struct address address;

    /* The control socket has no address. */
    return address_parse(rq->client, &address) ? arena_copy(rq->arena, address_network(&address))
                                               : rq->client;
}

/* --- session ------------------------------------------------------------------------------- */

void session_cache_free(struct session_cache *cache)
{
    free(cache);
}

static void cache_put(struct connection *connection, struct str cookie, uint64_t generation,
                      const struct session_user *user)
{
    struct session_cache *cache;
    char *at;

    session_cache_free(connection->session);
    connection->session = NULL;
    if (cookie.len + user->id.len + user->email.len > SESSION_CACHE_MAX) return;
    cache = malloc(sizeof *cache + cookie.len + user->id.len + user->email.len);
    if (!cache) return; /* then it is verified again next time */
    at = cache->text;
    memcpy(at, cookie.at, cookie.len);
    cache->cookie = (struct str){at, cookie.len};
    cache->generation = generation;
    at += cookie.len;
    cache->user = *user;
    if (user->id.len) memcpy(at, user->id.at, user->id.len);
    cache->user.id.at = at;
    at += user->id.len;
    if (user->email.len) memcpy(at, user->email.at, user->email.len);
    cache->user.email.at = at;
    cache->until_s =
        user->expires_at_s ? user->expires_at_s : user->issued_at_s + SESSION_MAX_AGE_S;
    connection->session = cache;
}

/* str_eq_secret by words: a cookie of 300 bytes is compared on every request. */
static bool same_cookie(struct str a, struct str b)
{
    uint64_t difference = 0;
    size_t at = 0;

    if (a.len != b.len) return false;
    for (; at + 8 <= a.len; at += 8) {
        uint64_t x, y;

        memcpy(&x, a.at + at, 8);
        memcpy(&y, b.at + at, 8);
        difference |= x ^ y;
    }
    for (; at < a.len; at++)
        difference |= (uint64_t)(unsigned char)(a.at[at] ^ b.at[at]);
    return difference == 0;
}

void visit_session(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    struct connection *connection = exchange->connection;
    const struct http_config *config = exchange->lane->config;
    uint64_t generation;
    struct str cookie;
    int64_t now_s;

    if (!config->keys) return;
    cookie = request_header_joined(rq, "cookie", STR("; "));
    if (!cookie.at) return;
    now_s = clock_now_ms(config->clock) / 1000;
    generation =
        session_keys_generation(config->keys); /* before it is used: rather once too often */
    if (connection->session && connection->session->generation == generation &&
        same_cookie(connection->session->cookie, cookie)) {
        const struct session_cache *cache = connection->session;
        struct session_user user = cache->user;

        if (now_s >= cache->until_s) return;
        user.id = arena_copy(rq->arena, user.id);
        user.email = arena_copy(rq->arena, user.email);
        if (user.id.at && user.email.at) rq->user = user;
        return;
    }
    if (session_from_cookie(config->keys, rq->arena, cookie, now_s, &rq->user))
        cache_put(connection, cookie, generation, &rq->user);
}

void visit_revoked(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    int64_t now_ms;

    if (!rq->user.id.len || !exchange->mount->revoked || !revoked_any(exchange->mount->revoked))
        return;
    now_ms = clock_now_ms(exchange->lane->config->clock);
    if (session_is_revoked(exchange->mount->revoked, &rq->user, now_ms))
        memset(&rq->user, 0, sizeof rq->user);
}
