/* tests/sim/world.c: opens the house, steps it, breaks it, heals it. Every choice is drawn from the
 * seed: who goes next, how far the clock moves, when something goes wrong. */
#include "sim.h"

#include "services/payments/payments.h"
#include "services/services.h"

#include <unistd.h>

#define START_MS       INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define HOUR_MS        (3600 * INT64_C(1000))
#define SETTLE_MS      (12 * HOUR_MS) /* all there is to wait for has come by then */
#define BURIAL_MS      (25 * HOUR_MS) /* what waits for an event that never comes is given up */
#define WAITING_MS_MAX 65000 /* between two looks at events that wait for others, and a little */
#define SPINS_MAX      200
#define HEALING_STEPS  400000
#define LOOK_EVERY     64
#define UNWELL_MS_MAX  5000 /* between two looks of a service whose last commit failed */

struct sim sim;

const char *const service_names[SIM_SERVICES] = {"bus",    "auth",       "tickets",
                                                 "orders", "expiration", "payments"};

struct sim_clock {
    struct clock clock; /* first */
    int64_t skew_ms;
};

static struct {
    struct sim_clock clocks[SIM_SERVICES];
    struct clock clock;
    struct random random;
    struct settings settings;
    int64_t stalled_until_ms[SIM_SERVICES];
    int64_t disk_full_until_ms;
    uint64_t disk_errors, moved; /* when last looked at */
    int64_t failures[SIM_SERVICES];
    struct db *db[SIM_SERVICES];
    int64_t wake_at_ms[SIM_SERVICES]; /* by the service's clock, as its thread would have gone to
                                         sleep */
    double lazy[SIM_SERVICES];        /* how often its turn is left out while others have work */
    int spins, spinning;              /* turns of one service with nothing else in between */
    bool clocks_change;               /* in this run */
    bool power;                       /* the crash inside a step takes the power with it */
    char folder[64];
} world;

static const struct service_definition *const definitions[] = {
    &auth_service, &tickets_service, &orders_service, &expiration_service, &payments_service};

/* --- what the program is handed ------------------------------------------------------------- */

static int64_t house_clock(const struct clock *clock)
{
    (void)clock;
    return sim.now_ms;
}

static int64_t service_clock(const struct clock *clock)
{
    return sim.now_ms + ((const struct sim_clock *)(const void *)clock)->skew_ms;
}

int64_t service_now_ms(int index)
{
    return sim.now_ms + world.clocks[index].skew_ms;
}

static void product_fill(struct random *random, void *bytes, size_t size)
{
    unsigned char *at = bytes;

    (void)random;
    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)chance_next(&sim.product);
}

void sim_disturb(int64_t until_ms)
{
    if (until_ms > sim.calm_since_ms) sim.calm_since_ms = until_ms;
}

/* --- opening and closing -------------------------------------------------------------------- */

static void after_open(int service)
{
    struct env *env = &sim_service(service)->env;

    world.clocks[service].clock.now_ms = service_clock;
    env->clock = &world.clocks[service].clock;
    if (service == PAYMENTS) ((struct payments *)env->state)->gateway = &bank_gateway;
    world.wake_at_ms[service] = 0;
    world.failures[service] = sim_service(service)->failures;
    world.db[service] = sim_service(service)->db;
}

/* False: it could not start, as may happen when the disk fails. */
static bool open_house(void)
{
    struct buf why;
    enum err err;

    sim.house = calloc(1, sizeof *sim.house);
    ASSERT(sim.house);
    *sim.house = (struct house){
        .settings = &world.settings, .clock = &world.clock, .random = &world.random, .loops = 1};
    buf_init(&why, NULL, 4096);
    err = house_open(sim.house, definitions, sizeof definitions / sizeof *definitions, &why);
    buf_free(&why);
    trace("open", NULL, err, 0);
    if (err) return false;
    for (int i = 0; i < SIM_SERVICES; i++)
        after_open(i);
    watch_open();
    return true;
}

static void close_house(void)
{
    watch_close();
    house_close(sim.house);
    free(sim.house);
    sim.house = NULL;
}

static void see_everything(void)
{
    for (int i = 0; i < SIM_SERVICES; i++)
        watch_all(i);
}

