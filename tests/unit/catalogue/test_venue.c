/* tests/unit/catalogue/test_venue.c: what may become of a venue. */
#include "services/catalogue/venue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct object_id first = {{1}}, second = {{2}};

static struct venue venue_of(enum venue_status status)
{
    return (struct venue){.id = first, .version = 4, .status = status};
}

static void a_proposal_is_accepted_or_refused_once(void **state)
{
    struct venue venue = venue_of(VENUE_PROPOSED);

    (void)state;
    assert_int_equal(venue_accept(&venue), OK);
    assert_int_equal(venue.status, VENUE_ACCEPTED);
    assert_int_equal(venue.version, 5);
    assert_int_equal(venue_accept(&venue), ERR_WRONG_STATUS);
    assert_int_equal(venue_refuse(&venue), ERR_WRONG_STATUS);
    assert_int_equal(venue.version, 5);
    venue = venue_of(VENUE_PROPOSED);
    assert_int_equal(venue_refuse(&venue), OK);
    assert_int_equal(venue_accept(&venue), ERR_WRONG_STATUS);
    assert_int_equal(venue_correct(&venue, &(struct venue_fields){.latitude = 0}),
                     ERR_WRONG_STATUS);
}

static void what_was_merged_never_changes_again(void **state)
{
    struct venue into = venue_of(VENUE_ACCEPTED), venue = venue_of(VENUE_PROPOSED);

    (void)state;
    into.id = second;
    assert_int_equal(venue_merge(&venue, &into), OK);
    assert_true(object_id_eq(venue.merged_into, second));
    assert_int_equal(venue.version, 5);
    assert_int_equal(venue_accept(&venue), ERR_MERGED);
    assert_int_equal(venue_merge(&venue, &into), ERR_MERGED);
    assert_int_equal(venue_correct(&venue, &(struct venue_fields){.latitude = 0}), ERR_MERGED);
    assert_int_equal(venue.version, 5);
}

static void only_another_one_that_stands_is_merged_into(void **state)
{
    struct venue venue = venue_of(VENUE_ACCEPTED), into = venue_of(VENUE_ACCEPTED);

    (void)state;
    assert_int_equal(venue_merge(&venue, &into), ERR_MERGE_TARGET); /* itself */
    into.id = second;
    for (enum venue_status status = VENUE_PROPOSED; status <= VENUE_REFUSED; status++) {
        into.status = status;
        if (status != VENUE_ACCEPTED)
            assert_int_equal(venue_merge(&venue, &into), ERR_MERGE_TARGET);
    }
    into.status = VENUE_ACCEPTED;
    into.merged_into = first;
    assert_int_equal(venue_merge(&venue, &into), ERR_MERGE_TARGET);
    assert_int_equal(venue.version, 4);
}

static void a_country_is_one_of_iso_3166(void **state)
{
    static const char *const good[] = {"AD", "DE", "GB", "US", "ZW", "SS"};
    static const char *const bad[] = {"de", "UK", "EU", "XX", "D", "DEU", "", "D ", " D", "AN"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(country_valid(str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(country_valid(str_of(bad[i])));
}

static void a_name_can_be_seen_and_stands_on_one_line(void **state)
{
    (void)state;
    assert_int_equal(name_fault(STR("Astra")), NAME_FINE);
    assert_int_equal(name_fault(STR("東京ドーム")), NAME_FINE);
    assert_int_equal(name_fault(STR("")), NAME_EMPTY);
    assert_int_equal(name_fault(STR(" \t")), NAME_EMPTY);
    assert_int_equal(name_fault(STR("\xe2\x80\x8b")), NAME_INVISIBLE);
    assert_int_equal(name_fault(STR("a\nb")), NAME_CONTROLS);
    assert_int_equal(name_fault(STR("a\u2028b")), NAME_CONTROLS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proposal_is_accepted_or_refused_once),
        cmocka_unit_test(what_was_merged_never_changes_again),
        cmocka_unit_test(only_another_one_that_stands_is_merged_into),
        cmocka_unit_test(a_country_is_one_of_iso_3166),
        cmocka_unit_test(a_name_can_be_seen_and_stands_on_one_line),
    };

    return cmocka_run_group_tests_name("catalogue/venue", tests, NULL, NULL);
}
