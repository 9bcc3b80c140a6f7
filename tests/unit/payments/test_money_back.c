/* tests/unit/payments/test_money_back.c: what the processor says of refunds and disputes in one
 * answer, in the ledger; and when the processor is asked at all. */
#include "race.h"

#include "services/payments/documents.h"
#include "services/payments/ledger_store.h"

/* --- a processor that knows refunds and a dispute of the charge ----------------------------- */

static struct gateway_outcome known; /* what a look finds */

static void find(const struct gateway *gateway, const struct gateway_charge *charge,
                 struct gateway_outcome *outcome)
{
    (void)gateway;
    *outcome = known;
    outcome->kind = GATEWAY_DONE;
    snprintf(outcome->id, sizeof outcome->id, "%s", charge->id);
}

static void refund(const struct gateway *gateway, const struct gateway_charge *charge,
                   struct gateway_outcome *outcome)
{
    struct gateway_refund *made = &known.refunds[known.refund_count++];

    (void)gateway;
    *made = (struct gateway_refund){.amount_cents = charge->rest_cents};
    snprintf(made->id, sizeof made->id, "re_%zu", known.refund_count);
    *outcome =
        (struct gateway_outcome){.kind = GATEWAY_DONE, .refunds = {*made}, .refund_count = 1};
    snprintf(outcome->id, sizeof outcome->id, "%s", charge->id);
}

static const struct gateway gateway = {fake_charge, refund, find};

static void lose_dispute(void)
{
    known.disputes[0] = (struct gateway_dispute){"dp_1", PRICE_CENTS, DISPUTE_LOST};
    known.dispute_count = 1;
}

/* --- the charge ----------------------------------------------------------------------------- */

static const struct scenario scenario = {.name = "money back", .answers = {GATEWAY_DONE}};

static struct node *payments(void)
{
    return &world.nodes[PAYMENTS];
}

static struct charge the_charge(void)
{
    struct object_id last;
    struct charge charge;
    size_t count;

    memset(last.bytes, 0xff, sizeof last.bytes);
    assert_int_equal(charges_page(payments()->tx, world.arena, STR(""), last, &charge, 1, &count),
                     OK);
    assert_int_equal(count, 1);
    return charge;
}

static void answer(void)
{
    struct node *node = payments();
    struct task *task = task_list_take(&node->writer->tasks);

    assert_non_null(task);
    task->work(&node->writer->env, task);
    item_begin(node);
    assert_int_equal(task->resolve(&node->writer->env, node->tx, task), OK);
    item_end(node, true);
    free(task);
}

static void give_back(void)
{
    struct node *node = payments();
    struct charge charge = the_charge();

    item_begin(node);
    assert_int_equal(refund_begin(&node->writer->env, node->tx, &charge), OK);
    item_end(node, true);
    answer();
}

/* As a webhook asks for it. */
static void look(void)
{
    struct node *node = payments();
    struct charge charge = the_charge();

    item_begin(node);
    charge_poll(&charge, (struct wall_ms){world.now_ms});
    assert_int_equal(charge_update(node->tx, &charge), OK);
    item_end(node, true);
    run_job(PAYMENTS, SUBMIT);
    answer();
}

static void begin(void)
{
    struct str body = body_of("{\"token\":\"tok_visa\",\"orderId\":\"%s\"}", world.order_id);

    run_begin();
    known = (struct gateway_outcome){.kind = GATEWAY_DONE};
    world.scenario = &scenario;
    world.payments.gateway = &gateway;
    assert_int_equal(
        request(PAYMENTS, METHOD_POST, "/api/payments", body.at, "buyer", world.order_id, NULL),
        OK);
    answer();
    assert_int_equal(the_charge().status, CHARGE_CAPTURED);
}

static int64_t account(const char *name)
{
    struct rows rows;
    int64_t cents;

    tx_query(payments()->tx, &rows,
             "SELECT COALESCE(SUM(amount_cents), 0) FROM ledger WHERE account = $1",
             sql_text(str_of(name)));
    assert_true(rows_next(&rows));
    cents = rows_int(&rows, 0);
    assert_int_equal(rows_end(&rows), OK);
    return cents;
}

/* chargeback_cents: what the dispute cost. */
static void refunded_at_the_cost_of(int64_t chargeback_cents)
{
    struct json_writer json;
    struct buf out;
    bool sound;

    assert_int_equal(the_charge().status, CHARGE_REFUNDED);
    assert_int_equal(account("refund"), 0);
    assert_int_equal(account("chargeback"), -chargeback_cents);
    buf_init(&out, world.arena, 4096);
    json = json_writer_to(&out);
    assert_int_equal(ledger_findings_json(payments()->tx, &json, 10, &sound), OK);
    if (!sound) fail_msg("%.*s", (int)buf_str(&out).len, buf_str(&out).at);
}

