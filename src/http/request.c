/* http/request.c: reading a request: headers, query, limits; and refusing what it says. */
#include "http/internal.h"

void request_init(struct request *rq, struct arena *arena)
{
    memset(rq, 0, sizeof *rq);
    rq->arena = arena;
    rq->path = STR("/");
    buf_init(&rq->reply.body, arena, HTTP_ARENA_MAX);
    buf_init(&rq->reply.headers, arena, HTTP_HEADERS_MAX);
}

/* --- headers ------------------------------------------------------------------------------- */

struct str header_name(const struct header_table *table, size_t index)
{
    return (struct str){table->text + table->at[index].name_at, table->at[index].name_len};
}

struct str header_value(const struct header_table *table, size_t index)
{
    const struct header *header = &table->at[index];

    return str_trim((struct str){table->text + header->value_at, header->value_len});
}

/* The next header of that name at or after `from`; table->count when there is none. */
static size_t header_find(const struct header_table *table, struct str name, size_t from)
{
    for (; from < table->count; from++) {
        if (table->at[from].name_len != name.len) continue;
        if (str_eq_nocase(header_name(table, from), name)) break;
    }
    return from;
}

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

/* Whether an Origin header names the host the request was sent to. */
static bool is_own_origin(const struct request *rq, struct str origin)
{
    struct str host = request_header(rq, "host");
    struct str scheme =
        rq->secure || str_starts(origin, STR("https://")) ? STR("https://") : STR("http://");

    if (!host.len || !str_starts(origin, scheme)) return false;
    return str_eq_nocase((struct str){origin.at + scheme.len, origin.len - scheme.len}, host);
}

enum request_site request_site(const struct request *rq)
{
    struct str site = request_header(rq, "sec-fetch-site");
    struct str origin = request_header(rq, "origin");

    if (site.at) return str_eq(site, STR("same-origin")) ? SITE_OWN : SITE_OTHER;
    if (!origin.at) return SITE_UNSAID;
    return is_own_origin(rq, origin) ? SITE_OWN : SITE_OTHER;
}

/* --- the query ----------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(struct arena *arena, struct str text, bool plus, struct str *out)
{
    char *to = arena_alloc_raw(arena, text.len + 1);
    size_t len = 0;

    if (!to) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.at[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.at[i + 2]) : -1;

            if (high < 0 || low < 0) return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        if (c == 0) return false;
        to[len++] = c;
    }
    to[len] = 0;
    *out = (struct str){to, len};
    return str_is_utf8(*out);
}

/* What cannot be decoded is handed over as it came: it is no valid value of anything of ours. */
static struct str query_decode(struct arena *arena, struct str text)
{
    struct str decoded;

    return percent_decode(arena, text, true, &decoded) ? decoded : text;
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
        if (str_eq(query_decode(arena, (struct str){pairs.at, key_len}), name)) return value;
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
    if (!value.at || !percent_decode(rq->arena, value, true, &decoded)) return STR("");
    return decoded;
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
    for (size_t i = 0; i < rq->error_count; i++)
        if (strcmp(rq->errors[i].field, field) == 0) return ERR_INVALID;
    ASSERT(rq->error_count < REQUEST_ERRORS_MAX);
    rq->errors[rq->error_count++] = (struct field_error){message, field};
    return ERR_INVALID;
}
