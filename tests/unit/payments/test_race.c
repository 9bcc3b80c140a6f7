/* tests/unit/payments/test_race.c: payment and expiry, raced at every interleaving of their steps.
 *
 * The real services (orders, payments, expiration, tickets) run over real databases; this file owns
 * time, the gateway and the delivery of events. From a reserved order on, whatever can happen next
 * is a choice: the buyer pays or cancels, the gateway answers or the program dies first, time
 * passes, a timer rings, a rival takes the ticket, any one event is delivered to any one service,
 * payments' events also out of order. Every sequence of choices is run to its end, each event is
 * delivered twice, and when nothing is left to happen the money must be right. Nothing is
 * committed: a run ends with a rollback. */
#include "runtime/house.h"
#include "services/payments/payments.h"
#include "services/services.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define START_MS    INT64_C(1790000000000)
#define HOLD_MS     INT64_C(900000)
#define GRACE_MS    INT64_C(120000)
#define PRICE_CENTS 2000
#define DEPTH_MAX   96
#define CHOICES_MAX 32
#define EVENTS_MAX  64

enum who { ORDERS, PAYMENTS, EXPIRATION, TICKETS, NODES };

static const struct service_definition *const definitions[NODES] = {
    [ORDERS] = &orders_service,
    [PAYMENTS] = &payments_service,
    [EXPIRATION] = &expiration_service,
    [TICKETS] = &tickets_service,
};

struct node {
    struct service service;
    struct db *db;
    struct tx *tx;
    struct object_id_source ids;     /* as they were when the run began */
    int64_t seen[NODES];             /* of that publisher's outbox, before the run */
    bool applied[NODES][EVENTS_MAX]; /* in this run, by sequence after `seen` */
};

/* What may happen next. */
enum act { PAY, CANCEL, RIVAL, ANSWER, CRASH, DEADLINE, GRACE_OVER, RING_TIMER, DELIVER };
struct choice {
    enum act act;
    enum who to, from; /* DELIVER */
    int64_t sequence;
};

/* What a run is about. */
struct scenario {
    const char *name;
    enum gateway_result answers[3]; /* of the gateway, one after the other; the last stays */
    int cancels, rivals, crashes;   /* how many of each there may be */
    bool disorder;                  /* payments' events overtake each other */
};

struct world {
    char folder[64];
    struct settings settings;
    struct payments payments;
    struct arena *arena;
    struct node nodes[NODES];
    struct object_id ticket_id, order_id, rival_id;
    /* of one run */
    const struct scenario *scenario;
    int64_t now_ms;
    bool paid, deadline, grace_over;
    int cancels, rivals, crashes, calls;
    int charged, refunded; /* at the gateway */
    bool ever_complete;
};

static struct world world;

/* --- time, randomness, the gateway ----------------------------------------------------------- */

static int64_t now_ms(const struct clock *clock)
{
    (void)clock;
    return world.now_ms;
}

static const struct clock the_clock = {now_ms};

static enum gateway_result next_answer(void)
{
    int call = world.calls < 2 ? world.calls : 2;

    world.calls++;
    return world.scenario->answers[call];
}

static void fake_charge(const struct gateway *gateway, const struct gateway_charge *charge,
                        struct gateway_outcome *outcome)
{
    (void)gateway;
    *outcome = (struct gateway_outcome){.kind = world.charged ? GATEWAY_DONE : next_answer()};
    snprintf(outcome->reason, sizeof outcome->reason, "no");
    if (outcome->kind != GATEWAY_DONE) return;
    world.charged = 1; /* the same key again is the same charge */
    snprintf(outcome->id, sizeof outcome->id, "ch_%s", object_id_text(charge->key).hex);
}

