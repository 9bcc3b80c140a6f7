/* runtime/app.c: opening, starting and closing the app: databases, bus, subscriptions, services,
 * writers, HTTP. */
#include "runtime/app.h"

#include "runtime/database.h"
#include "runtime/executor/pool.h"
#include "runtime/executor/reader_pool.h"
#include "runtime/executor/response_cache.h"
#include "runtime/executor/shards.h"
#include "runtime/membership.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define DELAY_QUEUE_MAX 16
#define STOP_GRACE_MS   10000
#define CONNECTIONS_MAX 20000
#define CONNECTIONS_MIN 64
#define IDLE_MS         75000
#define DEADLINE_MS     10000

/* --- folders and databases ----------------------------------------------------------------- */

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

static enum err open_database(struct instance *instance, struct buf *why)
{
    char memory[1024];
    struct buf reason = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    enum err err;

    TRY(service_dsn(instance->env.settings, instance->def->name, &instance->dsn, why));
    err = writer_connect(writer_first(instance), &reason);
    if (db_dsn_is_postgres(instance->dsn)) {
        if (err == ERR_UNAVAILABLE) return OK; /* its writer goes on trying; until then not ready */
        if (err)
            buf_printf(why, "DATABASE_URL, for %s: %.*s", instance->def->name,
                       (int)(reason.len ? reason.len : strlen(err_message(err))),
                       reason.len ? memory : err_message(err));
        return err;
    }
    buf_append(why, buf_str(&reason));
    TRY(err);
    for (int i = 0; i < instance->loops; i++) {
        TRY(db_open(instance->dsn, DB_READER, &instance->readers[i], why));
        instance->caches[i] = response_cache_new();
        if (!instance->caches[i]) return ERR_MEMORY;
    }
done:
    if (err && why->len == 0)
        buf_printf(why, "cannot open the database of %s", instance->def->name);
    return err;
}

static enum err add_service(struct app *app, const struct service_definition *def, struct buf *why)
{
    struct instance *instance = calloc(1, sizeof *instance);

    ASSERT(def->job_count <= JOBS_MAX);
    if (!instance) return ERR_MEMORY;
    dispatch_add(&app->dispatcher, instance);
    instance->def = def;
    instance->loops = app->loops;
    instance->revocations = app->revocations;
    object_id_source_init(&instance->ids, app->random);
    instance->env = (struct env){.instance = instance,
                                 .app = app,
                                 .name = def->name,
                                 .settings = app->settings,
                                 .keys = app->keys,
                                 .clock = app->clock,
                                 .random = app->random,
                                 .ids = &instance->ids};
    if (def->route_count && !def->administration)
        instance->revoked_by = REVOKED_BY(instance->index);
    if (!writer_new(instance)) return ERR_MEMORY;
    return open_database(instance, why);
}

/* --- the bus ------------------------------------------------------------------------------- */

/* The catalogue's subjects of one publisher, NULL-terminated; lives as long as the service. */
static const char *const *published_by(struct instance *instance)
{
    size_t count = 0;

    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        if (strcmp(event_publisher(type), instance->def->name) == 0)
            instance->published[count++] = event_subject(type);
    return instance->published;
}

static void list_sources(struct app *app, struct bus_source sources[SERVICES_MAX])
{
    for (size_t i = 0; i < app->dispatcher.instance_count; i++) {
        struct instance *instance = app->dispatcher.instances[i];
        bool any = instance->def->administration;

        sources[i] = (struct bus_source){instance->def->name, instance->dsn,
                                         any ? NULL : published_by(instance)};
    }
}

/* No outbox is shorter than what the broker has had of it. */
static enum err check_broker(struct app *app, struct buf *why)
{
    struct bus_source sources[SERVICES_MAX];

    if (!app->settings->broker) return OK;
    list_sources(app, sources);
    return bus_broker_agrees(app->settings->broker, sources, app->dispatcher.instance_count, why);
}

static enum err open_bus(struct app *app)
{
    struct bus_source sources[SERVICES_MAX];

    list_sources(app, sources);
    return bus_open(sources, app->dispatcher.instance_count, app->settings->broker, app->clock,
                    &app->bus);
}

/* --- start and stop ------------------------------------------------------------------------ */

enum err instance_start(struct instance *instance, struct buf *why)
{
    const struct service_definition *def = instance->def;
    const struct settings *settings = instance->env.settings;
    int threads = def->pool_threads;
    enum err err = OK;

