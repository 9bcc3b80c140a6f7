/* tests/unit/auth/test_user.c: what the rules of a person's details promise. */
#include "services/auth/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char sixty_four[] = "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd";
static const char sixty_three[] = "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc";

static void check_all(const char *const *emails, bool valid)
{
    for (; *emails; emails++) {
        if (email_valid(str_of(*emails)) == valid) continue;
        fail_msg("%s should be %s", *emails, valid ? "valid" : "refused");
    }
}

static void an_everyday_address_is_valid(void **state)
{
    static const char *const emails[] = {
        "test@test.com",
        "a@b.co",
        "first.last+tag@mail.example.co.uk",
        "UPPER@Example.COM",
        "o'brien@example.ie",
        "!#$%&'*+-/=?^_`{|}~@example.org",
        "1234567890@123.example",
        "x@xn--80ak6aa92e.xn--p1ai",
        "under_score@ex-ample.museum",
        NULL,
    };

    (void)state;
    check_all(emails, true);
}

static void letters_of_other_scripts_are_valid(void **state)
{
    static const char *const emails[] = {
        "\xC3\xBC"
        "ser@example.com",                                                            /* ü */
        "\xD0\xB0\xD0\xB1@\xD0\xB2\xD0\xB3.\xD1\x80\xD1\x84",                         /* Cyrillic */
        "\xE7\x94\xA8\xE6\x88\xB7@\xE4\xBE\x8B\xE5\xAD\x90.\xE4\xB8\xAD\xE5\x9B\xBD", /* Chinese */
        NULL,
    };

    (void)state;
    check_all(emails, true);
}

static void a_broken_address_is_refused(void **state)
{
    static const char *const emails[] = {
        "",
        "@",
        "test",
        "test.com",
        "test@",
        "@test.com",
        "test@test",
        "a@b@test.com",
        ".test@test.com",
        "test.@test.com",
        "te..st@test.com",
        "te st@test.com",
        "test@te st.com",
        "test@test.com\n",
        "test@.com",
        "test@test.",
        "test@test..com",
        "test@-test.com",
        "test@test-.com",
        "test@te_st.com",
        "test@test.c",
        "test@127.0.0.1",
        "test@[127.0.0.1]",
        "test@test.c0m",
        "\"quoted\"@test.com",
        "a,b@test.com",
        "a(comment)@test.com",
        "<test@test.com>",
        "te\x01st@test.com",
        "te\xFFst@test.com",         /* not UTF-8 */
        "test@te\xC3.com",           /* half a letter */
        "te\xC2\xA0st@test.com",     /* no-break space */
        "te\xE2\x80\x8Bst@test.com", /* zero width space */
        "te\xE2\x80\xAEst@test.com", /* right-to-left override */
        "test\xEF\xBC\xA0@test.com", /* full width @ */
        "test@test\xEF\xBC\x8E"
        "a.com",
        NULL,
    };

    (void)state;
    check_all(emails, false);
    assert_false(email_valid((struct str){NULL, 0}));
    assert_false(email_valid(STR("te\0st@test.com")));
}

static void the_parts_of_an_address_have_their_longest(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, NULL, 1024);
    buf_printf(&buf, "%s@test.com", sixty_four);
    assert_true(email_valid(buf_str(&buf)));
    buf_reset(&buf);
    buf_printf(&buf, "%sx@test.com", sixty_four);
    assert_false(email_valid(buf_str(&buf)));
    buf_reset(&buf);
    buf_printf(&buf, "test@%s.com", sixty_three);
    assert_true(email_valid(buf_str(&buf)));
    buf_reset(&buf);
    buf_printf(&buf, "test@%s.com", sixty_four);
    assert_false(email_valid(buf_str(&buf)));
    buf_free(&buf);
}

static void an_address_has_at_most_254_bytes(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, NULL, 1024);
    buf_printf(&buf, "%.57s@%s.%s.%s.com", sixty_four, sixty_three, sixty_three, sixty_three);
    assert_int_equal(buf.len, EMAIL_MAX - 1);
    assert_true(email_valid(buf_str(&buf)));
    buf_char(&buf, 'm');
    assert_true(email_valid(buf_str(&buf)));
    buf_char(&buf, 'm');
    assert_false(email_valid(buf_str(&buf)));
    buf_free(&buf);
}

