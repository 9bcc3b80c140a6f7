/* http/request.c: reading a request: headers, query, limits; and refusing what it says. */
#include "http/request.h"

#include "base/hex.h"
#include "base/percent.h"
#include "base/siphash.h"
#include "http/ip_address.h"
#include "http/headers.h"
#include "http/sizes.h"
#include "telemetry/log.h"

#define FINGERPRINT_BYTES 16384

void request_init(struct request *rq, struct arena *arena)
{
    memset(rq, 0, sizeof *rq);
    rq->arena = arena;
    rq->path = STR("/");
    buf_init(&rq->reply.body, arena, HTTP_ARENA_MAX);
    buf_init(&rq->reply.headers, arena, HTTP_HEADERS_MAX);
}

/* --- headers ------------------------------------------------------------------------------- */

struct str request_header(const struct request *rq, const char *name)
{
    const struct header_table *table = rq->headers;
    size_t found = table ? header_find(table, str_of(name), 0) : 0;

    if (!table || found == table->count) return (struct str){NULL, 0};
    return header_value(table, found);
}

struct str request_header_joined(const struct request *rq, const char *name, struct str separator)
{
    const struct header_table *table = rq->headers;
    struct str wanted = str_of(name), value = request_header(rq, name);
    struct buf joined;
    size_t at;

    if (!value.at) return value;
    at = header_find(table, wanted, 0) + 1;
    at = header_find(table, wanted, at);
    if (at == table->count) return value;
    buf_init(&joined, rq->arena, HTTP_HEADERS_MAX + HEADER_COUNT_MAX * 2);
    buf_append(&joined, value);
    for (; at < table->count; at = header_find(table, wanted, at + 1)) {
        buf_append(&joined, separator);
        buf_append(&joined, header_value(table, at));
    }
    return joined.failed ? value : buf_str(&joined);
}

bool request_has_type(const struct request *rq, struct str wanted)
{
    struct str type = request_header(rq, "content-type");
    const char *semicolon;

    if (!type.at) return false;
    semicolon = memchr(type.at, ';', type.len);
    if (semicolon) type.len = (size_t)(semicolon - type.at);
    return str_eq_nocase(str_trim(type), wanted);
}

/* --- belonging ----------------------------------------------------------------------------- */

bool request_join_trace(struct request *rq, const struct trace *trace)
{
    if (rq->trace_given || !trace_known(trace)) return false;
    rq->trace.high = trace->high;
    rq->trace.low = trace->low;
    rq->trace.sampled = trace->sampled;
    rq->joined_span = trace->span;
    if (!rq->in_process) rq->trace_parent = trace->span;
    return true;
}

/* --- where it comes from ------------------------------------------------------------------- */

#define REFUSED_LOG_US (60 * INT64_C(1000000))

/* A host without the port that its scheme has anyway. */
static struct str without_port(struct str host, struct str port)
{
    if (host.len > port.len && str_eq((struct str){host.at + host.len - port.len, port.len}, port))
        host.len -= port.len;
    return host;
}

/* Whether an Origin header names the host the request was sent to, or the one that a trusted proxy
 * was asked for. No page can make a browser send X-Forwarded-Host with a form. */
static bool is_own_origin(const struct request *rq, struct str origin)
{
    struct str host = request_header(rq, "host"), hosts = rq->forwarded_hosts;
    bool tls = rq->secure || str_starts(origin, STR("https://"));
    struct str scheme = tls ? STR("https://") : STR("http://");
    struct str port = tls ? STR(":443") : STR(":80");

    if (!str_starts(origin, scheme)) return false;
    origin = without_port((struct str){origin.at + scheme.len, origin.len - scheme.len}, port);
    while (host.len && !str_eq_nocase(origin, without_port(host, port))) {
        const char *comma = hosts.len ? memchr(hosts.at, ',', hosts.len) : NULL;
        size_t len = comma ? (size_t)(comma - hosts.at) : hosts.len;

        host = str_trim((struct str){hosts.at, len});
        hosts = comma ? (struct str){comma + 1, hosts.len - len - 1} : (struct str){"", 0};
    }
    return host.len > 0;
}

