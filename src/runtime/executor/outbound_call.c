/* runtime/executor/outbound_call.c: calls of pages to an API that runs somewhere else, over HTTP.
 */
#include "runtime/executor/outbound_call.h"

#define CONNECT_MS_MAX   2000
#define TOTAL_MS_MAX     10000
#define ANSWER_BYTES_MAX (1024 * 1024)
#define HEADERS_SENT     9

static const char *method_name(enum method method)
{
    switch (method) {
    case METHOD_POST:
        return "POST";
    case METHOD_PUT:
        return "PUT";
    case METHOD_DELETE:
        return "DELETE";
    default:
        return "GET";
    }
}

/* A header's beginning, "Name: ", and its value, in the arena; NULL when memory ran out. */
static const char *line(struct request *rq, const char *name, struct str value)
{
    struct buf text;

    buf_init(&text, rq->arena, HTTP_HEADERS_MAX);
    buf_append(&text, str_of(name));
    buf_append(&text, value);
    buf_char(&text, 0);
    return text.failed ? NULL : text.at;
}

/* The visitor's own cookie, and what a proxy would say about the visitor. */
static bool put_headers(struct request *rq, const char *headers[HEADERS_SENT])
{
    struct str cookie = request_header(rq, "cookie");
    char trace[TRACE_TEXT_LEN];
    struct str agent = request_header(rq, "user-agent");
    size_t count = 0;

    trace_format(&rq->trace, trace);
    if (trace_known(&rq->trace))
        headers[count++] = line(rq, "traceparent: ", (struct str){trace, sizeof trace});
    headers[count++] = "Accept: application/json";
    headers[count++] = line(rq, "X-Request-Id: ", rq->request_id);
    headers[count++] = line(rq, "X-Forwarded-For: ", rq->client);
    headers[count++] = rq->secure ? "X-Forwarded-Proto: https" : "X-Forwarded-Proto: http";
    if (agent.len) headers[count++] = line(rq, "User-Agent: ", agent);
    if (cookie.len) headers[count++] = line(rq, "Cookie: ", cookie);
    if (rq->call.bearer.len) headers[count++] = line(rq, "Authorization: Bearer ", rq->call.bearer);
    if (rq->call.body.len) headers[count++] = "Content-Type: application/json";
    for (size_t i = 0; i < count; i++)
        if (!headers[i]) return false;
    headers[count] = NULL;
    return true;
}

void outbound_call_run(struct http_client *client, struct request *rq)
{
    const char *base = rq->run->env->settings->api_base_url, *headers[HEADERS_SENT + 1];
    struct http_client_request ask = {.method = method_name(rq->call.method),
                                      .headers = headers,
                                      .connect_ms_max = CONNECT_MS_MAX,
                                      .total_ms_max = TOTAL_MS_MAX,
                                      .answer_bytes_max = ANSWER_BYTES_MAX};
    struct http_client_answer answer;
    struct buf url;

    rq->call.status = err_status(ERR_UNAVAILABLE);
    buf_init(&url, rq->arena, HTTP_HEADERS_MAX);
    buf_append(&url, str_of(base));
    buf_append(&url, rq->call.target);
    buf_char(&url, 0);
    if (!client || url.failed || !put_headers(rq, headers)) return;
    ask.url = url.at;
    if (rq->call.method != METHOD_GET) ask.body = rq->call.body.len ? rq->call.body : STR("");
    if (http_client_ask(client, rq->arena, &ask, &answer) != HTTP_CLIENT_OK) return;
    rq->call.status = answer.status;
    rq->call.answer = answer.body;
    rq->call.headers = answer.headers;
}
