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
    struct charge charge = charge_open((struct object_id){{2}}, &order, STR("tok_visa"),
                                       STR("mark"), (struct wall_ms){5000});

    charge_ask(&charge, (struct wall_ms){5000});
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
    assert_true(charge.ask_at.ms > 5000);
}

static void a_settled_charge_forgets_the_token(void **state)
{
    struct gateway_outcome done = ask("tok_visa", 2), declined = ask("tok_chargeDeclined", 2);
    struct charge charge = pending();

    (void)state;
    charge_resolve(&charge, STEP_CHARGE, &done, (struct wall_ms){6000});
    assert_int_equal(charge.status, CHARGE_CAPTURED);
    assert_null(charge.token.at);
    assert_true(str_starts(charge.stripe_id, STR("ch_")));
    charge = pending();
    charge_resolve(&charge, STEP_CHARGE, &declined, (struct wall_ms){6000});
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
        charge_resolve(&charge, STEP_CHARGE, &unknown, (struct wall_ms){6000});
        assert_int_equal(charge.status, CHARGE_UNKNOWN);
        assert_non_null(charge.token.at);
        assert_true(charge.ask_at.ms - 6000 >= pause_ms && charge.ask_at.ms - 6000 <= 60000);
        pause_ms = charge.ask_at.ms - 6000;
        charge_ask(&charge, (struct wall_ms){6000});
    }
    assert_int_equal(pause_ms, 60000);
}

static void an_unclear_charge_is_asked_for_and_looked_up_by_turns(void **state)
{
    const struct gateway_outcome unknown = {.kind = GATEWAY_UNKNOWN};
    struct charge charge = pending();
    int finds = 0;

    (void)state;
    for (int i = 0; i < 20; i++) {
        charge_resolve(&charge, STEP_CHARGE, &unknown, (struct wall_ms){6000});
        finds += charge_next_step(&charge, (struct wall_ms){6000}) == STEP_FIND;
        charge_ask(&charge, (struct wall_ms){6000});
    }
    assert_int_equal(finds, 10);
}

static void past_the_life_of_its_key_a_charge_is_never_asked_for_again(void **state)
{
    const struct gateway_outcome absent = {.kind = GATEWAY_ABSENT};
    const struct gateway_outcome gone = {.kind = GATEWAY_ABSENT, .final = true};
    const int64_t old_ms = 5000 + GATEWAY_KEY_LIFETIME_MS;
    struct charge charge = pending();

    (void)state;
    for (int i = 0; i < 4; i++) {
        charge.attempts = i;
        assert_int_equal(charge_next_step(&charge, (struct wall_ms){old_ms}), STEP_FIND);
    }
    charge_resolve(&charge, STEP_FIND, &absent, (struct wall_ms){old_ms});
    assert_int_equal(charge.status, CHARGE_UNKNOWN); /* it may still come to be */
    charge_resolve(&charge, STEP_FIND, &gone, (struct wall_ms){old_ms});
    assert_int_equal(charge.status, CHARGE_REFUSED);
    assert_true(charge.reason.len > 0);
}

/* One that the machine slept over may go on beside the look that comes after the sleep. */
static void an_absence_is_final_only_when_no_call_is_out(void **state)
{
    const struct gateway_outcome absent = {.kind = GATEWAY_ABSENT};
    const int64_t old_ms = 5000 + GATEWAY_KEY_LIFETIME_MS;
    struct charge charge = pending();
    struct charge_question question;

    (void)state;
    assert_false(charge_ask(&charge, (struct wall_ms){old_ms - 1}).final);
    question = charge_ask(&charge, (struct wall_ms){old_ms});
    assert_false(question.final);
    charge_answer(&charge, question, STEP_FIND, &absent, (struct wall_ms){old_ms});
    assert_int_equal(charge.status, CHARGE_UNKNOWN);
    assert_true(charge_ask(&charge, (struct wall_ms){old_ms + 60000}).final);
}

