/* Protocol tests of src/http over memory: what bytes in make which bytes out. */
#include "support.h"

static const char conversation[] = /* ten requests of all kinds, pipelined */
    "GET /echo HTTP/1.1\r\n" HOST "\r\n"
    "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n"
    "{\"name\":\"ab\"}"
    "\r\n" /* some clients send one too many */
    "POST /echo HTTP/1.1\r\n" HOST
    "content-type: Application/JSON; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5;ext=1\r\n{\"nam\r\n8\r\ne\":\"cd\"}\r\n0\r\nTrailer: x\r\n\r\n"
    "HEAD /echo HTTP/1.1\r\n" HOST "\r\n"
    "DELETE /echo/7 HTTP/1.1\r\n" HOST "\r\n"
    "GET /nowhere HTTP/1.1\r\n" HOST "\r\n"
    "GET http://x/echo/a%20b/?q=1 HTTP/1.1\r\n" HOST "\r\n"
    "GET /echo?x#f HTTP/1.1\r\n" HOST "Upgrade: h2c\r\nConnection: upgrade\r\n\r\n"
    "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"
    "GET /echo/last HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"
    "GET /echo/never HTTP/1.1\r\n" HOST "\r\n";

/* The id of a request is random; everything else must be the same each time. */
static void blank_ids(char *out)
{
    char *at = out;

    while ((at = strstr(at, "X-Request-Id: "))) {
        at += sizeof "X-Request-Id: " - 1;
        while (*at != '\r')
            *at++ = '-';
    }
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    char *out = feed(conversation), *at = out;
    static const char *const expected[] = {"HTTP/1.1 200 OK\r\n",
                                           "\"name\":\"\"",
                                           "HTTP/1.1 200 OK\r\n",
                                           "\"name\":\"ab\"",
                                           "HTTP/1.1 200 OK\r\n",
                                           "\"name\":\"cd\",\"body\":13",
                                           "HTTP/1.1 200 OK\r\n",
                                           "HTTP/1.1 204 No Content\r\n",
                                           "HTTP/1.1 404 Not Found\r\n",
                                           "HTTP/1.1 200 OK\r\n",
                                           "\"path\":\"/echo/a b\",\"param\":\"a b\"",
                                           "HTTP/1.1 200 OK\r\n",
                                           "\"path\":\"/echo\"",
                                           "HTTP/1.1 404 Not Found\r\n",
                                           "HTTP/1.1 200 OK\r\n",
                                           "Connection: close\r\n",
                                           "/echo/last"};

    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        at = strstr(at, expected[i]);
        if (!at) fail_msg("no %zu: %s in\n%s", i, expected[i], out);
        at += strlen(expected[i]);
    }
    assert_has_not(out, "never");
    assert_int_equal(count_of(out, "HTTP/1.1 "), 10);
    free(out);
}

static void where_the_bytes_are_cut_makes_no_difference(void **state)
{
    struct http_config config = test_config();
    char *whole = feed(conversation);
    size_t every[sizeof conversation];

    blank_ids(whole);
    for (size_t cut = 0; cut <= sizeof conversation; cut++) {
        struct buf out;

        buf_init(&out, NULL, 1024 * 1024);
        every[cut < sizeof conversation ? cut : 0] = cut;
        if (cut < sizeof conversation)
            http_feed(&config, str_of(conversation), &cut, 1, &out);
        else /* byte by byte */
            http_feed(&config, str_of(conversation), every, sizeof conversation - 1, &out);
        buf_char(&out, 0);
        blank_ids(out.at);
        assert_string_equal(out.at, whole);
        buf_free(&out);
    }
    free(whole);
}

static void head_has_the_headers_of_get_and_no_body(void **state)
{
    char *got = feed("GET /echo HTTP/1.1\r\n" HOST "\r\n");
    char *head = feed("HEAD /echo HTTP/1.1\r\n" HOST "\r\n");

    blank_ids(got);
    blank_ids(head);
    *(strstr(got, "\r\n\r\n") + 4) = 0;
    assert_string_equal(got, head);
    free(got);
    free(head);
    assert_answer("HEAD /nowhere HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404 ");
}

