/* client/http_stream.h: asking a server of this machine over its Unix socket, and reading what it
 * answers as it comes: an answer may last for hours. Blocking; one thread at a time. */
#ifndef CLIENT_HTTP_STREAM_H
#define CLIENT_HTTP_STREAM_H

#include "base/str.h"

struct http_stream; /* one request at a time; its connection is used again */

/* A server listens on the socket `name` in `folder`, which may lie as deep as it likes. NULL: it
 * could not be reached; errno says why. */
struct http_stream *http_stream_open(const char *folder, const char *name);
void http_stream_close(struct http_stream *stream); /* NULL is fine */

/* Sends a request (body: JSON; NULL: none) and waits for the head of the answer: its status. 0: the
 * connection broke. What was left of an earlier answer is dropped. */
int http_stream_request(struct http_stream *stream, const char *method, const char *path,
                        const struct str *body);

enum http_stream_part {
    HTTP_STREAM_DATA,  /* *out: lives until http_stream_receive */
    HTTP_STREAM_MORE,  /* http_stream_receive first */
    HTTP_STREAM_END,   /* the answer came to its proper end */
    HTTP_STREAM_BROKEN /* it did not */
};
/* The next part of the answer's body, out of what was received already. */
enum http_stream_part http_stream_read(struct http_stream *stream, struct str *out);
/* Blocks until there is more to read, the end included. */
void http_stream_receive(struct http_stream *stream);
/* The whole body. False when it did not come whole or does not fit. */
bool http_stream_read_all(struct http_stream *stream, struct buf *out);
/* For poll: readable when http_stream_receive will not block for long. */
int http_stream_fd(const struct http_stream *stream);

#endif
