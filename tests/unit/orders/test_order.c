/* The rules of an order: which state may follow which, and when. */
#include "services/orders/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define GRACE_MS 120000

static const struct object_id first = {{1, 2, 3}}, second = {{4, 5, 6}};

static struct order reserved(void)
{
    static const struct ticket_copy ticket = {
        .version = 2, .title = {"Concert", 7}, .price_cents = 2000};

    return order_open((struct object_id){{1}}, &ticket, 1, STR("buyer"), (struct wall_ms){1000},
                      900000);
}

static void several_are_of_one_listing_and_cost_what_they_cost_together(void **state)
{
    const struct ticket_copy tickets[] = {{.price_cents = 2000, .listing_id = {{7}}},
                                          {.price_cents = 1950, .listing_id = {{7}}}};
    struct order order = order_open((struct object_id){{1}}, tickets, 2, STR("buyer"),
                                    (struct wall_ms){1000}, 900000);

    (void)state;
    assert_true(order_of_listing(&order));
    assert_int_equal(order.ticket_count, 2);
    assert_int_equal(order_total_cents(&order), 3950);
}

static void a_reservation_holds_the_price_it_was_made_at(void **state)
{
    struct order order = reserved();

    (void)state;
    assert_int_equal(order.status, ORDER_CREATED);
    assert_int_equal(order.version, 0);
    assert_int_equal(order.expires_at.ms, 901000);
    assert_false(order_of_listing(&order));
    assert_int_equal(order_total_cents(&order), 2000);
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
    assert_int_equal(order_payment_captured(&order, first, STR("ch_1"), false), MONEY_COMPLETES);
    assert_int_equal(order_cancel(&order, &change), ERR_ORDER_COMPLETE);
    assert_int_equal(order_expire(&order, WALL_NEVER, &change), OK);
    assert_int_equal(change, ORDER_UNCHANGED);
    assert_int_equal(order.status, ORDER_COMPLETE);
}

static void an_order_expires_at_its_time_and_not_before(void **state)
{
    struct order order = reserved();
    enum order_change change;

    (void)state;
    assert_int_equal(order_expire(&order, (struct wall_ms){900999}, &change), ERR_BUSY);
    assert_int_equal(order.status, ORDER_CREATED);
    assert_int_equal(order_expire(&order, (struct wall_ms){901000}, &change), OK);
    assert_int_equal(change, ORDER_CHANGED);
    assert_int_equal(order.status, ORDER_CANCELLED);
}

static void money_revives_a_cancelled_order(void **state)
{
    struct order order = reserved();
    enum order_change change;

    (void)state;
    assert_int_equal(order_cancel(&order, &change), OK);
    assert_int_equal(order_payment_captured(&order, first, STR("ch_1"), false), MONEY_COMPLETES);
    assert_int_equal(order.status, ORDER_COMPLETE);
    assert_int_equal(order.version, 2);
}

static void late_money_for_a_taken_ticket_goes_back(void **state)
{
    struct order order = reserved();
    enum order_change change;

    (void)state;
    order_payment_pending(&order, first, (struct wall_ms){2000}, GRACE_MS);
    assert_int_equal(order_cancel(&order, &change), OK);
    assert_int_equal(order_payment_captured(&order, first, STR("ch_1"), true), MONEY_FOR_TAKEN);
    assert_int_equal(order.status, ORDER_CANCELLED);
    assert_int_equal(order.payment.status, PAYMENT_REFUND_PENDING);
    assert_int_equal(order.version, 3);
    order_payment_refunded(&order, first, STR("re_1"));
    assert_int_equal(order.status, ORDER_CANCELLED);
    assert_int_equal(order.payment.status, PAYMENT_REFUNDED);
    assert_true(str_eq(order.payment.refund_id, STR("re_1")));
}

static void a_second_payment_of_a_complete_order_goes_back_unseen(void **state)
{
    struct order order = reserved();

    (void)state;
    order_payment_captured(&order, first, STR("ch_1"), false);
    assert_int_equal(order_payment_captured(&order, second, STR("ch_2"), false), MONEY_FOR_PAID);
    order_payment_refunded(&order, second, STR("re_2"));
    assert_int_equal(order.status, ORDER_COMPLETE);
    assert_true(object_id_eq(order.payment.id, first));
    assert_int_equal(order.payment.status, PAYMENT_CAPTURED);
}

static void the_refund_of_a_complete_order_cancels_it(void **state)
{
    struct order order = reserved();

    (void)state;
    order_payment_captured(&order, first, STR("ch_1"), false);
    order_payment_refunded(&order, first, STR("re_1"));
    assert_int_equal(order.status, ORDER_CANCELLED);
    assert_int_equal(order.version, 2);
}

static void a_payment_in_flight_extends_the_hold_once_and_by_no_more_than_the_grace(void **state)
{
    struct order order = reserved();
    enum order_change change;

    (void)state;
    order_payment_pending(&order, first, (struct wall_ms){100000},
                          GRACE_MS); /* plenty of time left */
    assert_int_equal(order.status, ORDER_AWAITING_PAYMENT);
    assert_int_equal(order.version, 1);
    assert_int_equal(order.expires_at.ms, 901000);
    order_payment_failed(&order, first, false, (struct wall_ms){110000});
    assert_int_equal(order.status, ORDER_CREATED);
    assert_int_equal(order.expires_at.ms, 901000);
    order_payment_pending(&order, second, (struct wall_ms){900000}, GRACE_MS); /* a second left */
    assert_int_equal(order.expires_at.ms, 900000 + GRACE_MS);
    assert_int_equal(order_expire(&order, (struct wall_ms){901000}, &change), ERR_BUSY);
    assert_int_equal(order_expire(&order, (struct wall_ms){900000 + GRACE_MS}, &change), OK);
    assert_int_equal(order.status, ORDER_CANCELLED);
}

