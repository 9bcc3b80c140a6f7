/* runtime/serve.c: starting and stopping the house. Opened bottom up: databases, bus,
 * subscriptions, services, writers, HTTP; closed the other way round. */
#include "runtime/serve.h"

#include "base/log.h"
#include "runtime/house.h"
#include "runtime/key.h"
#include "runtime/sandbox/sandbox.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DELAY_QUEUE_MAX 16
#define STOP_GRACE_MS   10000
#define CONNECTIONS_MAX 20000
#define CONNECTIONS_MIN 64
#define IDLE_MS         75000
#define DEADLINE_MS     10000
#define REOPEN_MS       1000 /* between attempts to open a database again */
#define LANE_REOPEN_MS  100  /* the same for a lane, which only follows the first one */
#define HEAP_STEP_BYTES (16 * 1024 * 1024)

/* --- folders and databases ----------------------------------------------------------------- */

bool make_folder(const char *path, struct buf *why)
{
    char part[4096];
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof part) {
        buf_append(why, STR("--data: the path is empty or too long"));
        return false;
    }
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) == 0 || errno == EEXIST) continue;
        buf_printf(why, "cannot make folder %s: %s", part, strerror(errno));
        return false;
    }
    return true;
}

/* Half of a restored market is none. */
static bool is_restored(const char *folder, struct buf *why)
{
    char path[4096];
    struct stat status;

    if (snprintf(path, sizeof path, "%s/" RESTORING_FOLDER, folder) >= (int)sizeof path ||
        lstat(path, &status) != 0)
        return true;
    buf_printf(why, "%s is there: a restore was broken off; run boxoffice restore again", path);
    return false;
}

const struct migration *service_schema(const struct service_definition *def, size_t part)
{
    const struct migration *const parts[] = {bus_schema, runtime_schema, def->schema};

    return part < sizeof parts / sizeof *parts ? parts[part] : NULL;
}

enum err service_migrate(struct db *db, const struct service_definition *def, int64_t now_ms,
                         struct buf *why)
{
    const struct migration *steps;
    enum err err = OK;

    for (size_t part = 0; (steps = service_schema(def, part)); part++)
        TRY(db_migrate(db, steps, now_ms, why));
done:
    return err;
}

enum err service_place(const struct settings *settings, const char *name, char **out,
                       struct buf *why)
{
    const char *folder = settings->sqlite_dir ? settings->sqlite_dir : settings->data, *url;
    int length;

    if (!settings_postgres_url(settings, name, &url, why)) return ERR_INVALID;
    length = url ? asprintf(out, "%s#%s", url, name) : asprintf(out, "%s/%s.db", folder, name);
    if (length >= 0) return OK;
    *out = NULL;
    return ERR_MEMORY;
}

static enum err migrate(struct service *service, struct buf *why)
{
    int64_t now_ms = env_now_ms(&service->env);
    enum err err = OK;

    if (service->migrated) return OK;
    TRY(service_migrate(service->db, service->def, now_ms, why));
    service->migrated = true;
done:
    return err;
}

/* Once when it goes and once when it is back. */
static void log_connection(struct service *service, enum err err, const struct buf *why)
{
    struct str reason = why ? buf_str(why) : (struct str){0};

    if (service->away == (err != OK)) return;
    service->away = err != OK;
    if (err)
        log_event(LOG_ERROR, service->def->name, "database.away",
                  log_text("code", str_of(err_code(err))), log_text("reason", reason));
    else
        log_event(LOG_INFO, service->def->name, "database.back");
}

enum err service_connect(struct service *service, struct buf *why)
{
    struct service *first = first_of(service);
    enum err err = OK;

    if (service != first && !atomic_load(&first->open)) return ERR_UNAVAILABLE;
    TRY(db_open(service->path, DB_WRITER, &service->db, why));
    if (service == first) TRY(migrate(service, why));
    if (service->revoked) TRY(revocations_read(service, env_now_ms(&service->env)));
    if (service == first && !service->subscription && service->house->bus)
        TRY(service_subscribe(service));
    atomic_store(&service->open, true);
done:
    if (err) {
        db_close(service->db);
        service->db = NULL;
    }
    if (service == first && db_place_is_postgres(service->path)) log_connection(service, err, why);
    return err;
}

