/* tests/sim/world.c: opens the app, steps it, breaks it, heals it. Every choice is drawn from the
 * seed: who goes next, how far the clock moves, when something goes wrong. */
#include "sim.h"

#include "services/payments/payments.h"
#include "services/services.h"

#include <unistd.h>

#define START_MS  INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define HOUR_MS   (3600 * INT64_C(1000))
#define SETTLE_MS (12 * HOUR_MS) /* all there is to wait for has come by then */
#define BURIAL_MS                                                                                  \
    (2 * DAY_MS + HOUR_MS) /* events that wait for one that never comes are given up, and letters  \
                            */
#define WAITING_MS_MAX 65000 /* between two looks at events that wait for others, and a little */
#define SPINS_MAX      200
#define HEALING_STEPS  400000
#define LOOK_EVERY     64
#define UNWELL_MS_MAX  5000 /* between two looks of a service whose last commit failed */
#define BROKER_SHARE   0.3  /* of all runs */

struct sim sim;

const char *const service_names[SIM_SERVICES] = {
    "bus", "auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail"};

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
    struct mono_ms failed_at;   /* when a commit of payments failed last, since it began; or 0 */
    struct mono_ms troubled_at; /* when anything there went wrong */
    struct db *db[SIM_SERVICES];
    struct mono_ms wake_at[SIM_SERVICES]; /* as its thread would have gone to sleep */
    double lazy[SIM_SERVICES]; /* how often its turn is left out while others have work */
    int spins, spinning;       /* turns of one service with nothing else in between */
    bool power;                /* the crash inside a step takes the power with it */
    bool drowsy;               /* the machine goes to sleep next */
    char folder[64];
} world;

static const struct service_definition *const definitions[] = {
    &admin_service,    &auth_service,      &tickets_service, &orders_service, &expiration_service,
    &payments_service, &catalogue_service, &entries_service, &mail_service};

/* --- what the program is handed ------------------------------------------------------------- */

static struct wall_ms app_clock(const struct clock *clock)
{
    (void)clock;
    return (struct wall_ms){sim.now_ms};
}

static struct wall_ms service_clock(const struct clock *clock)
{
    return (struct wall_ms){sim.now_ms + ((const struct sim_clock *)(const void *)clock)->skew_ms};
}

struct mono_ms sim_mono(void)
{
    return (struct mono_ms){sim.now_ms - sim.jumped_ms - START_MS + 1};
}

static struct mono_ms monotonic_clock(const struct clock *clock)
{
    (void)clock;
    return sim_mono();
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

    world.clocks[service].clock = (struct clock){service_clock, monotonic_clock};
    env->clock = sim_writer(service)->env.clock = &world.clocks[service].clock;
    if (service == PAYMENTS) ((struct payments *)env->state)->gateway = &bank_gateway;
    world.wake_at[service] = (struct mono_ms){0};
    if (service == PAYMENTS) world.failed_at = (struct mono_ms){0};
    world.failures[service] = sim_writer(service)->failures;
    world.db[service] = sim_writer(service)->db;
}

/* False: it could not start, as may happen when the disk fails. */
static bool open_app(void)
{
    struct buf why;
    enum err err;

    sim.app = calloc(1, sizeof *sim.app);
    ASSERT(sim.app);
    *sim.app = (struct app){.settings = &world.settings,
                            .clock = &world.clock,
                            .random = &world.random,
                            .loops = 1,
                            .known = definitions,
                            .known_count = sizeof definitions / sizeof *definitions};
    buf_init(&why, NULL, 4096);
    err = app_open(sim.app, definitions, sizeof definitions / sizeof *definitions, &why);
    buf_free(&why);
    trace("open", NULL, err, 0);
    if (err) return false;
    for (int i = 0; i < SIM_SERVICES; i++)
        after_open(i);
    watch_open();
    return true;
}