static void news_of_a_payment_after_the_deadline_extends_from_the_deadline(void **state)
{
    struct order order = reserved();

    (void)state;
    order_payment_pending(&order, first, (struct wall_ms){950000}, GRACE_MS);
    assert_int_equal(order.expires_at.ms, 901000 + GRACE_MS);
}

static void the_grace_is_given_once(void **state)
{
    struct order order = reserved();

    (void)state;
    order_payment_pending(&order, first, (struct wall_ms){900000}, GRACE_MS);
    order_payment_failed(&order, first, false, (struct wall_ms){905000});
    assert_int_equal(order.expires_at.ms, 905000 + DECLINE_GRACE_MS); /* the least rest */
    order_payment_pending(&order, second, (struct wall_ms){960000}, GRACE_MS);
    assert_int_equal(order.status, ORDER_AWAITING_PAYMENT);
    assert_int_equal(order.expires_at.ms, 905000 + DECLINE_GRACE_MS);
    order_payment_failed(&order, second, false, (struct wall_ms){964000});
    assert_int_equal(order.status, ORDER_CREATED);
    assert_int_equal(order.expires_at.ms, 905000 + DECLINE_GRACE_MS); /* and that once, too */
}

static void a_failure_without_any_time_left_finds_the_order_expired(void **state)
{
    struct order order = reserved();

    (void)state;
    order_payment_pending(&order, first, (struct wall_ms){900000}, GRACE_MS);
    order_payment_failed(&order, first, false, (struct wall_ms){905000});
    order_payment_pending(&order, second, (struct wall_ms){960000}, GRACE_MS);
    order_payment_failed(&order, second, false, (struct wall_ms){905000 + DECLINE_GRACE_MS});
    assert_int_equal(order.status, ORDER_CANCELLED);
    assert_int_equal(order.version, 4);
}

static void no_number_of_failed_payments_ends_an_order(void **state)
{
    struct order order = reserved();

    (void)state;
    for (uint8_t i = 0; i < 100; i++) {
        const struct object_id id = {{i, 1}};

        order_payment_pending(&order, id, (struct wall_ms){2000}, GRACE_MS);
        assert_int_equal(order.status, ORDER_AWAITING_PAYMENT);
        order_payment_failed(&order, id, false, (struct wall_ms){3000});
        assert_int_equal(order.status, ORDER_CREATED);
        assert_int_equal(order.expires_at.ms, 901000);
    }
}

static void a_failure_leaves_an_order_waiting_while_another_charge_is_in_flight(void **state)
{
    struct order order = reserved();

    (void)state;
    order_payment_pending(&order, first, (struct wall_ms){900000}, GRACE_MS);
    order_payment_pending(&order, second, (struct wall_ms){900001}, GRACE_MS);
    order_payment_failed(&order, first, true, (struct wall_ms){900002});
    assert_int_equal(order.status, ORDER_AWAITING_PAYMENT);
    assert_int_equal(order.expires_at.ms, 900000 + GRACE_MS);
}

static void a_payment_that_moved_money_stays_in_view(void **state)
{
    struct order order = reserved();

    (void)state;
    order_payment_captured(&order, first, STR("ch_1"), false);
    order_payment_pending(&order, second, (struct wall_ms){2000}, GRACE_MS);
    assert_true(object_id_eq(order.payment.id, first));
    assert_int_equal(order.status, ORDER_COMPLETE);
    order_payment_failed(&order, second, false, (struct wall_ms){2000});
    assert_true(object_id_eq(order.payment.id, first));
    assert_int_equal(order.status, ORDER_COMPLETE);
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
        cmocka_unit_test(several_are_of_one_listing_and_cost_what_they_cost_together),
        cmocka_unit_test(cancelling_twice_changes_once),
        cmocka_unit_test(a_paid_order_is_not_cancelled_by_anyone),
        cmocka_unit_test(an_order_expires_at_its_time_and_not_before),
        cmocka_unit_test(money_revives_a_cancelled_order),
        cmocka_unit_test(late_money_for_a_taken_ticket_goes_back),
        cmocka_unit_test(a_second_payment_of_a_complete_order_goes_back_unseen),
        cmocka_unit_test(the_refund_of_a_complete_order_cancels_it),
        cmocka_unit_test(a_payment_in_flight_extends_the_hold_once_and_by_no_more_than_the_grace),
        cmocka_unit_test(news_of_a_payment_after_the_deadline_extends_from_the_deadline),
        cmocka_unit_test(the_grace_is_given_once),
        cmocka_unit_test(a_failure_without_any_time_left_finds_the_order_expired),
        cmocka_unit_test(no_number_of_failed_payments_ends_an_order),
        cmocka_unit_test(a_failure_leaves_an_order_waiting_while_another_charge_is_in_flight),
        cmocka_unit_test(a_payment_that_moved_money_stays_in_view),
        cmocka_unit_test(every_status_has_its_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
