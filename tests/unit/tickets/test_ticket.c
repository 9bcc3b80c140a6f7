/* The rules of a ticket: who may change it when. */
#include "services/tickets/ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct object_id order_a = {{0xa}};
static const struct object_id order_b = {{0xb}};

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
    assert_int_equal(ticket_reserve(&ticket, order_a), OK);
    assert_int_equal(ticket_edit(&ticket, STR("Opera"), 5050), ERR_TICKET_LOCKED);
    assert_int_equal(ticket.version, 4);
    assert_int_equal(ticket.price_cents, 2000);
}

static void a_ticket_is_reserved_by_one_order_at_a_time(void **state)
{
    struct ticket ticket = on_sale();

    (void)state;
    assert_int_equal(ticket_reserve(&ticket, order_a), OK);
    assert_int_equal(ticket_reserve(&ticket, order_b), ERR_TICKET_RESERVED);
    assert_true(ticket_held_by(&ticket, order_a));
    ticket_free(&ticket);
    assert_int_equal(ticket.version, 5);
    assert_int_equal(ticket_reserve(&ticket, order_b), OK);
}

static void
a_ticket_is_sold_to_its_holder_or_from_the_shelf_but_not_over_anothers_head(void **state)
{
    struct ticket held = on_sale(), free = on_sale();

    (void)state;
    assert_int_equal(ticket_reserve(&held, order_a), OK);
    assert_int_equal(ticket_sell(&held, order_b), ERR_TICKET_RESERVED);
    assert_false(held.sold);
    assert_int_equal(ticket_sell(&held, order_a), OK);
    assert_true(held.sold);
    assert_int_equal(ticket_sell(&free, order_b), OK);
    assert_true(free.sold && ticket_held_by(&free, order_b));
}

static void a_title_needs_something_to_read(void **state)
{
    char long_title[2 * 201 + 1] = "";

    (void)state;
    assert_true(title_valid(STR("A")));
    assert_false(title_valid(STR("")));
    assert_false(title_valid(STR(" \t ")));
    for (int i = 0; i < 200; i++)
        strcat(long_title, "\xc3\xa9");
    assert_true(title_valid(str_of(long_title)));
    strcat(long_title, "\xc3\xa9");
    assert_false(title_valid(str_of(long_title)));
}

static void a_price_is_a_number_or_its_text(void **state)
{
    struct arena *arena = arena_new(65536);
    int64_t cents = 0;

    (void)state;
    assert_true(price_take(json_parse(arena, STR("33.3")), &cents));
    assert_int_equal(cents, 3330);
    assert_true(price_take(json_parse(arena, STR("\"49.90\"")), &cents));
    assert_int_equal(cents, 4990);
    assert_false(price_take(json_parse(arena, STR("33.333")), &cents));
    assert_false(price_take(json_parse(arena, STR("0")), &cents));
    assert_false(price_take(json_parse(arena, STR("-1")), &cents));
    assert_false(price_take(json_parse(arena, STR("true")), &cents));
    assert_false(price_take(json_parse(arena, STR("\"1e2\"")), &cents));
    assert_false(price_take(json_parse(arena, STR("[20]")), &cents));
    assert_false(price_take(NULL, &cents));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edit_raises_the_version_by_one),
        cmocka_unit_test(a_reserved_ticket_cannot_be_edited),
        cmocka_unit_test(a_ticket_is_reserved_by_one_order_at_a_time),
        cmocka_unit_test(
            a_ticket_is_sold_to_its_holder_or_from_the_shelf_but_not_over_anothers_head),
        cmocka_unit_test(a_title_needs_something_to_read),
        cmocka_unit_test(a_price_is_a_number_or_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
