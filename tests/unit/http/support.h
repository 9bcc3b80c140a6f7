/* What the tests of src/http share: a few routes, a clock that stands still, bytes in and out. */
#ifndef TEST_HTTP_SUPPORT_H
#define TEST_HTTP_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/clock.h"
#include "http/server/server.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW_S INT64_C(1800000000)

struct tx;

/* The layer above is the test: what answers, in the loop or by a worker. */
typedef enum err test_handler(struct request *rq, struct tx *tx, struct reply *rp);
struct route {
    bool away;
    test_handler *run;
};
#define HERE(RUN)                                                                                  \
    .route = &(const struct route)                                                                 \
    {                                                                                              \
        false, RUN                                                                                 \
    }
#define AWAY(RUN)                                                                                  \
    .route = &(const struct route)                                                                 \
    {                                                                                              \
        true, RUN                                                                                  \
    }

static inline struct wall_ms still_wall(const struct clock *clock)
{
    return (struct wall_ms){NOW_S * 1000};
}

static const struct clock still_clock = {still_wall, NULL};

static inline struct session_keys *test_keys(void)
{
    struct session_keys *keys = session_keys_new(STR("0123456789abcdef0123456789abcdef"));

    assert_non_null(keys);
    return keys;
}

/* Answers what it was asked: method, path, parameter, body, user, client. */
static inline enum err answer_echo(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer writer = reply_json(rp, 200);
    struct str name = {"", 0};

    json_text(json_get(rq->body, "name"), &name);
    json_begin_object(&writer);
    json_key(&writer, "path");
    json_put_text(&writer, rq->path);
    json_key(&writer, "param");
    json_put_text(&writer, rq->params[0]);
    json_key(&writer, "name");
    json_put_text(&writer, name);
    json_key(&writer, "body");
    json_put_int(&writer, (int64_t)rq->body_bytes.len);
    json_key(&writer, "user");
    json_put_text(&writer, rq->user.id);
    json_key(&writer, "client");
    json_put_text(&writer, rq->client);
    json_key(&writer, "secure");
    json_put_bool(&writer, rq->cookie_secure);
    json_end_object(&writer);
    return OK;
}

static inline enum err answer_empty(struct request *rq, struct tx *tx, struct reply *rp)
{
    return reply_empty(rp, 204);
}

static inline enum err answer_refusal(struct request *rq, struct tx *tx, struct reply *rp)
{
    request_reject(rq, "title", "Title is required");
    request_reject(rq, "price", "Price must be greater than 0");
    reply_header(rp, "X-Half-Done", STR("yes"));
    return request_reject(rq, "title", "again");
}

static inline enum err answer_busy(struct request *rq, struct tx *tx, struct reply *rp)
{
    rq->retry_after_s = 7;
    return ERR_BUSY;
}

static inline enum err answer_big(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer writer = reply_json(rp, 200);

    json_begin_array(&writer);
    for (int i = 0; i < 5000; i++)
        json_put_text(&writer, STR("twenty-five bytes or so.."));
    json_end_array(&writer);
    return OK;
}

static inline enum err answer_cached(struct request *rq, struct tx *tx, struct reply *rp)
{
    reply_header(rp, "Cache-Control", STR("public, max-age=60"));
    return reply_text(rp, 200, "text/plain; charset=utf-8", STR("hello"));
}

static inline enum err answer_nothing(struct request *rq, struct tx *tx, struct reply *rp)
{
    return OK; /* forgets to answer */
}

static const struct http_route test_routes[] = {
    {METHOD_GET, "/", ACCESS_PUBLIC, HERE(answer_echo)},
    {METHOD_GET, "/echo", ACCESS_PUBLIC, HERE(answer_echo)},
    {METHOD_POST, "/echo", ACCESS_PUBLIC, HERE(answer_echo)},
    {METHOD_GET, "/echo/:what", ACCESS_PUBLIC, HERE(answer_echo)},
    {METHOD_DELETE, "/echo/:what", ACCESS_PUBLIC, HERE(answer_empty)},
    {METHOD_GET, "/mine", ACCESS_SESSION, HERE(answer_echo)},
    {METHOD_POST, "/mine", ACCESS_SESSION, HERE(answer_echo)},
    {METHOD_GET, "/operator", ACCESS_OPERATOR, HERE(answer_echo)},
    {METHOD_GET, "/refusal", ACCESS_PUBLIC, HERE(answer_refusal)},
    {METHOD_GET, "/busy", ACCESS_PUBLIC, HERE(answer_busy)},
    {METHOD_GET, "/big", ACCESS_PUBLIC, HERE(answer_big)},
    {METHOD_GET, "/cached", ACCESS_PUBLIC, HERE(answer_cached)},
    {METHOD_GET, "/nothing", ACCESS_PUBLIC, HERE(answer_nothing)},
};

static const struct http_mount test_mount = {.service = "test",
                                             .routes = test_routes,
                                             .route_count =
                                                 sizeof test_routes / sizeof *test_routes};

static inline void run_route(struct request *rq)
{
    enum err err = rq->route->run(rq, NULL, &rq->reply);

    if (err != OK) reply_error(rq, err);
}

static inline void dispatch_here(void *context, int loop, struct request *rq)
{
    run_route(rq);
    http_answer(rq);
}

static inline void no_loop_end(void *context, int loop) {}

static inline struct http_config test_config(void)
{
    return (struct http_config){
        .host = "127.0.0.1",
        .loops = 1,
        .mounts = &test_mount,
        .mount_count = 1,
        .clock = &still_clock,
        .trusted_proxies = "",
        .cookie_secure = -1,
        .connections_max = 100,
        .deadline_ms = 10000,
        .idle_ms = 60000,
        .dispatch = dispatch_here,
        .loop_end = no_loop_end,
    };
}

/* What a client that sends these bytes is sent. NUL-terminated, on the heap. */
static inline char *feed_config(const struct http_config *config, struct str bytes)
{
    struct buf out;

    buf_init(&out, NULL, 64 * 1024 * 1024);
    http_feed(config, bytes, NULL, 0, &out);
    buf_char(&out, 0);
    assert_false(out.failed);
    return out.at;
}

static inline char *feed(const char *bytes)
{
    struct http_config config = test_config();

    return feed_config(&config, str_of(bytes));
}

static inline size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    while ((text = strstr(text, part))) {
        count++;
        text += strlen(part);
    }
    return count;
}

static inline void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("no \"%s\" in:\n%.2000s", part, text);
}

static inline void assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part)) fail_msg("\"%s\" in:\n%.2000s", part, text);
}

static inline void assert_begins(const char *text, const char *part)
{
    if (strncmp(text, part, strlen(part)) != 0)
        fail_msg("no \"%s\" at the start of:\n%.2000s", part, text);
}

/* Feeds and expects the one answer to begin so. */
static inline void assert_answer(const char *bytes, const char *begin)
{
    char *out = feed(bytes);

    assert_begins(out, begin);
    assert_int_equal(count_of(out, "HTTP/1.1 "), 1);
    free(out);
}

#define HOST "Host: x\r\n"

#endif
