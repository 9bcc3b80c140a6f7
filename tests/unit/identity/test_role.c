/* tests/unit/base/test_role.c: what staff may do. */
#include "identity/role.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void each_role_has_its_word_and_no_other_word_is_one(void **state)
{
    static const char *const others[] = {"", "Admin", "admin ", "adm", "root", "catalogues"};
    enum role found;

    for (enum role role = 0; role < ROLE_COUNT; role++) {
        assert_true(role_parse(role_text(role), &found));
        assert_int_equal(found, role);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(role_parse(str_of(others[i]), &found));
}

static void who_has_a_role_may_do_what_it_is_for_and_an_admin_all(void **state)
{
    struct role_set none = {0}, one = {0}, admin = {0};

    role_add(&one, ROLE_CATALOGUE);
    role_add(&admin, ROLE_ADMIN);
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        assert_false(role_allows(none, role));
        assert_int_equal(role_allows(one, role), role == ROLE_CATALOGUE);
        assert_true(role_allows(admin, role));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_has_its_word_and_no_other_word_is_one),
        cmocka_unit_test(who_has_a_role_may_do_what_it_is_for_and_an_admin_all),
    };

    return cmocka_run_group_tests_name("identity/role", tests, NULL, NULL);
}
