/* http/response.c: an answer as bytes. This is the hot path: constants are copied, nothing is
 * formatted but the length. */
#include "http/response.h"

#include "http/sizes.h"

struct status_line {
    int status;
    struct str line;
};

#define LINE(number, words)                                                                        \
    {                                                                                              \
        number,                                                                                    \
        {                                                                                          \
            "HTTP/1.1 " #number " " words "\r\n", sizeof("HTTP/1.1 " #number " " words "\r\n") - 1 \
        }                                                                                          \
    }
static const struct status_line status_lines[] = {
    LINE(200, "OK"),
    LINE(201, "Created"),
    LINE(204, "No Content"),
    LINE(202, "Accepted"),
    LINE(301, "Moved Permanently"),
    LINE(302, "Found"),
    LINE(303, "See Other"),
    LINE(304, "Not Modified"),
    LINE(400, "Bad Request"),
    LINE(401, "Unauthorized"),
    LINE(402, "Payment Required"),
    LINE(403, "Forbidden"),
    LINE(404, "Not Found"),
    LINE(408, "Request Timeout"),
    LINE(409, "Conflict"),
    LINE(413, "Content Too Large"),
    LINE(417, "Expectation Failed"),
    LINE(429, "Too Many Requests"),
    LINE(431, "Request Header Fields Too Large"),
    LINE(500, "Internal Server Error"),
    LINE(502, "Bad Gateway"),
    LINE(503, "Service Unavailable"),
};

#define CONTENT_TYPE_MAX 128
#define HEAD_MAX         (512 + CONTENT_TYPE_MAX + HTTP_REQUEST_ID_MAX)

static char *append_bytes(char *to, const char *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

#define PUT(to, literal) append_bytes((to), (literal), sizeof(literal) - 1)

static char *put_number(char *to, size_t number)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    return append_bytes(to, digits + at, sizeof digits - at);
}

static char *put_status(char *to, int status)
{
    for (size_t i = 0; i < sizeof status_lines / sizeof *status_lines; i++)
        if (status_lines[i].status == status)
            return append_bytes(to, status_lines[i].line.at, status_lines[i].line.len);
    to = PUT(to, "HTTP/1.1 ");
    to = put_number(to, (size_t)status);
    return PUT(to, " Status\r\n");
}

static char *put_content_type(char *to, const char *content_type)
{
    size_t len;

    if (!content_type) return PUT(to, "Content-Type: application/json; charset=utf-8\r\n");
    len = strlen(content_type);
    ASSERT(len <= CONTENT_TYPE_MAX);
    to = PUT(to, "Content-Type: ");
    to = append_bytes(to, content_type, len);
    return PUT(to, "\r\n");
}

/* Status line and headers up to the handler's own. */
static char *put_head(char *to, const struct request *rq, struct response_form form)
{
    const struct reply *rp = &rq->reply;
    bool streams = rp->stream != NULL;

    to = put_status(to, rp->status);
    if (!rp->no_body) to = put_content_type(to, rp->content_type);
    if (streams && !form.http10) {
        to = PUT(to, "Transfer-Encoding: chunked\r\n");
    } else if (!streams && !rp->no_body) {
        to = PUT(to, "Content-Length: ");
        to = put_number(to, rp->body.len);
        to = PUT(to, "\r\n");
    }
    to = PUT(to, "X-Content-Type-Options: nosniff\r\nX-Request-Id: ");
    ASSERT(rq->request_id.len <= HTTP_REQUEST_ID_MAX);
    to = append_bytes(to, rq->request_id.at, rq->request_id.len);
    if (form.close)
        to = PUT(to, "\r\nConnection: close\r\n");
    else if (form.http10)
        to = PUT(to, "\r\nConnection: keep-alive\r\n");
    else
        to = PUT(to, "\r\n");
    if (rq->secure) to = PUT(to, "Strict-Transport-Security: max-age=31536000\r\n");
    if ((rq->user.id.len || rp->status >= 400) &&
        !str_header(buf_str(&rp->headers), STR("Cache-Control")).at) /* the handler has not said */
        to = PUT(to, "Cache-Control: no-store\r\n");
    return to;
}

void response_append_chunk(struct buf *out, struct str bytes, bool chunked)
{
    if (bytes.len == 0) return; /* an empty chunk would be the last one */
    if (chunked) buf_printf(out, "%zx\r\n", bytes.len);
    buf_append(out, bytes);
    if (chunked) buf_append(out, STR("\r\n"));
}

bool response_append(struct buf *out, struct request *rq, struct response_form form)
{
    struct reply *rp = &rq->reply;
    size_t start = out->len;
    char *head;

    if (rp->status == 0) reply_error(rq, ERR_INTERNAL); /* a handler forgot to answer */
    if (rp->body.failed || rp->headers.failed) reply_error(rq, ERR_MEMORY);
    head = buf_reserve(out, HEAD_MAX);
    if (head) {
        out->len += (size_t)(put_head(head, rq, form) - head);
        buf_append(out, buf_str(&rp->headers));
        buf_append(out, STR("\r\n"));
        if (rp->stream && !rq->head_only)
            response_append_chunk(out, buf_str(&rp->body), !form.http10);
        else if (!rp->no_body && !rq->head_only)
            buf_append(out, buf_str(&rp->body));
    }
    if (!out->failed && !rp->body.failed && !rp->headers.failed) return true;
    out->len = start; /* not even the error fitted */
    out->failed = false;
    response_append_unavailable(out);
    return false;
}

void response_append_unavailable(struct buf *out)
{
    buf_append(out, STR("HTTP/1.1 503 Service Unavailable\r\n"
                        "Content-Type: application/json; charset=utf-8\r\n"
                        "Content-Length: 89\r\n"
                        "X-Content-Type-Options: nosniff\r\n"
                        "Cache-Control: no-store\r\n"
                        "Retry-After: 1\r\n"
                        "Connection: close\r\n"
                        "\r\n"
                        "{\"errors\":[{\"message\":\"Service is at its limit, try again soon\","
                        "\"code\":\"out_of_memory\"}]}"));
}
