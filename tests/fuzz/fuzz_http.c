/* Any bytes on a connection, split at any point. Promises: what comes out begins with a status
 * line; where the bytes are split makes no difference to the answers; there are no more answers
 * than requests in RFC 9112's strictest reading, and one refusal.
 *
 * Input: a byte, how many splits (0 to 7); two bytes for each, where; then what a client sends. */
#include "fuzz.h"
#include "base/clock.h"
#include "http/server/server.h"

#include <stdlib.h>

#define SPLITS_MAX  7
#define ANSWERS_MAX 4096

/* Reads whatever a handler can read. Its answer holds numbers only, so that no text of the input
 * can look like a status line in the output. */
struct tx;

/* The layer above is the test: what answers. */
typedef enum err test_handler(struct request *rq, struct tx *tx, struct reply *rp);
struct route {
    test_handler *run;
};
#define HERE(RUN)                                                                                  \
    .route = &(const struct route)                                                                 \
    {                                                                                              \
        RUN                                                                                        \
    }

static enum err answer_figures(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str probe = request_query(rq, "after");
    struct json_writer writer;
    int64_t limit = 0;

    (void)tx;
    if (request_limit(rq, 100, 1000, &limit) != OK) return ERR_INVALID;
    ASSERT(limit >= 1 && limit <= 1000);
    ASSERT(rq->body && (json_type(rq->body) == JSON_OBJECT || json_type(rq->body) == JSON_ARRAY));
    ASSERT(rq->body_bytes.len <= HTTP_BODY_MAX);
    if (reply_etag(rq, rp, STR("5f43a3b1c2d3e4f501234567"), 3)) return OK;
    writer = reply_json(rp, 200);
    json_begin_object(&writer);
    json_key(&writer, "figures");
    json_put_int(&writer, limit + (int64_t)rq->path.len + (int64_t)probe.len +
                              (int64_t)rq->params[0].len + (int64_t)rq->user.id.len);
    json_end_object(&writer);
    return OK;
}

static enum err answer_nothing(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rq;
    (void)tx;
    return reply_empty(rp, 204);
}

static const struct http_route routes[] = {
    {METHOD_GET, "/a", ACCESS_PUBLIC, HERE(answer_figures)},
    {METHOD_GET, "/a/:id", ACCESS_PUBLIC, HERE(answer_figures)},
    {METHOD_POST, "/a", ACCESS_PUBLIC, HERE(answer_figures)},
    {METHOD_PUT, "/a/:id/b", ACCESS_SESSION, HERE(answer_figures)},
    {METHOD_DELETE, "/a/:id", ACCESS_PUBLIC, HERE(answer_nothing)},
    {METHOD_GET, "/o", ACCESS_OPERATOR, HERE(answer_figures)},
};

static void dispatch(void *context, int loop, struct request *rq)
{
    enum err err = rq->route->run(rq, NULL, &rq->reply);

    (void)context;
    (void)loop;
    if (err != OK) reply_error(rq, err);
    http_answer(rq);
}

static void loop_end(void *context, int loop)
{
    (void)context;
    (void)loop;
}

static struct wall_ms fixed_wall(const struct clock *clock)
{
    (void)clock;
    return (struct wall_ms){INT64_C(1800000000000)};
}

static const struct http_config *server_config(void)
{
    static const struct clock clock = {fixed_wall, NULL};
    static const struct http_mount mount = {"fuzz", routes, sizeof routes / sizeof *routes, NULL,
                                            0};
    static struct http_config config = {
        .host = "127.0.0.1",
        .loops = 1,
        .mounts = &mount,
        .mount_count = 1,
        .clock = &clock,
        .trusted_proxies = "127.0.0.0/8",
        .cookie_secure = -1,
        .connections_max = 16,
        .deadline_ms = 10000,
        .idle_ms = 60000,
        .dispatch = dispatch,
        .loop_end = loop_end,
    };

    if (!config.keys) config.keys = session_keys_new(STR("a key for fuzzing only, 0123456789"));
    ASSERT(config.keys);
    return &config;
}

/* The statuses in an output, interim ones left out: whether a 100 is sent depends on when the body
 * comes. */
static size_t statuses_of(struct str out, int statuses[ANSWERS_MAX])
{
    const char *at = out.at, *end = out.at + out.len;
    size_t count = 0;

    while ((at = memmem(at, (size_t)(end - at), "HTTP/1.1 ", 9))) {
        at += 9;
        ASSERT(end - at >= 3);
        statuses[count] = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
        ASSERT(statuses[count] >= 100 && statuses[count] <= 599 && statuses[count] != 500);
        if (statuses[count] != 100) count++;
        if (count == ANSWERS_MAX) break;
    }
    return count;
}

/* --- a reading of its own, of whole bytes ---------------------------------------------------- */

#define TOKEN "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* The line at *rest without its CRLF, which may have no other CR or LF in it; *rest moves on. */
static bool take_line(struct str *rest, struct str *line)
{
    const char *cr = memchr(rest->at, '\r', rest->len), *lf = memchr(rest->at, '\n', rest->len);

    if (!cr || !lf || lf != cr + 1) return false;
    *line = (struct str){rest->at, (size_t)(cr - rest->at)};
    rest->len -= (size_t)(lf + 1 - rest->at);
    rest->at = lf + 1;
    return true;
}