static void accounts_of_before_compare_without_case(void **state)
{
    static const struct {
        const char *typed, *key;
    } rows[] = {
        {"Test@TEST.Com", "test@test.com"},
        {"a_[]@{|}z.com", "a_[]@{|}z.com"},
        {"\xC3\x84\xC3\x96\xC3\x9C@x.de", "\xC3\xA4\xC3\xB6\xC3\xBC@x.de"}, /* ÄÖÜ */
        {"\xC3\x97@x.de", "\xC3\x97@x.de"},                                 /* × is no letter */
        {"\xC4\x86\xC5\x81\xC5\xBB@x.pl", "\xC4\x87\xC5\x82\xC5\xBC@x.pl"}, /* ĆŁŻ */
        {"\xC4\x87\xC5\x82\xC5\xBC@x.pl", "\xC4\x87\xC5\x82\xC5\xBC@x.pl"}, /* the same, small */
        {"\xC5\xB8@x.fr", "\xC3\xBF@x.fr"},                                 /* Ÿ */
        {"\xD0\x90\xD0\xAF\xD0\x81@x.ru", "\xD0\xB0\xD1\x8F\xD1\x91@x.ru"}, /* АЯЁ */
        {"\xCE\xA3\xCE\x86@x.gr", "\xCF\x83\xCE\xAC@x.gr"},                 /* ΣΆ */
        {"\xE7\x94\xA8@x.cn", "\xE7\x94\xA8@x.cn"},
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
        {"", ""},
    };
    struct arena *arena = arena_new(65536);
    struct str key;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(email_key_before(arena, str_of(rows[i].typed), &key), OK);
        assert_true(str_eq(key, str_of(rows[i].key)));
    }
    assert_int_equal(email_key_before(arena, STR("a\xFF"), &key), ERR_INVALID);
    arena_free(arena);
}

static void one_mailbox_has_one_key_however_it_is_typed(void **state)
{
    static const struct {
        const char *typed, *key;
    } rows[] = {
        {"Test@TEST.Com", "test@test.com"},
        {"ann@m\xC3\xBCnchen.de", "ann@xn--mnchen-3ya.de"},
        {"ann@mu\xCC\x88nchen.de", "ann@xn--mnchen-3ya.de"}, /* the two dots by themselves */
        {"ann@M\xC3\x9CNCHEN.DE", "ann@xn--mnchen-3ya.de"},
        {"ann@XN--mnchen-3YA.de", "ann@xn--mnchen-3ya.de"},
        {"ann@\xE4\xBE\x8B\xE3\x81\x88.jp", "ann@xn--r8jz45g.jp"},
        {"\xE2\x84\xAA"
         "elvin@x.com",
         "kelvin@x.com"}, /* the Kelvin sign */
        {"jo\xC5\xBF"
         "e@x.com",
         "jose@x.com"}, /* the long s */
        {"jos\xC3\xA9@x.com", "jos\xC3\xA9@x.com"},
        {"JOSE\xCC\x81@x.com", "jos\xC3\xA9@x.com"},
        {"\xC3\x84\xC3\x96\xC3\x9C@x.de", "\xC3\xA4\xC3\xB6\xC3\xBC@x.de"},
        {"\xD0\x90\xD0\xAF@x.ru", "\xD0\xB0\xD1\x8F@x.ru"},
        {"a@r3---sn-x.example.com", "a@r3---sn-x.example.com"},
    };
    struct arena *arena = arena_new(1 << 20);
    struct str key, again;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(email_key(arena, str_of(rows[i].typed), &key), OK);
        if (!str_eq(key, str_of(rows[i].key)))
            fail_msg("%s: %.*s", rows[i].typed, (int)key.len, key.at);
        assert_int_equal(email_key(arena, key, &again), OK);
        assert_true(str_eq(again, key));
    }
    arena_free(arena);
}

static void letters_that_only_look_alike_stay_apart(void **state)
{
    static const char *const pairs[][2] = {
        {"anna@x.com", "\xD0\xB0nna@x.com"},     /* Latin and Cyrillic a */
        {"a@paypal.com", "a@p\xD0\xB0ypal.com"}, /* in a domain */
        {"stra\xC3\x9F"
         "e@x.com",
         "strasse@x.com"},
        {"a@fa\xC3\x9F.de", "a@fass.de"},
        {"o@x.com", "0@x.com"},
        {"\xCE\xBF@x.com", "o@x.com"}, /* Greek omicron */
    };
    struct arena *arena = arena_new(1 << 20);

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct str one, other;

        assert_int_equal(email_key(arena, str_of(pairs[i][0]), &one), OK);
        assert_int_equal(email_key(arena, str_of(pairs[i][1]), &other), OK);
        assert_false(str_eq(one, other));
    }
    arena_free(arena);
}

