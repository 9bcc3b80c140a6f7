/* http/response.h: an answer as bytes. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "http/request.h"

/* How it goes out. */
struct response_form {
    bool http10;
    bool close; /* Connection: close */
};

/* Appends the whole answer, or the head of a streamed one, to out. False: there was no memory for
 * it; out then has the answer that says so, after which the connection closes. */
bool response_append(struct buf *out, struct request *rq, struct response_form form);
/* For when there is no memory for more. */
void response_append_unavailable(struct buf *out);
/* Appends bytes as one chunk (RFC 9112 section 7.1), or as they are. */
void response_append_chunk(struct buf *out, struct str bytes, bool chunked);

#endif
