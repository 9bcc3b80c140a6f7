/* The rules of a ticket: who may change it when. */
#include "base/json.h"
#include "services/tickets/ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Made at what on_sale() shows. */
static const struct ticket_order order_a = {{{0xa}}, {"Concert", 7}, 2000};
static const struct ticket_order order_b = {{{0xb}}, {"Concert", 7}, 2000};

static struct ticket on_sale(void)
{
    return (struct ticket){.version = 3, .title = STR("Concert"), .price_cents = 2000};
}

static void an_edit_raises_the_version_by_one(void **state)
{
    struct ticket ticket = on_sale();

    (void)state;
    assert_int_equal(ticket_edit(&ticket, STR("Opera"), 5050), OK);
    assert_int_equal(ticket.version, 4);
    assert_int_equal(ticket.price_cents, 5050);
    assert_true(str_eq(ticket.title, STR("Opera")));
}

static void a_reserved_ticket_cannot_be_edited(void **state)
{
    struct ticket ticket = on_sale();

    (void)state;
    assert_int_equal(ticket_reserve(&ticket, &order_a), OK);
    assert_int_equal(ticket_edit(&ticket, STR("Opera"), 5050), ERR_TICKET_LOCKED);
    assert_int_equal(ticket.version, 4);
    assert_int_equal(ticket.price_cents, 2000);
}

static void a_ticket_is_reserved_by_one_order_at_a_time(void **state)
{
    struct ticket ticket = on_sale();

    (void)state;
    assert_int_equal(ticket_reserve(&ticket, &order_a), OK);
    assert_int_equal(ticket_reserve(&ticket, &order_b), ERR_TICKET_RESERVED);
    assert_true(ticket_held_by(&ticket, order_a.id));
    ticket_free(&ticket);
    assert_int_equal(ticket.version, 5);
    assert_int_equal(ticket_reserve(&ticket, &order_b), OK);
}

static void
a_ticket_is_sold_to_its_holder_or_from_the_shelf_but_not_over_anothers_head(void **state)
{
    struct ticket held = on_sale(), free = on_sale();

    (void)state;
    assert_int_equal(ticket_reserve(&held, &order_a), OK);
    assert_int_equal(ticket_sell(&held, &order_b), ERR_TICKET_RESERVED);
    assert_false(held.sold);
    assert_int_equal(ticket_sell(&held, &order_a), OK);
    assert_true(held.sold);
    assert_int_equal(ticket_sell(&free, &order_b), OK);
    assert_true(free.sold && ticket_held_by(&free, order_b.id));
}

static void an_edit_after_the_order_was_made_waits_until_the_ticket_is_free(void **state)
{
    struct ticket ticket = on_sale();

    (void)state;
    assert_int_equal(ticket_edit(&ticket, STR("Opera"), 5050), OK); /* had not heard of order_a */
    assert_int_equal(ticket_reserve(&ticket, &order_a), OK);
    assert_int_equal(ticket.price_cents, 2000);
    assert_true(str_eq(ticket.title, STR("Concert")));
    ticket_free(&ticket);
    assert_int_equal(ticket.price_cents, 5050);
    assert_true(str_eq(ticket.title, STR("Opera")));
    assert_int_equal(ticket_sell(&ticket, &order_a), OK); /* paid after all */
    assert_int_equal(ticket.price_cents, 2000);
    ticket_free(&ticket); /* and given back */
    assert_int_equal(ticket.price_cents, 5050);
    assert_int_equal(ticket.edited_price_cents, 0);
}

static void an_order_that_does_not_say_what_it_was_made_at_leaves_the_ticket_as_it_is(void **state)
{
    static const struct ticket_order silent = {.id = {{0xc}}, .price_cents = 1};
    struct ticket ticket = on_sale();

    (void)state;
    assert_int_equal(ticket_reserve(&ticket, &silent), OK);
    assert_int_equal(ticket.price_cents, 2000);
}

