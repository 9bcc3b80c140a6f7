/* http/parse.c: http-parser's callbacks, which gather one request into its exchange.
 * A callback that returns -1 stops the parser; exchange->refusal then says why. */
#include "http/internal.h"

#define METHOD_LEN_MAX 32

static struct exchange *exchange_at(const http_parser *parser)
{
    return ((struct connection *)parser->data)->exchange;
}

static int refuse(struct exchange *exchange, enum err err)
{
    exchange->refusal = err;
    return -1;
}

static int on_message_begin(http_parser *parser)
{
    struct connection *connection = parser->data;

    ASSERT(!connection->exchange);
    connection->exchange = exchange_acquire(connection->lane, connection);
    if (!connection->exchange) return -1;
    connection->phase = PHASE_RECEIVING;
    connection->refresh = true;
    return 0;
}

bool head_append(struct exchange *exchange, struct str piece)
{
    struct header_table *head = &exchange->head;
    size_t len = piece.len;

    if (len > HTTP_HEADERS_MAX - head->len) {
        exchange->refusal = ERR_HEADERS_TOO_LARGE;
        return false;
    }
    if (len > head->cap - head->len) {
        size_t cap = 4 * head->cap > head->len + len ? 4 * head->cap : HTTP_HEADERS_MAX;
        char *text = arena_alloc_raw(exchange->rq.arena, cap);

        if (!text) {
            exchange->refusal = ERR_MEMORY;
            return false;
        }
        memcpy(text, head->text, head->len);
        head->text = text;
        head->cap = cap;
    }
    if (len) memcpy(head->text + head->len, piece.at, len);
    head->len += len;
    return true;
}

bool head_add(struct exchange *exchange, struct str name, struct str value)
{
    struct header_table *head = &exchange->head;
    size_t at = head->len;

    ASSERT(head->count < HEADER_COUNT_MAX);
    if (!head_append(exchange, name) || !head_append(exchange, value)) return false;
    head->at[head->count++] = (struct header){.name_at = (uint16_t)at,
                                              .name_len = (uint16_t)name.len,
                                              .value_at = (uint16_t)(at + name.len),
                                              .value_len = (uint16_t)value.len};
    head->lengths |= header_length_bit(name.len);
    return true;
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
    struct exchange *exchange = exchange_at(parser);

    if (!head_append(exchange, (struct str){at, len})) return -1;
    exchange->head.target_len = (uint16_t)exchange->head.len;
    return 0;
}

static int on_header_field(http_parser *parser, const char *at, size_t len)
{
    struct exchange *exchange = exchange_at(parser);
    struct header_table *head = &exchange->head;

    if (exchange->head_done) return 0; /* a trailer: nothing of ours reads them */
    if (head->count == 0 || head->in_value) {
        if (head->count == HEADER_COUNT_MAX) return refuse(exchange, ERR_HEADERS_TOO_LARGE);
        head->at[head->count++] = (struct header){.name_at = (uint16_t)head->len};
        head->in_value = false;
    }
    if (!head_append(exchange, (struct str){at, len})) return -1;
    head->at[head->count - 1].name_len = (uint16_t)(head->at[head->count - 1].name_len + len);
    head->lengths |= header_length_bit(head->at[head->count - 1].name_len);
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t len)
{
    struct exchange *exchange = exchange_at(parser);
    struct header_table *head = &exchange->head;
    struct header *header;

    if (exchange->head_done) return 0;
    ASSERT(head->count > 0);
    header = &head->at[head->count - 1];
    if (!head->in_value) header->value_at = (uint16_t)head->len;
    head->in_value = true;
    if (!head_append(exchange, (struct str){at, len})) return -1;
    header->value_len = (uint16_t)(header->value_len + len);
    return 0;
}

static enum method method_of(const http_parser *parser)
{
    switch (parser->method) {
    case HTTP_GET:
    case HTTP_HEAD:
        return METHOD_GET;
    case HTTP_POST:
        return METHOD_POST;
    case HTTP_PUT:
        return METHOD_PUT;
    case HTTP_DELETE:
        return METHOD_DELETE;
    default:
        return METHOD_OTHER;
    }
}

/* The packaged parser is built lenient: it lets blanks into names and control characters into the
 * target, which other parsers on the way may read differently (RFC 9112 section 11.2). */
