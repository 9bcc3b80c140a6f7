/* client/http_client.c: the blocking HTTP client, on libcurl. */
#include "client/http_client.h"

#include "client/library.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#define HEADER_BYTES_MAX 65536

struct http_client {
    CURL *curl;
};

/* One answer being received. */
struct receipt {
    struct buf body, headers;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void client_library_start(void)
{
    pthread_once(&library_once, library_init);
}

struct http_client *http_client_new(void)
{
    struct http_client *client = calloc(1, sizeof *client);

    client_library_start();
    if (!client) return NULL;
    client->curl = curl_easy_init();
    if (client->curl) return client;
    free(client);
    return NULL;
}

void http_client_free(struct http_client *client)
{
    if (!client) return;
    curl_easy_cleanup(client->curl);
    free(client);
}

static size_t receipt_take(struct buf *out, const char *at, size_t size)
{
    buf_append(out, (struct str){at, size});
    return out->failed ? 0 : size; /* 0: curl gives up */
}

static size_t receipt_take_body(char *at, size_t one, size_t count, void *context)
{
    return receipt_take(&((struct receipt *)context)->body, at, one * count);
}

static size_t receipt_take_header(char *at, size_t one, size_t count, void *context)
{
    struct receipt *receipt = context;

    if (one * count >= 5 && memcmp(at, "HTTP/", 5) == 0)
        buf_reset(&receipt->headers); /* the final answer's, not a 100 Continue's */
    return receipt_take(&receipt->headers, at, one * count);
}

static struct curl_slist *request_header_list(const char *const *headers)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no pause before a small body */

    for (; list && headers && *headers; headers++) {
        struct curl_slist *longer = curl_slist_append(list, *headers);

        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static void request_prepare(CURL *curl, const struct http_client_request *request,
                            struct curl_slist *headers, struct receipt *receipt)
{
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_ms_max);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->total_ms_max);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receipt_take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, receipt);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receipt_take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, receipt);
    curl_easy_setopt(curl, CURLOPT_INTERFACE, request->source);
    /* libcurl since 8.9 does not tell connections from several addresses of this machine apart. */
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, request->source ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, request->source ? 1L : 0L);
    if (strcmp(request->method, "HEAD") == 0) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (!request->body.at) return;
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.at);
}

/* Whether any byte of the request can have reached the other side. */
static enum http_client_result request_failure(CURL *curl, CURLcode code,
                                               const struct receipt *receipt)
{
    long sent = 0;

    if (receipt->body.failed || receipt->headers.failed) return HTTP_CLIENT_TOO_LARGE;
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent);
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
        return HTTP_CLIENT_UNSENT;
    default:
        return sent > 0 ? HTTP_CLIENT_UNKNOWN : HTTP_CLIENT_UNSENT;
    }
}

enum http_client_result http_client_ask(struct http_client *client, struct arena *arena,
                                        const struct http_client_request *request,
                                        struct http_client_answer *answer)
{
    struct curl_slist *headers = request_header_list(request->headers);
    struct receipt receipt;
    long status = 0;
    CURLcode code;

    *answer = (struct http_client_answer){0};
    if (!headers) return HTTP_CLIENT_UNSENT;
    buf_init(&receipt.body, arena, request->answer_bytes_max);
    buf_init(&receipt.headers, arena, HEADER_BYTES_MAX);
    request_prepare(client->curl, request, headers, &receipt);
    code = curl_easy_perform(client->curl);
    curl_slist_free_all(headers);
    if (code != CURLE_OK) return request_failure(client->curl, code, &receipt);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    answer->body = buf_str(&receipt.body);
    answer->headers = buf_str(&receipt.headers);
    return HTTP_CLIENT_OK;
}