static void fake_refund(const struct gateway *gateway, const struct gateway_charge *charge,
                        struct gateway_outcome *outcome)
{
    (void)gateway;
    assert_int_equal(world.charged, 1);
    *outcome = (struct gateway_outcome){.kind = GATEWAY_DONE};
    snprintf(outcome->id, sizeof outcome->id, "%s", charge->id);
    snprintf(outcome->refund_id, sizeof outcome->refund_id, "re_1");
    world.refunded++;
}

static const struct gateway fake_gateway = {fake_charge, fake_refund, fake_charge};

/* --- items ----------------------------------------------------------------------------------- */

static void item_begin(struct node *node)
{
    tx_item_begin(node->tx, world.now_ms);
}

static void item_end(struct node *node, bool keep)
{
    assert_int_equal(tx_item_end(node->tx, keep), OK);
    node->service.wakes = NULL;
}

static enum err request(enum who who, enum method method, const char *path, const char *body,
                        const char *user, struct object_id param, struct str *answer)
{
    struct node *node = &world.nodes[who];
    const struct service_definition *def = node->service.def;
    struct object_id_text id = object_id_text(param);
    struct request rq;
    enum err err = ERR_NOT_FOUND;

    request_init(&rq, world.arena);
    rq.env = &node->service.env;
    rq.user.id = str_of(user);
    rq.body = json_parse(world.arena, str_of(body));
    rq.params[0] = arena_copy(world.arena, str_of(id.hex));
    item_begin(node);
    for (size_t i = 0; i < def->route_count; i++)
        if (def->routes[i].method == method && strcmp(def->routes[i].path, path) == 0)
            err = def->routes[i].run(&rq, node->tx, &rq.reply);
    item_end(node, err == OK);
    if (answer) *answer = buf_str(&rq.reply.body);
    return err;
}

static void run_job(enum who who, size_t job)
{
    struct node *node = &world.nodes[who];
    int64_t next_ms = JOB_NEVER;

    item_begin(node);
    assert_int_equal(node->service.def->jobs[job].run(&node->service.env, node->tx, &next_ms), OK);
    item_end(node, true);
    node->service.job_due_ms[job] = next_ms;
}

/* --- events ---------------------------------------------------------------------------------- */

static const struct listener *listener_of(const struct node *node, enum event_type type)
{
    const struct service_definition *def = node->service.def;

    for (size_t i = 0; i < def->listener_count; i++)
        if (def->listeners[i].type == type) return &def->listeners[i];
    return NULL;
}

/* The publisher's event of that sequence, decoded. False when there is none. */
static bool event_at(enum who from, int64_t sequence, enum event_type *type, union event *event)
{
    struct node *node = &world.nodes[from];
    struct rows rows;
    struct buf why;
    bool found;

    tx_query(node->tx, &rows, "SELECT subject, payload FROM outbox WHERE seq = $1",
             sql_int(sequence));
    found = rows_next(&rows);
    if (found) {
        buf_init(&why, world.arena, 256);
        *type = event_type_of(rows_text(&rows, 0));
        assert_int_equal(event_decode(*type, world.arena,
                                      arena_copy(world.arena, rows_text(&rows, 1)), event, &why),
                         OK);
    }
    assert_int_equal(rows_end(&rows), OK);
    return found;
}

static enum verdict apply(struct node *node, enum event_type type, const union event *event)
{
    const struct listener *listener = listener_of(node, type);
    enum verdict verdict;

    if (!listener) return VERDICT_SEEN;
    item_begin(node);
    verdict = listener->run(&node->service.env, node->tx, event);
    item_end(node, verdict == VERDICT_APPLIED);
    if (verdict == VERDICT_DEAD) fail_msg("dead letter: %s", node->service.env.dead_reason);
    assert_int_not_equal(verdict, VERDICT_RETRY);
    return verdict;
}