/* The process is gone; another one starts on what it left. Starting may fail and is tried again. */
static void restart(bool power)
{
    trace("crash", NULL, power, 0);
    vfs_freeze();
    close_house();
    calls_lose(SIM_SERVICES);
    vfs_crash(power);
    sim.crashed = false;
    for (int tries = 0; !open_house(); tries++) {
        vfs_freeze(); /* whatever it left half done */
        house_close(sim.house);
        free(sim.house);
        vfs_crash(false);
        sim.now_ms += 1000;
        sim_disturb(sim.now_ms + 2000);
        if (tries < 200 && !sim.healing) continue;
        faults_end();
        vfs_heal();
        CHECK(13, NULL, tries < 400, "cannot start again");
    }
    sim_disturb(sim.now_ms + 2000);
    see_everything();
}

/* One service dies and comes back, while the others live on. What the process had written is
 * there, synced or not. */
static void restart_service(int index)
{
    struct service *service = sim_service(index);
    struct buf why;
    enum err err;

    trace("service crash", NULL, index, 0);
    sim.house->handover[0][index] = (struct request_list){0};
    pool_stop(service->pool);
    service->pool = NULL;
    if (service->def->stop && service->env.state) service->def->stop(&service->env);
    subscription_close(service->subscription);
    service->subscription = NULL;
    writer_free(service);
    db_close(service->db);
    service->db = NULL;
    service->queue = service->ready = (struct request_list){0};
    service->tasks = (struct task_list){0};
    service->wakes = NULL;
    service->reopen_at_ms = service->probe_at_ms = 0;
    memset(service->waiting, 0, sizeof service->waiting);
    memset(service->job_due_ms, 0, sizeof service->job_due_ms);
    calls_lose(index);
    media_forget(index);
    buf_init(&why, NULL, 4096);
    service->migrated = false;
    err = writer_init(service);
    if (err == OK) err = service_connect(service, &why);
    if (err == OK) err = service_start(service, &why);
    buf_free(&why);
    sim_disturb(sim.now_ms + 2000);
    if (err) { /* the disk fails: then the whole process goes and comes again */
        restart(false);
        return;
    }
    after_open(index);
    watch_all(index);
}

/* --- things that go wrong between steps ------------------------------------------------------ */

/* The simulator plays the operator who publishes by mistake. */
static void publish_mistake(bool future)
{
    static const char *const subjects[] = {
        "ticket:created",  "ticket:updated",      "order:created",  "order:cancelled",
        "order:completed", "expiration:complete", "payment:created"};
    static const char *const malformed[] = {"{}", "{\"id\":17}", "[]",
                                            "{\"id\":\"zz\",\"version\":\"one\"}",
                                            "{\"version\":-3,\"orderId\":null}"};
    struct chance *chance = fault_chance(future ? FAULT_EVENT_FUTURE : FAULT_EVENT_MALFORMED);
    const char *subject = subjects[chance_below(chance, future ? 5 : 7)];
    char body[512], payload[300];

    snprintf(payload, sizeof payload, "%s", malformed[chance_below(chance, 5)]);
    if (future)
        snprintf(payload, sizeof payload,
                 "{\"id\":\"%024llx\",\"version\":7,\"title\":\"x\",\"price\":1,\"userId\":\"u\","
                 "\"status\":\"created\",\"expiresAt\":\"2026-01-01T00:00:00.000Z\","
                 "\"ticket\":{\"id\":\"%024llx\",\"price\":1}}",
                 (unsigned long long)chance_next(chance) >> 8,
                 (unsigned long long)chance_next(chance) >> 8);
    snprintf(body, sizeof body, "{\"subject\":\"%s\",\"data\":%s}", subject, payload);
    quiet_mistake(subject, payload);
    call_send(call_new(future ? -2 : -1, CALL_PUBLISH, "", NULL, body));
}

static void jump_clocks(void)
{
    struct chance *chance = fault_chance(FAULT_CLOCK_JUMP);

    sim.now_ms += chance_below(chance, 2 * HOUR_MS) - HOUR_MS;
    if (sim.now_ms < START_MS) sim.now_ms = START_MS;
    sim_disturb(sim.now_ms + 2 * HOUR_MS);
}

static int any_service(enum fault fault)
{
    return (int)chance_below(fault_chance(fault), SIM_SERVICES);
}

