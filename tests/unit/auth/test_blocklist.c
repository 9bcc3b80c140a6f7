/* tests/unit/auth/test_blocklist.c: the list of common passwords is whole and searched rightly. */
#include "services/auth/blocklist.h"
#include "services/auth/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LINES_MIN 1000

/* Takes the next line off text. */
static bool take_line(struct str *text, struct str *line)
{
    const char *newline = text->len ? memchr(text->at, '\n', text->len) : NULL;

    if (!newline) return false;
    *line = (struct str){text->at, (size_t)(newline - text->at)};
    text->at = newline + 1;
    text->len -= line->len + 1;
    return true;
}

static void every_line_could_be_a_password(void **state)
{
    struct str list = auth_common_passwords, line;
    size_t lines = 0;

    (void)state;
    while (take_line(&list, &line)) {
        assert_true(password_length_valid(line));
        for (size_t i = 0; i < line.len; i++) {
            assert_true(line.at[i] > ' ' && line.at[i] < 0x7F);
            assert_false(line.at[i] >= 'A' && line.at[i] <= 'Z');
        }
        lines++;
    }
    assert_int_equal(list.len, 0); /* the last line ends, too */
    assert_true(lines >= LINES_MIN);
}

static void lines_are_sorted_and_there_once(void **state)
{
    struct str list = auth_common_passwords, last = {"", 0}, line;

    (void)state;
    while (take_line(&list, &line)) {
        size_t shorter = last.len < line.len ? last.len : line.len;
        int order = memcmp(last.at, line.at, shorter);

        assert_true(order < 0 || (order == 0 && last.len < line.len));
        last = line;
    }
}

static void every_line_is_found(void **state)
{
    struct str list = auth_common_passwords, line;

    (void)state;
    while (take_line(&list, &line))
        assert_true(password_common(line));
}

static void common_passwords_are_found_in_any_case(void **state)
{
    static const char *const common[] = {
        "password", "Password1", "PASSWORD", "iloveyou1", "Qwerty123", "12345678", "Passw0rd!",
    };

    (void)state;
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        assert_true(password_common(str_of(common[i])));
    }
}

static void others_are_not_found(void **state)
{
    static const char *const rare[] = {
        "",
        "a",
        "!",
        "passwor",
        "~~~~~~~~~~~~",
        "passwordpasswordpasswordpassword1",
        "correct horse battery staple",
        "password\nqwerty",
        "\n",
        "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC",
        "zzzzzzzzzzzzzzzzzzzzzzz",
        "Tr0mbone-harvest-42",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rare / sizeof rare[0]; i++) {
        assert_false(password_common(str_of(rare[i])));
    }
    assert_false(password_common((struct str){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_could_be_a_password),
        cmocka_unit_test(lines_are_sorted_and_there_once),
        cmocka_unit_test(every_line_is_found),
        cmocka_unit_test(common_passwords_are_found_in_any_case),
        cmocka_unit_test(others_are_not_found),
    };

    return cmocka_run_group_tests_name("auth/blocklist", tests, NULL, NULL);
}
