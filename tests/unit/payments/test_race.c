/* tests/unit/payments/test_race.c: payment and expiry, raced at every interleaving of their steps.
 *
 * The real services (orders, payments, expiration, tickets) run over real databases; this file owns
 * time, the gateway and the delivery of events. From a reserved order on, whatever can happen next
 * is a choice: the buyer pays or cancels, the gateway answers or the program dies first, time
 * passes, a timer fires, a competitor takes the ticket, any one event is delivered to any one
 * service, payments' events also out of order. Every sequence of choices is run to its end, each
 * event is delivered twice, and when nothing is left to happen the money must be right. Nothing is
 * committed: a run ends with a rollback. */
#include "race.h"

#include "services/payments/documents.h"

#define DEPTH_MAX   96
#define CHOICES_MAX 32

/* --- looking --------------------------------------------------------------------------------- */

#define IS_STATUS(word)                                                                            \
    "SELECT CASE WHEN status = '" word "' THEN 1 ELSE 0 END FROM orders WHERE id = $1"

static bool order_is_complete(struct object_id id)
{
    return number_of(ORDERS, IS_STATUS("complete"), id) == 1;
}
static bool order_is_cancelled(struct object_id id)
{
    return number_of(ORDERS, IS_STATUS("cancelled"), id) == 1;
}
static int64_t deadline_ms(void)
{
    return number_of(ORDERS, "SELECT expires_at_ms FROM orders WHERE id = $1", world.order_id);
}

/* --- what can happen ------------------------------------------------------------------------- */

static size_t choices_now(struct choice *out)
{
    const struct scenario *scenario = world.scenario;
    bool cancelled = order_is_cancelled(world.order_id);
    size_t count = 0;

    /* Once it is paid for, nothing in payments depends on when it hears of the order. */
    if (world.paid && add_deliveries(out, 0, PAYMENTS, ORDERS, false)) return 1;
    if (!world.paid) out[count++] = (struct choice){.act = PAY};
    if (world.nodes[PAYMENTS].writer->tasks.head) {
        out[count++] = (struct choice){.act = ANSWER};
        if (world.crashes < scenario->crashes) out[count++] = (struct choice){.act = CRASH};
    }
    if (world.cancels < scenario->cancels && !cancelled)
        out[count++] = (struct choice){.act = CANCEL};
    if (world.competitors < scenario->competitors && cancelled)
        out[count++] = (struct choice){.act = COMPETITOR};
    if (!world.deadline)
        out[count++] = (struct choice){.act = DEADLINE};
    else if (!world.grace_over)
        out[count++] = (struct choice){.act = GRACE_OVER};
    if (number_of(EXPIRATION,
                  "SELECT due_at_ms FROM timers WHERE order_id = $1"
                  " AND due_at_ms IS NOT NULL",
                  world.order_id) > 0 &&
        number_of(EXPIRATION, "SELECT due_at_ms FROM timers WHERE order_id = $1", world.order_id) <=
            world.now_ms)
        out[count++] = (struct choice){.act = FIRE_TIMER};
    count = add_deliveries(out, count, ORDERS, PAYMENTS, scenario->disorder);
    count = add_deliveries(out, count, ORDERS, EXPIRATION, false);
    count = add_deliveries(out, count, PAYMENTS, ORDERS, false);
    count = add_deliveries(out, count, EXPIRATION, ORDERS, false);
    assert_true(count < CHOICES_MAX);
    return count;
}

static void pay(void)
{
    struct str body = body_of("{\"token\":\"tok_visa\",\"orderId\":\"%s\"}", world.order_id);
    enum err err =
        request(PAYMENTS, METHOD_POST, "/api/payments", body.at, "buyer", world.order_id, NULL);

    assert_true(err == OK || err == ERR_ORDER_CANCELLED);
    world.paid = true;
}

static void answer(void)
{
    struct node *node = &world.nodes[PAYMENTS];
    struct task *task = task_list_take(&node->writer->tasks);

    task->work(&node->writer->env, task);
    item_begin(node);
    assert_int_equal(task->resolve(&node->writer->env, node->tx, task), OK);
    item_end(node, true);
    free(task);
}