static void a_capture_that_is_heard_of_late_counts(void **state)
{
    const struct gateway_outcome gone = {.kind = GATEWAY_ABSENT, .final = true};
    const struct gateway_outcome done = {.kind = GATEWAY_DONE, .id = "ch_1"};
    const int64_t old_ms = 5000 + GATEWAY_KEY_LIFETIME_MS;
    struct charge charge = pending();

    (void)state;
    charge_resolve(&charge, STEP_FIND, &gone, (struct wall_ms){old_ms});
    assert_int_equal(charge.status, CHARGE_REFUSED);
    charge_resolve(&charge, STEP_CHARGE, &done, (struct wall_ms){old_ms + 1000});
    assert_int_equal(charge.status, CHARGE_CAPTURED);
    assert_int_equal(charge.ask_at.ms, old_ms + 1000); /* looked at for what came of it since */
}

static void money_found_after_all_counts(void **state)
{
    const struct gateway_outcome found = {.kind = GATEWAY_DONE, .id = "ch_1"};
    const struct gateway_outcome declined = {.kind = GATEWAY_DECLINED, .reason = "no"};
    struct charge charge = pending();

    (void)state;
    charge_resolve(&charge, STEP_CHARGE, &declined, (struct wall_ms){6000});
    assert_true(wall_same(charge.ask_at, WALL_NEVER));
    charge_poll(&charge, (struct wall_ms){7000});
    assert_int_equal(charge.ask_at.ms, 7000);
    assert_int_equal(charge_next_step(&charge, (struct wall_ms){7000}), STEP_FIND);
    charge_resolve(&charge, STEP_FIND, &found, (struct wall_ms){8000});
    assert_int_equal(charge.status, CHARGE_CAPTURED);
}

static struct charge captured(void)
{
    static const struct gateway_outcome done = {.kind = GATEWAY_DONE, .id = "ch_1"};
    struct charge charge = pending();

    charge_resolve(&charge, STEP_CHARGE, &done, (struct wall_ms){6000});
    return charge;
}

static void an_answer_that_comes_twice_or_late_changes_nothing(void **state)
{
    const struct gateway_outcome kinds[] = {{.kind = GATEWAY_DONE, .id = "ch_2"},
                                            {.kind = GATEWAY_DECLINED},
                                            {.kind = GATEWAY_REFUSED},
                                            {.kind = GATEWAY_UNKNOWN},
                                            {.kind = GATEWAY_ABSENT}};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct charge charge = captured();

        charge_resolve(&charge, STEP_CHARGE, &kinds[i], (struct wall_ms){7000});
        charge_resolve(&charge, STEP_REFUND, &kinds[i], (struct wall_ms){7000});
        assert_int_equal(charge.status, CHARGE_CAPTURED);
        assert_true(str_eq(charge.stripe_id, STR("ch_1")));
        assert_true(wall_same(charge.ask_at, WALL_NEVER));
        assert_int_equal(charge_refund(&charge, (struct wall_ms){8000}), OK);
        charge_resolve(&charge, STEP_CHARGE, &kinds[i], (struct wall_ms){9000});
        charge_resolve(&charge, STEP_FIND, &kinds[i], (struct wall_ms){9000});
        assert_int_equal(charge.status, CHARGE_REFUND_PENDING);
    }
}

static void only_captured_money_can_be_given_back(void **state)
{
    const struct gateway_outcome back = {
        .kind = GATEWAY_DONE, .id = "ch_1", .refunds = {{"re_1", 2000, false}}, .refund_count = 1};
    const struct gateway_outcome no = {.kind = GATEWAY_REFUSED, .reason = "closed"};
    struct charge charge = pending();

    (void)state;
    assert_int_equal(charge_refund(&charge, (struct wall_ms){6000}), ERR_NOT_REFUNDABLE);
    charge.status = CHARGE_UNKNOWN;
    assert_int_equal(charge_refund(&charge, (struct wall_ms){6000}), ERR_NOT_REFUNDABLE);
    charge.status = CHARGE_DECLINED;
    assert_int_equal(charge_refund(&charge, (struct wall_ms){6000}), ERR_NOT_REFUNDABLE);
    charge = captured();
    assert_int_equal(charge_refund(&charge, (struct wall_ms){7000}), OK);
    assert_int_equal(charge.refunds, 1);
    assert_int_equal(charge_refund(&charge, (struct wall_ms){7000}), OK);
    assert_int_equal(charge.refunds, 1); /* on its way */
    assert_int_equal(charge_next_step(&charge, (struct wall_ms){7000}), STEP_REFUND);
    charge_resolve(&charge, STEP_REFUND, &no, (struct wall_ms){8000});
    assert_int_equal(charge.status, CHARGE_REFUND_FAILED);
    assert_true(str_eq(charge.reason, STR("closed")));
    assert_int_equal(charge_refund(&charge, (struct wall_ms){9000}), OK);
    assert_int_equal(charge.refunds, 2); /* a key of its own */
    charge.given_back_cents = 2000;
    charge_resolve(&charge, STEP_REFUND, &back, (struct wall_ms){9000});
    assert_int_equal(charge.status, CHARGE_REFUNDED);
    assert_true(str_eq(charge.refund_id, STR("re_1")));
    assert_int_equal(charge_refund(&charge, (struct wall_ms){9000}), OK);
    assert_int_equal(charge.status, CHARGE_REFUNDED);
}