/* True: a crash, so that nothing else of this step makes sense. */
static bool something_goes_wrong(void)
{
    int service;

    if (fault_now(FAULT_KILL)) {
        restart(false);
        return true;
    }
    if (fault_now(FAULT_POWER_CUT)) {
        restart(true);
        return true;
    }
    if (fault_now(FAULT_SERVICE_CRASH)) {
        restart_service(1 + (int)chance_below(fault_chance(FAULT_SERVICE_CRASH), SIM_SERVICES - 1));
        return true;
    }
    if (fault_now(FAULT_CRASH_INSIDE)) {
        vfs_freeze_after(chance_below(fault_chance(FAULT_CRASH_INSIDE), 60));
        world.power = chance_hit(&sim.disk, 0.5);
    }
    if (fault_now(FAULT_STALL)) {
        service = any_service(FAULT_STALL);
        world.stalled_until_ms[service] =
            sim.now_ms + chance_below(fault_chance(FAULT_STALL), 60000);
        sim_disturb(world.stalled_until_ms[service] + 2000);
    }
    if (fault_now(FAULT_DISK_FULL)) {
        world.disk_full_until_ms = sim.now_ms + chance_below(fault_chance(FAULT_DISK_FULL), 30000);
        vfs_disk_full(true);
    }
    if (fault_now(FAULT_CLOCK_SKEW)) {
        service = any_service(FAULT_CLOCK_SKEW);
        world.clocks[service].skew_ms =
            chance_below(fault_chance(FAULT_CLOCK_SKEW), 2 * HOUR_MS) - HOUR_MS;
    }
    if (fault_now(FAULT_CLOCK_JUMP)) jump_clocks();
    if (fault_now(FAULT_BANK_REFUND)) bank_refund_something();
    if (fault_now(FAULT_EVENT_MALFORMED)) publish_mistake(false);
    if (fault_now(FAULT_EVENT_FUTURE)) publish_mistake(true);
    if (world.disk_full_until_ms && sim.now_ms >= world.disk_full_until_ms) {
        world.disk_full_until_ms = 0;
        vfs_disk_full(false);
    }
    return false;
}

/* Whoever may be late now for good reasons. */
static void note_disturbances(void)
{
    uint64_t moved = fault_counts[FAULT_EVENT_REORDER] + fault_counts[FAULT_EVENT_DELAY];

    if (world.disk_full_until_ms || vfs_errors() != world.disk_errors)
        sim_disturb(sim.now_ms + 5000);
    if (moved != world.moved) sim_disturb(sim.now_ms + WAITING_MS_MAX);
    world.disk_errors = vfs_errors();
    world.moved = moved;
    for (int i = 0; i < SIM_SERVICES; i++)
        if (world.clocks[i].skew_ms) sim_disturb(sim.now_ms + HOUR_MS + 65000);
}

/* --- one step -------------------------------------------------------------------------------- */

static bool has_work(int index)
{
    struct service *service = sim_service(index);

    if (world.stalled_until_ms[index] > sim.now_ms) return false;
    if (service->poked || service->queue.head || service->settles.head) return true;
    return world.wake_at_ms[index] <= service_now_ms(index);
}

static void take_answers(void)
{
    struct call *call;

    while ((call = call_take_answered())) {
        actor_answer(call);
        call_free(call);
    }
}

/* Nobody oversleeps: a service that is not well, and payments while there is something to ask. */
static void check_wake(int index)
{
    int64_t soon_ms = service_now_ms(index) + UNWELL_MS_MAX;
    int64_t ask_ms = index == PAYMENTS ? model_ask_ms() : INT64_MAX;

    if (world.clocks_change) return; /* the time it was to wake at is another one now */
    CHECK(13, NULL, sim_service(index)->healthy || world.wake_at_ms[index] <= soon_ms,
          "%s is not well and does not look again", service_names[index]);
    CHECK(13, NULL, world.wake_at_ms[index] <= (ask_ms > soon_ms ? ask_ms : soon_ms),
          "%s sleeps while there is a charge to ask for", service_names[index]);
}

