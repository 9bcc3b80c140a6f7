/* What stands between the parser and the handlers: order of checks, bodies, paths, sessions,
 * proxies, and the headers every answer has. */
#include "support.h"

#define JSON "Content-Type: application/json\r\n"

/* POSTs a body to /echo. */
static char *post(const char *path, const char *headers, const char *body)
{
    char bytes[4096];

    snprintf(bytes, sizeof bytes, "POST %s HTTP/1.1\r\n" HOST "%sContent-Length: %zu\r\n\r\n%s",
             path, headers, strlen(body), body);
    return feed(bytes);
}

static void assert_post(const char *path, const char *headers, const char *body, const char *begin,
                        const char *part)
{
    char *out = post(path, headers, body);

    assert_begins(out, begin);
    assert_has(out, part);
    assert_has_not(out, "Connection: close");
    free(out);
}

static void only_json_bodies_count(void **state)
{
    static const char *const counting[] = {JSON, "content-TYPE: APPLICATION/json\r\n",
                                           "Content-Type: application/json;charset=x\r\n",
                                           "Content-Type: application/json ; a=b\r\n"};
    static const char *const not_counting[] = {
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: application/jsonp\r\n",
        "Content-Type: text/json\r\n",
        "Content-Type:\r\n"};

    for (size_t i = 0; i < sizeof counting / sizeof *counting; i++) {
        assert_post("/echo", counting[i], "{\"name\":\"n\"}", "HTTP/1.1 200", "\"name\":\"n\"");
        assert_post("/echo", counting[i], "", "HTTP/1.1 200", "\"name\":\"\"");
        assert_post("/echo", counting[i], "[1]", "HTTP/1.1 200", "\"name\":\"\"");
    }
    for (size_t i = 0; i < sizeof not_counting / sizeof *not_counting; i++) {
        assert_post("/echo", not_counting[i], "{\"name\":\"n\"}", "HTTP/1.1 200", "\"name\":\"\"");
        assert_post("/echo", not_counting[i], "junk", "HTTP/1.1 200", "\"body\":4");
    }
}

static void a_body_of_more_objects_than_memory_holds_is_the_senders_fault(void **state)
{
    static char bytes[70000];
    size_t len = (size_t)sprintf(bytes, "POST /echo HTTP/1.1\r\n" HOST JSON
                                        "Content-Length: 60001\r\n\r\n[0");
    char *out;

    (void)state;
    for (int i = 0; i < 19999; i++, len += 3)
        memcpy(bytes + len, ",{}", 4);
    memcpy(bytes + len, " ]", 3);
    out = feed(bytes);
    assert_begins(out, "HTTP/1.1 400");
    assert_has(out, "bad_request");
    free(out);
}

static void a_body_that_is_no_json_object_is_refused(void **state)
{
    static const char *const bodies[] = {"{",        "nul",  "null",     "1",
                                         "\"text\"", "true", "{}x",      " ",
                                         "{'a':1}",  "[1,]", "\xff\xfe", "{\"a\":\"\\u0000\"}"};

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_post("/echo", JSON, bodies[i], "HTTP/1.1 400",
                    "{\"errors\":[{\"message\":\"Something went wrong\","
                    "\"code\":\"bad_request\"}]}");
}

static void the_body_is_looked_at_before_route_and_session(void **state)
{
    assert_post("/nowhere", JSON, "{", "HTTP/1.1 400", "Something went wrong");
    assert_post("/mine", JSON, "{", "HTTP/1.1 400", "Something went wrong");
    assert_post("/mine", JSON, "{}", "HTTP/1.1 401",
                "{\"errors\":[{\"message\":\"Not authorized\",\"code\":\"not_authorized\"}]}");
    assert_post("/nowhere", JSON, "{}", "HTTP/1.1 404",
                "{\"errors\":[{\"message\":\"Not Found\",\"code\":\"not_found\"}]}");
}

static void assert_get(const char *target, const char *begin, const char *part)
{
    char bytes[2048], *out;

    snprintf(bytes, sizeof bytes, "GET %s HTTP/1.1\r\n" HOST "\r\n", target);
    out = feed(bytes);
    assert_begins(out, begin);
    assert_has(out, part);
    assert_has_not(out, "Connection: close");
    free(out);
}