/* Delivers one event, twice. What comes too early stays to be delivered. True: it was taken. */
static bool deliver(enum who to, enum who from, int64_t sequence)
{
    struct node *node = &world.nodes[to];
    enum event_type type;
    union event event;

    assert_true(event_at(from, sequence, &type, &event));
    if (apply(node, type, &event) == VERDICT_EARLY) return false;
    if (apply(node, type, &event) != VERDICT_SEEN) /* a timer's early notice may wait again */
        fail_msg("%s took effect twice in %s", event_subject(type), node->service.def->name);
    node->applied[from][sequence - node->seen[from]] = true;
    return true;
}

static bool is_for(const struct node *node, enum who from, int64_t sequence)
{
    enum event_type type;
    union event event;

    return event_at(from, sequence, &type, &event) && listener_of(node, type);
}

/* --- looking --------------------------------------------------------------------------------- */

static int64_t number_of(enum who who, const char *sql, struct object_id id)
{
    struct rows rows;
    int64_t number = -1;

    tx_query_values(world.nodes[who].tx, &rows, sql, (const struct sql_value[]){sql_id(id)}, 1);
    if (rows_next(&rows)) number = rows_int(&rows, 0);
    assert_int_equal(rows_end(&rows), OK);
    return number;
}

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

static size_t add_deliveries(struct choice *out, size_t count, enum who to, enum who from,
                             bool any_order)
{
    const struct node *node = &world.nodes[to];
    enum event_type type;
    union event event;

    for (int64_t seq = node->seen[from] + 1; event_at(from, seq, &type, &event); seq++) {
        assert_true(seq - node->seen[from] < EVENTS_MAX);
        if (node->applied[from][seq - node->seen[from]] || !is_for(node, from, seq)) continue;
        out[count++] = (struct choice){DELIVER, to, from, seq};
        if (!any_order) break;
    }
    return count;
}

static size_t choices_now(struct choice *out)
{
    const struct scenario *scenario = world.scenario;
    bool cancelled = order_is_cancelled(world.order_id);
    size_t count = 0;

    /* Once it is paid for, nothing in payments depends on when it hears of the order. */
    if (world.paid && add_deliveries(out, 0, PAYMENTS, ORDERS, false)) return 1;
    if (!world.paid) out[count++] = (struct choice){.act = PAY};
    if (world.nodes[PAYMENTS].service.tasks.head) {
        out[count++] = (struct choice){.act = ANSWER};
        if (world.crashes < scenario->crashes) out[count++] = (struct choice){.act = CRASH};
    }
    if (world.cancels < scenario->cancels && !cancelled)
        out[count++] = (struct choice){.act = CANCEL};
    if (world.rivals < scenario->rivals && cancelled) out[count++] = (struct choice){.act = RIVAL};
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
        out[count++] = (struct choice){.act = RING_TIMER};
    count = add_deliveries(out, count, ORDERS, PAYMENTS, scenario->disorder);
    count = add_deliveries(out, count, ORDERS, EXPIRATION, false);
    count = add_deliveries(out, count, PAYMENTS, ORDERS, false);
    count = add_deliveries(out, count, EXPIRATION, ORDERS, false);
    assert_true(count < CHOICES_MAX);
    return count;
}

static struct str body_of(const char *format, struct object_id id)
{
    struct buf body;

    buf_init(&body, world.arena, 256);
    buf_printf(&body, format, object_id_text(id).hex);
    buf_char(&body, '\0');
    return buf_str(&body);
}

static void pay(void)
{
    struct str body = body_of("{\"token\":\"tok\",\"orderId\":\"%s\"}", world.order_id);
    enum err err =
        request(PAYMENTS, METHOD_POST, "/api/payments", body.at, "buyer", world.order_id, NULL);

    assert_true(err == OK || err == ERR_ORDER_CANCELLED);
    world.paid = true;
}

static void answer(void)
{
    struct node *node = &world.nodes[PAYMENTS];
    struct task *task = task_list_take(&node->service.tasks);

    task->work(&node->service.env, task);
    item_begin(node);
    assert_int_equal(task->settle(&node->service.env, node->tx, task), OK);
    item_end(node, true);
    free(task);
}