static void run_service(int index)
{
    struct service *service = sim_service(index);
    bool worked = writer_step(service);

    trace("step", NULL, index, worked);
    if (sim.crashed) return;
    if (service->failures != world.failures[index] || service->db != world.db[index]) {
        world.failures[index] = service->failures;
        world.db[index] = service->db;
        watch_all(index);
    } else {
        watch_step(index);
    }
    world.wake_at_ms[index] = worked ? 0 : writer_next_ms(service);
    check_wake(index);
    world.spins = world.spinning == index ? world.spins + 1 : 0;
    world.spinning = index;
    CHECK(12, NULL, world.spins < SPINS_MAX, "%s runs and runs and does nothing",
          service_names[index]);
    CHECK(12, NULL, service->queue.count <= WRITER_QUEUE_MAX, "a queue without end");
}

/* When something happens by itself; INT64_MAX: never. */
static int64_t next_ms(void)
{
    int64_t next = actors_next_ms(), pool = pool_next_ms(), hook = bank_next_ms();

    if (pool < next) next = pool;
    if (hook < next) next = hook;
    if (calls_handover_waits()) next = sim.now_ms;
    for (int i = 0; i < SIM_SERVICES; i++) {
        const struct service *service = sim_service(i);
        int64_t due = world.wake_at_ms[i];

        if (service->poked || service->queue.head || service->settles.head) due = service_now_ms(i);
        if (due == INT64_MAX) continue;
        due -= world.clocks[i].skew_ms;
        if (due < world.stalled_until_ms[i]) due = world.stalled_until_ms[i];
        if (due < next) next = due;
    }
    if (world.disk_full_until_ms && world.disk_full_until_ms < next)
        next = world.disk_full_until_ms;
    return next;
}

static void go(int64_t choice, const int *ready, int ready_count, int64_t pool)
{
    if (choice < ready_count) {
        run_service(ready[choice]);
        return;
    }
    world.spins = 0;
    choice -= ready_count;
    if (choice < pool) {
        pool_run((size_t)choice);
        return;
    }
    choice -= pool;
    if (choice < (int64_t)bank_hooks_due()) {
        bank_send_hook((size_t)choice);
        return;
    }
    choice -= (int64_t)bank_hooks_due();
    if (calls_handover_waits() && choice-- == 0) {
        calls_handover();
        return;
    }
    actor_act((size_t)choice);
}

/* False: nothing is left to do at all, now or later. */
static bool step(void)
{
    int ready[SIM_SERVICES], ready_count = 0;
    int64_t pool = (int64_t)pool_due(), people = (int64_t)actors_due(), choices;

    for (int i = 0; i < SIM_SERVICES; i++)
        if (has_work(i)) ready[ready_count++] = i;
    choices = ready_count + pool + people + calls_handover_waits() + (int64_t)bank_hooks_due();
    if (choices > ready_count && ready_count && !sim.healing) {
        int diligent = 0;

        for (int i = 0; i < ready_count; i++)
            if (!chance_hit(&sim.order, world.lazy[ready[i]])) ready[diligent++] = ready[i];
        choices -= ready_count - diligent;
        ready_count = diligent;
    }
    if (choices == 0) {
        int64_t next = next_ms();

        if (next == INT64_MAX) return false;
        note_disturbances();
        if (next > sim.now_ms) sim.now_ms = next;
        world.spins = 0;
        model_punctual(); /* all that was due has been done */
        calls_punctual();
        return true;
    }
    sim.step++;
    go(chance_below(&sim.order, choices), ready, ready_count, pool);
    if (sim.crashed) {
        restart(world.power);
        return true;
    }
    take_answers();
    if (chance_hit(&sim.order, 0.2)) sim.now_ms += chance_below(&sim.order, 4);
    return true;
}

/* --- the run --------------------------------------------------------------------------------- */

