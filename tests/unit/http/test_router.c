/* Unit tests of http/router. */
#include "http/router.h"
#include "support.h"

static const struct http_route first[] = {
    {METHOD_GET, "/", ACCESS_PUBLIC, HERE(answer_echo)},
    {METHOD_GET, "/api/orders", ACCESS_PUBLIC, HERE(answer_echo)},
    {METHOD_POST, "/api/orders", ACCESS_PUBLIC, HERE(answer_echo)},
    {METHOD_GET, "/api/orders/:id", ACCESS_PUBLIC, HERE(answer_echo)},
    {METHOD_GET, "/api/orders/new", ACCESS_PUBLIC, HERE(answer_echo)},
};
static const struct http_route second[] = {
    {METHOD_GET, "/api/orders/new/items", ACCESS_PUBLIC, HERE(answer_echo)},
    {METHOD_DELETE, "/api/orders/:id/items/:item", ACCESS_PUBLIC, HERE(answer_echo)},
};
static const struct http_mount mounts[] = {
    {.service = "a", .routes = first, .route_count = 5},
    {.service = "b", .routes = second, .route_count = 2},
};

/* The route of a path, given without its leading slash. */
static const struct http_route *find(enum method method, const char *path,
                                     struct route_match *match)
{
    static struct router *router;
    struct str segments[8];
    size_t count = 0;

    if (!router) router = router_new(mounts, 2);
    while (*path) {
        size_t len = strcspn(path, "/");

        segments[count++] = (struct str){path, len};
        path += len + (path[len] == '/');
    }
    return router_find(router, method, segments, count, match) ? match->route : NULL;
}

static void each_route_is_found(void **state)
{
    struct route_match match;

    assert_ptr_equal(find(METHOD_GET, "", &match), &first[0]);
    assert_ptr_equal(find(METHOD_GET, "api/orders", &match), &first[1]);
    assert_ptr_equal(find(METHOD_POST, "api/orders", &match), &first[2]);
    assert_ptr_equal(match.mount, &mounts[0]);
    assert_ptr_equal(find(METHOD_GET, "api/orders/7", &match), &first[3]);
    assert_true(str_eq(match.params[0], STR("7")));
    assert_ptr_equal(find(METHOD_DELETE, "api/orders/7/items/8", &match), &second[1]);
    assert_true(str_eq(match.params[0], STR("7")));
    assert_true(str_eq(match.params[1], STR("8")));
    assert_ptr_equal(match.mount, &mounts[1]);
}

static void a_literal_wins_and_is_given_up_when_it_leads_nowhere(void **state)
{
    struct route_match match;

    assert_ptr_equal(find(METHOD_GET, "api/orders/new", &match), &first[4]);
    assert_ptr_equal(find(METHOD_GET, "api/orders/new/items", &match), &second[0]);
    assert_ptr_equal(find(METHOD_DELETE, "api/orders/new/items/1", &match), &second[1]);
    assert_true(str_eq(match.params[0], STR("new")));
}

static void what_is_not_there_is_not_found(void **state)
{
    struct route_match match;

    assert_null(find(METHOD_DELETE, "api/orders", &match));
    assert_null(find(METHOD_OTHER, "api/orders", &match));
    assert_null(find(METHOD_GET, "api", &match));
    assert_null(find(METHOD_GET, "api/order", &match));
    assert_null(find(METHOD_GET, "api/orders/7/items", &match));
    assert_null(find(METHOD_GET, "api/orders//", &match));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_route_is_found),
        cmocka_unit_test(a_literal_wins_and_is_given_up_when_it_leads_nowhere),
        cmocka_unit_test(what_is_not_there_is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
