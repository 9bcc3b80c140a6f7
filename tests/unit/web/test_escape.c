/* Values on their way into HTML: each place with what would break out of it. */
#include "html/escape.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char memory[8192];

static const char *put(void (*how)(struct buf *out, struct str text), struct str text)
{
    struct buf out = {.at = memory, .cap = sizeof memory - 1, .max = sizeof memory - 1};

    how(&out, text);
    assert_false(out.failed);
    memory[out.len] = 0;
    return memory;
}

static void text_and_attributes_cannot_be_left(void **state)
{
    (void)state;
    assert_string_equal(put(put_escaped, STR("<b>\"x\" & 'y'</b>")),
                        "&lt;b&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/b&gt;");
    assert_string_equal(put(put_escaped, STR("")), "");
    assert_string_equal(put(put_escaped, STR("plain – ünïcode 🎫 {{title}} `")),
                        "plain – ünïcode 🎫 {{title}} `");
    assert_string_equal(put(put_escaped, STR("<<")), "&lt;&lt;");
}

static void an_address_is_a_path_of_our_own_or_nothing(void **state)
{
    static const char *const fine[] = {"/", "/tickets/1?after=2", "/a-b_c.d~e"};
    static const char *const bad[] = {"",
                                      "javascript:alert(1)",
                                      "//evil.example",
                                      "/\\evil.example",
                                      "http://evil.example",
                                      " /x",
                                      "/\tx",
                                      "/x\ny",
                                      "/ x",
                                      "\\x",
                                      "x",
                                      "#",
                                      "data:text/html,x",
                                      "/\x7f"};

    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_string_equal(put(put_address, str_of(fine[i])), fine[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_string_equal(put(put_address, str_of(bad[i])), "#");
    assert_string_equal(put(put_address, STR("/?a=1&b=\"2\"")), "/?a=1&amp;b=&quot;2&quot;");
}

static void a_piece_of_an_address_stays_a_piece(void **state)
{
    (void)state;
    assert_string_equal(put(put_address_part, STR("az09-._~")), "az09-._~");
    assert_string_equal(put(put_address_part, STR("/../?#&=%\"'<> +")),
                        "%2F..%2F%3F%23%26%3D%25%22%27%3C%3E%20%2B");
    assert_string_equal(put(put_address_part, STR("ü")), "%C3%BC");
}

static void json_in_a_script_cannot_end_it(void **state)
{
    (void)state;
    assert_string_equal(put(put_json, STR("</script><!--&'\"\\\n")),
                        "\"\\u003c/script\\u003e\\u003c!--\\u0026\\u0027\\u0022\\u005c\\u000a\"");
    assert_string_equal(put(put_json, STR("a\xe2\x80\xa8"
                                          "b\xe2\x80\xa9"
                                          "c\xe2\x80\xaa")),
                        "\"a\\u2028b\\u2029c\xe2\x80\xaa\"");
    assert_string_equal(put(put_json, STR("\xe2\x80")), "\"\xe2\x80\"");
}

static void a_message_takes_its_values_escaped(void **state)
{
    struct buf out = {.at = memory, .cap = sizeof memory - 1, .max = sizeof memory - 1};
    const struct message_value values[] = {{STR("a"), STR("<1>")}, {STR("b"), STR("{a}")}};

    (void)state;
    put_message(&out, STR("{b} and {a}, {a}; {other}!{"), values, 2);
    memory[out.len] = 0;
    assert_string_equal(memory, "{a} and &lt;1&gt;, &lt;1&gt;; !");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_attributes_cannot_be_left),
        cmocka_unit_test(an_address_is_a_path_of_our_own_or_nothing),
        cmocka_unit_test(a_piece_of_an_address_stays_a_piece),
        cmocka_unit_test(json_in_a_script_cannot_end_it),
        cmocka_unit_test(a_message_takes_its_values_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