static void set_up(const struct options *options)
{
    static const double lazinesses[] = {0, 0, 0, 0.5, 0.9, 0.98};
    struct chance chance = {options->seed};

    sim = (struct sim){.options = *options, .now_ms = START_MS};
    sim.order.state = chance_next(&chance);
    sim.people.state = chance_next(&chance);
    sim.product.state = chance_next(&chance);
    sim.disk.state = chance_next(&chance);
    sim.grace_ms = 1000 * (chance_below(&chance, 3) ? chance_below(&chance, 180) : 0);
    sim.hold_ms = 1000 * (5 + chance_below(&chance, chance_hit(&chance, 0.5) ? 60 : 900));
    memset(&world.clocks, 0, sizeof world.clocks);
    memset(world.stalled_until_ms, 0, sizeof world.stalled_until_ms);
    world.spins = 0;
    for (int i = 0; i < SIM_SERVICES; i++)
        world.lazy[i] = lazinesses[chance_below(&chance, 6)];
    world.disk_full_until_ms = 0;
    world.clock.now_ms = house_clock;
    world.random.fill = product_fill;
    world.settings = (struct settings){.data = world.folder,
                                       .jwt_key = "a key for the simulator only, 0123456789",
                                       .order_expiration_ms = sim.hold_ms,
                                       .payment_grace_ms = sim.grace_ms,
                                       .session_ms = HOUR_MS / 4,
                                       .session_max_ms = 30 * 24 * HOUR_MS,
                                       .stripe_webhook_secret = WEBHOOK_SECRET,
                                       .trusted_proxies = "",
                                       .password_blocklist = true};
    if (!world.folder[0]) {
        snprintf(world.folder, sizeof world.folder, "/tmp/boxoffice-sim-%d", (int)getpid());
        world.settings.data = world.folder;
    }
}

/* Schemas are made once a process; that takes longer than many a run. */
static void make_template(void)
{
    struct options none = {.seed = 0};

    set_up(&none);
    trace_begin();
    faults_end();
    vfs_begin(0);
    watch_begin();
    ASSERT(open_house());
    close_house();
    vfs_keep_template();
}

static void forget_folder(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", world.folder);
    if (world.folder[0] && system(command) != 0) perror("rm");
}

static void begin(const struct options *options)
{
    static bool once;
    bool from_scratch;

    if (!once) {
        vfs_register();
        watch_register();
        make_template();
        atexit(forget_folder);
        once = true;
    }
    set_up(options);
    from_scratch = chance_hit(&sim.order, 0.02);
    trace_begin();
    vfs_begin((int)(16 << chance_below(&sim.disk, 9)));
    if (!from_scratch) ASSERT(vfs_use_template());
    watch_begin();
    model_begin();
    bank_begin();
    media_begin();
    calls_begin();
    actors_begin();
    quiet_begin();
    faults_end();
    ASSERT(open_house());
    see_everything();
    faults_begin(options->seed, options->faults);
    world.disk_errors = vfs_errors();
    world.moved = fault_counts[FAULT_EVENT_REORDER] + fault_counts[FAULT_EVENT_DELAY];
    world.clocks_change = fault_possible(FAULT_CLOCK_SKEW) || fault_possible(FAULT_CLOCK_JUMP);
    sim.patience_ms = fault_possible(FAULT_GATEWAY_LATE) ? 55000 : 30000;
}

static void heal(void)
{
    trace("healing", NULL, 0, 0);
    faults_end();
    vfs_heal();
    if (vfs_frozen()) restart(false);
    sim.healing = true;
    actors_end();
    memset(world.stalled_until_ms, 0, sizeof world.stalled_until_ms);
    world.disk_full_until_ms = 0;
    note_disturbances();
    for (int i = 0; i < SIM_SERVICES; i++)
        world.clocks[i].skew_ms = 0;
}

/* Without faults and new requests everything comes to rest by itself. */
static void settle(void)
{
    int64_t until_ms = sim.now_ms + SETTLE_MS, last = sim.step + HEALING_STEPS;

    while (step()) {
        bool busy = calls_out() || pool_waiting() || bank_next_ms() != INT64_MAX;

        if (sim.step % LOOK_EVERY == 0) model_punctual();
        CHECK(13, NULL, sim.step < last, "no end of steps");
        if (busy && until_ms < sim.now_ms + HOUR_MS) until_ms = sim.now_ms + HOUR_MS;
        if (next_ms() > sim.now_ms && !busy && next_ms() > until_ms) break;
    }
}

uint64_t sim_run(const struct options *options)
{
    uint64_t hash;

    begin(options);
    while (sim.step < options->steps) {
        if (something_goes_wrong()) continue;
        if (!step()) break;
        if (sim.step % LOOK_EVERY == 0) {
            note_disturbances();
            model_punctual();
        }
    }
    heal();
    settle();
    sim.now_ms += BURIAL_MS;
    settle();
    see_everything();
    quiet_check();
    hash = trace_hash();
    close_house();
    return hash;
}