/* A ban may be among what happened that memory was not told of: service_connect reads them again.
 */
bool service_reopen(struct service *service, int64_t now_ms)
{
    if (service->db) return true;
    if (now_ms < service->reopen_at_ms) return false;
    service->reopen_at_ms = now_ms + (service->first ? LANE_REOPEN_MS : REOPEN_MS);
    return service_connect(service, NULL) == OK;
}

void service_close_broken(struct service *service)
{
    if (!service->db || !db_broken(service->db)) return;
    atomic_store(&service->open, false);
    db_close(service->db);
    service->db = NULL;
}

static enum err open_database(struct service *service, struct buf *why)
{
    enum err err;

    TRY(service_place(service->house->settings, service->def->name, &service->path, why));
    err = service_connect(service, why);
    if (db_place_is_postgres(service->path)) {
        if (err == ERR_UNAVAILABLE) { /* its writer goes on trying; until then not ready */
            buf_reset(why);
            err = OK;
        }
        return err;
    }
    TRY(err);
    for (int i = 0; i < service->house->loops; i++) {
        TRY(db_open(service->path, DB_READER, &service->readers[i], why));
        service->pages[i] = pages_new();
        if (!service->pages[i]) return ERR_MEMORY;
    }
done:
    if (err && why->len == 0) buf_printf(why, "cannot open the database of %s", service->def->name);
    return err;
}

static enum err add_service(struct house *house, const struct service_definition *def,
                            struct buf *why)
{
    struct service *service = calloc(1, sizeof *service);

    ASSERT(house->service_count < SERVICES_MAX && def->job_count <= JOBS_MAX);
    if (!service) return ERR_MEMORY;
    house->services[house->service_count++] = service;
    service->def = def;
    service->house = house;
    service->env = (struct env){.service = service,
                                .name = def->name,
                                .settings = house->settings,
                                .keys = house->keys,
                                .clock = house->clock,
                                .random = house->random};
    object_id_source_init(&service->env.ids, service->env.random);
    trace_source_init(&service->traces, service->env.random);
    if (def->route_count && def != &bus_service) {
        service->revoked = revoked_new();
        if (!service->revoked) return ERR_MEMORY;
    }
    if (writer_init(service) != OK) return ERR_MEMORY; /* pokes come as soon as it subscribes */
    return open_database(service, why);
}

/* --- the bus ------------------------------------------------------------------------------- */

/* The catalogue's subjects of one publisher, NULL-terminated; lives as long as the service. */
static const char *const *published_by(struct service *service)
{
    size_t count = 0;

    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        if (strcmp(event_publisher(type), service->def->name) == 0)
            service->published[count++] = event_subject(type);
    return service->published;
}

static enum err open_bus(struct house *house)
{
    struct bus_source sources[SERVICES_MAX];

    for (size_t i = 0; i < house->service_count; i++) {
        struct service *service = house->services[i];
        bool any = service->def == &bus_service;

        sources[i] = (struct bus_source){service->def->name, service->path,
                                         any ? NULL : published_by(service)};
    }
    return bus_open(sources, house->service_count, house->settings->broker, &house->bus);
}

/* Its own, and that of the runtime; what it publishes itself it need not be told. */
static void list_subjects(struct service *service)
{
    const struct service_definition *def = service->def;
    const char *bans = event_subject(EVENT_USER_UPDATED);
    bool listed = !service->revoked || strcmp(event_publisher(EVENT_USER_UPDATED), def->name) == 0;
    size_t count = 0;

    ASSERT(def->listener_count <= EVENT_TYPES);
    for (; count < def->listener_count; count++) {
        service->subjects[count] = event_subject(def->listeners[count].type);
        listed = listed || service->subjects[count] == bans;
    }
    if (!listed) service->subjects[count] = bans;
}