static void close_app(void)
{
    watch_close();
    app_close(sim.app);
    free(sim.app);
    sim.app = NULL;
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
    close_app();
    calls_lose(SIM_SERVICES);
    vfs_crash(power);
    sim.crashed = false;
    if (chance_hit(&sim.order, 0.2)) /* with another setting */
        world.settings.price_minimum_cents = sim.price_min = 50;
    for (int tries = 0; !open_app(); tries++) {
        vfs_freeze(); /* whatever it left half done */
        app_close(sim.app);
        free(sim.app);
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
    struct instance *service = sim_service(index);
    struct writer *writer;
    struct buf why;
    enum err err;

    trace("service crash", NULL, index, 0);
    sim.app->dispatcher.handover[0][index] = (struct request_list){0};
    pool_stop(service->pool);
    service->pool = NULL;
    if (service->def->stop && service->env.state) service->def->stop(&service->env);
    subscription_close(sim_writer(index)->subscription);
    db_close(sim_writer(index)->db);
    writer_free(sim_writer(index));
    service->writers[0] = NULL;
    service->writer_count = 0;
    calls_lose(index);
    media_forget(index);
    buf_init(&why, NULL, 4096);
    writer = writer_new(service);
    err = writer ? writer_connect(writer, &why) : ERR_MEMORY;
    if (err == OK) err = instance_start(service, &why);
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
    if (future) /* of things to come, which nobody may have forgotten */
        snprintf(payload, sizeof payload,
                 "{\"id\":\"f0000000%016llx\",\"version\":7,\"title\":\"x\",\"price\":1,\"userId\":"
                 "\"u\","
                 "\"status\":\"created\",\"expiresAt\":\"2026-01-01T00:00:00.000Z\","
                 "\"ticket\":{\"id\":\"f0000000%016llx\",\"price\":1}}",
                 (unsigned long long)chance_next(chance) >> 8,
                 (unsigned long long)chance_next(chance) >> 8);
    snprintf(body, sizeof body, "{\"subject\":\"%s\",\"data\":%s}", subject, payload);
    quiet_mistake(subject, payload);
    call_send(call_new(future ? -2 : -1, CALL_PUBLISH, "", NULL, body));
}

/* What subscribers have not taken over yet is then a day old when they do. */
void world_published_mistake(void)
{
    if (!fault_possible(FAULT_SUSPEND) || sim.healing) return;
    world.drowsy = chance_hit(fault_chance(FAULT_SUSPEND), 0.5);
}

/* Its thread looks every second whether the wall clock was set. */
static void notice_clock(int service)
{
    world.wake_at[service] = (struct mono_ms){0};
}

static void jump_clocks(void)
{
    struct chance *chance = fault_chance(FAULT_CLOCK_JUMP);

    int64_t before_ms = sim.now_ms;

    visitors_before_clocks_change();
    sim.now_ms += chance_below(chance, 2 * HOUR_MS) - HOUR_MS;
    if (sim.now_ms < START_MS) sim.now_ms = START_MS;
    sim.jumped_ms += sim.now_ms - before_ms;
    for (int i = 0; i < SIM_SERVICES; i++)
        notice_clock(i);
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
        visitors_before_clocks_change();
        world.clocks[service].skew_ms =
            chance_below(fault_chance(FAULT_CLOCK_SKEW), 2 * HOUR_MS) - HOUR_MS;
        notice_clock(service);
    }
    if (fault_now(FAULT_CLOCK_JUMP)) jump_clocks();
    if (fault_now(FAULT_SUSPEND) || world.drowsy) {
        world.drowsy = false;
        sim.slept_ms -= sim.now_ms;
        sim.now_ms += DAY_MS + chance_below(fault_chance(FAULT_SUSPEND), 6 * HOUR_MS);
        sim.slept_ms += sim.now_ms;
        sim.woke_ms = sim.now_ms;
        sim_disturb(sim.now_ms + WAITING_MS_MAX);
    }
    broker_disturb();
    if (fault_now(FAULT_BANK_REFUND)) bank_refund_something();
    if (fault_now(FAULT_REFUND_BOUNCE)) bank_bounce_something();
    if (fault_now(FAULT_DISPUTE)) bank_dispute_something();
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
    struct writer *service = sim_writer(index);

    if (world.stalled_until_ms[index] > sim.now_ms) return false;
    if (service->woken || service->queue.head || service->resolving.head) return true;
    return mono_reached(sim_mono(), world.wake_at[index]);
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
    int64_t ask_ms = index == PAYMENTS ? model_ask_ms() : INT64_MAX;
    struct mono_ms soon = mono_after(sim_mono(), UNWELL_MS_MAX);

    CHECK(13, NULL, sim_writer(index)->healthy || mono_reached(soon, world.wake_at[index]),
          "%s is not well and does not look again", service_names[index]);
    if (ask_ms == INT64_MAX) return;
    if (ask_ms > service_now_ms(index) + CHARGE_PAUSE_MS_MAX) /* its clock was set back */
        ask_ms = service_now_ms(index) + CHARGE_PAUSE_MS_MAX;
    if (ask_ms > service_now_ms(index) + UNWELL_MS_MAX)
        soon = mono_after(sim_mono(), ask_ms - service_now_ms(index));
    CHECK(13, NULL, mono_reached(soon, world.wake_at[index]),
          "%s sleeps while there is a charge to ask for", service_names[index]);
}

