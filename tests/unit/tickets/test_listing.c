/* The rules of a listing: its places, its prices, what may become of it; and of the market: splits
 * and shows. */
#include "base/json.h"
#include "services/tickets/listing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct listing on_sale(void)
{
    return (struct listing){.version = 2,
                            .section = STR("Block A"),
                            .row = STR("4"),
                            .terms = {.split = SPLIT_ANY, .price_cents = 2000},
                            .quantity = 4};
}

static void a_split_says_how_many_may_go(void **state)
{
    static const struct {
        enum split split;
        int64_t free, count;
        bool allows;
    } cases[] = {
        {SPLIT_ANY, 4, 1, true},       {SPLIT_ANY, 4, 4, true},
        {SPLIT_ANY, 4, 0, false},      {SPLIT_ANY, 4, 5, false},
        {SPLIT_ANY, 4, -2, false},     {SPLIT_PAIRS, 4, 2, true},
        {SPLIT_PAIRS, 4, 4, true},     {SPLIT_PAIRS, 4, 1, false},
        {SPLIT_PAIRS, 4, 3, false},    {SPLIT_PAIRS, 4, 6, false},
        {SPLIT_ALL, 4, 4, true},       {SPLIT_ALL, 4, 3, false},
        {SPLIT_ALL, 1, 1, true},       {SPLIT_NO_SINGLE, 4, 3, false},
        {SPLIT_NO_SINGLE, 4, 4, true}, {SPLIT_NO_SINGLE, 4, 1, true},
        {SPLIT_NO_SINGLE, 4, 2, true}, {SPLIT_NO_SINGLE, 2, 1, false},
        {SPLIT_NO_SINGLE, 1, 1, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (split_allows(cases[i].split, cases[i].free, cases[i].count) != cases[i].allows)
            fail_msg("%s: %d of %d", split_text(cases[i].split).at, (int)cases[i].count,
                     (int)cases[i].free);
}

static void a_split_fits_what_can_be_sold_by_it(void **state)
{
    enum split split;

    (void)state;
    assert_true(split_fits(SPLIT_PAIRS, 4) && split_fits(SPLIT_PAIRS, 0));
    assert_false(split_fits(SPLIT_PAIRS, 3));
    assert_false(split_fits(SPLIT_NO_SINGLE, 1));
    assert_true(split_fits(SPLIT_NO_SINGLE, 0) && split_fits(SPLIT_NO_SINGLE, 2));
    assert_true(split_fits(SPLIT_ALL, 1) && split_fits(SPLIT_ANY, 1));
    for (enum split each = SPLIT_ANY; each <= SPLIT_NO_SINGLE; each++)
        assert_true(split_parse(split_text(each), &split) && split == each);
    assert_false(split_parse(STR("threes"), &split));
}

static void a_show_sells_until_it_starts(void **state)
{
    static const struct wall_ms before = {999}, start = {1000};
    struct show_copy show = {.status = STR("scheduled"), .starts_at = {1000}};

    (void)state;
    assert_int_equal(show_sale(&show, before), SALE_OPEN);
    assert_int_equal(show_sale(&show, start), SALE_STARTED);
    show.status = STR("postponed");
    assert_int_equal(show_sale(&show, start), SALE_OPEN);
    show.status = STR("proposed");
    assert_int_equal(show_sale(&show, before), SALE_PROPOSED);
    show.status = STR("cancelled");
    assert_int_equal(show_sale(&show, before), SALE_CANCELLED);
    show.status = STR("some word to come");
    assert_int_equal(show_sale(&show, before), SALE_CANCELLED);
    show.merged_into.bytes[0] = 1;
    assert_int_equal(show_sale(&show, before), SALE_MERGED);
}

static void places_compare_without_case_spaces_and_zeros(void **state)
{
    struct str key = area_key(arena, STR("Block A"), STR("7"));

    (void)state;
    assert_true(str_eq(key, area_key(arena, STR(" BLOCK a"), STR("007"))));
    assert_true(str_eq(key, area_key(arena, STR("\uff22lock\u00a0A"), STR("\uff17"))));
    assert_false(str_eq(key, area_key(arena, STR("Block A"), STR("70"))));
    assert_false(str_eq(key, area_key(arena, STR("Block A7"), STR(""))));
    assert_false(str_eq(key, area_key(arena, STR(""), STR("Block A7"))));
    assert_false(str_eq(key, area_key(arena, STR("Bl\u00f6ck A"), STR("7"))));
}

static void a_title_keeps_its_place_and_its_bound(void **state)
{
    struct listing listing = on_sale();
    char show[1001];
    struct str title = listed_title(arena, STR("Mono Lake"), &listing, STR("12"));

    (void)state;
    assert_true(str_eq(title, STR("Mono Lake, Block A, row 4, seat 12")));
    memset(show, 'x', sizeof show);
    title = listed_title(arena, (struct str){show, 200}, &listing, STR("12"));
    assert_int_equal(str_code_points(title), TITLE_CODE_POINTS_MAX);
    assert_memory_equal(title.at + title.len - 25, ", Block A, row 4, seat 12", 25);
    listing.section = listing.row = STR("");
    assert_true(str_eq(listed_title(arena, STR("Mono Lake"), &listing, STR("")), STR("Mono Lake")));
}

static void labels_are_one_visible_line(void **state)
{
    (void)state;
    assert_true(label_valid(STR("Block A"), 40));
    assert_false(label_valid(STR(""), 40) || label_valid(STR("\u200b"), 40));
    assert_false(label_valid(STR("A\nB"), 40) || label_valid(STR("A\x7f"), 40));
    assert_false(label_valid(STR("\ufeffA"), 40) || label_valid(STR("A\xc2\x85"), 40));
    assert_true(label_valid(STR("\u00e9\u00e9\u00e9"), 3));
    assert_false(label_valid(STR("\u00e9\u00e9\u00e9"), 2));
}

static void a_price_is_bounded_over_face_value(void **state)
{
    (void)state;
    assert_int_equal(price_cap(5000, 2000), 6000);
    assert_int_equal(price_cap(5000, 0), 5000);
    assert_int_equal(price_cap(99, 1), 99);
    assert_int_equal(price_cap(0, NO_BOUND), PRICE_CENTS_MAX);
    assert_int_equal(price_cap(PRICE_CENTS_MAX, 100000), PRICE_CENTS_MAX);
}

static void a_change_makes_the_next_version_or_none(void **state)
{
    struct listing listing = on_sale();
    struct listing_terms terms = {.split = SPLIT_PAIRS, .price_cents = 3000};
    bool changed;

    (void)state;
    assert_int_equal(listing_edit(&listing, &terms, 3), ERR_SPLIT_LEFT);
    assert_int_equal(listing.version, 2);
    assert_int_equal(listing_edit(&listing, &terms, 2), OK);
    assert_int_equal(listing.version, 3);
    assert_int_equal(listing_edit(&listing, &terms, 3), OK); /* the split stays what it was */
    listing_withdraw(&listing, &changed);
    assert_true(changed && listing.withdrawn && listing.version == 5);
    listing_withdraw(&listing, &changed);
    assert_true(!changed && listing.version == 5);
    assert_int_equal(listing_edit(&listing, &terms, 2), ERR_LISTING_WITHDRAWN);
}

static void what_comes_back_is_what_its_listing_says(void **state)
{
    struct listing listing = on_sale();
    struct ticket ticket = {.version = 5, .price_cents = 1000};

    (void)state;
    ticket_back(&ticket, &listing, true);
    assert_true(ticket.price_cents == 2000 && !ticket.withdrawn && ticket.version == 5);
    ticket_back(&ticket, &listing, false);
    assert_true(ticket.withdrawn);
    ticket.withdrawn = false;
    listing.withdrawn = true;
    ticket_back(&ticket, &listing, true);
    assert_true(ticket.withdrawn);
}

static void a_ticket_of_a_listing_is_changed_with_it(void **state)
{
    struct ticket ticket = {.version = 5, .price_cents = 1000, .listing_id = {{1}}};

    (void)state;
    assert_int_equal(ticket_edit(&ticket, STR("Mine"), 1), ERR_TICKET_LISTED);
    ticket_reprice(&ticket, 3000);
    assert_true(ticket.price_cents == 3000 && ticket.version == 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_split_says_how_many_may_go),
        cmocka_unit_test(a_split_fits_what_can_be_sold_by_it),
        cmocka_unit_test(a_show_sells_until_it_starts),
        cmocka_unit_test(places_compare_without_case_spaces_and_zeros),
        cmocka_unit_test(a_title_keeps_its_place_and_its_bound),
        cmocka_unit_test(labels_are_one_visible_line),
        cmocka_unit_test(a_price_is_bounded_over_face_value),
        cmocka_unit_test(a_change_makes_the_next_version_or_none),
        cmocka_unit_test(what_comes_back_is_what_its_listing_says),
        cmocka_unit_test(a_ticket_of_a_listing_is_changed_with_it),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