void request_log_refused(const struct request *rq)
{
    static _Atomic int64_t logged_us;
    int64_t now_us = clock_monotonic_us(), before_us = atomic_load(&logged_us);

    if ((before_us && now_us - before_us < REFUSED_LOG_US) ||
        !atomic_compare_exchange_strong(&logged_us, &before_us, now_us))
        return;
    log_event(LOG_WARN, "boxoffice", "form.refused",
              log_text("origin", request_header(rq, "origin")),
              log_text("site", request_header(rq, "sec-fetch-site")),
              log_text("host", request_header(rq, "host")),
              log_text("forwardedHost", rq->forwarded_hosts));
}

enum request_site request_site(const struct request *rq)
{
    struct str site = request_header(rq, "sec-fetch-site");
    struct str origin = request_header(rq, "origin");

    if (site.at) return str_eq(site, STR("same-origin")) ? SITE_OWN : SITE_OTHER;
    if (!origin.at) return SITE_UNSAID;
    return is_own_origin(rq, origin) ? SITE_OWN : SITE_OTHER;
}

bool request_takes_gzip(const struct request *rq)
{
    struct str accept = request_header(rq, "accept-encoding");
    const char *gzip = memmem(accept.at ? accept.at : "", accept.len, "gzip", 4);

    if (!gzip) return false;
    return accept.at + accept.len - gzip < 8 || memcmp(gzip + 4, ";q=0", 4) != 0 ||
           (accept.at + accept.len - gzip > 8 && gzip[8] == '.');
}

struct str request_client_network(const struct request *rq)
{
    struct address address;

    /* The control socket has no address. */
    return address_parse(rq->client, &address) ? arena_copy(rq->arena, address_network(&address))
                                               : rq->client;
}

struct str request_client_network_text(const struct request *rq)
{
    struct str network = request_client_network(rq);
    char *hex = arena_alloc(rq->arena, 2 * network.len + 1);

    if (!hex) return (struct str){NULL, 0};
    hex_encode((const unsigned char *)network.at, network.len, hex);
    return (struct str){hex, 2 * network.len};
}

/* --- the query ----------------------------------------------------------------------------- */

/* What cannot be decoded is handed over as it came: it is no valid value of anything of ours. */
static struct str query_decode(struct arena *arena, struct str text)
{
    struct str decoded;

    return percent_decode(arena, text, true, &decoded) == OK ? decoded : text;
}

/* Whether the text decoded is the name. Most need no decoding, and so no memory: there may be tens
 * of thousands. */
static bool name_is(struct arena *arena, struct str text, struct str name)
{
    if (!memchr(text.at, '%', text.len) && !memchr(text.at, '+', text.len))
        return str_eq(text, name);
    return text.len <= 3 * name.len && str_eq(query_decode(arena, text), name);
}

/* The first value of that name among "name=value" pairs between '&'s. */
static struct str pair_find(struct arena *arena, struct str pairs, struct str name)
{
    while (pairs.len) {
        const char *end = memchr(pairs.at, '&', pairs.len);
        size_t len = end ? (size_t)(end - pairs.at) : pairs.len;
        const char *equals = memchr(pairs.at, '=', len);
        size_t key_len = equals ? (size_t)(equals - pairs.at) : len;
        struct str value = {pairs.at + len, 0};

        if (equals) value = (struct str){equals + 1, len - key_len - 1};
        if (name_is(arena, (struct str){pairs.at, key_len}, name)) return value;
        pairs.at += len + (end ? 1 : 0);
        pairs.len -= len + (end ? 1 : 0);
    }
    return (struct str){NULL, 0};
}

struct str request_query(struct request *rq, const char *name)
{
    struct str value = pair_find(rq->arena, rq->query, str_of(name));

    return value.at ? query_decode(rq->arena, value) : value;
}

/* --- forms --------------------------------------------------------------------------------- */

struct str request_form(struct request *rq, const char *name)
{
    struct str value, decoded;

    if (!request_has_type(rq, STR("application/x-www-form-urlencoded"))) return STR("");
    value = pair_find(rq->arena, rq->body_bytes, str_of(name));
    if (!value.at || percent_decode(rq->arena, value, true, &decoded) != OK) return STR("");
    return decoded;
}