/* What payments asked before a commit failed is asked again when it is well: the answer may have
 * been in that. */
static void check_asked_again(int64_t failures_before, uint64_t errors_before)
{
    const struct writer *payments = sim_writer(PAYMENTS);
    const char *lost;

    if (payments->failures != failures_before) world.failed_at = sim_mono();
    if (vfs_errors() != errors_before) world.troubled_at = sim_mono();
    if (!payments->healthy ||
        !mono_reached(sim_mono(), mono_after(world.failed_at, UNWELL_MS_MAX)) ||
        !mono_reached(sim_mono(), mono_after(world.troubled_at, UNWELL_MS_MAX)))
        return;
    lost = model_asked_before(world.failed_at);
    CHECK(13, lost, !lost, "not asked again since a commit of payments failed, %lld ms ago",
          (long long)mono_since(sim_mono(), world.failed_at));
}

static void run_service(int index)
{
    struct writer *service = sim_writer(index);
    int64_t failures = service->failures;
    uint64_t errors = vfs_errors();
    bool worked;

    retention_disturb(index);
    worked = writer_step(service);
    trace("step", NULL, index, worked);
    if (sim.crashed) return;
    if (service->failures != world.failures[index] || service->db != world.db[index]) {
        world.failures[index] = service->failures;
        world.db[index] = service->db;
        watch_all(index);
    } else {
        watch_step(index);
    }
    world.wake_at[index] = worked ? (struct mono_ms){0} : writer_next(service);
    check_wake(index);
    if (index == PAYMENTS) check_asked_again(failures, errors);
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
    int64_t news = broker_next_ms();

    if (news < next) next = news;
    if (pool < next) next = pool;
    if (hook < next) next = hook;
    if (calls_handover_waits()) next = sim.now_ms;
    for (int i = 0; i < SIM_SERVICES; i++) {
        const struct writer *service = sim_writer(i);
        int64_t due = sim.now_ms;

        if (!service->woken && !service->queue.head && !service->resolving.head) {
            if (world.wake_at[i].ms == MONO_NEVER.ms) continue;
            due += mono_since(world.wake_at[i], sim_mono());
        }
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
    if (choice < (int64_t)actors_due())
        actor_act((size_t)choice);
    else
        broker_run((size_t)choice - actors_due());
}

/* False: nothing is left to do at all, now or later. */
static bool step(void)
{
    int ready[SIM_SERVICES], ready_count = 0;
    int64_t pool = (int64_t)pool_due(), people = (int64_t)actors_due();
    int64_t news = (int64_t)broker_due(), choices, choice;

    for (int i = 0; i < SIM_SERVICES; i++)
        if (has_work(i)) ready[ready_count++] = i;
    choices =
        ready_count + pool + people + calls_handover_waits() + (int64_t)bank_hooks_due() + news;
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
        broker_pass_time();
        world.spins = 0;
        model_punctual(); /* all that was due has been done */
        calls_punctual();
        return true;
    }
    choice = chance_below(&sim.order, choices);
    if (choice < choices - news) sim.step++; /* the broker's are many, and each does little */
    go(choice, ready, ready_count, pool);
    if (sim.crashed) {
        restart(world.power);
        return true;
    }
    take_answers();
    if (chance_hit(&sim.order, 0.2)) sim.now_ms += chance_below(&sim.order, 4);
    return true;
}

/* --- the run --------------------------------------------------------------------------------- */

/* Where events go, and all there are. */
static const struct bus_broker *broker_settings(void)
{
    static const char *subjects[EVENT_TYPES + 1];
    static const struct bus_broker settings = {.replicas = 3, .subjects = subjects};

    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        subjects[type] = event_subject(type);
    return &settings;
}

