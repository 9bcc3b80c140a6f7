/* Where a request begins and ends, in its strictest reading. */
#include "support.h"

#include "http/framing.h"

/* Reads all, cut into pieces of that many bytes; bodies are chunked, or of `length`. Returns how
 * many requests were whole, or -1 when the bytes were refused. */
static int requests_of(struct str bytes, size_t piece, bool chunked, uint64_t length)
{
    struct framing framing = {0};
    int whole = 0;

    for (size_t at = 0; at < bytes.len;) {
        size_t len = bytes.len - at < piece ? bytes.len - at : piece, used;
        enum framing_verdict verdict =
            framing_read(&framing, (struct str){bytes.at + at, len}, &used);

        at += used;
        if (verdict >= FRAMING_TOO_LARGE) return -1;
        if (verdict == FRAMING_MORE) assert_int_equal(used, len);
        if (verdict == FRAMING_HEAD) whole += framing_body(&framing, chunked, length);
        if (verdict == FRAMING_MESSAGE) whole++;
    }
    return whole;
}

static void assert_requests(const char *bytes, bool chunked, uint64_t length, int expected)
{
    for (size_t piece = 1; piece <= strlen(bytes); piece++)
        if (requests_of(str_of(bytes), piece, chunked, length) != expected)
            fail_msg("not %d requests, in pieces of %zu, in:\n%s", expected, piece, bytes);
}

#define HEAD "GET / HTTP/1.1\r\n"

static void requests_end_where_the_rfc_ends_them(void **state)
{
    assert_requests(HEAD "\r\n" HEAD "A: b\r\n\r\n", false, 0, 2);
    assert_requests("\r\n\r\n" HEAD "\r\n", false, 0, 1);
    assert_requests(HEAD "\r\nabc" HEAD "\r\nde", false, 3, 1);
    assert_requests(HEAD "\r\n2\r\nab\r\n0\r\n\r\n" HEAD "\r\n0\r\nA: b\r\n\r\n", true, 0, 2);
    assert_requests(HEAD "\r\n2;a=\"\\\";\";b\r\n\r\n\r\n0;c\r\n\r\n", true, 0, 1);
    assert_requests(HEAD "\r\n", false, 1, 0);
    assert_requests(HEAD "A: b\r\n", false, 0, 0);
}

static void what_is_not_to_the_letter_is_refused_at_every_cut(void **state)
{
    static const char *const heads[] = {
        "\n" HEAD "\r\n",
        "GET  / HTTP/1.1\r\n",
        "GET /  HTTP/1.1\r\n",
        "GET / HTTP/1.2\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET / HTTP/1.1\n",
        "GET / HTTP/1.1\rx",
        "GET /\t HTTP/1.1\r\n",
        "GET /\r\n",
        HEAD " A: b\r\n",
        HEAD "A: b\r\n c\r\n\r\n",
        HEAD "A : b\r\n",
        HEAD "A: b\n",
        HEAD "A: b\rc",
        HEAD "A: b\r\n\n",
        HEAD "A: b\r\n\rx",
        HEAD "A: 12345678\x01\r\n",
        HEAD "A: 1234567\x7f\r\n",
        HEAD "A\r\n",
        HEAD ": b\r\n",
        "G@T / HTTP/1.1\r\n",
    };
    static const char *const chunks[] = {
        "2\r\nabc",
        "2\r\nab0\r\n",
        "2\r\nab\n",
        "2\r\nab\rc",
        "2 \r\n",
        "\r\n",
        "2\n",
        "2\rx",
        "2;\r\n",
        "2;a\n",
        "2;a=\"\n\"",
        "2;a=\"b\"c",
        "00000000000000000",
        "0\r\n a\r\n",
        "0\r\n\n",
        "0\r\nA: b\n",
        "g\r\n",
    };

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        assert_requests(heads[i], false, 0, -1);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        char bytes[128];

        snprintf(bytes, sizeof bytes, HEAD "\r\n%s", chunks[i]);
        assert_requests(bytes, true, 0, -1);
    }
}

static void a_value_of_any_length_is_read_like_a_short_one(void **state)
{
    for (size_t len = 0; len < 40; len++) {
        for (size_t wrong = 0; wrong <= len; wrong++) {
            char bytes[128], value[64];

            memset(value, 'v', len);
            if (wrong < len) value[wrong] = 0x1f;
            snprintf(bytes, sizeof bytes, HEAD "A: %.*s\r\n\r\n", (int)len, value);
            assert_requests(bytes, false, 0, wrong < len ? -1 : 1);
            if (wrong < len) bytes[sizeof HEAD - 1 + 3 + wrong] = (char)0xe9;
            assert_requests(bytes, false, 0, 1);
        }
    }
}

static void heads_have_a_bound(void **state)
{
    static char bytes[HTTP_HEADERS_MAX + 64];
    int at = snprintf(bytes, sizeof bytes, HEAD "A: ");
    struct framing framing = {0};
    size_t used;

    memset(bytes + at, 'v', sizeof bytes - (size_t)at);
    assert_int_equal(framing_read(&framing, (struct str){bytes, sizeof bytes}, &used),
                     FRAMING_TOO_LARGE);
    assert_int_equal(used, HTTP_HEADERS_MAX);
    assert_int_equal(framing_read(&framing, STR("v"), &used), FRAMING_TOO_LARGE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_end_where_the_rfc_ends_them),
        cmocka_unit_test(what_is_not_to_the_letter_is_refused_at_every_cut),
        cmocka_unit_test(a_value_of_any_length_is_read_like_a_short_one),
        cmocka_unit_test(heads_have_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