static void paths_are_decoded_segment_by_segment(void **state)
{
    assert_get("/", "HTTP/1.1 200", "\"path\":\"/\"");
    assert_get("http://example.com", "HTTP/1.1 200", "\"path\":\"/\"");
    assert_get("http://example.com?x", "HTTP/1.1 200", "\"path\":\"/\"");
    assert_get("HTTPS://example.com:8/echo/a/?x", "HTTP/1.1 200", "\"path\":\"/echo/a\"");
    assert_get("/echo/", "HTTP/1.1 200", "\"path\":\"/echo\"");
    assert_get("/echo//", "HTTP/1.1 404", "Not Found");
    assert_get("//echo", "HTTP/1.1 404", "Not Found");
    assert_get("/%65cho/a%2Fb", "HTTP/1.1 200", "\"param\":\"a/b\"");
    assert_get("/echo/%C3%A9", "HTTP/1.1 200", "\"param\":\"\xc3\xa9\"");
    assert_get("/echo/..", "HTTP/1.1 200", "\"param\":\"..\"");
    assert_get("/echo/+", "HTTP/1.1 200", "\"param\":\"+\"");
    assert_get("/echo?a/b=c", "HTTP/1.1 200", "\"path\":\"/echo\"");
    assert_get("/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", "HTTP/1.1 404", "Not Found");
}

static void paths_that_cannot_be_decoded_are_refused(void **state)
{
    static const char *const targets[] = {"/echo/%",     "/echo/%4",  "/echo/%zz", "/echo/%00",
                                          "/echo/a%00b", "/echo/%ff", "/nowhere/%"};

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        assert_get(targets[i], "HTTP/1.1 400", "Something went wrong");
}

static void refusals_become_error_answers(void **state)
{
    assert_get("/refusal", "HTTP/1.1 400",
               "{\"errors\":[{\"message\":\"Title is required\",\"field\":\"title\","
               "\"code\":\"invalid\"},{\"message\":\"Price must be greater than 0\",\"field\":"
               "\"price\",\"code\":\"invalid\"}]}");
    assert_get("/busy", "HTTP/1.1 429 Too Many Requests", "Retry-After: 7\r\n");
    assert_get("/nothing", "HTTP/1.1 500", "Something went wrong");
    assert_get("/operator", "HTTP/1.1 404", "Not Found");
}

/* --- sessions ------------------------------------------------------------------------------ */

static struct session_keys *keys;

/* "session=…" of somebody whose session ends after that many seconds. */
static char *make_cookie(const char *id, int64_t ends_after_s)
{
    struct arena *arena = arena_new(HTTP_ARENA_MAX);
    struct session_user user = {.id = str_of(id),
                                .email = STR("a@b.c"),
                                .issued_at_s = NOW_S,
                                .expires_at_s = NOW_S + ends_after_s};
    struct request rq;
    struct str line;
    char *cookie;

    request_init(&rq, arena);
    assert_int_equal(session_cookie_set(keys, &rq.reply.headers, arena, &user, false), OK);
    line = buf_str(&rq.reply.headers);
    cookie = strndup(line.at + 12, (size_t)((char *)memchr(line.at, ';', line.len) - line.at) - 12);
    arena_free(arena);
    return cookie;
}

static int64_t moving_s;

static struct wall_ms moving_wall(const struct clock *clock)
{
    return (struct wall_ms){(moving_s += 10) * 1000};
}

static void a_session_is_known_on_every_request_until_it_ends(void **state)
{
    static const struct clock moving_clock = {moving_wall, NULL};
    struct http_config config = test_config();
    char *ann = make_cookie("ann", 35), *bob = make_cookie("bob", 1000), bytes[8192], *out;
    static const char form[] = "GET /mine HTTP/1.1\r\n" HOST "Cookie: %s\r\n\r\n";
    size_t len = 0;

    moving_s = NOW_S;
    config.keys = keys;
    config.clock = &moving_clock;
    for (int i = 0; i < 6; i++) /* ann's ends after the third: each request takes 10 s */
        len += (size_t)snprintf(bytes + len, sizeof bytes - len, form, i == 1 ? bob : ann);
    out = feed_config(&config, str_of(bytes));
    assert_int_equal(count_of(out, "\"user\":\"ann\""), 2);
    assert_int_equal(count_of(out, "\"user\":\"bob\""), 1);
    assert_int_equal(count_of(out, "HTTP/1.1 401"), 3);
    assert_int_equal(count_of(out, "Cache-Control: no-store\r\n"), 6);
    free(out);
    free(ann);
    free(bob);
}

