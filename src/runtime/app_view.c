/* runtime/app_view.c: see runtime/app_view.h. */
#include "runtime/app_view.h"

#include "runtime/app.h"
#include "runtime/executor/pool.h"
#include "runtime/executor/shards.h"

struct wall_ms app_started_at(const struct app *app)
{
    return app->started_at;
}

int64_t app_uptime_ms(const struct app *app)
{
    return mono_since(clock_mono(app->clock), app->started);
}

bool app_is_stopping(const struct app *app)
{
    return atomic_load(&app->stopping);
}

struct bus *app_bus(const struct app *app)
{
    return app->bus;
}

const struct http_server *app_http_server(const struct app *app)
{
    return atomic_load(&app->server);
}

void env_public_url(const struct env *env, struct buf *out)
{
    const struct settings *settings = env->settings;
    int port = env->app ? atomic_load(&env->app->port) : 0;
    bool v6 = strchr(settings->host, ':') != NULL;

    if (settings->public_url)
        buf_append(out, str_of(settings->public_url));
    else
        buf_printf(out, v6 ? "http://[%s]:%d" : "http://%s:%d", settings->host,
                   port ? port : settings->port);
}

struct session_keys *app_session_keys(const struct app *app)
{
    return app->keys;
}

size_t app_service_count(const struct app *app)
{
    return app->dispatcher.instance_count;
}

const struct instance *app_service(const struct app *app, size_t index)
{
    return app->dispatcher.instances[index];
}

const struct instance *app_service_called(const struct app *app, struct str name)
{
    for (size_t i = 0; i < app_service_count(app); i++)
        if (str_eq(str_of(app_service(app, i)->def->name), name)) return app_service(app, i);
    return NULL;
}

/* --- one service --------------------------------------------------------------------------- */

const char *instance_name(const struct instance *instance)
{
    return instance->def->name;
}

const char *instance_dsn(const struct instance *instance)
{
    return instance->dsn;
}

size_t instance_route_count(const struct instance *instance)
{
    return instance->def->route_count;
}

const char *const *instance_subjects(const struct instance *instance)
{
    return instance->subjects;
}

/* The reader of the same loop as the one tx is a snapshot of: the administration's. NULL: it has
 * none, on PostgreSQL. */
static struct db *reader_of(const struct instance *instance, const struct tx *tx)
{
    const struct app *app = instance->env.app;
    int loop = 0;

    if (!tx || !instance->readers[0]) return NULL;
    while (app_service(app, 0)->readers[loop] != tx->db)
        loop++;
    return instance->readers[loop];
}

bool instance_readable(const struct instance *instance, const struct tx *tx, struct wall_ms now)
{
    struct db *reader = reader_of(instance, tx);
    int64_t waiting;

    if (!reader) return atomic_load(&writer_first(instance)->open);
    return waiting_count(tx_read(reader, now), &waiting) == OK;
}

bool instance_subscribed(const struct instance *instance)
{
    const struct writer *first = writer_first(instance);

    return atomic_load(&first->open) &&
           (!first->subscription || subscription_ready(first->subscription));
}

bool instance_writable(const struct instance *instance)
{
    return atomic_load(&writer_first(instance)->healthy);
}

bool instance_healthy(const struct instance *instance)
{
    return shards_healthy(instance);
}

int64_t instance_bus_connected(const struct instance *instance)
{
    const struct writer *first = writer_first(instance);

    return first->subscription ? subscription_connected(first->subscription) : -1;
}

int64_t instance_queue_length(const struct instance *instance)
{
    size_t waiting = 0;

    for (size_t i = 0; i < instance->writer_count; i++)
        waiting += writer_queue_length(instance->writers[i]);
    return (int64_t)waiting;
}

int64_t instance_pool_queue_length(const struct instance *instance)
{
    return instance->pool ? (int64_t)pool_queue_length(instance->pool) : -1;
}

void instance_metrics(const struct instance *instance, struct writer_metrics *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < instance->writer_count; i++) {
        const struct writer_metrics *one = &instance->writers[i]->metrics;

        histogram_merge(&out->batch, &one->batch);
        histogram_merge(&out->commit, &one->commit);
        counter_add(&out->requests, counter_get(&one->requests));
        counter_add(&out->tasks, counter_get(&one->tasks));
        counter_add(&out->jobs, counter_get(&one->jobs));
        counter_add(&out->failures, counter_get(&one->failures));
        counter_add(&out->removed, counter_get(&one->removed));
        for (size_t verdict = 0; verdict < VERDICTS; verdict++)
            counter_add(&out->events[verdict], counter_get(&one->events[verdict]));
    }
}

bool instance_backlog(const struct instance *instance, const struct tx *tx, enum backlog which,
                      int64_t *count)
{
    struct db *reader = reader_of(instance, tx);

    *count = atomic_load(&writer_first(instance)->backlog[which]);
    if (reader && backlog_count(which, tx_read(reader, WALL_NONE), count) != OK) return false;
    return *count >= 0;
}

size_t instance_gauge_count(const struct instance *instance)
{
    return instance->def->gauge_count;
}

const struct gauge *instance_gauge(const struct instance *instance, size_t index)
{
    return &instance->def->gauges[index];
}

bool instance_gauge_value(const struct instance *instance, const struct tx *tx, size_t index,
                          int64_t *value)
{
    struct db *reader = reader_of(instance, tx);

    *value = atomic_load(&writer_first(instance)->gauges[index]);
    if (reader && instance->def->gauges[index].count(tx_read(reader, WALL_NONE), value) != OK)
        return false;
    return *value >= 0;
}

int64_t instance_redis_connected(const struct instance *instance)
{
    return instance->env.delay ? delay_connected(instance->env.delay) : -1;
}

void request_move(struct request *rq, const struct instance *to)
{
    rq->run->env = &to->env.app->dispatcher.instances[to->index]->env;
}

void env_events_put_back(struct env *env)
{
    subscription_poll(writer_first(env->instance)->subscription);
}

bool app_is_ready(const struct app *app, const struct tx *tx, struct wall_ms now)
{
    bool ready = !app_is_stopping(app);

    for (size_t i = 0; ready && i < app_service_count(app); i++) {
        const struct instance *instance = app_service(app, i);

        ready = instance_readable(instance, tx, now) && instance_healthy(instance) &&
                instance_subscribed(instance);
    }
    return ready;
}