static void an_unclear_refund_is_asked_for_again_and_takes_a_fresh_key_at_times(void **state)
{
    const struct gateway_outcome unknown = {.kind = GATEWAY_UNKNOWN};
    struct charge charge = captured();

    (void)state;
    assert_int_equal(charge_refund(&charge, (struct wall_ms){7000}), OK);
    for (int i = 0; i < 16; i++) {
        enum charge_step step = charge_next_step(&charge, (struct wall_ms){7000});

        assert_int_equal(step, i >= 2 && i % 2 == 0 ? STEP_FIND : STEP_REFUND);
        charge_ask(&charge, (struct wall_ms){7000});
        charge_resolve(&charge, step, &unknown, (struct wall_ms){7000});
        assert_int_equal(charge.status, CHARGE_REFUND_PENDING);
        assert_true(charge.ask_at.ms > 7000);
    }
    assert_int_equal(charge.refunds, 3);
}

/* Its pauses grow to a minute, longer than anybody waits for an answer. */
static void nobody_waits_for_a_refund_that_stays_unclear(void **state)
{
    const struct gateway_outcome unknown = {.kind = GATEWAY_UNKNOWN};
    const int64_t long_after_ms = INT64_C(30) * 24 * 3600 * 1000;
    struct charge charge = captured();

    (void)state;
    assert_int_equal(charge_refund(&charge, (struct wall_ms){long_after_ms}), OK);
    charge_ask(&charge, (struct wall_ms){long_after_ms});
    assert_true(charge_worth_waiting(&charge, (struct wall_ms){long_after_ms}));
    while (charge_worth_waiting(&charge, (struct wall_ms){long_after_ms})) {
        charge_resolve(&charge, STEP_REFUND, &unknown, (struct wall_ms){long_after_ms});
        assert_true(charge.ask_at.ms <= long_after_ms + 2000);
        charge_ask(&charge, (struct wall_ms){long_after_ms});
    }
    assert_int_equal(charge.status, CHARGE_REFUND_PENDING);
}

static void what_was_given_back_at_the_gateway_is_noticed(void **state)
{
    const struct gateway_outcome found = {.kind = GATEWAY_DONE,
                                          .id = "ch_1",
                                          .refunds = {{"re_9", 500, false}, {"re_8", 1500, false}},
                                          .refund_count = 2};
    struct charge charge = captured();

    (void)state;
    charge.given_back_cents = 1500; /* a part moves nothing */
    charge_resolve(&charge, STEP_FIND, &found, (struct wall_ms){9000});
    assert_int_equal(charge.status, CHARGE_CAPTURED);
    assert_int_equal(charge_rest_cents(&charge), 500);
    charge.given_back_cents = 2000;
    charge_resolve(&charge, STEP_FIND, &found, (struct wall_ms){9000});
    assert_int_equal(charge.status, CHARGE_REFUNDED);
    assert_true(str_eq(charge.refund_id, STR("re_9")));
}

