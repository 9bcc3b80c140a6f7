/* http/server/parser.c: the two parser libraries behind http/server/parser.h. One descends from the
 * other: their callbacks are alike, and what differs stands in the blocks below. */
#include "http/server/parser.h"

#include "http/server/request_builder.h"

#ifdef WITH_LLHTTP
typedef llhttp_t parser_library;
#define LENGTH_FLAG F_CONTENT_LENGTH
#else
typedef http_parser parser_library;
#define LENGTH_FLAG F_CONTENTLENGTH
#endif

#define STOP (-1) /* what both take as an error of a callback */

static struct parser *parser_of(const parser_library *library)
{
    return library->data;
}

/* What a callback returns for it. */
static int parser_go_on(struct parser *parser, enum err err)
{
    parser->err = err;
    return err == OK ? 0 : STOP;
}

static int on_message_begin(parser_library *library)
{
    struct parser *parser = parser_of(library);

    parser->exchange = parser->begin(parser->context);
    return parser_go_on(parser, parser->exchange ? OK : ERR_MEMORY);
}

static int on_url(parser_library *library, const char *at, size_t len)
{
    struct parser *parser = parser_of(library);

    return parser_go_on(parser, builder_target(parser->exchange, (struct str){at, len}));
}

static int on_header_field(parser_library *library, const char *at, size_t len)
{
    struct parser *parser = parser_of(library);

    return parser_go_on(parser, builder_name(parser->exchange, (struct str){at, len}));
}

static int on_header_value(parser_library *library, const char *at, size_t len)
{
    struct parser *parser = parser_of(library);

    return parser_go_on(parser, builder_value(parser->exchange, (struct str){at, len}));
}

static enum method method_of(const parser_library *library)
{
    switch (library->method) {
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

static bool keeps_alive(const parser_library *library)
{
#ifdef WITH_LLHTTP
    return llhttp_should_keep_alive(library);
#else
    return http_should_keep_alive(library);
#endif
}

static int on_headers_complete(parser_library *library)
{
    struct parser *parser = parser_of(library);
    struct parsed_head parsed = {
        .method = method_of(library),
        .head_only = library->method == HTTP_HEAD,
        .keep_alive = keeps_alive(library),
        .major = library->http_major,
        .minor = library->http_minor,
        .chunked = library->flags & F_CHUNKED,
        .length = library->flags & LENGTH_FLAG ? library->content_length : 0,
    };

    library->upgrade = 0; /* RFC 9110 section 7.8: a server may ignore Upgrade, and we do */
    return parser_go_on(parser, builder_head(parser->exchange, &parsed));
}

static int on_chunk_header(parser_library *library)
{
    struct parser *parser = parser_of(library);

    return parser_go_on(parser, builder_chunk(parser->exchange, library->content_length));
}

static int on_body(parser_library *library, const char *at, size_t len)
{
    struct parser *parser = parser_of(library);

    return parser_go_on(parser, builder_body(parser->exchange, (struct str){at, len}));
}

#ifdef WITH_LLHTTP

/* An empty value has no piece of its own. */
static int on_header_value_complete(llhttp_t *library)
{
    return on_header_value(library, "", 0);
}

static int on_message_complete(llhttp_t *library)
{
    (void)library;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void parser_init(struct parser *parser, struct exchange *(*begin)(void *context), void *context)
{
    llhttp_init(&parser->library, HTTP_REQUEST, &settings);
    parser->library.data = parser;
    parser->begin = begin;
    parser->context = context;
}

enum err parser_execute(struct parser *parser, struct str bytes, bool *whole, bool *unknown_method)
{
    llhttp_errno_t result = llhttp_execute(&parser->library, bytes.at, bytes.len);

    *whole = result == HPE_PAUSED;
    *unknown_method = result == HPE_INVALID_METHOD;
    if (result == HPE_OK || *unknown_method) return OK;
    if (!*whole) return parser->err ? parser->err : ERR_BAD_REQUEST;
    if (llhttp_get_error_pos(&parser->library) != bytes.at + bytes.len) return ERR_BAD_REQUEST;
    llhttp_resume(&parser->library);
    return OK;
}

#else

static int on_message_complete(http_parser *library)
{
    http_parser_pause(library, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void parser_init(struct parser *parser, struct exchange *(*begin)(void *context), void *context)
{
    http_parser_init(&parser->library, HTTP_REQUEST);
    parser->library.data = parser;
    parser->begin = begin;
    parser->context = context;
}

enum err parser_execute(struct parser *parser, struct str bytes, bool *whole, bool *unknown_method)
{
    http_parser *library = &parser->library;
    size_t took = http_parser_execute(library, &settings, bytes.at, bytes.len);
    enum http_errno result = HTTP_PARSER_ERRNO(library);

    *whole = result == HPE_PAUSED;
    *unknown_method = result == HPE_INVALID_METHOD;
    if (result == HPE_OK || *unknown_method) return OK;
    if (!*whole) return parser->err ? parser->err : ERR_BAD_REQUEST;
    if (took != bytes.len) return ERR_BAD_REQUEST;
    http_parser_pause(library, 0);
    return OK;
}

#endif