enum err service_subscribe(struct service *service)
{
    struct subscriber who = {.service = service->def->name,
                             .subjects = service->subjects,
                             .every_instance = service->def->every_instance,
                             .poke = writer_poke,
                             .context = service};

    if (!service->subjects[0]) list_subjects(service); /* loops may read them from then on */
    if (!service->subjects[0] && !service->house->settings->broker) return OK;
    if (!service->db) return OK; /* or else when it is connected */
    return subscription_open(service->house->bus, &who, tx_read(service->db, 0),
                             &service->subscription);
}

bool service_listens(const struct service *service, struct str subject)
{
    for (const char *const *listed = service->subjects; *listed; listed++)
        if (str_eq(str_of(*listed), subject)) return true;
    return false;
}

/* --- start and stop ------------------------------------------------------------------------ */

enum err service_start(struct service *service, struct buf *why)
{
    const struct service_definition *def = service->def;
    const struct settings *settings = service->env.settings;
    int threads = def->pool_threads;
    enum err err = OK;

    if (def->delays && settings->delay) {
        service->env.delay = delay_open(settings->delay, def->name);
        if (!service->env.delay) return ERR_MEMORY;
        threads = 1; /* its calls come one at a time */
    }
    if (def->start) TRY(def->start(&service->env, why));
    if (threads) {
        service->pool = pool_start(
            service, threads, threads == def->pool_threads ? def->pool_queue_max : DELAY_QUEUE_MAX);
        if (!service->pool) return ERR_MEMORY;
    }
    if (db_place_is_postgres(service->path)) TRY(lanes_make(service));
    if (service->lane_count > 1) {
        service->reading = readers_start(service);
        if (!service->reading) return ERR_MEMORY;
    }
done:
    return err;
}

/* A machine's cores are shared by the loops, the writers and the kernel; one loop answers six
 * figures of requests a second. */
static int loops_for(long cores)
{
    int loops = (int)(cores / 2);

    if (loops < 1) return 1;
    return loops > LOOPS_MAX ? LOOPS_MAX : loops;
}

static int traces_for_each_loop(const struct house *house)
{
    return (int)((house->settings->traces_per_second + house->loops - 1) / house->loops);
}

/* Of the descriptors some are for databases, loops and what is asked about health when there are
 * too many connections. */
static int connections_max(const struct house *house)
{
    rlim_t own = 256 + (rlim_t)house->loops * HTTP_RESERVE_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= CONNECTIONS_MAX + own)
        return CONNECTIONS_MAX;
    return limit.rlim_cur > own + CONNECTIONS_MIN ? (int)(limit.rlim_cur - own) : CONNECTIONS_MIN;
}

/* The last of the sandbox, when all is open. */
static void on_listening(void *context)
{
    const struct house *house = context;

    if (house->settings->sandbox && !sandbox_missing()) sandbox_finish();
}

static enum err start_http(struct house *house, struct buf *why)
{
    static struct http_mount mounts[SERVICES_MAX];
    char control[4096];
    struct http_config config = {.host = house->settings->host,
                                 .port = house->settings->port,
                                 .control_path = control,
                                 .loops = house->loops,
                                 .mounts = mounts,
                                 .mount_count = house->service_count,
                                 .keys = house->keys,
                                 .clock = &clock_system,
                                 .trusted_proxies = house->settings->trusted_proxies,
                                 .cookie_secure = house->settings->cookie_secure,
                                 .connections_max = connections_max(house),
                                 .connections_per_address =
                                     (int)house->settings->connections_per_address,
                                 .deadline_ms = DEADLINE_MS,
                                 .idle_ms = IDLE_MS,
                                 .traces_per_second = traces_for_each_loop(house),
                                 .dispatch = house_dispatch,
                                 .loop_end = house_loop_end,
                                 .resume = house_resume,
                                 .listening = on_listening,
                                 .context = house};
    struct http_server *server = NULL;
    const char *reason = NULL;
    enum err err;

