/* Unit tests of unicode/words: what a text is found by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "unicode/words.h"

#include <string.h>

static void words_are(const char *text, bool asked, const char *expected)
{
    struct arena *arena = arena_new(1 << 20);
    struct word_list list;
    char shown[4096] = "";

    assert_true(text_words(arena, str_of(text), asked, 64, &list));
    for (size_t i = 0; i < list.count; i++) {
        if (i) strcat(shown, "|");
        strncat(shown, list.at[i].at, list.at[i].len);
    }
    assert_string_equal(shown, expected);
    arena_free(arena);
}

static void case_accents_and_width_do_not_count(void **state)
{
    words_are("Sigur R\xc3\xb3s", false, "sigur|ros");
    words_are("STRASSE Stra\xc3\x9f"
              "e",
              false, "strasse|strasse");
    words_are("R\xc3\xb8yksopp \xc5\x81\xc3\xb3"
              "d\xc5\xba",
              false, "royksopp|lodz");
    words_are("\xef\xbc\xb3\xef\xbc\xa9 \xe2\x85\xa3 x\xc2\xb2", false, "si|iv|x2");
    words_are("\xce\x9f\xce\x94\xce\x9f\xce\xa3", false, "\xce\xbf\xce\xb4\xce\xbf\xcf\x83");
}

static void words_end_at_what_is_no_letter_but_for_apostrophes(void **state)
{
    words_are("Don't  look--back (live), 24/7!", false, "dont|look|back|live|24|7");
    words_are("rock \xe2\x80\x99n\xe2\x80\x99 roll", false, "rock|n|roll");
    words_are("!!! \xf0\x9f\x8e\xb8 \x01\t", false, "");
    words_are("", false, "");
}

static void scripts_without_spaces_are_pairs_of_neighbours(void **state)
{
    words_are("\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd", false,
              "\xe6\x9d\xb1\xe4\xba\xac|\xe4\xba\xac\xe9\x83\xbd|\xe9\x83\xbd");
    words_are("\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd", true,
              "\xe6\x9d\xb1\xe4\xba\xac|\xe4\xba\xac\xe9\x83\xbd");
    words_are("\xe6\x9d\xb1", true, "\xe6\x9d\xb1");
    words_are("DJ\xe6\x9d\xb1 x", true, "dj|\xe6\x9d\xb1|x");
    /* a voiced kana, and Hangul in its letters, are one with how others write them */
    words_are("\xef\xbd\xb6\xef\xbe\x9e", true, "\xe3\x82\xab");
    words_are("\xe1\x84\x89\xe1\x85\xa5", true, "\xec\x84\x9c");
}

static void long_words_and_many_are_cut(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct word_list list;
    char text[3 * WORD_POINTS_MAX + 1];

    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_true(text_words(arena, str_of(text), false, 4, &list));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.at[0].len, WORD_POINTS_MAX);
    assert_true(text_words(arena, STR("a b c d e f"), false, 4, &list));
    assert_int_equal(list.count, 4);
    assert_true(text_words(arena, STR("a b"), false, 0, &list));
    assert_int_equal(list.count, 0);
    arena_free(arena);
}

static void a_name_is_joined_to_be_compared(void **state)
{
    struct arena *arena = arena_new(1 << 20);

    assert_true(str_eq(text_joined(arena, STR("New  Y\xc3\xb6rk")), STR("newyork")));
    assert_true(str_eq(text_joined(arena, STR("")), STR("")));
    assert_true(str_eq(text_joined(arena, STR("0r12c3")), STR("0r12c3")));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_accents_and_width_do_not_count),
        cmocka_unit_test(words_end_at_what_is_no_letter_but_for_apostrophes),
        cmocka_unit_test(scripts_without_spaces_are_pairs_of_neighbours),
        cmocka_unit_test(long_words_and_many_are_cut),
        cmocka_unit_test(a_name_is_joined_to_be_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
