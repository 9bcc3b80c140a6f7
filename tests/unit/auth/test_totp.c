/* Codes of an app: RFC 6238 appendix B, and which are taken. */
#include "services/auth/factor/totp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct totp_secret rfc_secret(void)
{
    struct totp_secret secret;

    memcpy(secret.bytes, "12345678901234567890", TOTP_SECRET_BYTES);
    return secret;
}

/* The RFC has eight digits; ours are the last six of them. */
static void the_codes_are_those_of_the_rfc(void **state)
{
    static const struct {
        int64_t time_s;
        const char *code;
    } known[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                 {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    struct totp_secret secret = rfc_secret();

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_string_equal(totp_code(&secret, known[i].time_s / 30).digits, known[i].code);
}

static void a_secret_is_written_in_base32(void **state)
{
    struct totp_secret secret = rfc_secret();

    (void)state;
    assert_string_equal(totp_secret_text(&secret).text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    memset(secret.bytes, 0xff, sizeof secret.bytes);
    assert_string_equal(totp_secret_text(&secret).text, "77777777777777777777777777777777");
}

static void one_step_before_and_after_now_is_taken_and_no_other(void **state)
{
    struct totp_secret secret = rfc_secret();
    int64_t present = 1111111111 / 30, step;

    (void)state;
    for (int64_t at = present - 3; at <= present + 3; at++) {
        struct totp_code code = totp_code(&secret, at);
        bool near = at >= present - 1 && at <= present + 1;

        step = -1;
        assert_int_equal(totp_find(&secret, str_of(code.digits),
                                   (struct wall_ms){INT64_C(1111111111000)}, &step),
                         near);
        assert_int_equal(step, near ? at : -1);
    }
}

static void what_is_no_code_is_not_taken(void **state)
{
    static const char *const wrong[] = {"", "05047", "0504711", "050472", "abcdef", "      "};
    struct totp_secret secret = rfc_secret();
    int64_t step;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(
            totp_find(&secret, str_of(wrong[i]), (struct wall_ms){INT64_C(1111111111000)}, &step));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_codes_are_those_of_the_rfc),
        cmocka_unit_test(a_secret_is_written_in_base32),
        cmocka_unit_test(one_step_before_and_after_now_is_taken_and_no_other),
        cmocka_unit_test(what_is_no_code_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