/* The program dies with the gateway's answer on its way, and starts again. */
static void crash(void)
{
    struct node *node = &world.nodes[PAYMENTS];
    struct gateway_charge charge = {.key = {{0}}};
    struct gateway_outcome lost;

    if (!world.charged) fake_charge(world.payments.gateway, &charge, &lost);
    task_list_free(&node->writer->tasks);
    world.payments.resumed_after = -1;
    world.crashes++;
    run_job(PAYMENTS, SUBMIT);
}

static void competitor(void)
{
    struct str body = body_of("{\"ticketId\":\"%s\"}", world.ticket_id), text = {NULL, 0};
    enum err err =
        request(ORDERS, METHOD_POST, "/api/orders", body.at, "competitor", world.ticket_id, &text);

    assert_true(err == OK || err == ERR_TICKET_RESERVED);
    world.competitors++;
    if (err == OK) {
        struct str id;

        assert_true(json_text(json_get(json_parsed(world.arena, text), "id"), &id));
        assert_true(object_id_parse(id, &world.rival_id));
    }
}

/* False: the event waits for another one. */
static bool happen(const struct choice *choice)
{
    bool was_cancelled = order_is_cancelled(world.order_id), took = true;
    int64_t deadline = deadline_ms();

    switch (choice->act) {
    case PAY:
        pay();
        break;
    case CANCEL:
        (void)request(ORDERS, METHOD_DELETE, "/api/orders/:id", "{}", "buyer", world.order_id,
                      NULL);
        world.cancels++;
        break;
    case COMPETITOR:
        competitor();
        break;
    case ANSWER:
        answer();
        break;
    case CRASH:
        crash();
        break;
    case DEADLINE:
        world.now_ms = START_MS + HOLD_MS;
        world.deadline = true;
        break;
    case GRACE_OVER:
        world.now_ms += GRACE_MS;
        world.grace_over = true;
        break;
    case FIRE_TIMER:
        run_job(EXPIRATION, 0);
        break;
    case DELIVER:
        took = deliver(choice->to, choice->from, choice->sequence);
        break;
    }
    if (!was_cancelled && order_is_cancelled(world.order_id) && choice->act == DELIVER &&
        choice->from == EXPIRATION && world.now_ms < deadline)
        fail_msg("expired %lld ms early", (long long)(deadline - world.now_ms));
    world.ever_complete |= order_is_complete(world.order_id);
    return took;
}

/* --- the end --------------------------------------------------------------------------------- */

/* Time passes, the gateway answers, everything is delivered, until nothing more happens. */
static void come_to_rest(void)
{
    bool moved = true;

    for (int round = 0; moved; round++) {
        assert_true(round < 100);
        moved = deliver_all();
        while (world.nodes[PAYMENTS].writer->tasks.head) {
            answer();
            moved = true;
        }
        if (moved) continue;
        world.now_ms += 10 * GRACE_MS;
        run_job(EXPIRATION, 0);
        run_job(PAYMENTS, SUBMIT);
        moved = world.nodes[PAYMENTS].writer->tasks.head || deliver_all();
    }
}

static int64_t version_in(enum who who, const char *sql)
{
    return number_of(who, sql, world.order_id);
}

static void check_money(void)
{
    struct node *node = &world.nodes[PAYMENTS];
    struct json_writer json;
    struct buf text;
    bool complete = order_is_complete(world.order_id), sound;

    buf_init(&text, world.arena, 65536);
    json = json_writer_to(&text);
    assert_int_equal(ledger_findings_json(node->tx, &json, 10, &sound), OK);
    if (!sound) fail_msg("%.*s", (int)text.len, text.at);
    assert_true(world.refunded <= world.charged);
    assert_int_equal(world.charged - world.refunded, complete ? 1 : 0);
    assert_int_equal(number_of(PAYMENTS,
                               "SELECT COALESCE(SUM(amount_cents), 0) FROM ledger"
                               " WHERE account = 'revenue' AND charge_id <> $1",
                               world.order_id),
                     complete ? PRICE_CENTS : 0);
    assert_int_equal(number_of(PAYMENTS,
                               "SELECT COALESCE(SUM(amount_cents), 0) FROM ledger"
                               " WHERE account IN ('held', 'refund') AND charge_id <> $1",
                               world.order_id),
                     0);
    if (world.ever_complete) assert_true(complete); /* nobody refunds here but late money */
}

