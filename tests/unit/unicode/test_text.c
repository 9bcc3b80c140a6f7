/* Unit tests of unicode/text: what can be seen of a text, and what may not reach beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/arena.h"
#include "unicode/text.h"

static void nothing_but_spaces_formats_and_marks_is_not_visible(void **state)
{
    static const char *const invisible[] = {
        "",
        " \t\n",
        "\u00a0",                   /* no-break space */
        "\u200b",                   /* zero width space */
        "\u200e\u200f",             /* marks of direction */
        "\u2060\ufeff",             /* joiners of words */
        "\u00ad",                   /* soft hyphen */
        "\u180e",                   /* Mongolian vowel separator */
        "\u2028\u2029",             /* ends of lines and paragraphs */
        "\u3000\u2003",             /* wide spaces */
        "\u3164\u115f\u1160\uffa0", /* fillers of Hangul */
        "\u2800",                   /* the empty Braille pattern */
        "\u034f\u0301",             /* marks without a letter */
        "\ufe0f",
        "\U000e0041\U000e007f", /* tags */
        "\U0001d159",           /* null note head */
        "\ufffc",
        "\u202e\u202c",
        "\ue000", /* private: nobody has a picture of it */
        "\u0378", /* nothing yet */
    };

    for (size_t i = 0; i < sizeof invisible / sizeof *invisible; i++)
        if (text_is_visible(str_of(invisible[i]))) fail_msg("%zu is visible", i);
}

static void letters_digits_signs_and_symbols_are_visible(void **state)
{
    static const char *const visible[] = {
        "A",
        ".",
        "$",
        "\u200bA",
        "\u0645\u0633\u0631\u062d",
        "\u05ea\u05d9\u05d0\u05d8",
        "\U0001f3ab",
        "\u2665",
        "1\ufe0f\u20e3",
        "\u4e2d",
        "\u0e01",
        "\ud55c",
    };

    for (size_t i = 0; i < sizeof visible / sizeof *visible; i++)
        if (!text_is_visible(str_of(visible[i]))) fail_msg("%s is not visible", visible[i]);
}