static void a_refund_that_came_back_is_owed_again_and_asked_for_under_a_key_of_its_own(void **state)
{
    const struct gateway_outcome found = {
        .kind = GATEWAY_DONE, .id = "ch_1", .refunds = {{"re_9", 2000, true}}, .refund_count = 1};
    struct charge charge = captured();
    int64_t refunds;

    (void)state;
    charge.status = CHARGE_REFUNDED;
    charge.refunds = 1;
    charge_resolve(&charge, STEP_FIND, &found, (struct wall_ms){9000});
    assert_int_equal(charge.status, CHARGE_REFUND_FAILED);
    refunds = charge.refunds;
    assert_int_equal(charge_refund(&charge, (struct wall_ms){10000}), OK);
    assert_int_equal(charge.refunds, refunds + 1);
}

static void a_lost_dispute_moves_no_captured_charge_and_leaves_nothing_to_give_back(void **state)
{
    const struct gateway_outcome found = {.kind = GATEWAY_DONE, .id = "ch_1"};
    struct charge charge = captured();

    (void)state;
    charge.charged_back_cents = 2000;
    charge_resolve(&charge, STEP_FIND, &found, (struct wall_ms){9000});
    assert_int_equal(charge.status, CHARGE_CAPTURED);
    assert_int_equal(charge_refund(&charge, (struct wall_ms){9000}), ERR_NOT_REFUNDABLE);
}

static void a_refund_that_gave_a_part_is_looked_at_before_the_rest_is_asked_for(void **state)
{
    const struct gateway_outcome part = {
        .kind = GATEWAY_DONE, .id = "ch_1", .refunds = {{"re_1", 1500, false}}, .refund_count = 1};
    struct charge charge = captured();

    (void)state;
    assert_int_equal(charge_refund(&charge, (struct wall_ms){7000}), OK);
    charge_ask(&charge, (struct wall_ms){7000});
    charge.given_back_cents = 1500;
    charge_resolve(&charge, STEP_REFUND, &part, (struct wall_ms){8000});
    assert_int_equal(charge.status, CHARGE_REFUND_PENDING);
    assert_int_equal(charge_next_step(&charge, (struct wall_ms){8000}), STEP_FIND);
    assert_int_equal(charge.ask_at.ms, 8000);
    charge_ask(&charge, (struct wall_ms){8000});
    charge.given_back_cents = 2000; /* the look found the other part */
    charge_resolve(&charge, STEP_FIND, &part, (struct wall_ms){9000});
    assert_int_equal(charge.status, CHARGE_REFUNDED);
}

/* Its bank sent a part back; before that was looked at somebody asks for a refund, which is
 * refused. */
static void a_look_that_was_due_follows_a_refund_that_was_asked_for_meanwhile(void **state)
{
    const struct gateway_outcome refused = {.kind = GATEWAY_REFUSED};
    struct charge charge = captured();

    (void)state;
    charge_poll(&charge, (struct wall_ms){6000});
    assert_int_equal(charge_refund(&charge, (struct wall_ms){7000}), OK);
    assert_int_equal(charge_next_step(&charge, (struct wall_ms){7000}), STEP_REFUND);
    charge_ask(&charge, (struct wall_ms){7000});
    charge_resolve(&charge, STEP_REFUND, &refused, (struct wall_ms){8000});
    assert_int_equal(charge.status, CHARGE_REFUND_FAILED);
    assert_int_equal(charge.ask_at.ms, 8000);
    assert_int_equal(charge_next_step(&charge, (struct wall_ms){8000}), STEP_FIND);
}

/* A webhook in the millisecond of a question: the look it asks for is a question of that
 * millisecond, too, and the answer to the first says nothing of what the webhook spoke of. */
