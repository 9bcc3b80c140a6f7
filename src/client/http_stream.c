/* client/http_stream.c: requests over a Unix socket, on libcurl's multi interface. */
#include "client/http_stream.h"

#include "client/library.h"

#include <curl/curl.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#define URL_BYTES_MAX 8192
#define WAIT_MS       60000
#define RECEIVED_MAX  (32 * 1024 * 1024) /* far more than comes in one go */
#define LAST_INTERIM  199

struct http_stream {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers; /* of the present request */
    int folder;                 /* -1: could not be opened */
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    int fd;              /* the connection's */
    int status;          /* of the final head; 0: it is still to come */
    struct buf received; /* of the body */
    size_t read;         /* of it, handed out */
    bool done, broken;
};

/* --- what libcurl calls ---------------------------------------------------------------------- */

static int stream_take_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    (void)purpose;
    ((struct http_stream *)context)->fd = fd;
    return CURL_SOCKOPT_OK;
}

/* The empty line ends a head: the final one, or a 100 Continue's. */
static size_t stream_take_header(char *at, size_t one, size_t count, void *context)
{
    struct http_stream *stream = context;
    long status = 0;

    if (str_trim((struct str){at, one * count}).len) return one * count;
    curl_easy_getinfo(stream->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status > LAST_INTERIM) stream->status = (int)status;
    return one * count;
}

static size_t stream_take_body(char *at, size_t one, size_t count, void *context)
{
    struct http_stream *stream = context;

    buf_append(&stream->received, (struct str){at, one * count});
    return stream->received.failed ? 0 : one * count; /* 0: libcurl gives up */
}

/* --- opening ---------------------------------------------------------------------------------- */

static void stream_prepare(struct http_stream *stream, CURL *easy, const char *url)
{
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, stream->path);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, stream_take_socket);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, stream);
}

/* Whether somebody listens: 0, or what connect(2) said. */
static int stream_probe(struct http_stream *stream)
{
    CURL *easy = curl_easy_init();
    long problem = 0;
    CURLcode code;

    if (!easy) return ENOMEM;
    stream_prepare(stream, easy, "http://localhost/");
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    code = curl_easy_perform(easy);
    if (code != CURLE_OK) curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &problem);
    curl_easy_cleanup(easy);
    return code == CURLE_OK ? 0 : problem ? (int)problem : EIO;
}

/* A socket's path has room for 107 bytes; a descriptor names the folder. */
static int stream_start(struct http_stream *stream, const char *folder, const char *name)
{
    stream->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (stream->folder < 0) return errno;
    snprintf(stream->path, sizeof stream->path, "/proc/self/fd/%d/%s", stream->folder, name);
    stream->multi = curl_multi_init();
    stream->easy = curl_easy_init();
    return stream->multi && stream->easy ? stream_probe(stream) : ENOMEM;
}

struct http_stream *http_stream_open(const char *folder, const char *name)
{
    struct http_stream *stream = calloc(1, sizeof *stream);
    int problem;

    client_library_start();
    if (!stream) return NULL;
    buf_init(&stream->received, NULL, RECEIVED_MAX);
    problem = stream_start(stream, folder, name);
    if (problem == 0) return stream;
    http_stream_close(stream);
    errno = problem;
    return NULL;
}

void http_stream_close(struct http_stream *stream)
{
    if (!stream) return;
    if (stream->multi && stream->easy) curl_multi_remove_handle(stream->multi, stream->easy);
    curl_easy_cleanup(stream->easy);
    curl_multi_cleanup(stream->multi);
    curl_slist_free_all(stream->headers);
    buf_free(&stream->received);
    if (stream->folder >= 0) close(stream->folder);
    free(stream);
}

int http_stream_fd(const struct http_stream *stream)
{
    return stream->fd;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Takes what there is, without waiting. */
static void stream_perform(struct http_stream *stream)
{
    const CURLMsg *message;
    int count;

    if (curl_multi_perform(stream->multi, &count) != CURLM_OK) stream->done = stream->broken = true;
    while ((message = curl_multi_info_read(stream->multi, &count)))
        if (message->msg == CURLMSG_DONE) {
            stream->done = true;
            stream->broken = message->data.result != CURLE_OK;
        }
}

static bool stream_set_headers(struct http_stream *stream, const struct str *body)
{
    curl_slist_free_all(stream->headers);
    stream->headers = curl_slist_append(NULL, "Expect:"); /* no pause before a body */
    if (!stream->headers) return false;
    return !body || curl_slist_append(stream->headers, "Content-Type: application/json");
}

int http_stream_request(struct http_stream *stream, const char *method, const char *path,
                        const struct str *body)
{
    char url[URL_BYTES_MAX];

    curl_multi_remove_handle(stream->multi, stream->easy);
    curl_easy_reset(stream->easy);
    buf_reset(&stream->received);
    stream->read = 0;
    stream->status = 0;
    stream->done = stream->broken = true;
    if (snprintf(url, sizeof url, "http://localhost%s", path) >= (int)sizeof url ||
        !stream_set_headers(stream, body))
        return 0;
    stream_prepare(stream, stream->easy, url);
    curl_easy_setopt(stream->easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(stream->easy, CURLOPT_HTTPHEADER, stream->headers);
    curl_easy_setopt(stream->easy, CURLOPT_HEADERFUNCTION, stream_take_header);
    curl_easy_setopt(stream->easy, CURLOPT_HEADERDATA, stream);
    curl_easy_setopt(stream->easy, CURLOPT_WRITEFUNCTION, stream_take_body);
    curl_easy_setopt(stream->easy, CURLOPT_WRITEDATA, stream);
    if (body) {
        curl_easy_setopt(stream->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
        curl_easy_setopt(stream->easy, CURLOPT_COPYPOSTFIELDS, body->at);
    }
    stream->done = stream->broken = curl_multi_add_handle(stream->multi, stream->easy) != CURLM_OK;
    while (!stream->done && !stream->status) {
        stream_perform(stream);
        if (!stream->done && !stream->status)
            (void)curl_multi_poll(stream->multi, NULL, 0, WAIT_MS, NULL);
    }
    return stream->status;
}

enum http_stream_part http_stream_read(struct http_stream *stream, struct str *out)
{
    size_t left = stream->received.len - stream->read;

    if (left) {
        *out = (struct str){stream->received.at + stream->read, left};
        stream->read += left;
        return HTTP_STREAM_DATA;
    }
    if (!stream->done) return HTTP_STREAM_MORE;
    return stream->broken ? HTTP_STREAM_BROKEN : HTTP_STREAM_END;
}

void http_stream_receive(struct http_stream *stream)
{
    buf_reset(&stream->received);
    stream->read = 0;
    stream_perform(stream);
    while (!stream->done && !stream->received.len) {
        (void)curl_multi_poll(stream->multi, NULL, 0, WAIT_MS, NULL);
        stream_perform(stream);
    }
}

bool http_stream_read_all(struct http_stream *stream, struct buf *out)
{
    enum http_stream_part kind;
    struct str part;

    while ((kind = http_stream_read(stream, &part)) == HTTP_STREAM_DATA ||
           kind == HTTP_STREAM_MORE) {
        if (kind == HTTP_STREAM_DATA)
            buf_append(out, part);
        else
            http_stream_receive(stream);
    }
    return kind == HTTP_STREAM_END && !out->failed;
}
