/* http/server/parser.h: the HTTP/1.1 parser, which is llhttp where that is packaged and http-parser
 * elsewhere. No other file includes either. It cuts the bytes that framing.h found in order into
 * the pieces of a request (RFC 9112) and hands them to request_builder.c, which decides what they
 * mean. */
#ifndef HTTP_SERVER_PARSER_H
#define HTTP_SERVER_PARSER_H

#include "http/server/exchange.h"

#ifdef WITH_LLHTTP
#include <llhttp.h>
#else
#include <http_parser.h>
#endif

struct connection;

/* By value in its connection, which does not move; nobody looks inside. */
struct parser {
#ifdef WITH_LLHTTP
    llhttp_t library;
#else
    http_parser library;
#endif
    struct exchange *(*begin)(void *context);
    void *context;
    struct exchange *exchange; /* of the request being read */
    enum err err;              /* why it will not go on */
};

/* begin: a request begins; gives the exchange it is to be gathered in, or NULL: out of memory. */
void parser_init(struct parser *parser, struct exchange *(*begin)(void *context), void *context);
/* Takes all of the bytes and gathers them. *whole: a request ends with them. Anything but OK is
 * what to answer, and it will not go on; so also when a request ends before the last of the bytes.
 * *unknown_method: it stopped at a method that the library does not know. */
enum err parser_execute(struct parser *parser, struct str bytes, bool *whole, bool *unknown_method);

#endif
