/* tests/unit/payments/race.c: the world test_race.c runs in. */
#include "race.h"

#include <dirent.h>
#include <unistd.h>

struct world world;

static const struct service_definition *const definitions[NODES] = {
    [ORDERS] = &orders_service,
    [PAYMENTS] = &payments_service,
    [EXPIRATION] = &expiration_service,
    [TICKETS] = &tickets_service,
};

/* --- time, randomness, the gateway ----------------------------------------------------------- */

static struct wall_ms wall(const struct clock *clock)
{
    (void)clock;
    return (struct wall_ms){world.now_ms};
}

static struct mono_ms mono(const struct clock *clock)
{
    (void)clock;
    return (struct mono_ms){world.now_ms - START_MS + 1};
}

static const struct clock the_clock = {wall, mono};

static enum gateway_result next_answer(void)
{
    int call = world.calls < 2 ? world.calls : 2;

    world.calls++;
    return world.scenario->answers[call];
}

void fake_charge(const struct gateway *gateway, const struct gateway_charge *charge,
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
    outcome->refund_count = 1;
    outcome->refunds[0] = (struct gateway_refund){"re_1", charge->rest_cents, false};
    world.refunded++;
}

static const struct gateway fake_gateway = {fake_charge, fake_refund, fake_charge};

/* --- items ----------------------------------------------------------------------------------- */

void item_begin(struct node *node)
{
    tx_item_begin(node->tx, (struct wall_ms){world.now_ms});
}

void item_end(struct node *node, bool keep)
{
    assert_int_equal(tx_item_end(node->tx, keep), OK);
    node->writer->wakes = NULL;
}

enum err request(enum who who, enum method method, const char *path, const char *body,
                 const char *user, struct object_id param, struct str *answer)
{
    struct node *node = &world.nodes[who];
    const struct service_definition *def = node->instance.def;
    struct object_id_text id = object_id_text(param);
    struct request rq;
    enum err err = ERR_NOT_FOUND;

    request_init(&rq, world.arena);
    assert_true(request_begin(&rq, &node->writer->env));
    rq.user.id = str_of(user);
    rq.body = json_parsed(world.arena, str_of(body));
    rq.params[0] = arena_copy(world.arena, str_of(id.hex));
    item_begin(node);
    for (size_t i = 0; i < def->route_count; i++)
        if (def->routes[i].method == method && strcmp(def->routes[i].path, path) == 0)
            err = def->routes[i].run(&rq, node->tx, &rq.reply);
    if (err == OK && rq.run->next && !rq.run->waits &&
        rq.run->next_executor == IN_WRITER) /* counted in the loop */
        err = rq.run->next(&rq, node->tx, &rq.reply);
    item_end(node, err == OK);
    if (answer) *answer = buf_str(&rq.reply.body);
    return err;
}

void run_job(enum who who, size_t job)
{
    struct node *node = &world.nodes[who];
    struct wall_ms next = WALL_NEVER;

    item_begin(node);
    assert_int_equal(node->instance.def->jobs[job].run(&node->writer->env, node->tx, &next), OK);
    item_end(node, true);
    node->writer->job_due[job] = MONO_NEVER;
    env_job_due(&node->writer->env, job, next);
}

struct str body_of(const char *format, struct object_id id)
{
    struct buf body;

    buf_init(&body, world.arena, 256);
    buf_printf(&body, format, object_id_text(id).hex);
    buf_char(&body, '\0');
    return buf_str(&body);
}

/* --- events ---------------------------------------------------------------------------------- */

static const struct listener *listener_of(const struct node *node, enum event_type type)
{
    const struct service_definition *def = node->instance.def;

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
    verdict = listener->run(&node->writer->env, node->tx, event);
    item_end(node, verdict == VERDICT_APPLIED);
    if (verdict == VERDICT_DEAD) fail_msg("dead letter: %s", node->writer->env.dead_reason);
    assert_int_not_equal(verdict, VERDICT_RETRY);
    return verdict;
}

