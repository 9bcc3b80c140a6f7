/* http/server/client_identity.c: see http/server/client_identity.h. */
#include "http/server/client_identity.h"

#include "telemetry/log.h"

#include <stdlib.h>

#define SESSION_CACHE_MAX 2048 /* longer cookies are verified every time */

struct session_cache {
    struct session_user user; /* its strings lie in text, behind the cookie */
    uint64_t generation;      /* of the keys it was verified with */
    struct str cookie;
    char text[];
};

static bool is_safe_id(struct str id)
{
    if (id.len == 0 || id.len > HTTP_REQUEST_ID_MAX) return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) continue;
        if (c != '-' && c != '_' && c != '.') return false;
    }
    return true;
}

/* A random name for the loop, and a number. */
static struct str request_id_make(struct exchange *exchange)
{
    struct event_loop *loop = exchange->loop;
    uint64_t number = loop->id_next++;
    size_t len = sizeof loop->id_prefix;

    memcpy(exchange->id, loop->id_prefix, len);
    do {
        exchange->id[len++] = "0123456789abcdefghijklmnopqrstuv"[number & 31];
        number >>= 5;
    } while (number && len < sizeof exchange->id);
    return (struct str){exchange->id, len};
}

/* Whether one more trace is recorded: so many a second are, whoever asks for it. */
static bool trace_may_be_recorded(struct event_loop *loop)
{
    int64_t second = event_loop_clock_us(loop) / 1000000;

    if (!loop->config->traces_per_second) return false;
    if (loop->sampling_s != second) loop->sampled = 0;
    loop->sampling_s = second;
    return loop->sampled++ < loop->config->traces_per_second;
}

/* Anybody may say what their request belongs to: it names nothing of ours. More than one header is
 * none (https://www.w3.org/TR/trace-context/#traceparent-header). */
static void client_take_trace(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    struct event_loop *loop = exchange->loop;
    struct str parent = {NULL, 0};
    struct trace cause;

    if (!header_absent(&exchange->head, sizeof "traceparent" - 1))
        parent = request_header_joined(rq, "traceparent", STR(","));
    rq->trace_given = parent.at && trace_parse(parent, &cause);
    if (rq->trace_given) {
        rq->trace_parent = cause.span;
        rq->trace = trace_follow(&loop->traces, &cause);
        rq->trace.sampled = cause.sampled && trace_may_be_recorded(loop);
    } else if (trace_may_be_recorded(loop)) {
        rq->trace = trace_new(&loop->traces);
    }
}

static void client_take_forwarded(struct exchange *exchange, const struct peer *peer)
{
    struct request *rq = &exchange->rq;
    struct str forwarded = request_header_joined(rq, "x-forwarded-for", STR(","));
    struct str scheme = request_header_joined(rq, "x-forwarded-proto", STR(","));
    struct address client;
    const char *comma;

    rq->forwarded_hosts = request_header_joined(rq, "x-forwarded-host", STR(","));
    if (scheme.at) { /* the nearest proxy's word is the last one */
        comma = memrchr(scheme.at, ',', scheme.len);
        if (comma) scheme = (struct str){comma + 1, scheme.len - (size_t)(comma - scheme.at) - 1};
        rq->secure = str_eq_nocase(str_trim(scheme), STR("https"));
    }
    if (!forwarded.at) return;
    client = proxies_client(exchange->loop->proxies, forwarded, peer->address);
    rq->client.at = exchange->client;
    rq->client.len = address_format(&client, exchange->client);
}

#define UNTRUSTED_MIN 16

/* A proxy that nobody named: all its visitors count as one, and soon none of them can sign in. One
 * client may send the header in jest; when most requests have it, it is a proxy. Said once. */
static void client_notice_untrusted(struct exchange *exchange)
{
    static atomic_bool said;
    struct connection_counters *counters = &exchange->loop->counters;
    const struct peer *peer = exchange->peer;
    uint64_t count;

    if (peer->trusted || peer->monitoring ||
        peer->operator|| header_absent(&exchange->head, sizeof "x-forwarded-for" - 1) ||
        !request_header(&exchange->rq, "x-forwarded-for").at)
        return;
    counter_add(&counters->forwarded_untrusted, 1);
    count = atomic_load_explicit(&counters->forwarded_untrusted, memory_order_relaxed);
    if (count < UNTRUSTED_MIN || 2 * count < atomic_load(&counters->requests)) return;
    if (atomic_exchange(&said, true)) return;
    log_event(LOG_WARN, "boxoffice", "proxy.untrusted",
              log_text("peer", (struct str){peer->text, peer->text_len}),
              log_text("do", STR("name it in TRUSTED_PROXIES: without that all its visitors share "
                                 "one visitor's limits")));
}

void client_identify(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    const struct peer *peer = exchange->peer;
    int cookie_secure = exchange->loop->config->cookie_secure;
    struct str id = {NULL, 0};

    rq->operator= peer->operator;
    rq->operator_uid = peer->operator_uid;
    /* Copied: the connection may be gone before the request is done. */
    memcpy(exchange->client, peer->text, sizeof exchange->client);
    rq->client = (struct str){exchange->client, peer->text_len};
    if (exchange->head_done && peer->trusted) client_take_forwarded(exchange, peer);
    if (exchange->head_done) client_notice_untrusted(exchange);
    if (exchange->head_done && (peer->trusted || peer->loopback))
        id = request_header(rq, "x-request-id");
    rq->request_id = id.at && is_safe_id(id) ? id : request_id_make(exchange);
    if (exchange->head_done && OBSERVED) client_take_trace(exchange);
    rq->cookie_secure = cookie_secure > 0 || (cookie_secure < 0 && rq->secure);
}

/* --- session ------------------------------------------------------------------------------- */

void session_cache_free(struct session_cache *cache)
{
    free(cache);
}

static void session_cache_put(struct peer *peer, struct str cookie, uint64_t generation,
                              const struct session_user *user)
{
    struct session_cache *cache;
    char *at;

    session_cache_free(peer->session);
    peer->session = NULL;
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
    peer->session = cache;
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

void client_session(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    struct peer *peer = exchange->peer;
    const struct http_config *config = exchange->loop->config;
    uint64_t generation;
    struct str cookie;
    int64_t now_s;

    if (!config->keys) return;
    cookie = request_header_joined(rq, "cookie", STR("; "));
    if (!cookie.at) return;
    now_s = clock_wall(config->clock).ms / 1000;
    generation =
        session_keys_generation(config->keys); /* before it is used: rather once too often */
    if (peer->session && peer->session->generation == generation &&
        same_cookie(peer->session->cookie, cookie)) {
        const struct session_cache *cache = peer->session;
        struct session_user user = cache->user;

        if (!session_is_current(config->revocations, &user, now_s)) return;
        user.id = arena_copy(rq->arena, user.id);
        user.email = arena_copy(rq->arena, user.email);
        if (user.id.at && user.email.at) rq->user = user;
        return;
    }
    if (session_from_cookie(config->keys, config->revocations, rq->arena, cookie, now_s, &rq->user))
        session_cache_put(peer, cookie, generation, &rq->user);
}

void client_forget_revoked(struct exchange *exchange)
{
    struct request *rq = &exchange->rq;
    const struct http_config *config = exchange->loop->config;

    if (!rq->user.id.len || !config->revocations || !revocation_table_any(config->revocations))
        return;
    if (session_is_revoked(config->revocations, exchange->mount->revoked_by, &rq->user,
                           clock_wall(config->clock)))
        memset(&rq->user, 0, sizeof rq->user);
}
