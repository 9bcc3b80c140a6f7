/* The rules of a charge, and the sandbox gateway's answers. */
#include "services/payments/charge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct order_copy order_of(enum paid_order_status status)
{
    return (struct order_copy){
        .id = {{1}}, .status = status, .user_id = STR("buyer"), .price_cents = 2000};
}

static struct charge pending(void)
{
    struct order_copy order = order_of(PAID_ORDER_CREATED);
    struct charge charge = charge_open((struct object_id){{2}}, &order, STR("tok_visa"), 5000);

    charge_ask(&charge, 5000);
    return charge;
}

static struct gateway_outcome ask(const char *token, uint8_t key)
{
    struct gateway_charge charge = {.key = {{key}}, .amount_cents = 2000};
    struct gateway_outcome outcome;

    snprintf(charge.token, sizeof charge.token, "%s", token);
    gateway_sandbox.charge(&gateway_sandbox, &charge, &outcome);
    return outcome;
}

static void only_the_buyer_pays_and_only_for_an_open_order(void **state)
{
    struct order_copy order = order_of(PAID_ORDER_CREATED);

    (void)state;
    assert_int_equal(order_payable(&order, STR("buyer")), OK);
    assert_int_equal(order_payable(&order, STR("other")), ERR_NOT_AUTHORIZED);
    order = order_of(PAID_ORDER_CANCELLED);
    assert_int_equal(order_payable(&order, STR("buyer")), ERR_ORDER_CANCELLED);
    assert_int_equal(order_payable(&order, STR("other")), ERR_NOT_AUTHORIZED);
    order = order_of(PAID_ORDER_COMPLETE);
    assert_int_equal(order_payable(&order, STR("buyer")), ERR_ORDER_PAID);
}

static void a_charge_is_for_the_price_the_order_was_made_at(void **state)
{
    struct charge charge = pending();

    (void)state;
    assert_int_equal(charge.amount_cents, 2000);
    assert_int_equal(charge.status, CHARGE_PENDING);
    assert_int_equal(charge.attempts, 1);
    assert_true(charge.ask_at_ms > 5000);
}

static void a_settled_charge_forgets_the_card(void **state)
{
    struct gateway_outcome done = ask("tok_visa", 2), declined = ask("tok_chargeDeclined", 2);
    struct charge charge = pending();

    (void)state;
    charge_settle(&charge, &done, 6000);
    assert_int_equal(charge.status, CHARGE_CAPTURED);
    assert_null(charge.token.at);
    assert_true(str_starts(charge.stripe_id, STR("ch_")));
    charge = pending();
    charge_settle(&charge, &declined, 6000);
    assert_int_equal(charge.status, CHARGE_DECLINED);
    assert_null(charge.token.at);
    assert_true(str_eq(charge.reason, STR("Your card was declined.")));
}

static void an_unknown_outcome_is_asked_about_again_ever_more_slowly(void **state)
{
    const struct gateway_outcome unknown = {.kind = GATEWAY_UNKNOWN};
    struct charge charge = pending();
    int64_t pause_ms = 0;

    (void)state;
    for (int i = 0; i < 20; i++) {
        charge_settle(&charge, &unknown, 6000);
        assert_int_equal(charge.status, CHARGE_PENDING);
        assert_non_null(charge.token.at);
        assert_true(charge.ask_at_ms - 6000 >= pause_ms && charge.ask_at_ms - 6000 <= 60000);
        pause_ms = charge.ask_at_ms - 6000;
        charge_ask(&charge, 6000);
    }
    assert_int_equal(pause_ms, 60000);
}

static void the_sandbox_gives_one_key_one_answer(void **state)
{
    struct gateway_outcome first = ask("tok_visa", 7), again = ask("tok_visa", 7);
    struct gateway_outcome other = ask("tok_visa", 8);

    (void)state;
    assert_int_equal(first.kind, GATEWAY_DONE);
    assert_string_equal(first.id, again.id);
    assert_string_not_equal(first.id, other.id);
    assert_int_equal(ask("tok_mastercard", 1).kind, GATEWAY_DONE);
    assert_int_equal(ask("tok_chargeDeclinedInsufficientFunds", 1).kind, GATEWAY_DECLINED);
    assert_string_equal(ask("tok_chargeDeclinedInsufficientFunds", 1).reason,
                        "Your card has insufficient funds.");
    assert_int_equal(ask("tok_nobody_knows", 1).kind, GATEWAY_REFUSED);
}

static void a_token_is_short_printable_text(void **state)
{
    char token[258];

    (void)state;
    memset(token, 'a', sizeof token);
    assert_true(token_valid(STR("tok_visa")));
    assert_false(token_valid(STR("")));
    assert_false(token_valid(STR("tok visa")));
    assert_false(token_valid(STR("tok\n")));
    assert_true(token_valid((struct str){token, 255}));
    assert_false(token_valid((struct str){token, 256}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_buyer_pays_and_only_for_an_open_order),
        cmocka_unit_test(a_charge_is_for_the_price_the_order_was_made_at),
        cmocka_unit_test(a_settled_charge_forgets_the_card),
        cmocka_unit_test(an_unknown_outcome_is_asked_about_again_ever_more_slowly),
        cmocka_unit_test(the_sandbox_gives_one_key_one_answer),
        cmocka_unit_test(a_token_is_short_printable_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