bool deliver(enum who to, enum who from, int64_t sequence)
{
    struct node *node = &world.nodes[to];
    enum event_type type;
    union event event;

    assert_true(event_at(from, sequence, &type, &event));
    if (apply(node, type, &event) == VERDICT_EARLY) return false;
    if (apply(node, type, &event) != VERDICT_SEEN) /* a timer's early notice may wait again */
        fail_msg("%s took effect twice in %s", event_subject(type), node->instance.def->name);
    node->applied[from][sequence - node->seen[from]] = true;
    return true;
}

static bool is_for(const struct node *node, enum who from, int64_t sequence)
{
    enum event_type type;
    union event event;

    return event_at(from, sequence, &type, &event) && listener_of(node, type);
}

size_t add_deliveries(struct choice *out, size_t count, enum who to, enum who from, bool any_order)
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

bool deliver_all(void)
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

/* --- looking --------------------------------------------------------------------------------- */

int64_t number_of(enum who who, const char *sql, struct object_id id)
{
    struct rows rows;
    int64_t number = -1;

    tx_query_values(world.nodes[who].tx, &rows, sql, (const struct sql_value[]){sql_id(id)}, 1);
    if (rows_next(&rows)) number = rows_int(&rows, 0);
    assert_int_equal(rows_end(&rows), OK);
    return number;
}

/* --- a run ----------------------------------------------------------------------------------- */

void run_begin(void)
{
    world.now_ms = START_MS + 1000;
    world.paid = world.deadline = world.grace_over = world.ever_complete = false;
    world.cancels = world.competitors = world.crashes = world.calls = 0;
    world.charged = world.refunded = 0;
    world.payments.resumed_after = 0;
    world.rival_id = (struct object_id){{0}};
    for (enum who who = 0; who < NODES; who++) {
        struct node *node = &world.nodes[who];

        memset(node->applied, 0, sizeof node->applied);
        node->instance.ids = node->ids;
        assert_int_equal(tx_begin(node->db, &node->tx), OK);
    }
}

void run_end(void)
{
    for (enum who who = 0; who < NODES; who++) {
        tx_rollback(world.nodes[who].tx);
        task_list_free(&world.nodes[who].writer->tasks);
        arena_reset(world.nodes[who].writer->arena);
    }
    arena_reset(world.arena);
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
    assert_int_equal(db_migrate(node->db, bus_schema, (struct wall_ms){START_MS}, &why), OK);
    assert_int_equal(db_migrate(node->db, runtime_schema, (struct wall_ms){START_MS}, &why), OK);
    assert_int_equal(db_migrate(node->db, def->schema, (struct wall_ms){START_MS}, &why), OK);
    buf_free(&path);
    buf_free(&why);
    node->instance.def = def;
    node->instance.env = (struct env){.instance = &node->instance,
                                      .name = def->name,
                                      .settings = &world.settings,
                                      .clock = &the_clock,
                                      .random = &random_system,
                                      .ids = &node->instance.ids};
    if (who == PAYMENTS) node->instance.env.state = &world.payments;
    node->writer = writer_new(&node->instance);
    object_id_source_init(&node->ids, &random_system);
}

static void commit_all(void)
{
    for (enum who who = 0; who < NODES; who++) {
        world.nodes[who].ids = world.nodes[who].instance.ids;
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
    assert_true(json_text(json_get(json_parsed(world.arena, text), "id"), &hex));
    assert_true(object_id_parse(hex, &id));
    return id;
}

/* A ticket on sale, reserved by the buyer, and everybody knows. */
int race_set_up(void **state)
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

int race_tear_down(void **state)
{
    struct dirent *entry;
    DIR *folder;

    (void)state;
    for (enum who who = 0; who < NODES; who++) {
        db_close(world.nodes[who].db);
        arena_free(world.nodes[who].writer->arena);
    }
    arena_free(world.arena);
    folder = opendir(world.folder);
    while (folder && (entry = readdir(folder)))
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder) closedir(folder);
    rmdir(world.folder);
    return 0;
}