bool request_form_at(struct request *rq, size_t index, struct str *name, struct str *value)
{
    struct str rest = rq->body_bytes;

    *name = *value = STR("");
    if (!request_has_type(rq, STR("application/x-www-form-urlencoded"))) return false;
    while (rest.len) {
        const char *end = memchr(rest.at, '&', rest.len);
        size_t len = end ? (size_t)(end - rest.at) : rest.len;
        const char *equals = memchr(rest.at, '=', len);
        size_t name_len = equals ? (size_t)(equals - rest.at) : len;

        if (index-- == 0) {
            struct str part = equals ? (struct str){equals + 1, len - name_len - 1} : STR("");

            if (percent_decode(rq->arena, (struct str){rest.at, name_len}, true, name) != OK)
                *name = STR("");
            if (percent_decode(rq->arena, part, true, value) != OK) *value = STR("");
            return true;
        }
        len += end ? 1 : 0;
        rest = (struct str){rest.at + len, rest.len - len};
    }
    return false;
}

enum err request_limit(struct request *rq, int64_t default_limit, int64_t max, int64_t *out)
{
    struct str text = request_query(rq, "limit");
    struct buf message;

    *out = default_limit;
    if (!text.at) return OK;
    if (str_to_int64(text, out) && *out >= 1 && *out <= max) return OK;
    *out = default_limit;
    buf_init(&message, rq->arena, 80);
    buf_printf(&message, "Limit must be a whole number from 1 to %lld", (long long)max);
    buf_char(&message, 0);
    return request_reject(rq, "limit", message.failed ? "Limit is out of range" : message.at);
}

enum err request_reject(struct request *rq, const char *field, const char *message)
{
    return request_reject_for(rq, field, message, NULL, NULL);
}

enum err request_reject_for(struct request *rq, const char *field, const char *message,
                            const char *code, const char *hint)
{
    for (size_t i = 0; i < rq->error_count; i++)
        if (strcmp(rq->errors[i].field, field) == 0) return ERR_INVALID;
    ASSERT(rq->error_count < REQUEST_ERRORS_MAX);
    rq->errors[rq->error_count++] = (struct field_error){message, field, code, hint};
    return ERR_INVALID;
}

enum err request_refuse_with(struct request *rq, enum err reason, const char *key,
                             struct buf *value)
{
    if (value->failed) return ERR_MEMORY;
    rq->error_key = key;
    rq->error_value = buf_str(value);
    return reason;
}

/* --- ids and pages ------------------------------------------------------------------------- */

enum err request_after(struct request *rq, struct object_id *out)
{
    struct str text = request_query(rq, "after");

    memset(out->bytes, 0xff, sizeof out->bytes);
    if (!text.at || object_id_parse(text, out)) return OK;
    return request_reject(rq, "after", "After must be the id of the last item you have");
}

enum err request_fingerprint(struct request *rq, const char *const *names, uint64_t *out)
{
    static const uint64_t key[2] = {0, 0}; /* it tells queries apart, and keeps no secret */
    struct buf text;

    buf_init(&text, rq->arena, FINGERPRINT_BYTES);
    for (; *names; names++) {
        buf_append(&text, str_trim(request_query(rq, *names)));
        buf_char(&text, '\n');
    }
    *out = siphash(key, buf_str(&text));
    return text.failed ? ERR_MEMORY : OK;
}

enum err request_path_id(const struct request *rq, size_t index, struct object_id *out)
{
    ASSERT(index < REQUEST_PARAMS_MAX);
    return object_id_parse(rq->params[index], out) ? OK : ERR_BAD_REQUEST;
}

struct str request_body_text(const struct request *rq, const char *name)
{
    struct str text = {"", 0};

    json_text(json_get(rq->body, name), &text);
    return text;
}

enum err request_body_id(struct request *rq, const char *name, const char *message,
                         struct object_id *out)
{
    if (object_id_parse(request_body_text(rq, name), out)) return OK;
    return request_reject(rq, name, message);
}

enum err request_list_page(struct request *rq, struct list_page *page)
{
    *page = (struct list_page){.limit = PAGE_DEFAULT};
    request_limit(rq, PAGE_DEFAULT, PAGE_MAX, &page->limit);
    request_after(rq, &page->after);
    return request_checked(rq);
}