static void check_end(void)
{
    int64_t version = version_in(ORDERS, "SELECT version FROM orders WHERE id = $1");

    check_money();
    assert_true(order_is_complete(world.order_id) || order_is_cancelled(world.order_id));
    assert_int_equal(version_in(PAYMENTS, "SELECT version FROM order_copies WHERE id = $1"),
                     version);
    assert_int_equal(version_in(EXPIRATION, "SELECT version FROM timers WHERE order_id = $1"),
                     version);
    assert_int_equal(version_in(TICKETS, "SELECT version FROM order_versions WHERE order_id = $1"),
                     version);
    assert_int_equal(number_of(TICKETS,
                               "SELECT CASE WHEN order_id IS NULL THEN 0 ELSE 1 END FROM tickets"
                               " WHERE id = $1",
                               world.ticket_id),
                     order_is_complete(world.order_id) ||
                             (world.competitors && !order_is_cancelled(world.rival_id) &&
                              number_of(ORDERS, IS_STATUS("created"), world.rival_id) == 1)
                         ? 1
                         : 0);
}

/* --- leaving out what is the same ------------------------------------------------------------ */

/* The services a step reads or writes, as bits. Time is read by orders and expiration. */
static unsigned touched(const struct choice *choice)
{
    switch (choice->act) {
    case PAY:
    case ANSWER:
    case CRASH:
        return 1u << PAYMENTS;
    case CANCEL:
    case COMPETITOR:
        return 1u << ORDERS;
    case DEADLINE:
    case GRACE_OVER:
        return 1u << ORDERS | 1u << EXPIRATION;
    case FIRE_TIMER:
        return 1u << EXPIRATION;
    case DELIVER:
        return 1u << choice->to;
    }
    return ~0u;
}

static int compare(const struct choice *a, const struct choice *b)
{
    if (a->act != b->act) return a->act < b->act ? -1 : 1;
    if (a->to != b->to) return a->to < b->to ? -1 : 1;
    if (a->from != b->from) return a->from < b->from ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

/* Two steps that touch different services come to the same in either order: only the order that
 * sorts first is run. before: the choices of which `taken` was the last step. Returns how many of
 * now's choices are left. */
static size_t without_twins(struct choice *now, size_t count, const struct choice *before,
                            size_t before_count, const struct choice *taken)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        bool twin = false;

        for (size_t j = 0; j < before_count && !twin; j++)
            twin = compare(&now[i], &before[j]) == 0 && compare(&now[i], taken) < 0 &&
                   !(touched(&now[i]) & touched(taken));
        if (!twin) now[kept++] = now[i];
    }
    return kept;
}

/* --- every run ------------------------------------------------------------------------------- */

/* One way through the choices: `path` says which are taken, width how many there were at each
 * depth. False: it is the same as another run, or an event in it had to wait, so that the run
 * without that choice is the same. */
static bool walk(const size_t *path, size_t *width, size_t *depth)
{
    struct choice choices[CHOICES_MAX], before[CHOICES_MAX], taken = {.act = PAY};
    size_t before_count = 0, count;

    for (*depth = 0; (count = choices_now(choices)) > 0; ++*depth) {
        struct choice all[CHOICES_MAX];
        size_t all_count = count;

        assert_true(*depth + 1 < DEPTH_MAX);
        memcpy(all, choices, sizeof all);
        width[*depth] = without_twins(choices, count, before, before_count, &taken);
        if (width[*depth] == 0) return false;
        taken = choices[path[*depth]];
        memcpy(before, all, sizeof before);
        before_count = all_count;
        if (!happen(&taken)) {
            ++*depth;
            return false;
        }
    }
    return true;
}

/* Depth first through all of them, or the first RACE_RUNS, for those who are slow and look for
 * something else (the sanitizers). Returns how many came to an end. */