/* --- what must hold ------------------------------------------------------------------------- */

static void a_refund_that_came_back_and_a_lost_dispute_in_one_answer_cover_each_other(void **state)
{
    (void)state;
    begin();
    give_back();
    refunded_at_the_cost_of(0);
    known.refunds[0].failed = true;
    lose_dispute();
    look();
    refunded_at_the_cost_of(0);
    run_end();
}

static void a_dispute_in_an_unknown_state_stays_as_it_is_and_the_refund_is_booked(void **state)
{
    struct node *node = payments();
    enum dispute_status status;

    (void)state;
    begin();
    item_begin(node);
    assert_int_equal(tx_exec(node->tx, NULL, "PRAGMA ignore_check_constraints = 1"), OK);
    assert_int_equal(tx_exec(node->tx, NULL,
                             "INSERT INTO disputes (id, charge_id, amount_cents, status)"
                             " VALUES ('dp_1', $1, 1, 'arbitration')",
                             sql_id(the_charge().id)),
                     OK);
    assert_int_equal(dispute_get(node->tx, STR("dp_1"), &status), ERR_UNREADABLE);
    item_end(node, true);
    lose_dispute();
    give_back();
    look();
    refunded_at_the_cost_of(0);
    run_end();
}

static void refunds_that_come_back_after_a_lost_dispute_are_covered_one_by_one(void **state)
{
    (void)state;
    begin();
    known.refunds[known.refund_count++] = (struct gateway_refund){"re_1", 500, false};
    look();
    give_back();
    lose_dispute();
    look();
    refunded_at_the_cost_of(PRICE_CENTS);
    known.refunds[0].failed = true;
    look();
    refunded_at_the_cost_of(PRICE_CENTS - 500);
    known.refunds[1].failed = true;
    look();
    refunded_at_the_cost_of(0);
    run_end();
}

static void more_given_back_than_taken_covers_nothing(void **state)
{
    struct charge charge;

    (void)state;
    begin();
    give_back();
    /* The processor knows of a part before it, which came back: nobody has told us yet. */
    known.refunds[known.refund_count++] = (struct gateway_refund){"re_part", 500, false};
    look();
    charge = the_charge();
    assert_int_equal(charge.given_back_cents, PRICE_CENTS + 500);
    assert_int_equal(account("chargeback"), 0);
    known.refunds[1].failed = true;
    look();
    refunded_at_the_cost_of(0);
    run_end();
}

static void a_call_that_was_slept_over_is_not_made(void **state)
{
    struct str body = body_of("{\"token\":\"tok_visa\",\"orderId\":\"%s\"}", world.order_id);

    (void)state;
    run_begin();
    world.scenario = &scenario;
    world.payments.gateway = &gateway;
    assert_int_equal(
        request(PAYMENTS, METHOD_POST, "/api/payments", body.at, "buyer", world.order_id, NULL),
        OK);
    world.now_ms += GATEWAY_KEY_LIFETIME_MS;
    answer();
    assert_int_equal(world.charged, 0);
    assert_int_equal(the_charge().status, CHARGE_UNKNOWN);
    run_end();
}

static void a_clock_that_is_set_back_puts_off_no_question(void **state)
{
    struct charge charge;

    (void)state;
    begin();
    charge = the_charge();
    charge.ask_at.ms = world.now_ms + 3600 * INT64_C(1000);
    item_begin(payments());
    assert_int_equal(charge_update(payments()->tx, &charge), OK);
    item_end(payments(), true);
    run_job(PAYMENTS, SUBMIT);
    assert_int_equal(the_charge().ask_at.ms, world.now_ms + CHARGE_PAUSE_MS_MAX);
    run_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refund_that_came_back_and_a_lost_dispute_in_one_answer_cover_each_other),
        cmocka_unit_test(a_dispute_in_an_unknown_state_stays_as_it_is_and_the_refund_is_booked),
        cmocka_unit_test(refunds_that_come_back_after_a_lost_dispute_are_covered_one_by_one),
        cmocka_unit_test(more_given_back_than_taken_covers_nothing),
        cmocka_unit_test(a_call_that_was_slept_over_is_not_made),
        cmocka_unit_test(a_clock_that_is_set_back_puts_off_no_question),
    };

    return cmocka_run_group_tests(tests, race_set_up, race_tear_down);
}