static bool is_visible(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~') return false;
    return text.len > 0;
}

static bool is_request_line(struct str line)
{
    const char *first = memchr(line.at, ' ', line.len), *last = memrchr(line.at, ' ', line.len);
    struct str version;

    if (!first || first == last || first == line.at) return false;
    version = (struct str){last + 1, (size_t)(line.at + line.len - last) - 1};
    return is_visible((struct str){first + 1, (size_t)(last - first) - 1}) &&
           (str_eq(version, STR("HTTP/1.1")) || str_eq(version, STR("HTTP/1.0")));
}

/* Header lines up to the empty one. *chunked, *length: what they say of the body. */
static bool take_headers(struct str *rest, bool *chunked, size_t *length)
{
    struct str line;

    *chunked = false;
    *length = 0;
    for (;;) {
        size_t name = 0;
        struct str value;
        int64_t number;

        if (!take_line(rest, &line)) return false;
        if (!line.len) return true;
        while (name < line.len && line.at[name] && strchr(TOKEN, line.at[name]))
            name++;
        if (!name || name == line.len || line.at[name] != ':') return false;
        value = str_trim((struct str){line.at + name + 1, line.len - name - 1});
        line.len = name;
        if (str_eq_nocase(line, STR("transfer-encoding"))) *chunked = true;
        if (str_eq_nocase(line, STR("content-length")) && str_to_int64(value, &number))
            *length = (size_t)number;
    }
}

static bool take_chunks(struct str *rest)
{
    struct str line;

    for (;;) {
        size_t size = 0, digits = 0;

        if (!take_line(rest, &line)) return false;
        for (; digits < line.len && strchr("0123456789abcdefABCDEF", line.at[digits]); digits++)
            size = size * 16 + (size_t)strtol((char[]){line.at[digits], 0}, NULL, 16);
        if (!digits || (digits < line.len && line.at[digits] != ';')) return false;
        if (!size) return take_headers(rest, &(bool){false}, &(size_t){0});
        if (size >= rest->len || rest->len - size < 2 || memcmp(rest->at + size, "\r\n", 2) != 0)
            return false;
        rest->at += size + 2;
        rest->len -= size + 2;
    }
}

/* How many requests there are before anything that is not one to the letter. */
static size_t requests_in(struct str rest)
{
    size_t count = 0;

    for (;; count++) {
        struct str line;
        bool chunked;
        size_t length;

        while (str_starts(rest, STR("\r\n")))
            rest = (struct str){rest.at + 2, rest.len - 2};
        if (!take_line(&rest, &line) || !is_request_line(line)) return count;
        if (!take_headers(&rest, &chunked, &length)) return count;
        if (chunked ? !take_chunks(&rest) : length > rest.len) return count;
        if (!chunked) rest = (struct str){rest.at + length, rest.len - length};
    }
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

/* Takes the splits off the front of data. */
static size_t read_splits(const uint8_t **data, size_t *size, size_t split[SPLITS_MAX])
{
    size_t count = (*data)[0] % (SPLITS_MAX + 1);

    if (*size < 1 + 2 * count) count = 0;
    for (size_t i = 0; i < count; i++)
        split[i] = (size_t)(*data)[1 + 2 * i] * 256 + (*data)[2 + 2 * i];
    *data += 1 + 2 * count;
    *size -= 1 + 2 * count;
    for (size_t i = 0; i < count; i++)
        split[i] = *size ? split[i] % *size : 0;
    qsort(split, count, sizeof *split, by_size);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int whole_statuses[ANSWERS_MAX], parts_statuses[ANSWERS_MAX];
    size_t split[SPLITS_MAX], split_count, whole_count, parts_count, requests;
    struct buf whole, parts;

    if (size == 0) return 0;
    split_count = read_splits(&data, &size, split);
    buf_init(&whole, NULL, 16 * FUZZ_TEXT_MAX);
    buf_init(&parts, NULL, 16 * FUZZ_TEXT_MAX);
    http_feed(server_config(), fuzz_text(data, size), NULL, 0, &whole);
    http_feed(server_config(), fuzz_text(data, size), split, split_count, &parts);
    ASSERT(whole.len == 0 || str_starts(buf_str(&whole), STR("HTTP/1.1 ")));
    whole_count = statuses_of(buf_str(&whole), whole_statuses);
    parts_count = statuses_of(buf_str(&parts), parts_statuses);
    ASSERT(whole_count == parts_count);
    ASSERT(memcmp(whole_statuses, parts_statuses, whole_count * sizeof *whole_statuses) == 0);
    requests = requests_in(fuzz_text(data, size));
    ASSERT(whole_count <= requests + 1);
    ASSERT(whole_count <= requests || whole_statuses[requests] >= 400);
    buf_free(&whole);
    buf_free(&parts);
    return 0;
}