/* The program dies with the gateway's answer on its way, and starts again. */
static void crash(void)
{
    struct node *node = &world.nodes[PAYMENTS];
    struct gateway_charge charge = {.key = {{0}}};
    struct gateway_outcome lost;

    if (!world.charged) fake_charge(&fake_gateway, &charge, &lost);
    task_list_free(&node->service.tasks);
    world.payments.resumed = false;
    world.crashes++;
    run_job(PAYMENTS, DRIVE);
}

static void rival(void)
{
    struct str body = body_of("{\"ticketId\":\"%s\"}", world.ticket_id), text = {NULL, 0};
    enum err err =
        request(ORDERS, METHOD_POST, "/api/orders", body.at, "rival", world.ticket_id, &text);

    assert_true(err == OK || err == ERR_TICKET_RESERVED);
    world.rivals++;
    if (err == OK) {
        struct str id;

        assert_true(json_text(json_get(json_parse(world.arena, text), "id"), &id));
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
    case RIVAL:
        rival();
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
    case RING_TIMER:
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

static bool deliver_all(void)
{
    bool moved = false;

    for (enum who to = 0; to < NODES; to++)
        for (enum who from = 0; from < NODES; from++) {
            struct choice choices[EVENTS_MAX];
            size_t count = add_deliveries(choices, 0, to, from, true);

            for (size_t i = 0; i < count; i++)
                moved |= deliver(to, from, choices[i].sequence);
        }
    return moved;
}

/* Time passes, the gateway answers, everything is delivered, until nothing more happens. */
static void come_to_rest(void)
{
    bool moved = true;

    for (int round = 0; moved; round++) {
        assert_true(round < 100);
        moved = deliver_all();
        while (world.nodes[PAYMENTS].service.tasks.head) {
            answer();
            moved = true;
        }
        if (moved) continue;
        world.now_ms += 10 * GRACE_MS;
        run_job(EXPIRATION, 0);
        run_job(PAYMENTS, DRIVE);
        moved = world.nodes[PAYMENTS].service.tasks.head || deliver_all();
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
    assert_int_equal(ledger_audit(node->tx, &json, 10, &sound), OK);
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
                             (world.rivals && !order_is_cancelled(world.rival_id) &&
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
    case RIVAL:
        return 1u << ORDERS;
    case DEADLINE:
    case GRACE_OVER:
        return 1u << ORDERS | 1u << EXPIRATION;
    case RING_TIMER:
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

static void run_begin(void)
{
    world.now_ms = START_MS + 1000;
    world.paid = world.deadline = world.grace_over = world.ever_complete = false;
    world.cancels = world.rivals = world.crashes = world.calls = 0;
    world.charged = world.refunded = 0;
    world.payments.resumed = true;
    world.rival_id = (struct object_id){{0}};
    for (enum who who = 0; who < NODES; who++) {
        struct node *node = &world.nodes[who];

        memset(node->applied, 0, sizeof node->applied);
        node->service.env.ids = node->ids;
        assert_int_equal(tx_begin(node->db, &node->tx), OK);
    }
}

static void run_end(void)
{
    for (enum who who = 0; who < NODES; who++) {
        tx_rollback(world.nodes[who].tx);
        task_list_free(&world.nodes[who].service.tasks);
        arena_reset(world.nodes[who].service.arena);
    }
    arena_reset(world.arena);
}

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

/* Depth first through all of them. Returns how many came to an end. */
static int64_t race(const struct scenario *scenario)
{
    size_t path[DEPTH_MAX] = {0}, width[DEPTH_MAX] = {0}, depth = 0;
    int64_t runs = 0;

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
        if (depth == 0) return runs;
        path[depth - 1]++;
        memset(path + depth, 0, sizeof path - depth * sizeof *path);
    }
}

/* --- setting up ------------------------------------------------------------------------------ */

static void open_node(enum who who)
{
    struct node *node = &world.nodes[who];
    const struct service_definition *def = definitions[who];
    struct buf path, why;

    buf_init(&path, NULL, 256);
    buf_init(&why, NULL, 4096);
    buf_printf(&path, "%s/%s.db%c", world.folder, def->name, 0);
    assert_int_equal(db_open(path.at, DB_WRITER, &node->db, &why), OK);
    assert_int_equal(db_migrate(node->db, bus_schema, START_MS, &why), OK);
    assert_int_equal(db_migrate(node->db, def->schema, START_MS, &why), OK);
    buf_free(&path);
    buf_free(&why);
    node->service.def = def;
    node->service.arena = arena_new(1 << 24);
    node->service.env = (struct env){.service = &node->service,
                                     .name = def->name,
                                     .settings = &world.settings,
                                     .clock = &the_clock,
                                     .random = &random_system,
                                     .arena = node->service.arena};
    if (who == PAYMENTS) node->service.env.state = &world.payments;
    object_id_source_init(&node->ids, &random_system);
}

static void commit_all(void)
{
    for (enum who who = 0; who < NODES; who++) {
        world.nodes[who].ids = world.nodes[who].service.env.ids;
        assert_int_equal(tx_commit(world.nodes[who].tx), OK);
    }
    for (enum who who = 0; who < NODES; who++)
        for (enum who from = 0; from < NODES; from++) {
            assert_int_equal(tx_begin(world.nodes[from].db, &world.nodes[from].tx), OK);
            assert_int_equal(outbox_last(world.nodes[from].tx, &world.nodes[who].seen[from]), OK);
            tx_rollback(world.nodes[from].tx);
        }
}

static struct object_id created(enum who who, const char *path, struct str body, const char *user)
{
    struct object_id id;
    struct str text, hex;

    assert_int_equal(request(who, METHOD_POST, path, body.at, user, (struct object_id){{0}}, &text),
                     OK);
    assert_true(json_text(json_get(json_parse(world.arena, text), "id"), &hex));
    assert_true(object_id_parse(hex, &id));
    return id;
}

/* A ticket on sale, reserved by the buyer, and everybody knows. */
static int set_up(void **state)
{
    static const struct scenario nothing = {.name = "setting up"};
    struct str body;

    (void)state;
    snprintf(world.folder, sizeof world.folder, "/tmp/payments-race-XXXXXX");
    if (!mkdtemp(world.folder)) return -1;
    world.arena = arena_new(1 << 24);
    world.settings =
        (struct settings){.order_expiration_ms = HOLD_MS, .payment_grace_ms = GRACE_MS};
    world.payments.gateway = &fake_gateway;
    world.scenario = &nothing;
    for (enum who who = 0; who < NODES; who++)
        open_node(who);
    run_begin();
    world.now_ms = START_MS;
    world.ticket_id =
        created(TICKETS, "/api/tickets", STR("{\"title\":\"A seat\",\"price\":20}"), "seller");
    while (deliver_all())
        continue;
    body = body_of("{\"ticketId\":\"%s\"}", world.ticket_id);
    world.order_id = created(ORDERS, "/api/orders", body, "buyer");
    while (deliver_all())
        continue;
    commit_all();
    return 0;
}

static int tear_down(void **state)
{
    struct dirent *entry;
    DIR *folder;

    (void)state;
    for (enum who who = 0; who < NODES; who++) {
        db_close(world.nodes[who].db);
        arena_free(world.nodes[who].service.arena);
    }
    arena_free(world.arena);
    folder = opendir(world.folder);
    while (folder && (entry = readdir(folder)))
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder) closedir(folder);
    rmdir(world.folder);
    return 0;
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
    try_all(&(struct scenario){.name = "charged, a rival waiting",
                               .answers = {GATEWAY_DONE, GATEWAY_DONE, GATEWAY_DONE},
                               .rivals = 1});
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

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