static bool is_strict(const struct header_table *head)
{
    for (size_t i = 0; i < head->target_len; i++)
        if ((unsigned char)head->text[i] <= ' ' || head->text[i] == 0x7f) return false;
    for (size_t i = 0; i < head->count; i++) {
        struct str name = header_name(head, i);

        if (name.len == 0 || memchr(name.at, ' ', name.len) || memchr(name.at, '\t', name.len))
            return false;
    }
    return true;
}

/* RFC 9112 section 3.2: one Host, or the request is bad; section 6.1: chunked is the only transfer
 * coding we know. RFC 9110 section 10.1.1: Expect. */
static enum err check_headers(struct exchange *exchange)
{
    const struct header_table *head = &exchange->head;
    size_t hosts = 0, codings = 0;

    if (!is_strict(head)) return ERR_BAD_REQUEST;
    for (size_t i = 0; i < head->count; i++) {
        struct str name = header_name(head, i);

        if (name.len == 4 && str_eq_nocase(name, STR("host"))) {
            hosts++;
        } else if (name.len == 17 && str_eq_nocase(name, STR("transfer-encoding"))) {
            if (!str_eq_nocase(header_value(head, i), STR("chunked"))) return ERR_BAD_REQUEST;
            codings++;
        } else if (name.len == 6 && !exchange->http10 && str_eq_nocase(name, STR("expect"))) {
            if (!str_eq_nocase(header_value(head, i), STR("100-continue"))) return ERR_EXPECTATION;
            exchange->waiting_for_continue = true;
        }
    }
    if (hosts > 1 || (hosts == 0 && !exchange->http10)) return ERR_BAD_REQUEST;
    if (codings > (exchange->http10 ? 0 : 1)) return ERR_BAD_REQUEST;
    return OK;
}

static int on_headers_complete(http_parser *parser)
{
    struct exchange *exchange = exchange_at(parser);
    enum err err;

    exchange->head_done = true;
    parser->upgrade = 0; /* RFC 9110 section 7.8: a server may ignore Upgrade, and we do */
    exchange->rq.method = method_of(parser);
    exchange->rq.head_only = parser->method == HTTP_HEAD;
    if (parser->http_major != 1) return refuse(exchange, ERR_BAD_REQUEST);
    exchange->http10 = parser->http_minor == 0;
    exchange->keep_alive = http_should_keep_alive(parser);
    if (parser->flags & F_CONTENTLENGTH && parser->content_length > HTTP_BODY_MAX)
        return refuse(exchange, ERR_TOO_LARGE);
    err = check_headers(exchange);
    if (err == OK) return 0;
    exchange->waiting_for_continue = false;
    return refuse(exchange, err);
}

static int on_chunk_header(http_parser *parser)
{
    struct exchange *exchange = exchange_at(parser);

    if (parser->content_length <= HTTP_BODY_MAX - exchange->body.len) return 0;
    return refuse(exchange, ERR_TOO_LARGE);
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
    struct exchange *exchange = exchange_at(parser);

    if (len > HTTP_BODY_MAX - exchange->body.len) return refuse(exchange, ERR_TOO_LARGE);
    buf_append(&exchange->body, (struct str){at, len});
    return exchange->body.failed ? refuse(exchange, ERR_MEMORY) : 0;
}

static int on_message_complete(http_parser *parser)
{
    http_parser_pause(parser, 1); /* connection.c goes on from here */
    return 0;
}

const http_parser_settings parser_settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

enum err parse_odd_method(struct connection *connection, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool letter = (at[i] >= 'A' && at[i] <= 'Z') || (at[i] >= 'a' && at[i] <= 'z');

        if ((letter || at[i] == '-' || at[i] == '_') && connection->odd_len < METHOD_LEN_MAX) {
            connection->odd_len++;
            continue;
        }
        return at[i] == ' ' && connection->odd_len > 0 ? ERR_NOT_FOUND : ERR_BAD_REQUEST;
    }
    return OK;
}

enum err parse_failure(const struct connection *connection)
{
    const struct exchange *exchange = connection->exchange;

    if (exchange && exchange->refusal != OK) return exchange->refusal;
    switch (HTTP_PARSER_ERRNO(&connection->parser)) {
    case HPE_CB_message_begin:
        return ERR_MEMORY;
    case HPE_HEADER_OVERFLOW:
        return ERR_HEADERS_TOO_LARGE;
    case HPE_INVALID_METHOD:
        return OK;
    default:
        return ERR_BAD_REQUEST;
    }
}