    for (size_t i = 0; i < house->service_count; i++) {
        struct service *service = house->services[i];

        mounts[i] = (struct http_mount){service->def->name, service->def->routes,
                                        service->def->route_count, &service->env, service->revoked};
    }
    snprintf(control, sizeof control, "%s/" CONTROL_SOCKET, house->settings->data);
    err = http_server_start(&config, &server, &reason);
    atomic_store(&house->server, server);
    if (err) buf_append(why, str_of(reason));
    return err;
}

static bool make_folders(const struct settings *settings, struct buf *why)
{
    return make_folder(settings->data, why) &&
           (!settings->sqlite_dir || make_folder(settings->sqlite_dir, why));
}

/* The embedded bus reads outboxes in the order of their sequences. With several writers those do
 * not commit in that order, and an event could be passed over. One service alone reads nobody's. */
static bool can_do_without_broker(const struct house *house, size_t count, struct buf *why)
{
    if (!house->settings->postgres_url || house->settings->broker || count == 1) return true;
    buf_append(why,
               STR("DATABASE_URL=postgresql://… with several services needs NATS_URL, to carry "
                   "the events between them; one alone can do without: --services orders"));
    return false;
}

enum err house_open(struct house *house, const struct service_definition *const *definitions,
                    size_t count, struct buf *why)
{
    enum err err = OK;

    house->started_at_ms = clock_now_ms(house->clock);
    if (!can_do_without_broker(house, count, why)) return ERR_INVALID;
    if (!make_folders(house->settings, why)) return ERR_IO;
    if (!is_restored(
            house->settings->sqlite_dir ? house->settings->sqlite_dir : house->settings->data, why))
        return ERR_IO;
    /* The bus's database comes first: its lock says whose data folder this is. */
    TRY(add_service(house, &bus_service, why));
    house->keys = session_keys_open(house->settings, why);
    if (!house->keys) return ERR_INVALID;
    house->services[0]->env.keys = house->keys;
    for (size_t i = 0; i < count; i++)
        TRY(add_service(house, definitions[i], why));
    TRY(open_bus(house));
    for (size_t i = 0; i < house->service_count; i++)
        TRY(service_subscribe(house->services[i]));
    for (size_t i = 0; i < house->service_count; i++)
        TRY(service_start(house->services[i], why));
done:
    return err;
}

static enum err start_writers(struct service *service)
{
    enum err err = writer_start(service);

    for (size_t i = 1; err == OK && i < service->lane_count; i++)
        err = writer_start(service->lanes[i]);
    return err;
}

static enum err start_threads(struct house *house, struct buf *why)
{
    enum err err = OK;

    for (size_t i = 0; i < house->service_count; i++)
        TRY(start_writers(house->services[i]));
    TRY(start_http(house, why));
done:
    return err;
}

static void stop_service(struct service *service)
{
    readers_stop(service->reading);
    service->reading = NULL;
    for (size_t i = 1; i < service->lane_count; i++)
        writer_stop(service->lanes[i]);
    writer_stop(service);
    pool_stop(service->pool);
    service->pool = NULL;
    if (service->def->stop && service->env.state) service->def->stop(&service->env);
    delay_close(service->env.delay);
    service->env.delay = NULL;
}

/* Its readers first: the writer's connection, closing last, folds the log into the file. */
static void close_service(struct service *service)
{
    for (size_t i = 1; i < service->lane_count; i++) {
        writer_free(service->lanes[i]);
        db_close(service->lanes[i]->db);
        free(service->lanes[i]);
    }
    writer_free(service);
    for (int i = 0; i < service->house->loops; i++) {
        db_close(service->readers[i]);
        pages_free(service->pages[i]);
    }
    db_close(service->db);
    revoked_free(service->revoked);
    free(service->path);
    free(service);
}

void house_close(struct house *house)
{
    struct http_server *server = atomic_exchange(&house->server, NULL);

    atomic_store(&house->stopping, true);
    if (server) http_server_stop(server, STOP_GRACE_MS);
    for (size_t i = 0; i < house->service_count; i++)
        stop_service(house->services[i]);
    for (size_t i = 0; i < house->service_count; i++)
        subscription_close(house->services[i]->subscription); /* nobody is poked after this */
    for (size_t i = 0; i < house->service_count; i++)
        close_service(house->services[i]);
    bus_close(house->bus);
    session_keys_free(house->keys);
}