static void a_domain_that_cannot_be_looked_up_has_no_key(void **state)
{
    static const char *const bad[] = {"a@xn--a.com", "a@xn--zzzzzz99999.com",
                                      "a@\xE2\x98\x83\xE2\x80\xA4.com"};
    struct arena *arena = arena_new(1 << 20);
    char wide[EMAIL_MAX + 1] = "a@";
    struct str key;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(email_key(arena, str_of(bad[i]), &key), ERR_INVALID);
    for (int i = 0; i < 12; i++) /* longer in ASCII than an address may be */
        strcat(wide, "\xE4\xBE\x8B\xE3\x81\x88\xC3\xBC.");
    strcat(wide, "de");
    (void)email_key(arena, str_of(wide), &key); /* and whatever it is, it fits or is refused */
    arena_free(arena);
}

static void a_key_without_room_is_an_error(void **state)
{
    struct arena *arena = arena_new(16);
    struct str key;

    (void)state;
    assert_int_equal(email_key_before(arena, STR("someone.long@example.com"), &key), ERR_MEMORY);
    assert_int_equal(email_key(arena, STR("someone.long@example.com"), &key), ERR_MEMORY);
    arena_free(arena);
}

static void a_password_is_the_same_from_every_keyboard(void **state)
{
    static const struct {
        const char *typed, *normal;
    } rows[] = {
        {"cafe\xCC\x81 au lait", "caf\xC3\xA9 au lait"},
        {"caf\xC3\xA9 au lait", "caf\xC3\xA9 au lait"},
        {"\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x93 four", "123 four"}, /* full width */
        {"\xC2\xA0 in between \xC2\xA0", "in between"},
        {"Case Stays", "Case Stays"},
        {"", ""},
    };
    struct arena *arena = arena_new(65536);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(str_eq(password_normal(arena, str_of(rows[i].typed)), str_of(rows[i].normal)));
    arena_free(arena);
}

static void a_password_has_8_to_128_code_points(void **state)
{
    char bytes[600];

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    assert_false(password_length_valid((struct str){bytes, 0}));
    assert_false(password_length_valid((struct str){bytes, 7}));
    assert_true(password_length_valid((struct str){bytes, 8}));
    assert_true(password_length_valid((struct str){bytes, 128}));
    assert_false(password_length_valid((struct str){bytes, 129}));
    for (size_t i = 0; i < 130; i++)
        memcpy(bytes + i * 4, "\xF0\x9F\x94\x91", 4); /* keys */
    assert_false(password_length_valid((struct str){bytes, 7 * 4}));
    assert_true(password_length_valid((struct str){bytes, 8 * 4}));
    assert_true(password_length_valid((struct str){bytes, 128 * 4}));
    assert_false(password_length_valid((struct str){bytes, 129 * 4}));
}

static void a_status_survives_its_row(void **state)
{
    enum user_status status = USER_BANNED;

    (void)state;
    assert_true(user_status_parse(user_status_text(USER_ACTIVE), &status));
    assert_int_equal(status, USER_ACTIVE);
    assert_true(user_status_parse(user_status_text(USER_BANNED), &status));
    assert_int_equal(status, USER_BANNED);
    assert_false(user_status_parse(STR("Active"), &status));
    assert_false(user_status_parse((struct str){NULL, 0}, &status));
}

static void a_new_user_is_active_at_version_0(void **state)
{
    struct password_hash hash = {"$argon2id$"};
    struct user user = user_new((struct object_id){{1}}, STR("A@b.co"), STR("a@b.co"), &hash,
                                (struct wall_ms){77});

    (void)state;
    assert_int_equal(user.version, 0);
    assert_int_equal(user.status, USER_ACTIVE);
    assert_int_equal(user.created_at.ms, 77);
    assert_true(str_eq(user.email, STR("A@b.co")));
    assert_true(str_eq(user.email_key, STR("a@b.co")));
    assert_string_equal(user.hash.text, "$argon2id$");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_everyday_address_is_valid),
        cmocka_unit_test(letters_of_other_scripts_are_valid),
        cmocka_unit_test(a_broken_address_is_refused),
        cmocka_unit_test(the_parts_of_an_address_have_their_longest),
        cmocka_unit_test(an_address_has_at_most_254_bytes),
        cmocka_unit_test(accounts_of_before_compare_without_case),
        cmocka_unit_test(one_mailbox_has_one_key_however_it_is_typed),
        cmocka_unit_test(letters_that_only_look_alike_stay_apart),
        cmocka_unit_test(a_domain_that_cannot_be_looked_up_has_no_key),
        cmocka_unit_test(a_password_is_the_same_from_every_keyboard),
        cmocka_unit_test(a_key_without_room_is_an_error),
        cmocka_unit_test(a_password_has_8_to_128_code_points),
        cmocka_unit_test(a_status_survives_its_row),
        cmocka_unit_test(a_new_user_is_active_at_version_0),
    };

    return cmocka_run_group_tests_name("auth/user", tests, NULL, NULL);
}
