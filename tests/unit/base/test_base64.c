/* Unit tests of base/base64, after RFC 4648. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/str.h"

static const struct {
    const char *bytes, *plain, *url;
} pairs[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xef\xff\xfe", "++///g==", "--___g"},
};

static struct buf encoded(struct str bytes, bool url)
{
    struct buf out;

    buf_init(&out, NULL, 1000);
    base64_encode(&out, bytes, url);
    assert_false(out.failed);
    return out;
}

static bool decodes_to(const char *text, const char *bytes)
{
    struct buf out;
    bool same;

    buf_init(&out, NULL, 1000);
    buf_append(&out, STR("before"));
    same = base64_decode(&out, str_of(text)) && out.len == 6 + strlen(bytes) &&
           memcmp(out.at + 6, bytes, strlen(bytes)) == 0;
    buf_free(&out);
    return same;
}

static void the_vectors_of_the_rfc_go_both_ways(void **state)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buf plain = encoded(str_of(pairs[i].bytes), false);
        struct buf url = encoded(str_of(pairs[i].bytes), true);

        assert_true(str_eq(buf_str(&plain), str_of(pairs[i].plain)));
        assert_true(str_eq(buf_str(&url), str_of(pairs[i].url)));
        assert_true(decodes_to(pairs[i].plain, pairs[i].bytes));
        assert_true(decodes_to(pairs[i].url, pairs[i].bytes));
        buf_free(&plain);
        buf_free(&url);
    }
}

static void every_byte_survives_the_way_there_and_back(void **state)
{
    char bytes[256];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    for (size_t len = 0; len <= sizeof bytes; len++) {
        for (int url = 0; url < 2; url++) {
            struct buf text = encoded((struct str){bytes, len}, url), back;

            buf_init(&back, NULL, 256);
            assert_true(base64_decode(&back, buf_str(&text)));
            assert_true(str_eq(buf_str(&back), (struct str){bytes, len}));
            buf_free(&text);
            buf_free(&back);
        }
    }
}

static void both_alphabets_and_missing_padding_are_understood(void **state)
{
    assert_true(decodes_to("--___g==", "\xfb\xef\xff\xfe"));
    assert_true(decodes_to("++///g", "\xfb\xef\xff\xfe"));
    assert_true(decodes_to("Zh", "f")); /* left-over bits do not matter */
}

static void other_characters_and_impossible_lengths_are_refused(void **state)
{
    static const char *const bad[] = {
        "A",       "AAAAA", "=",    "==",       "===",      "====",   "A===",
        "AA=",     "AAA==", "Zg=",  "Zg==Zg==", "Z g=",     "Zm9v\n", "Zm.v",
        "Zm9\x80", "Z=9v",  "=m9v", "Zm9v=",    "Zm9v====", "Zm9vY*"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf out;

        buf_init(&out, NULL, 100);
        buf_append(&out, STR("x"));
        assert_false(base64_decode(&out, str_of(bad[i])));
        assert_true(str_eq(buf_str(&out), STR("x")));
        assert_false(out.failed);
        buf_free(&out);
    }
}

static void a_full_buffer_stops_both_ways(void **state)
{
    struct buf out;

    buf_init(&out, NULL, 3);
    assert_true(base64_decode(&out, STR("Zm9v")));
    assert_false(base64_decode(&out, STR("Zm9v")));
    assert_true(out.failed);
    buf_reset(&out);
    base64_encode(&out, STR("foo"), false);
    assert_true(out.failed);
    buf_reset(&out);
    base64_encode(&out, STR("fo"), true); /* without padding it fits */
    assert_false(out.failed);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_rfc_go_both_ways),
        cmocka_unit_test(every_byte_survives_the_way_there_and_back),
        cmocka_unit_test(both_alphabets_and_missing_padding_are_understood),
        cmocka_unit_test(other_characters_and_impossible_lengths_are_refused),
        cmocka_unit_test(a_full_buffer_stops_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
