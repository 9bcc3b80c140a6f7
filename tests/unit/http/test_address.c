/* Unit tests of http/address: CIDR lists and whom to believe. */
#include "http/ip_address.h"
#include "support.h"

static struct address address(const char *text)
{
    struct address out;

    if (!address_parse(str_of(text), &out)) fail_msg("%s", text);
    return out;
}

static bool trusts(const char *list, const char *text)
{
    struct proxies proxies;
    struct address peer = address(text);
    const char *why;

    assert_true(proxies_parse(list, &proxies, &why));
    return proxies_trust(&proxies, &peer);
}

static void ranges_hold_what_they_say(void **state)
{
    assert_true(trusts("10.0.0.0/8", "10.255.0.1"));
    assert_false(trusts("10.0.0.0/8", "11.0.0.1"));
    assert_true(trusts("192.168.4.0/22", "192.168.7.255"));
    assert_false(trusts("192.168.4.0/22", "192.168.8.0"));
    assert_true(trusts(" 1.2.3.4 , ::1", "1.2.3.4"));
    assert_true(trusts("1.2.3.4,::1", "::1"));
    assert_false(trusts("1.2.3.4,::1", "1.2.3.5"));
    assert_true(trusts("fd00::/9", "fd7f::1"));
    assert_false(trusts("fd00::/9", "fd80::1"));
    assert_true(trusts("0.0.0.0/0", "8.8.8.8"));
    assert_false(trusts("0.0.0.0/0", "2001::1"));
    assert_true(trusts("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert_false(trusts("", "127.0.0.1"));
}

static void a_bad_list_names_its_variable(void **state)
{
    static const char *const lists[] = {
        "10.0.0.0/33", "10.0.0/8",           "x",  "10.0.0.0/", "10.0.0.0/-1",
        "::/129",      "10.0.0.0/8;1.1.1.1", "/8", "localhost", "1.2.3.4.5"};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct proxies proxies;
        const char *why = "";

        if (proxies_parse(lists[i], &proxies, &why)) fail_msg("%s", lists[i]);
        assert_has(why, "TRUSTED_PROXIES");
    }
}

static void the_rightmost_stranger_is_the_client(void **state)
{
    static const struct {
        const char *forwarded, *client;
    } cases[] = {
        {"1.1.1.1", "1.1.1.1"},
        {"9.9.9.9, 1.1.1.1", "1.1.1.1"},
        {"1.1.1.1, 10.0.0.2,10.0.0.3", "1.1.1.1"},
        {"10.0.0.9, 10.0.0.2", "10.0.0.9"},
        {"1.1.1.1:8080", "1.1.1.1"},
        {"[2001:db8::1]:80, 10.0.0.2", "2001:db8::1"},
        {"2001:db8::1", "2001:db8::1"},
        {"1.1.1.1, junk, 10.0.0.2", "10.0.0.2"},
        {"junk", "10.0.0.1"},
        {"", "10.0.0.1"},
        {",", "10.0.0.1"},
        {"::ffff:1.1.1.1", "1.1.1.1"},
    };
    struct proxies proxies;
    const char *why;

    assert_true(proxies_parse("10.0.0.0/8", &proxies, &why));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address client =
            proxies_client(&proxies, str_of(cases[i].forwarded), address("10.0.0.1"));
        char text[INET6_ADDRSTRLEN];

        address_format(&client, text);
        assert_string_equal(text, cases[i].client);
    }
}

static void loopback_is_known(void **state)
{
    struct address v4 = address("127.9.9.9"), v6 = address("::1"), other = address("128.0.0.1");

    assert_true(address_is_loopback(&v4));
    assert_true(address_is_loopback(&v6));
    assert_false(address_is_loopback(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_hold_what_they_say),
        cmocka_unit_test(a_bad_list_names_its_variable),
        cmocka_unit_test(the_rightmost_stranger_is_the_client),
        cmocka_unit_test(loopback_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