static void a_session_is_optional_on_public_routes(void **state)
{
    struct http_config config = test_config();
    char *cookie = make_cookie("ann", 100), bytes[4096], *out;

    config.keys = keys;
    snprintf(bytes, sizeof bytes,
             "GET /echo HTTP/1.1\r\n" HOST "Cookie: a=b\r\nCookie: %s\r\n\r\n"
             "GET /echo HTTP/1.1\r\n" HOST "Cookie: session=junk\r\n\r\n"
             "GET /cached HTTP/1.1\r\n" HOST "Cookie: %s\r\n\r\n",
             cookie, cookie);
    out = feed_config(&config, str_of(bytes));
    assert_int_equal(count_of(out, "HTTP/1.1 200"), 3);
    assert_int_equal(count_of(out, "\"user\":\"ann\""), 1);
    assert_int_equal(count_of(out, "no-store"), 1); /* /cached speaks for itself */
    assert_has(out, "Cache-Control: public, max-age=60\r\n");
    free(out);
    free(cookie);
}

/* --- proxies and ids ------------------------------------------------------------------------ */

static void only_trusted_proxies_are_believed(void **state)
{
    static const char bytes[] =
        "GET /echo HTTP/1.1\r\n" HOST "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n"
        "X-Forwarded-Proto: https\r\n\r\n";
    struct http_config config = test_config();
    char *out = feed_config(&config, str_of(bytes));

    assert_has(out, "\"client\":\"127.0.0.1\",\"secure\":false");
    free(out);
    config.trusted_proxies = "127.0.0.0/8";
    out = feed_config(&config, str_of(bytes));
    assert_has(out, "\"client\":\"1.2.3.4\",\"secure\":true");
    free(out);
    config.cookie_secure = 0;
    out = feed_config(&config, str_of(bytes));
    assert_has(out, "\"secure\":false");
    free(out);
    config = test_config();
    config.cookie_secure = 1;
    out = feed_config(&config, str_of(bytes));
    assert_has(out, "\"secure\":true");
    free(out);
}

static void every_answer_has_an_id_of_its_own_or_the_callers(void **state)
{
    char *out = feed("GET /echo HTTP/1.1\r\n" HOST "X-Request-Id: from-a.proxy_7\r\n\r\n"
                     "GET /echo HTTP/1.1\r\n" HOST "X-Request-Id: not safe\r\n\r\n"
                     "GET /echo HTTP/1.1\r\n" HOST "X-Request-Id: \r\n\r\n");
    const char *second, *third;

    assert_has(out, "X-Request-Id: from-a.proxy_7\r\n");
    assert_has_not(out, "not safe");
    assert_int_equal(count_of(out, "X-Request-Id: "), 3);
    assert_int_equal(count_of(out, "X-Content-Type-Options: nosniff\r\n"), 3);
    second = strstr(strstr(out, "X-Request-Id") + 1, "X-Request-Id");
    third = strstr(second + 1, "X-Request-Id");
    assert_memory_not_equal(second, third, 24);
    free(out);
}

static int set_up(void **state)
{
    keys = test_keys();
    return 0;
}

static int tear_down(void **state)
{
    session_keys_free(keys);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_json_bodies_count),
        cmocka_unit_test(a_body_that_is_no_json_object_is_refused),
        cmocka_unit_test(a_body_of_more_objects_than_memory_holds_is_the_senders_fault),
        cmocka_unit_test(the_body_is_looked_at_before_route_and_session),
        cmocka_unit_test(paths_are_decoded_segment_by_segment),
        cmocka_unit_test(paths_that_cannot_be_decoded_are_refused),
        cmocka_unit_test(refusals_become_error_answers),
        cmocka_unit_test(a_session_is_known_on_every_request_until_it_ends),
        cmocka_unit_test(a_session_is_optional_on_public_routes),
        cmocka_unit_test(only_trusted_proxies_are_believed),
        cmocka_unit_test(every_answer_has_an_id_of_its_own_or_the_callers),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
