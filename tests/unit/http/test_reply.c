/* Unit tests of http/reply: ETag, Link, errors. */
#include "support.h"

static struct arena *arena;

static struct request make_request(void)
{
    struct request rq;

    if (!arena) arena = arena_new(HTTP_ARENA_MAX);
    request_init(&rq, arena);
    return rq;
}

/* NUL-terminated. */
static const char *text_of(struct buf *buf)
{
    buf_char(buf, 0);
    return buf->at;
}

static void an_error_lists_every_field_in_order(void **state)
{
    struct request rq = make_request();

    request_reject(&rq, "title", "Title is required");
    request_reject(&rq, "price", "Price must be greater than 0");
    reply_header(&rq.reply, "Set-Cookie", STR("never=sent"));
    reply_error(&rq, ERR_INVALID);
    assert_int_equal(rq.reply.status, 400);
    assert_string_equal(text_of(&rq.reply.body),
                        "{\"errors\":[{\"message\":\"Title is required\",\"field\":\"title\","
                        "\"code\":\"invalid\"},{\"message\":\"Price must be greater than 0\","
                        "\"field\":\"price\",\"code\":\"invalid\"}]}");
    assert_int_equal(rq.reply.headers.len, 0);
}

static void an_error_has_the_words_of_the_table_or_its_own(void **state)
{
    struct request rq = make_request();

    reply_error(&rq, ERR_NOT_FOUND);
    assert_string_equal(text_of(&rq.reply.body),
                        "{\"errors\":[{\"message\":\"Not Found\",\"code\":\"not_found\"}]}");
    rq.error_message = STR("Your card has \"insufficient\" funds.");
    reply_error(&rq, ERR_CARD_DECLINED);
    assert_int_equal(rq.reply.status, 402);
    assert_string_equal(text_of(&rq.reply.body),
                        "{\"errors\":[{\"message\":\"Your card has \\\"insufficient\\\" funds.\","
                        "\"code\":\"card_declined\"}]}");
}

static void an_error_that_passes_says_when(void **state)
{
    struct request rq = make_request();

    reply_error(&rq, ERR_QUEUE_FULL);
    assert_string_equal(text_of(&rq.reply.headers), "Retry-After: 1\r\n");
    rq.retry_after_s = 30;
    reply_error(&rq, ERR_BUSY);
    assert_string_equal(text_of(&rq.reply.headers), "Retry-After: 30\r\n");
}

static void a_page_links_to_the_next(void **state)
{
    struct request rq = make_request();

    rq.path = STR("/api/a b>");
    reply_next_page(&rq, &rq.reply, 20, STR("5f&\r\n"));
    assert_string_equal(text_of(&rq.reply.headers),
                        "Link: </api/a%20b%3E?limit=20&after=5f%26%0D%0A>; rel=\"next\"\r\n");
}

static void a_later_body_replaces_the_earlier(void **state)
{
    struct request rq = make_request();
    struct json_writer writer = reply_json(&rq.reply, 201);

    json_put_text(&writer, STR("first"));
    writer = reply_json(&rq.reply, 200);
    json_put_int(&writer, 2);
    assert_string_equal(text_of(&rq.reply.body), "2");
    assert_int_equal(rq.reply.status, 200);
}

static enum err answer_tagged(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer writer;

    if (reply_etag(rq, rp, rq->params[0], 3)) return OK;
    writer = reply_json(rp, 200);
    json_put_bool(&writer, true);
    return OK;
}

static const struct http_route tagged_routes[] = {
    {METHOD_GET, "/:id", ACCESS_PUBLIC, HERE(answer_tagged)},
    {METHOD_PUT, "/:id", ACCESS_PUBLIC, HERE(answer_tagged)},
};
static const struct http_mount tagged_mount = {"tagged", tagged_routes, 2, NULL, 0};

static char *ask(const char *method, const char *none_match)
{
    struct http_config config = test_config();
    char bytes[512];

    config.mounts = &tagged_mount;
    snprintf(bytes, sizeof bytes, "%s /ab HTTP/1.1\r\n" HOST "%s\r\n", method, none_match);
    return feed_config(&config, str_of(bytes));
}

static void a_known_version_is_not_sent_again(void **state)
{
    static const char *const known[] = {"If-None-Match: W/\"ab-3\"\r\n",
                                        "If-None-Match: \"ab-3\"\r\n", "If-None-Match: *\r\n",
                                        "If-None-Match: \"x\", W/\"ab-3\"\r\n",
                                        "if-none-match: \"x\"\r\nIf-None-Match: \"ab-3\"\r\n"};
    static const char *const unknown[] = {"",
                                          "If-None-Match: W/\"ab-2\"\r\n",
                                          "If-None-Match: ab-3\r\n",
                                          "If-None-Match: \r\n",
                                          "If-None-Match: w/\"ab-3\"\r\n",
                                          "If-None-Match: \"ab-33\"\r\n"};
    char *out;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        out = ask("GET", known[i]);
        assert_begins(out, "HTTP/1.1 304 Not Modified\r\n");
        assert_has(out, "ETag: W/\"ab-3\"\r\n");
        assert_has_not(out, "\r\nContent-");
        assert_string_equal(strstr(out, "\r\n\r\n"), "\r\n\r\n");
        free(out);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        out = ask("GET", unknown[i]);
        assert_begins(out, "HTTP/1.1 200 OK\r\n");
        assert_has(out, "ETag: W/\"ab-3\"\r\n");
        free(out);
    }
    out = ask("PUT", known[0]);
    assert_begins(out, "HTTP/1.1 200 OK\r\n");
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_lists_every_field_in_order),
        cmocka_unit_test(an_error_has_the_words_of_the_table_or_its_own),
        cmocka_unit_test(an_error_that_passes_says_when),
        cmocka_unit_test(a_page_links_to_the_next),
        cmocka_unit_test(a_later_body_replaces_the_earlier),
        cmocka_unit_test(a_known_version_is_not_sent_again),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_free(arena);
    return failed;
}
