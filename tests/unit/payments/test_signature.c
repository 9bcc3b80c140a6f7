/* tests/unit/payments/test_signature.c: who may say that money moved. */
#include "services/payments/signature.h"

#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW_S INT64_C(1800000000)
#define BODY  STR("{\"id\":\"evt_1\"}")

static const struct str secret = {"whsec_for_tests", 15};

/* "t=TIME,v1=…" as the sender makes it. */
static const char *header_at(int64_t time_s, struct str key, struct str body)
{
    static char header[256];
    struct hmac_text mac;
    char time[32];
    struct str parts[] = {{time, 0}, STR("."), body};

    snprintf(time, sizeof time, "%lld", (long long)time_s);
    parts[0] = str_of(time);
    hmac_sha256(key, parts, 3, &mac);
    snprintf(header, sizeof header, "t=%s,v1=%s", time, mac.hex);
    return header;
}

static bool valid(const char *header)
{
    return signature_valid(secret, str_of(header), BODY, NOW_S);
}

/* RFC 4231, test case 2. */
static void the_hmac_is_the_one_of_the_rfc(void **state)
{
    const struct str parts[] = {STR("what do ya want "), STR("for nothing?")};
    struct hmac_text mac;

    (void)state;
    hmac_sha256(STR("Jefe"), parts, 2, &mac);
    assert_string_equal(mac.hex,
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void the_senders_signature_is_taken(void **state)
{
    (void)state;
    assert_true(valid(header_at(NOW_S, secret, BODY)));
}

static void another_secret_body_or_time_is_not(void **state)
{
    char header[256];

    (void)state;
    assert_false(valid(header_at(NOW_S, STR("whsec_another"), BODY)));
    assert_false(valid(header_at(NOW_S, secret, STR("{\"id\": \"evt_1\"}"))));
    snprintf(header, sizeof header, "%s", header_at(NOW_S, secret, BODY));
    header[2 + 9]++; /* the time's last digit */
    assert_false(valid(header));
}

static void the_tolerance_is_300_seconds_both_ways(void **state)
{
    (void)state;
    assert_true(valid(header_at(NOW_S - 300, secret, BODY)));
    assert_false(valid(header_at(NOW_S - 301, secret, BODY)));
    assert_true(valid(header_at(NOW_S + 300, secret, BODY)));
    assert_false(valid(header_at(NOW_S + 301, secret, BODY)));
}

static void one_good_signature_of_several_is_enough(void **state)
{
    char header[512], good[256];

    (void)state;
    snprintf(good, sizeof good, "%s", strchr(header_at(NOW_S, secret, BODY), ','));
    snprintf(header, sizeof header, "t=%lld,v0=aa,v1=00ff,v1=%064d%s", (long long)NOW_S, 0, good);
    assert_true(valid(header));
    memcpy(strstr(good, "v1"), "v0", 2); /* another scheme */
    snprintf(header, sizeof header, "t=%lld%s", (long long)NOW_S, good);
    assert_false(valid(header));
}

static void a_broken_header_is_refused(void **state)
{
    const char *headers[] = {"",
                             "t=",
                             "t=abc,v1=00",
                             "v1=00",
                             "t=1800000000",
                             "t=1800000000,v1=",
                             ",,,=,=,",
                             "t=1,t=2,v1=00",
                             "t=99999999999999999999,v1=00"};
    char twice[512];

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_false(valid(headers[i]));
    snprintf(twice, sizeof twice, "t=1800000000,%s", header_at(NOW_S, secret, BODY));
    assert_false(valid(twice)); /* two times */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hmac_is_the_one_of_the_rfc),
        cmocka_unit_test(the_senders_signature_is_taken),
        cmocka_unit_test(another_secret_body_or_time_is_not),
        cmocka_unit_test(the_tolerance_is_300_seconds_both_ways),
        cmocka_unit_test(one_good_signature_of_several_is_enough),
        cmocka_unit_test(a_broken_header_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