    if (def->delays && settings->delay) {
        instance->env.delay = delay_open(settings->delay, def->name);
        if (!instance->env.delay) {
            buf_printf(why,
                       "%s: out of memory, or no certificate can be read from REDIS_CA or the "
                       "system's authorities",
                       def->name);
            return ERR_MEMORY;
        }
        threads = 1; /* its calls come one at a time */
    }
    if (def->limit) {
        struct limit_rule rule = def->limit(settings);

        limit_free(instance->limit); /* of before it was started again */
        instance->limit = limit_new(&rule, instance->env.random, &err);
        TRY(err);
    }
    if (def->start) TRY(def->start(&instance->env, why));
    writer_first(instance)->env.state = instance->env.state;
    writer_first(instance)->env.delay = instance->env.delay;
    if (threads) {
        instance->pool =
            pool_start(instance, threads,
                       threads == def->pool_threads ? def->pool_queue_max : DELAY_QUEUE_MAX);
        if (!instance->pool) return ERR_MEMORY;
    }
    if (db_dsn_is_postgres(instance->dsn)) TRY(shards_make(instance));
    if (instance->writer_count > 1) {
        instance->reader_pool = reader_pool_start(instance);
        if (!instance->reader_pool) return ERR_MEMORY;
    }
done:
    return err;
}

/* The embedded bus reads outboxes in the order of their sequences. With several writers those do
 * not commit in that order, and an event could be passed over. One service alone reads nobody's. */
static bool can_do_without_broker(const struct app *app, size_t count, struct buf *why)
{
    if (!app->settings->postgres_url || app->settings->broker || count == 2) return true;
    buf_append(why,
               STR("DATABASE_URL=postgresql://… with several services needs NATS_URL, to carry "
                   "the events between them; one alone can do without: --services orders"));
    return false;
}

enum err app_open(struct app *app, const struct service_definition *const *definitions,
                  size_t count, struct buf *why)
{
    struct key_source source = settings_key_source(app->settings);
    enum err err = OK;

    app->started_at = clock_wall(app->clock);
    app->started = clock_mono(app->clock);
    if (!can_do_without_broker(app, count, why)) return ERR_INVALID;
    if (!data_folders_make(app->settings, why)) return ERR_IO;
    if (!is_restored(app->settings->sqlite_dir ? app->settings->sqlite_dir : app->settings->data,
                     why))
        return ERR_IO;
    TRY(members_check(app->settings, definitions, count, why));
    ASSERT(count > 0 && definitions[0]->administration);
    app->revocations = revocation_table_new();
    if (!app->revocations) return ERR_MEMORY;
    TRY(add_service(app, definitions[0], why)); /* its lock says whose data folder this is */
    app->keys = session_keys_open(&source, why);
    if (!app->keys) return ERR_INVALID;
    app->dispatcher.instances[0]->env.keys = app->keys;
    for (size_t i = 1; i < count; i++)
        TRY(add_service(app, definitions[i], why));
    TRY(check_broker(app, why));
    TRY(members_read(app));
    members_mark(app);
    TRY(open_bus(app));
    for (size_t i = 0; i < app->dispatcher.instance_count; i++) {
        app->dispatcher.instances[i]->bus = app->bus;
        TRY(instance_subscribe(app->dispatcher.instances[i]));
    }
    for (size_t i = 0; i < app->dispatcher.instance_count; i++)
        TRY(instance_start(app->dispatcher.instances[i], why));
done:
    return err;
}

/* --- HTTP ---------------------------------------------------------------------------------- */

static int traces_for_each_loop(const struct app *app)
{
    return (int)((app->settings->traces_per_second + app->loops - 1) / app->loops);
}

/* Of the descriptors some are for databases, loops and what is asked about health when there are
 * too many connections. */
static int connections_max(const struct app *app)
{
    rlim_t own = 256 + (rlim_t)app->loops * HTTP_RESERVE_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= CONNECTIONS_MAX + own)
        return CONNECTIONS_MAX;
    return limit.rlim_cur > own + CONNECTIONS_MIN ? (int)(limit.rlim_cur - own) : CONNECTIONS_MIN;
}

/* The last of the sandbox, when all is open. */
static void on_listening(void *context)
{
    const struct dispatcher *dispatcher = context;

    if (dispatcher->instances[0]->env.settings->sandbox && !sandbox_missing()) sandbox_finish();
}

/* What of a service's table HTTP matches. */
static struct http_route *matched_routes(const struct service_definition *def)
{
    struct http_route *out = calloc(def->route_count + 1, sizeof *out);

