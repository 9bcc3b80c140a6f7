/* The rules of an order: which state may follow which, and when. */
#include "services/orders/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct order reserved(void)
{
    const struct ticket_copy ticket = {.version = 2, .title = STR("Concert"), .price_cents = 2000};

    return order_open((struct object_id){{1}}, &ticket, STR("buyer"), 1000, 900000);
}

static void a_reservation_holds_the_price_it_was_made_at(void **state)
{
    struct order order = reserved();

    (void)state;
    assert_int_equal(order.status, ORDER_CREATED);
    assert_int_equal(order.version, 0);
    assert_int_equal(order.expires_at_ms, 901000);
    assert_int_equal(order.ticket.price_cents, 2000);
}

static void cancelling_twice_changes_once(void **state)
{
    struct order order = reserved();
    enum order_change change;

    (void)state;
    assert_int_equal(order_cancel(&order, &change), OK);
    assert_int_equal(change, ORDER_CHANGED);
    assert_int_equal(order.version, 1);
    assert_int_equal(order_cancel(&order, &change), OK);
    assert_int_equal(change, ORDER_UNCHANGED);
    assert_int_equal(order.version, 1);
}

static void a_paid_order_is_not_cancelled_by_anyone(void **state)
{
    struct order order = reserved();
    enum order_change change;

    (void)state;
    assert_int_equal(order_complete(&order), ORDER_CHANGED);
    assert_int_equal(order_cancel(&order, &change), ERR_ORDER_COMPLETE);
    assert_int_equal(order_expire(&order, INT64_MAX, &change), OK);
    assert_int_equal(change, ORDER_UNCHANGED);
    assert_int_equal(order.status, ORDER_COMPLETE);
    assert_int_equal(order_complete(&order), ORDER_UNCHANGED);
}

static void an_order_expires_at_its_time_and_not_before(void **state)
{
    struct order order = reserved();
    enum order_change change;

    (void)state;
    assert_int_equal(order_expire(&order, 900999, &change), ERR_BUSY);
    assert_int_equal(order.status, ORDER_CREATED);
    assert_int_equal(order_expire(&order, 901000, &change), OK);
    assert_int_equal(change, ORDER_CHANGED);
    assert_int_equal(order.status, ORDER_CANCELLED);
}

static void money_revives_a_cancelled_order(void **state)
{
    struct order order = reserved();
    enum order_change change;

    (void)state;
    assert_int_equal(order_cancel(&order, &change), OK);
    assert_int_equal(order_complete(&order), ORDER_CHANGED);
    assert_int_equal(order.status, ORDER_COMPLETE);
    assert_int_equal(order.version, 2);
}

static void every_status_has_its_word(void **state)
{
    const char *words[] = {"created", "awaiting:payment", "complete", "cancelled"};
    enum order_status status;

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        assert_true(order_status_parse(str_of(words[i]), &status));
        assert_true(str_eq(order_status_text(status), str_of(words[i])));
    }
    assert_false(order_status_parse(STR("sold"), &status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reservation_holds_the_price_it_was_made_at),
        cmocka_unit_test(cancelling_twice_changes_once),
        cmocka_unit_test(a_paid_order_is_not_cancelled_by_anyone),
        cmocka_unit_test(an_order_expires_at_its_time_and_not_before),
        cmocka_unit_test(money_revives_a_cancelled_order),
        cmocka_unit_test(every_status_has_its_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