static void set_up(const struct options *options)
{
    static const double lazinesses[] = {0, 0, 0, 0.5, 0.9, 0.98};
    static const int64_t retention_ms[] = {0, 1000, 20000, 600000};
    struct chance chance = {options->seed};

    sim = (struct sim){.options = *options, .now_ms = START_MS};
    sim.order.state = chance_next(&chance);
    sim.people.state = chance_next(&chance);
    sim.product.state = chance_next(&chance);
    sim.disk.state = chance_next(&chance);
    sim.grace_ms = 1000 * (chance_below(&chance, 3) ? chance_below(&chance, 180) : 0);
    sim.hold_ms = 1000 * (5 + chance_below(&chance, chance_hit(&chance, 0.5) ? 60 : 900));
    sim.unpaid_max = chance_below(&chance, 4);
    sim.holds_max = chance_below(&chance, 3);
    sim.price_min = chance_hit(&chance, 0.3) ? 50 : 1;
    memset(&world.clocks, 0, sizeof world.clocks);
    world.drowsy = false;
    world.failed_at = world.troubled_at = (struct mono_ms){0};
    memset(world.stalled_until_ms, 0, sizeof world.stalled_until_ms);
    world.spins = 0;
    for (int i = 0; i < SIM_SERVICES; i++)
        world.lazy[i] = lazinesses[chance_below(&chance, 6)];
    world.disk_full_until_ms = 0;
    /* Some outlast the run, so that at its end all must know of those that were ended. */
    sim.session_ms = chance_hit(&chance, 0.5) ? HOUR_MS / 4 : 20 * DAY_MS;
    world.clock = (struct clock){app_clock, monotonic_clock};
    world.random.fill = product_fill;
    world.settings = (struct settings){.data = world.folder,
                                       .jwt_key = "a key for the simulator only, 0123456789",
                                       .order_expiration_ms = sim.hold_ms,
                                       .payment_grace_ms = sim.grace_ms,
                                       .unpaid_per_user = sim.unpaid_max,
                                       .holds_per_hour = sim.holds_max,
                                       .price_minimum_cents = sim.price_min,
                                       .session_ms = sim.session_ms,
                                       .session_max_ms = 30 * 24 * HOUR_MS,
                                       .stripe_webhook_secret = WEBHOOK_SECRET,
                                       .declines_per_order = DECLINES_PER_ORDER,
                                       .declines_per_account = DECLINES_PER_ACCOUNT,
                                       .trusted_proxies = "",
                                       .public_url = "https://tickets.example",
                                       .smtp_url = "smtp://mail.example",
                                       .mail_from = "Boxoffice <tickets@example.org>",
                                       .retention_ms = retention_ms[chance_below(&chance, 4)],
                                       .password_blocklist = true};
    sim.broker = options->bus ? options->bus == 2 : chance_hit(&chance, BROKER_SHARE);
    if (sim.broker) world.settings.broker = broker_settings();
    if (!world.folder[0]) {
        snprintf(world.folder, sizeof world.folder, "/tmp/boxoffice-sim-%d", (int)getpid());
        world.settings.data = world.folder;
    }
}

/* Schemas are made once a process; that takes longer than many a run. */
static void make_template(void)
{
    struct options none = {.bus = 1};

    set_up(&none);
    trace_begin();
    faults_end();
    vfs_begin(0);
    watch_begin();
    ASSERT(open_app());
    close_app();
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
    catalogue_begin();
    listings_begin();
    offers_begin();
    entries_begin();
    door_begin();
    transfers_begin();
    letters_begin();
    forgetful_begin();
    bank_begin();
    media_begin();
    broker_begin();
    calls_begin();
    actors_begin();
    quiet_begin();
    retention_begin(options->seed);
    faults_end();
    ASSERT(open_app());
    see_everything();
    faults_begin(options->seed, options->faults);
    /* Nobody's clock is off by as long as anything is kept. */
    if (world.settings.retention_ms &&
        (fault_possible(FAULT_CLOCK_SKEW) || fault_possible(FAULT_CLOCK_JUMP)))
        world.settings.retention_ms += 4 * HOUR_MS;
    world.disk_errors = vfs_errors();
    world.moved = fault_counts[FAULT_EVENT_REORDER] + fault_counts[FAULT_EVENT_DELAY];
    sim.patience_ms = fault_possible(FAULT_GATEWAY_LATE) ? 55000 : 30000;
}

static void heal(void)
{
    trace("healing", NULL, 0, 0);
    faults_end();
    vfs_heal();
    if (vfs_frozen()) restart(false);
    sim.healing = true;
    broker_heal();
    actors_end();
    memset(world.stalled_until_ms, 0, sizeof world.stalled_until_ms);
    world.disk_full_until_ms = 0;
    note_disturbances();
    for (int i = 0; i < SIM_SERVICES; i++) {
        world.clocks[i].skew_ms = 0;
        notice_clock(i);
    }
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
    close_app();
    return hash;
}