static void http_1_0_closes_unless_asked_not_to(void **state)
{
    char *out = feed("GET /echo HTTP/1.0\r\n\r\nGET /echo HTTP/1.0\r\n\r\n");

    assert_int_equal(count_of(out, "HTTP/1.1 200"), 1);
    assert_has(out, "Connection: close\r\n");
    free(out);
    out = feed("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /echo HTTP/1.0\r\n\r\n");
    assert_int_equal(count_of(out, "HTTP/1.1 200"), 2);
    assert_has(out, "Connection: keep-alive\r\n");
    free(out);
}

static void a_body_is_asked_for_when_the_client_waits(void **state)
{
    struct http_config config = test_config();
    static const char bytes[] = "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n"
                                "Expect: 100-Continue\r\n\r\n{}";
    size_t cut = sizeof bytes - 3;
    struct buf out;

    buf_init(&out, NULL, 65536);
    http_feed(&config, str_of(bytes), &cut, 1, &out);
    buf_char(&out, 0);
    assert_begins(out.at, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n");
    buf_free(&out);
    assert_answer(bytes, "HTTP/1.1 200"); /* the body is there: nothing to ask for */
}

static void other_expectations_fail(void **state)
{
    assert_answer("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: wonders\r\n\r\n{}",
                  "HTTP/1.1 417 ");
}

static void a_body_announced_too_large_is_refused_at_once(void **state)
{
    char *out = feed("POST /echo HTTP/1.1\r\n" HOST
                     "Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n");

    assert_begins(out, "HTTP/1.1 413 ");
    assert_has(out, "Connection: close\r\n");
    assert_has(out, "\"code\":\"body_too_large\"");
    free(out);
    /* also where there is no route: sizes come first */
    assert_answer("POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n",
                  "HTTP/1.1 413 ");
}

static void post_bytes(struct buf *bytes, size_t size, bool chunked)
{
    buf_init(bytes, NULL, 1024 * 1024);
    buf_append(bytes, STR("POST /echo HTTP/1.1\r\n" HOST));
    if (chunked)
        buf_printf(bytes, "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n%zx\r\n", size - 1);
    else
        buf_printf(bytes, "Content-Length: %zu\r\n\r\n", size);
    for (size_t i = chunked; i < size; i++)
        buf_char(bytes, 'x');
    if (chunked) buf_append(bytes, STR("\r\n0\r\n\r\n"));
}

static void a_body_of_64_kib_is_fine_and_a_byte_more_is_not(void **state)
{
    struct http_config config = test_config();

    for (int chunked = 0; chunked < 2; chunked++) {
        for (size_t more = 0; more < 2; more++) {
            struct buf bytes;
            char *out;

            post_bytes(&bytes, HTTP_BODY_MAX + more, chunked);
            out = feed_config(&config, buf_str(&bytes));
            assert_begins(out, more ? "HTTP/1.1 413 " : "HTTP/1.1 200 ");
            if (!more) assert_has(out, "\"body\":65536");
            assert_int_equal(count_of(out, "HTTP/1.1 "), 1);
            buf_free(&bytes);
            free(out);
        }
    }
}

static void headers_past_16_kib_are_refused(void **state)
{
    struct http_config config = test_config();

    for (size_t size = 15000; size <= 20000; size += 5000) {
        struct buf bytes;
        char *out;

        buf_init(&bytes, NULL, 65536);
        buf_append(&bytes, STR("GET /echo HTTP/1.1\r\n" HOST "X-Long: "));
        for (size_t i = 0; i < size; i++)
            buf_char(&bytes, 'x');
        buf_append(&bytes, STR("\r\n\r\n"));
        out = feed_config(&config, buf_str(&bytes));
        assert_begins(out, size == 15000 ? "HTTP/1.1 200 " : "HTTP/1.1 431 ");
        buf_free(&bytes);
        free(out);
    }
}

static void too_many_headers_are_refused(void **state)
{
    struct http_config config = test_config();
    struct buf bytes;
    char *out;

    buf_init(&bytes, NULL, 65536);
    buf_append(&bytes, STR("GET /echo HTTP/1.1\r\n" HOST));
    for (int i = 0; i < 100; i++)
        buf_append(&bytes, STR("a: b\r\n"));
    buf_append(&bytes, STR("\r\n"));
    out = feed_config(&config, buf_str(&bytes));
    assert_begins(out, "HTTP/1.1 431 ");
    buf_free(&bytes);
    free(out);
}

static void ambiguous_lengths_are_refused(void **state)
{
    static const char *const requests[] = {
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
        "0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2, 2\r\n\r\n{}",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: +2\r\n\r\n{}",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: -2\r\n\r\n{}",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n{}",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n{}",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length : 2\r\n\r\n{}",
    };

    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        char *out = feed(requests[i]);

        assert_begins(out, "HTTP/1.1 400 ");
        assert_has(out, "Connection: close\r\n");
        assert_has(out, "Something went wrong");
        assert_int_equal(count_of(out, "HTTP/1.1 "), 1);
        free(out);
    }
}