static void controls_line_ends_and_what_no_text_has_are_not_of_one_line(void **state)
{
    static const char *const bad[] = {
        "a\nb",
        "a\tb",
        "\x7f"
        "b",
        "a\xc2\x85"
        "b",
        "\xc2\x80"
        "b",
        "a\xc2\x9f",
        "a\u2028b",
        "\u2029b",
        "\ufeffa",
        "a\ufeffb",
        "a\u206ab",
        "a\u206f",
        "\ufff9a",
        "a\ufffb",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (text_is_one_line(str_of(bad[i]))) fail_msg("%zu is one line", i);
}

static void letters_of_any_script_and_what_shapes_them_are_one_line(void **state)
{
    static const char *const good[] = {
        "",
        "Mono Lake",
        "\u00a0",
        "a\u00adb",
        "\u0e01\u200b\u0e02",
        "\u2067\u05e9\u2069 tonight",
        "\u0645\u06cc\u200c\u062e",
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "\U0001f3f4\U000e0067\U000e0062\U000e007f",
        "\u4e1c\u4eac",
        "a\ufffdb",
        "\u202ax\u202c",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!text_is_one_line(str_of(good[i]))) fail_msg("%zu is not one line", i);
}

static void check(const char *typed, const char *kept)
{
    struct arena *arena = arena_new(65536);
    struct str text = text_contained(arena, str_of(typed));

    if (!str_eq(text, str_of(kept))) fail_msg("%s became %.*s", typed, (int)text.len, text.at);
    arena_free(arena);
}

static void what_turns_its_neighbours_round_is_left_out(void **state)
{
    check("photo\u202egnp.exe", "photognp.exe");
    check("a\u202dz\u202c", "az");                 /* override and its end */
    check("a\u202bz", "az");                       /* never closed */
    check("a\u202cz\u2069", "az");                 /* never opened */
    check("\u2067\u202bz\u2069", "\u2067z\u2069"); /* ends with its isolate */
    check("\u202b\u2067z\u202c\u2069\u202c", "\u202b\u2067z\u2069\u202c");
    check("\u2066a", "a");
    check("\u202a\u202b\u202c", "\u202b\u202c");
}

static void what_is_closed_stays(void **state)
{
    check("a \u202b\u05d0\u202c z", "a \u202b\u05d0\u202c z");
    check("\u2067\u05d0 \u2066b\u2069\u2069", "\u2067\u05d0 \u2066b\u2069\u2069");
    check("\u05d0\u200f!", "\u05d0\u200f!");
    check("plain", "plain");
    check("", "");
}

static void a_letter_keeps_three_marks(void **state)
{
    check("a\u0300\u0301\u0302z", "a\u0300\u0301\u0302z");
    check("a\u0300\u0301\u0302\u0303\u0304z\u0300", "a\u0300\u0301\u0302z\u0300");
    check("a\u0300\u0301\u0302\u034f\u0303", "a\u0300\u0301\u0302\u034f"); /* no way round it */
    check("a\u0300\u0301\u0302\u200d\u0303", "a\u0300\u0301\u0302\u200d");
    check("\u0e01\u0e47\u0e47\u0e47\u0e47\u0e47", "\u0e01\u0e47\u0e47\u0e47");
    check("\u05e9\u05c1\u05bc\u05b8", "\u05e9\u05c1\u05bc\u05b8"); /* pointed Hebrew */
}

static void emoji_and_scripts_stay_as_they_are(void **state)
{
    static const char *const whole[] = {
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", /* a family */
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "1\ufe0f\u20e3 \u2764\ufe0f\U0001f44d\U0001f3fd",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", /* England */
        "\u0645\u0633\u0652\u0631\u064e\u062d\u064c",
        "\u0639\u200c\u0644", /* Persian non-joiner */
        "\u0915\u094d\u0937\u093f\u0902",
        "\u0f62\u0f92\u0fb1\u0f74",
        "Tr\u1ea7n \u0110\u1ee9c, e\u0302\u0301",
    };

    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        check(whole[i], whole[i]);
}

static void a_folded_text_has_no_case_and_no_accents(void **state)
{
    static const char *const folds[][2] = {{"Sigur R\u00f3s", "sigur ros"},
                                           {"Sigur Ro\u0301s", "sigur ros"},
                                           {"STRASSE", "strasse"},
                                           {"Stra\u00dfe", "strasse"},
                                           {"\u6771\u4eac", "\u6771\u4eac"},
                                           {"\uff21\ufb01", "afi"},
                                           {"", ""}};
    struct arena *arena = arena_new(65536);

    (void)state;
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
        struct str folded = text_folded(arena, str_of(folds[i][0]));

        if (!str_eq(folded, str_of(folds[i][1])))
            fail_msg("%s became %.*s", folds[i][0], (int)folded.len, folded.at);
    }
    arena_free(arena);
}

static void without_memory_there_is_no_text(void **state)
{
    struct arena *arena = arena_new(16);

    assert_null(text_contained(arena, STR("a title of more than sixteen bytes\u202b")).at);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_spaces_formats_and_marks_is_not_visible),
        cmocka_unit_test(letters_digits_signs_and_symbols_are_visible),
        cmocka_unit_test(controls_line_ends_and_what_no_text_has_are_not_of_one_line),
        cmocka_unit_test(letters_of_any_script_and_what_shapes_them_are_one_line),
        cmocka_unit_test(what_turns_its_neighbours_round_is_left_out),
        cmocka_unit_test(what_is_closed_stays),
        cmocka_unit_test(a_letter_keeps_three_marks),
        cmocka_unit_test(emoji_and_scripts_stay_as_they_are),
        cmocka_unit_test(a_folded_text_has_no_case_and_no_accents),
        cmocka_unit_test(without_memory_there_is_no_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
