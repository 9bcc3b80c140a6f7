/* Unit tests of identity/user_id: one rule for whoever names a user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "identity/user_id.h"

static void one_to_sixty_four_characters_are_an_id_however_many_bytes(void **state)
{
    char text[4 * 65 + 1] = "";

    assert_false(user_id_valid(STR("")));
    for (int points = 1; points <= 65; points++) {
        strcat(text, "🎭");
        assert_int_equal(user_id_valid(str_of(text)), points <= 64);
    }
    assert_true(user_id_valid(STR("auth0|5f7c8ec7c33c6c004bbafe82")));
    assert_true(user_id_valid(STR("with a space")));
}

static void controls_and_broken_utf_8_are_no_id(void **state)
{
    static const char *const bad[] = {"a\nb", "\x7f", "a\xc2\x80", "\xc2\x9f",
                                      "\xff", "\xc3", "a\t"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(user_id_valid(str_of(bad[i])));
    assert_true(user_id_valid(STR("\xc2\xa0")));
    assert_false(user_id_valid((struct str){"a\0b", 3}));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_to_sixty_four_characters_are_an_id_however_many_bytes),
        cmocka_unit_test(controls_and_broken_utf_8_are_no_id),
    };

    return cmocka_run_group_tests_name("identity/user_id", tests, NULL, NULL);
}
