/* Unit tests of services/admin/compact: a member of a published object, on one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "services/admin/admin.h"

static void expect_member(const char *text, const char *expected)
{
    struct buf out;
    bool found;

    buf_init(&out, NULL, 4096);
    found = json_member_compact(str_of(text), STR("data"), &out);
    assert_int_equal(found, expected != NULL);
    if (expected && !str_eq(buf_str(&out), str_of(expected)))
        fail_msg("%s gives %.*s instead of %s", text, (int)out.len, out.at, expected);
    buf_free(&out);
}

static void any_kind_of_value_is_found(void **state)
{
    (void)state;
    expect_member("{\"data\":1}", "1");
    expect_member("{\"data\":-1.5e3}", "-1.5e3");
    expect_member("{\"data\":null,\"x\":1}", "null");
    expect_member("{\"x\":1,\"data\":true}", "true");
    expect_member("{\"data\":\"text\"}", "\"text\"");
    expect_member("{\"data\":{}}", "{}");
    expect_member("{\"data\":[]}", "[]");
    expect_member("{\"data\":{\"a\":[1,{\"b\":2}]},\"x\":3}", "{\"a\":[1,{\"b\":2}]}");
}

static void white_space_goes_except_in_texts(void **state)
{
    (void)state;
    expect_member(" { \"data\" : { \"a b\" :\n[ 1 ,\t2 ] } } ", "{\"a b\":[1,2]}");
    expect_member("{\"data\"\r\n:\r\n\" x \\\" y \"\r\n}", "\" x \\\" y \"");
}

static void brackets_and_quotes_in_texts_are_text(void **state)
{
    (void)state;
    expect_member("{\"x\":\"},\\\"data\\\":1\",\"data\":2}", "2");
    expect_member("{\"data\":\"]}{[,:\\\\\"}", "\"]}{[,:\\\\\"");
    expect_member("{\"}\":1,\"data\":\"\\\\\\\"\"}", "\"\\\\\\\"\"");
}

static void only_the_outer_object_counts_and_of_several_the_last(void **state)
{
    (void)state;
    expect_member("{\"x\":{\"data\":1}}", NULL);
    expect_member("{\"data\":1,\"x\":{\"data\":2}}", "1");
    expect_member("{\"data\":1,\"data\":[2]}", "[2]");
}

static void there_may_be_none(void **state)
{
    (void)state;
    expect_member("{}", NULL);
    expect_member("[]", NULL);
    expect_member("", NULL);
    expect_member("{\"Data\":1,\"dat\":2,\"data \":3}", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_kind_of_value_is_found),
        cmocka_unit_test(white_space_goes_except_in_texts),
        cmocka_unit_test(brackets_and_quotes_in_texts_are_text),
        cmocka_unit_test(only_the_outer_object_counts_and_of_several_the_last),
        cmocka_unit_test(there_may_be_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
