/* Unit tests of what a gate is told. */
#include "services/entries/door/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct scan_facts right = {.issued = true, .this_show = true, .status = ENTRY_VALID};

static void assert_judged(const struct scan_facts *facts, enum scan_answer answer,
                          const char *reason)
{
    struct str why;

    assert_int_equal(scan_judge(facts, &why), answer);
    assert_true(str_eq(why, str_of(reason)));
}

static void what_is_right_may_be_let_in(void **state)
{
    struct scan_facts facts = right;

    (void)state;
    assert_judged(&facts, SCAN_ADMITTED, "");
    facts.code_version = facts.entry_version = 3;
    assert_judged(&facts, SCAN_ADMITTED, "");
    facts.code_version = 0;
    facts.typed = true;
    assert_judged(&facts, SCAN_ADMITTED, ""); /* a serial says nothing of a version */
}

static void what_is_void_is_told_with_its_reason(void **state)
{
    struct scan_facts facts = right;

    (void)state;
    facts.show_cancelled = true;
    assert_judged(&facts, SCAN_VOID, "cancelled");
    facts.entry_version = 1;
    assert_judged(&facts, SCAN_VOID, "transferred");
    facts.status = ENTRY_VOID;
    assert_judged(&facts, SCAN_VOID, "refunded");
    facts.successor = true;
    assert_judged(&facts, SCAN_VOID, "transferred");
    facts.of_other_order = true;
    assert_judged(&facts, SCAN_VOID, "resold");
}

static void another_show_counts_for_more_than_what_is_void(void **state)
{
    struct scan_facts facts = right;

    (void)state;
    facts.this_show = false;
    facts.status = ENTRY_VOID;
    assert_judged(&facts, SCAN_OTHER_SHOW, "");
    facts.same_title_there = true;
    assert_judged(&facts, SCAN_OTHER_DAY, "");
    facts.issued = false;
    assert_judged(&facts, SCAN_NOT_OURS, "organisers_file");
}

static int64_t time_of(int64_t gate_at, int64_t gate_now, int64_t received)
{
    return scan_time((struct wall_ms){gate_at}, (struct wall_ms){gate_now},
                     (struct wall_ms){received})
        .ms;
}

static void a_wrong_clock_is_reckoned_with(void **state)
{
    (void)state;
    assert_int_equal(time_of(0, 0, 5000), 5000);       /* it said nothing */
    assert_int_equal(time_of(4000, 0, 5000), 4000);    /* it is believed … */
    assert_int_equal(time_of(6000, 0, 5000), 5000);    /* … as far as that can be */
    assert_int_equal(time_of(100, 600, 5000), 4500);   /* half a second ago */
    assert_int_equal(time_of(9100, 9600, 5000), 4500); /* the same, by a clock that is ahead */
    assert_int_equal(time_of(9600, 9100, 5000), 5000); /* set back meanwhile */
}

static void words_are_read_back(void **state)
{
    enum scan_answer read;

    (void)state;
    for (enum scan_answer answer = SCAN_ADMITTED; answer <= SCAN_NOT_OURS; answer++) {
        assert_true(scan_answer_parse(scan_answer_text(answer), &read));
        assert_int_equal(read, answer);
    }
    assert_false(scan_answer_parse(STR("maybe"), &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_may_be_let_in),
        cmocka_unit_test(what_is_void_is_told_with_its_reason),
        cmocka_unit_test(another_show_counts_for_more_than_what_is_void),
        cmocka_unit_test(a_wrong_clock_is_reckoned_with),
        cmocka_unit_test(words_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