static void bad_request_lines_are_refused(void **state)
{
    static const char *const requests[] = {
        "GET /echo\r\n\r\n",
        "GET  HTTP/1.1\r\n" HOST "\r\n",
        "GET /echo HTTP/2.0\r\n" HOST "\r\n",
        "GET /echo HTTP/0.9\r\n\r\n",
        "GET /echo FTP/1.1\r\n" HOST "\r\n",
        "GET /ec\tho HTTP/1.1\r\n" HOST "\r\n",
        "GET echo HTTP/1.1\r\n" HOST "\r\n",
        "GET ftp://x/echo HTTP/1.1\r\n" HOST "\r\n",
        "CONNECT x:443 HTTP/1.1\r\n" HOST "\r\n",
        "\x16\x03\x01\x02\x00\x01",
        "G@T / HTTP/1.1\r\n" HOST "\r\n",
        " GET / HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET / HTTP/1.1\r\n" HOST "Bad Name: x\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X: a\001b\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST ": nameless\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        assert_answer(requests[i], "HTTP/1.1 400 ");
}

static void a_method_nobody_knows_is_not_found(void **state)
{
    struct http_config config = test_config();
    static const char bytes[] = "GETAWAY /echo HTTP/1.1\r\n" HOST "\r\n";

    assert_answer("BREW /echo HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404 ");
    assert_answer("FETCH / HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404 ");
    assert_answer("PATCH /echo HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404 ");
    for (size_t cut = 1; cut < 12; cut++) {
        struct buf out;

        buf_init(&out, NULL, 4096);
        http_feed(&config, str_of(bytes), &cut, 1, &out);
        assert_true(str_starts(buf_str(&out), STR("HTTP/1.1 404 ")));
        buf_free(&out);
    }
    assert_answer("AVERYLONGMETHODTHATNOBODYINTENDSTOHAVEEVER / HTTP/1.1\r\n", "HTTP/1.1 400 ");
}

static void half_a_request_is_not_answered(void **state)
{
    char *out = feed("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n{}");

    assert_string_equal(out, "");
    free(out);
}

static void large_answers_to_a_pipeline_all_arrive(void **state)
{
    struct http_config config = test_config();
    struct buf bytes;
    char *out;

    buf_init(&bytes, NULL, 65536);
    for (int i = 0; i < 50; i++)
        buf_append(&bytes, STR("GET /big HTTP/1.1\r\n" HOST "\r\n"));
    out = feed_config(&config, buf_str(&bytes));
    assert_int_equal(count_of(out, "HTTP/1.1 200 OK"), 50);
    assert_int_equal(count_of(out, "..\"]"), 50);
    buf_free(&bytes);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(where_the_bytes_are_cut_makes_no_difference),
        cmocka_unit_test(head_has_the_headers_of_get_and_no_body),
        cmocka_unit_test(http_1_0_closes_unless_asked_not_to),
        cmocka_unit_test(a_body_is_asked_for_when_the_client_waits),
        cmocka_unit_test(other_expectations_fail),
        cmocka_unit_test(a_body_announced_too_large_is_refused_at_once),
        cmocka_unit_test(a_body_of_64_kib_is_fine_and_a_byte_more_is_not),
        cmocka_unit_test(headers_past_16_kib_are_refused),
        cmocka_unit_test(too_many_headers_are_refused),
        cmocka_unit_test(ambiguous_lengths_are_refused),
        cmocka_unit_test(bad_request_lines_are_refused),
        cmocka_unit_test(a_method_nobody_knows_is_not_found),
        cmocka_unit_test(half_a_request_is_not_answered),
        cmocka_unit_test(large_answers_to_a_pipeline_all_arrive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