static void a_title_needs_something_to_read(void **state)
{
    char long_title[2 * 201 + 1] = "";

    (void)state;
    assert_int_equal(title_fault(STR("A")), TITLE_FINE);
    assert_int_equal(title_fault(STR("")), TITLE_EMPTY);
    assert_int_equal(title_fault(STR(" \t ")), TITLE_EMPTY);
    assert_int_equal(title_fault(STR("\u200b \u00a0")), TITLE_INVISIBLE);
    for (int i = 0; i < 200; i++)
        strcat(long_title, "\xc3\xa9");
    assert_int_equal(title_fault(str_of(long_title)), TITLE_FINE);
    strcat(long_title, "\xc3\xa9");
    assert_int_equal(title_fault(str_of(long_title)), TITLE_TOO_LONG);
}

static void a_price_is_a_number_or_its_text(void **state)
{
    struct arena *arena = arena_new(65536);
    int64_t cents = 0;

    (void)state;
    assert_true(json_price(json_parsed(arena, STR("33.3")), &cents));
    assert_int_equal(cents, 3330);
    assert_true(json_price(json_parsed(arena, STR("\"49.90\"")), &cents));
    assert_int_equal(cents, 4990);
    assert_false(json_price(json_parsed(arena, STR("33.333")), &cents));
    assert_false(json_price(json_parsed(arena, STR("0")), &cents));
    assert_false(json_price(json_parsed(arena, STR("-1")), &cents));
    assert_false(json_price(json_parsed(arena, STR("true")), &cents));
    assert_false(json_price(json_parsed(arena, STR("\"1e2\"")), &cents));
    assert_false(json_price(json_parsed(arena, STR("[20]")), &cents));
    assert_false(json_price(NULL, &cents));
    arena_free(arena);
}

static void what_is_free_is_taken_down_once(void **state)
{
    struct ticket ticket = on_sale();
    bool changed;

    (void)state;
    assert_int_equal(ticket_withdraw(&ticket, &changed), OK);
    assert_true(changed && ticket.withdrawn);
    assert_int_equal(ticket.version, 4);
    assert_int_equal(ticket_withdraw(&ticket, &changed), OK);
    assert_false(changed);
    assert_int_equal(ticket.version, 4);
    assert_int_equal(ticket_edit(&ticket, STR("Opera"), 5050), ERR_TICKET_WITHDRAWN);
}

static void what_somebody_has_is_not_taken_down(void **state)
{
    struct ticket ticket = on_sale();
    bool changed;

    (void)state;
    assert_int_equal(ticket_reserve(&ticket, &order_a), OK);
    assert_int_equal(ticket_withdraw(&ticket, &changed), ERR_TICKET_HELD);
    assert_int_equal(ticket_sell(&ticket, &order_a), OK);
    assert_int_equal(ticket_withdraw(&ticket, &changed), ERR_TICKET_SOLD);
    assert_false(changed || ticket.withdrawn);
}

static void an_order_made_before_it_was_taken_down_keeps_its_right(void **state)
{
    struct ticket ticket = on_sale();
    bool changed;

    (void)state;
    assert_int_equal(ticket_withdraw(&ticket, &changed), OK); /* had not heard of order_a */
    assert_int_equal(ticket_reserve(&ticket, &order_a), OK);
    ticket_free(&ticket);
    assert_true(ticket.withdrawn);
    assert_int_equal(ticket_sell(&ticket, &order_a), OK);
    assert_true(ticket.sold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edit_raises_the_version_by_one),
        cmocka_unit_test(a_reserved_ticket_cannot_be_edited),
        cmocka_unit_test(a_ticket_is_reserved_by_one_order_at_a_time),
        cmocka_unit_test(
            a_ticket_is_sold_to_its_holder_or_from_the_shelf_but_not_over_anothers_head),
        cmocka_unit_test(an_edit_after_the_order_was_made_waits_until_the_ticket_is_free),
        cmocka_unit_test(an_order_that_does_not_say_what_it_was_made_at_leaves_the_ticket_as_it_is),
        cmocka_unit_test(what_is_free_is_taken_down_once),
        cmocka_unit_test(what_somebody_has_is_not_taken_down),
        cmocka_unit_test(an_order_made_before_it_was_taken_down_keeps_its_right),
        cmocka_unit_test(a_title_needs_something_to_read),
        cmocka_unit_test(a_price_is_a_number_or_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
