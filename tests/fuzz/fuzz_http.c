/* Any bytes on a connection, split at any point. Promises: what comes out begins with a status
 * line; where the bytes are split makes no difference to the answers.
 *
 * Input: a byte, how many splits (0 to 7); two bytes for each, where; then what a client sends. */
#include "fuzz.h"
#include "base/clock.h"
#include "http/server.h"

#include <stdlib.h>

#define SPLITS_MAX  7
#define ANSWERS_MAX 4096

/* Reads whatever a handler can read. Its answer holds numbers only, so that no text of the input
 * can look like a status line in the output. */
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

static const struct route routes[] = {
    {METHOD_GET, "/a", ACCESS_PUBLIC, IN_LOOP, answer_figures},
    {METHOD_GET, "/a/:id", ACCESS_PUBLIC, IN_LOOP, answer_figures},
    {METHOD_POST, "/a", ACCESS_PUBLIC, IN_LOOP, answer_figures},
    {METHOD_PUT, "/a/:id/b", ACCESS_SESSION, IN_LOOP, answer_figures},
    {METHOD_DELETE, "/a/:id", ACCESS_PUBLIC, IN_LOOP, answer_nothing},
    {METHOD_GET, "/o", ACCESS_OPERATOR, IN_LOOP, answer_figures},
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

static int64_t fixed_now_ms(const struct clock *clock)
{
    (void)clock;
    return INT64_C(1800000000000);
}

static const struct http_config *server_config(void)
{
    static const struct clock clock = {fixed_now_ms};
    static const struct http_mount mount = {"fuzz", routes, sizeof routes / sizeof *routes, NULL,
                                            NULL};
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

/* The same answers. A method nobody knows ends the connection with 404 when its whole name came in
 * one piece, with 400 when it did not: both refuse it. */
static bool same_statuses(const int *a, const int *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i] == b[i]) continue;
        if (i + 1 < count || a[i] + b[i] != 400 + 404) return false;
    }
    return true;
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
    size_t split[SPLITS_MAX], split_count, whole_count, parts_count;
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
    ASSERT(same_statuses(whole_statuses, parts_statuses, whole_count));
    buf_free(&whole);
    buf_free(&parts);
    return 0;
}