static int64_t race(const struct scenario *scenario)
{
    size_t path[DEPTH_MAX] = {0}, width[DEPTH_MAX] = {0}, depth = 0;
    const char *text = getenv("RACE_RUNS");
    int64_t runs = 0, runs_max = INT64_MAX;

    if (text) assert_true(str_to_int64(str_of(text), &runs_max));

    world.scenario = scenario;
    for (;;) {
        run_begin();
        if (walk(path, width, &depth)) {
            come_to_rest();
            check_end();
            runs++;
        }
        run_end();
        while (depth > 0 && path[depth - 1] + 1 >= width[depth - 1])
            path[--depth] = 0;
        if (depth == 0 || runs == runs_max) return runs;
        path[depth - 1]++;
        memset(path + depth, 0, sizeof path - depth * sizeof *path);
    }
}

/* --- the scenarios --------------------------------------------------------------------------- */

static void try_all(const struct scenario *scenario)
{
    int64_t runs = race(scenario);

    print_message("# %s: %lld interleavings\n", scenario->name, (long long)runs);
    assert_true(runs > 10);
}

static void a_card_that_is_charged_races_the_deadline(void **state)
{
    (void)state;
    try_all(&(struct scenario){.name = "charged",
                               .answers = {GATEWAY_DONE, GATEWAY_DONE, GATEWAY_DONE}});
}

static void a_card_that_is_declined_races_the_deadline(void **state)
{
    (void)state;
    try_all(&(struct scenario){.name = "declined",
                               .answers = {GATEWAY_DECLINED, GATEWAY_DONE, GATEWAY_DONE}});
}

static void an_answer_that_is_unclear_at_first_races_the_deadline(void **state)
{
    (void)state;
    try_all(&(struct scenario){.name = "unclear, then charged",
                               .answers = {GATEWAY_UNKNOWN, GATEWAY_UNKNOWN, GATEWAY_DONE}});
    try_all(&(struct scenario){.name = "unclear, then refused",
                               .answers = {GATEWAY_UNKNOWN, GATEWAY_REFUSED, GATEWAY_DONE}});
}

static void an_answer_lost_in_a_crash_races_the_deadline(void **state)
{
    (void)state;
    try_all(&(struct scenario){.name = "charged, the answer lost",
                               .answers = {GATEWAY_DONE, GATEWAY_DONE, GATEWAY_DONE},
                               .crashes = 1});
}

static void money_races_a_rival_for_the_ticket(void **state)
{
    (void)state;
    try_all(&(struct scenario){.name = "charged, a competitor waiting",
                               .answers = {GATEWAY_DONE, GATEWAY_DONE, GATEWAY_DONE},
                               .competitors = 1});
}

static void money_races_its_own_buyers_cancellation(void **state)
{
    (void)state;
    try_all(&(struct scenario){.name = "charged, the buyer cancelling",
                               .answers = {GATEWAY_DONE, GATEWAY_DONE, GATEWAY_DONE},
                               .cancels = 1});
}

static void payments_events_that_overtake_each_other_race_the_deadline(void **state)
{
    (void)state;
    try_all(&(struct scenario){.name = "charged, in disorder",
                               .answers = {GATEWAY_DONE, GATEWAY_DONE, GATEWAY_DONE},
                               .disorder = true});
    try_all(&(struct scenario){.name = "declined, in disorder",
                               .answers = {GATEWAY_DECLINED, GATEWAY_DONE, GATEWAY_DONE},
                               .disorder = true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_that_is_charged_races_the_deadline),
        cmocka_unit_test(a_card_that_is_declined_races_the_deadline),
        cmocka_unit_test(an_answer_that_is_unclear_at_first_races_the_deadline),
        cmocka_unit_test(an_answer_lost_in_a_crash_races_the_deadline),
        cmocka_unit_test(money_races_a_rival_for_the_ticket),
        cmocka_unit_test(money_races_its_own_buyers_cancellation),
        cmocka_unit_test(payments_events_that_overtake_each_other_race_the_deadline),
    };

    return cmocka_run_group_tests(tests, race_set_up, race_tear_down);
}