/* Sockets for many thousands of connections; the kernel's hard limit is the operator's say. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Gives up what serving does not take, as long as there is but this thread. */
static void enter_sandbox(const struct settings *settings)
{
    const char *missing = settings->sandbox ? sandbox_missing() : "SANDBOX=off";
    struct sandbox_plan plan = {{settings->data, settings->sqlite_dir}, settings->port};

    if (!missing)
        sandbox_begin(&plan);
    else
        log_event(LOG_WARN, "boxoffice", "sandbox", log_text("off", str_of(missing)));
}

/* The key is in the sessions' own memory by now, and nobody else looks for it. */
static void wipe_key(const struct settings *settings)
{
    char *key = getenv("JWT_KEY");

    if (settings->jwt_key && key) explicit_bzero(key, strlen(key));
}

static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, set, NULL); /* inherited by every thread; the main one waits */
    signal(SIGPIPE, SIG_IGN);
}

/* The heap grows and shrinks in large steps: each is a change of the process's memory map, which
 * waits for whoever holds that. A hashing thread does, for the 19 MiB it takes and gives back each
 * time, and it may be kept from running meanwhile: it stands back behind the one that waits. */
static void set_up_heap(void)
{
    mallopt(M_ARENA_MAX, 4); /* one heap a thread would keep memory that nobody uses */
    mallopt(M_TOP_PAD, HEAP_STEP_BYTES);
    mallopt(M_TRIM_THRESHOLD, 2 * HEAP_STEP_BYTES);
    mallopt(M_MMAP_THRESHOLD, HEAP_STEP_BYTES / 2); /* no maps of their own for single answers */
}

int house_serve(const struct settings *settings,
                const struct service_definition *const *definitions, size_t count)
{
    struct house *house = calloc(1, sizeof *house);
    struct buf why;
    sigset_t signals;
    int number, code = 1;
    enum err err;

    if (!house) {
        fputs("boxoffice: cannot start: out of memory\n", stderr);
        return 1;
    }
    set_up_heap();
    umask(0077); /* whatever this program makes is its user's alone */
    block_signals(&signals);
    raise_descriptor_limit();
    buf_init(&why, NULL, 4096);
    house->settings = settings;
    house->clock = &clock_system;
    house->random = &random_system;
    house->loops = loops_for(sysconf(_SC_NPROCESSORS_ONLN));
    err = make_folders(settings, &why) ? OK : ERR_IO;
    if (err == OK) {
        enter_sandbox(settings);
        err = house_open(house, definitions, count, &why);
        wipe_key(settings);
    }
    if (err == OK && settings->otlp_endpoint && !spans_start(settings->otlp_endpoint))
        err = ERR_MEMORY;
    if (err == OK) err = start_threads(house, &why);
    if (err) {
        if (why.len)
            fprintf(stderr, "boxoffice: %.*s\n", (int)why.len, why.at);
        else
            fprintf(stderr, "boxoffice: cannot start: %s\n", err_code(err));
    } else {
        printf("listening on http://%s%s%s:%d\n", strchr(settings->host, ':') ? "[" : "",
               settings->host, strchr(settings->host, ':') ? "]" : "",
               http_server_port(house->server));
        fflush(stdout);
        log_event(LOG_INFO, "boxoffice", "started", log_text("version", STR(BOXOFFICE_VERSION)),
                  log_text("data", str_of(settings->data)), log_int("services", (int64_t)count),
                  log_int("startMs", clock_now_ms(&clock_system) - house->started_at_ms));
        sigwait(&signals, &number);
        log_event(LOG_INFO, "boxoffice", "stopping", log_int("signal", number));
        code = 0;
    }
    house_close(house);
    spans_stop();
    buf_free(&why);
    free(house);
    return code;
}