    for (size_t i = 0; out && i < def->route_count; i++) {
        const struct route *route = &def->routes[i];

        out[i] =
            (struct http_route){route->method, route->path, route->access, route, route->body_max};
    }
    return out;
}

static enum err start_http(struct app *app, struct buf *why)
{
    static struct http_mount mounts[SERVICES_MAX];
    char control[4096];
    struct http_config config = {.host = app->settings->host,
                                 .port = app->settings->port,
                                 .control_path = control,
                                 .monitoring_host = app->settings->monitoring_host,
                                 .monitoring_port = settings_monitoring_port(app->settings),
                                 .loops = app->loops,
                                 .mounts = mounts,
                                 .mount_count = app->dispatcher.instance_count,
                                 .keys = app->keys,
                                 .clock = &clock_system,
                                 .trusted_proxies = app->settings->trusted_proxies,
                                 .cookie_secure = app->settings->cookie_secure,
                                 .connections_max = connections_max(app),
                                 .connections_per_address =
                                     (int)app->settings->connections_per_address,
                                 .deadline_ms = DEADLINE_MS,
                                 .idle_ms = IDLE_MS,
                                 .traces_per_second = traces_for_each_loop(app),
                                 .revocations = app->revocations,
                                 .dispatch = dispatch_request,
                                 .loop_end = dispatch_loop_end,
                                 .resume = dispatch_resume,
                                 .listening = on_listening,
                                 .context = &app->dispatcher};
    struct http_server *server = NULL;
    const char *reason = NULL;
    enum err err;

    for (size_t i = 0; i < app->dispatcher.instance_count; i++) {
        struct instance *instance = app->dispatcher.instances[i];

        instance->routes = matched_routes(instance->def);
        if (!instance->routes) return ERR_MEMORY;
        mounts[i] =
            (struct http_mount){instance->def->name, instance->routes, instance->def->route_count,
                                &instance->env, instance->revoked_by};
    }
    snprintf(control, sizeof control, "%s/" CONTROL_SOCKET, app->settings->data);
    err = http_server_start(&config, &server, &reason);
    atomic_store(&app->server, server);
    if (server) atomic_store(&app->port, http_server_port(server));
    if (err) buf_append(why, str_of(reason));
    return err;
}

static enum err start_writers(struct instance *instance)
{
    enum err err = OK;

    for (size_t i = 0; err == OK && i < instance->writer_count; i++)
        err = writer_start(instance->writers[i]);
    return err;
}

enum err app_start(struct app *app, struct buf *why)
{
    enum err err = OK;

    for (size_t i = 0; i < app->dispatcher.instance_count; i++)
        TRY(start_writers(app->dispatcher.instances[i]));
    TRY(start_http(app, why));
done:
    return err;
}

static void stop_instance(struct instance *instance)
{
    reader_pool_stop(instance->reader_pool);
    instance->reader_pool = NULL;
    for (size_t i = instance->writer_count; i-- > 0;)
        writer_stop(instance->writers[i]);
    pool_stop(instance->pool);
    instance->pool = NULL;
    if (instance->def->stop && instance->env.state) instance->def->stop(&instance->env);
    delay_close(instance->env.delay);
    instance->env.delay = NULL;
}

/* Its readers first: the first writer's connection, closing last, folds the log into the file. */
static void close_instance(struct instance *instance)
{
    for (int i = 0; i < instance->loops; i++) {
        db_close(instance->readers[i]);
        response_cache_free(instance->caches[i]);
    }
    for (size_t i = instance->writer_count; i-- > 0;) {
        db_close(instance->writers[i]->db);
        writer_free(instance->writers[i]);
    }
    limit_free(instance->limit);
    free(instance->dsn);
    free(instance->routes);
    free(instance);
}

void app_close(struct app *app)
{
    struct http_server *server = atomic_exchange(&app->server, NULL);
    struct instance **instances = app->dispatcher.instances;
    size_t count = app->dispatcher.instance_count;

    atomic_store(&app->stopping, true);
    if (server) http_server_stop(server, STOP_GRACE_MS);
    for (size_t i = 0; i < count; i++)
        stop_instance(instances[i]);
    if (app->bus) members_mark(app);
    if (app->bus) bus_stopping(app->bus);
    for (size_t i = 0; i < count; i++)
        if (writer_first(instances[i])) /* nobody is woken after this */
            subscription_close(writer_first(instances[i])->subscription);
    for (size_t i = 0; i < count; i++)
        close_instance(instances[i]);
    bus_close(app->bus);
    session_keys_free(app->keys);
    revocation_table_free(app->revocations);
}