static void an_answer_leaves_a_later_question_due(void **state)
{
    const struct gateway_outcome done = {.kind = GATEWAY_DONE, .id = "ch_1"};
    struct charge charge = pending();
    struct charge_question first, second;

    (void)state;
    charge_resolve(&charge, STEP_CHARGE, &(struct gateway_outcome){.kind = GATEWAY_UNKNOWN},
                   (struct wall_ms){6000});
    first = charge_ask(&charge, (struct wall_ms){7000});
    charge_poll(&charge, (struct wall_ms){7000});
    second = charge_ask(&charge, (struct wall_ms){7000});
    charge_answer(&charge, first, STEP_FIND, &done, (struct wall_ms){7100});
    assert_int_equal(charge.status, CHARGE_CAPTURED);
    assert_int_equal(charge.ask_at.ms, second.ask_at.ms);
    charge_answer(&charge, second, STEP_FIND, &done, (struct wall_ms){7200});
    assert_true(wall_same(charge.ask_at, WALL_NEVER));

    charge = pending();
    charge_resolve(&charge, STEP_CHARGE, &(struct gateway_outcome){.kind = GATEWAY_UNKNOWN},
                   (struct wall_ms){6000});
    first = charge_ask(&charge, (struct wall_ms){7000});
    charge_answer(&charge, first, STEP_FIND, &done, (struct wall_ms){7100});
    assert_true(wall_same(charge.ask_at, WALL_NEVER));
}

static void a_token_is_told_again_by_its_mark(void **state)
{
    struct hmac_text first, again, other_token, other_order;

    (void)state;
    token_mark((struct object_id){{1}}, STR("tok_a"), &first);
    token_mark((struct object_id){{1}}, STR("tok_a"), &again);
    token_mark((struct object_id){{1}}, STR("tok_b"), &other_token);
    token_mark((struct object_id){{2}}, STR("tok_a"), &other_order);
    assert_string_equal(first.hex, again.hex);
    assert_string_not_equal(first.hex, other_token.hex);
    assert_string_not_equal(first.hex, other_order.hex);
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

static void a_token_is_what_stripe_calls_a_card_by(void **state)
{
    char token[258];

    (void)state;
    memset(token, 'a', sizeof token);
    memcpy(token, "tok_", 4);
    assert_true(token_valid(STR("tok_visa")));
    assert_true(token_valid(STR("pm_card_visa")));
    assert_true(token_valid(STR("tok_1A2b3C")));
    assert_false(token_valid(STR("")));
    assert_false(token_valid(STR("tok_")));
    assert_false(token_valid(STR("pm_")));
    assert_false(token_valid(STR("4242424242424242")));
    assert_false(token_valid(STR("tok visa")));
    assert_false(token_valid(STR("tok_visa\n")));
    assert_true(token_valid((struct str){token, 255}));
    assert_false(token_valid((struct str){token, 256}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_buyer_pays_and_only_for_an_open_order),
        cmocka_unit_test(a_charge_is_for_the_price_the_order_was_made_at),
        cmocka_unit_test(a_settled_charge_forgets_the_token),
        cmocka_unit_test(an_unknown_outcome_is_asked_about_again_ever_more_slowly),
        cmocka_unit_test(an_unclear_charge_is_asked_for_and_looked_up_by_turns),
        cmocka_unit_test(past_the_life_of_its_key_a_charge_is_never_asked_for_again),
        cmocka_unit_test(an_absence_is_final_only_when_no_call_is_out),
        cmocka_unit_test(a_capture_that_is_heard_of_late_counts),
        cmocka_unit_test(money_found_after_all_counts),
        cmocka_unit_test(an_answer_that_comes_twice_or_late_changes_nothing),
        cmocka_unit_test(only_captured_money_can_be_given_back),
        cmocka_unit_test(an_unclear_refund_is_asked_for_again_and_takes_a_fresh_key_at_times),
        cmocka_unit_test(nobody_waits_for_a_refund_that_stays_unclear),
        cmocka_unit_test(what_was_given_back_at_the_gateway_is_noticed),
        cmocka_unit_test(
            a_refund_that_came_back_is_owed_again_and_asked_for_under_a_key_of_its_own),
        cmocka_unit_test(a_lost_dispute_moves_no_captured_charge_and_leaves_nothing_to_give_back),
        cmocka_unit_test(a_refund_that_gave_a_part_is_looked_at_before_the_rest_is_asked_for),
        cmocka_unit_test(a_look_that_was_due_follows_a_refund_that_was_asked_for_meanwhile),
        cmocka_unit_test(an_answer_leaves_a_later_question_due),
        cmocka_unit_test(a_token_is_told_again_by_its_mark),
        cmocka_unit_test(the_sandbox_gives_one_key_one_answer),
        cmocka_unit_test(a_token_is_what_stripe_calls_a_card_by),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
