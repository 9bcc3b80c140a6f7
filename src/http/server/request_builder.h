/* http/server/request_builder.h: gathers what the parser finds into one request's exchange.
 * Anything but OK is what the client is answered; nothing of the request may follow then. */
#ifndef HTTP_SERVER_REQUEST_BUILDER_H
#define HTTP_SERVER_REQUEST_BUILDER_H

#include "http/server/exchange.h"

struct parsed_head {
    enum method method;
    bool head_only; /* HEAD */
    bool keep_alive;
    unsigned major, minor; /* HTTP version */
    bool chunked;
    uint64_t length; /* Content-Length, 0 without one */
};

/* Pieces may come one byte at a time. */
enum err builder_target(struct exchange *exchange, struct str piece);
enum err builder_name(struct exchange *exchange, struct str piece);
/* At least once for each name, empty values too; also for trailers. */
enum err builder_value(struct exchange *exchange, struct str piece);
enum err builder_head(struct exchange *exchange, const struct parsed_head *parsed);
/* A chunk of len bytes begins. */
enum err builder_chunk(struct exchange *exchange, uint64_t len);
enum err builder_body(struct exchange *exchange, struct str piece);

#endif
