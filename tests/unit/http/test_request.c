/* Unit tests of http/request: query, limits, refusals. */
#include "http/headers.h"
#include "support.h"

static struct arena *arena;

static struct request with_query(const char *query)
{
    struct request rq;

    if (!arena) arena = arena_new(HTTP_ARENA_MAX);
    request_init(&rq, arena);
    rq.query = str_of(query);
    return rq;
}

static void assert_query(const char *query, const char *name, const char *value)
{
    struct request rq = with_query(query);
    struct str got = request_query(&rq, name);

    if (!value) {
        assert_null(got.at);
        return;
    }
    if (!got.at || !str_eq(got, str_of(value)))
        fail_msg("%s %s: %.*s", query, name, (int)got.len, got.at ? got.at : "");
}

static void parameters_are_decoded(void **state)
{
    assert_query("a=1&b=2", "a", "1");
    assert_query("a=1&b=2", "b", "2");
    assert_query("a=1&a=2", "a", "1");
    assert_query("a=1", "b", NULL);
    assert_query("", "a", NULL);
    assert_query("a", "a", "");
    assert_query("a=", "a", "");
    assert_query("&&a==", "a", "=");
    assert_query("a=x%20y+z", "a", "x y z");
    assert_query("%61=1", "a", "1");
    assert_query("ab=1", "a", NULL);
}

static void what_cannot_be_decoded_comes_as_it_is(void **state)
{
    assert_query("a=%", "a", "%");
    assert_query("a=%4", "a", "%4");
    assert_query("a=%zz", "a", "%zz");
    assert_query("a=%00", "a", "%00");
    assert_query("a=%ff", "a", "%ff");
}

static void limits_are_kept(void **state)
{
    static const struct {
        const char *query;
        int64_t limit; /* 0: refused */
    } cases[] = {{"", 100},         {"limit=1", 1}, {"limit=1000", 1000},
                 {"limit=1001", 0}, {"limit=0", 0}, {"limit=-1", 0},
                 {"limit=", 0},     {"limit=x", 0}, {"limit=1.5", 0},
                 {"limit=1e2", 0},  {"limit", 0},   {"limit=99999999999999999999", 0}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct request rq = with_query(cases[i].query);
        int64_t limit = -7;
        enum err err = request_limit(&rq, 100, 1000, &limit);

        assert_int_equal(err, cases[i].limit ? OK : ERR_INVALID);
        assert_int_equal(limit, cases[i].limit ? cases[i].limit : 100);
        assert_int_equal(rq.error_count, cases[i].limit ? 0 : 1);
        if (!cases[i].limit) assert_string_equal(rq.errors[0].field, "limit");
    }
}

static void a_field_is_refused_once_and_in_order(void **state)
{
    struct request rq = with_query("");

    assert_int_equal(request_checked(&rq), OK);
    assert_int_equal(request_reject(&rq, "b", "first"), ERR_INVALID);
    request_reject(&rq, "a", "second");
    request_reject(&rq, "b", "third");
    assert_int_equal(rq.error_count, 2);
    assert_string_equal(rq.errors[0].message, "first");
    assert_string_equal(rq.errors[1].field, "a");
    assert_int_equal(request_checked(&rq), ERR_INVALID);
}

static void a_request_made_by_hand_has_no_headers(void **state)
{
    struct request rq = with_query("");

    assert_null(request_header(&rq, "host").at);
    assert_null(reply_stream(&rq, &rq.reply, "text/plain", NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_decoded),
        cmocka_unit_test(what_cannot_be_decoded_comes_as_it_is),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(a_field_is_refused_once_and_in_order),
        cmocka_unit_test(a_request_made_by_hand_has_no_headers),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_free(arena);
    return failed;
}
