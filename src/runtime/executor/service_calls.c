/* runtime/executor/service_calls.c: what a service's code asks of its executors: tasks, wake-up
 * calls, job times, news (runtime/service.h). */
#include "telemetry/log.h"
#include "runtime/executor/writer.h"

#include <stdlib.h>

/* --- what services call -------------------------------------------------------------------- */

struct object_id env_new_id(struct env *env, const struct tx *tx)
{
    return object_id_new(env->ids, tx->now);
}

void *task_new(size_t size)
{
    ASSERT(size >= sizeof(struct task));
    return calloc(1, size);
}

void env_task(struct env *env, struct tx *tx, struct task *task)
{
    task->from = env->writer;
    task->trace = tx->trace;
    task_list_add(&env->writer->tasks, task);
}

int64_t env_failures(const struct env *env)
{
    return env->writer->failures;
}

void env_wake(struct env *env, struct str key)
{
    struct writer *writer = env->writer;
    struct wake *wake = arena_alloc(writer->arena, sizeof *wake);

    ASSERT(wake != NULL);
    *wake = (struct wake){writer->wakes, arena_copy(writer->arena, key)};
    ASSERT(wake->key.at != NULL);
    writer->wakes = wake;
}

void env_job_due_at(struct env *env, size_t job, struct mono_ms at)
{
    struct writer *writer = env->writer;

    ASSERT(job < writer->instance->def->job_count);
    writer->job_due[job] = mono_earlier(writer->job_due[job], at);
}

void env_job_due(struct env *env, size_t job, struct wall_ms time)
{
    const struct writer *writer = env->writer;
    int64_t pause_ms;

    if (!writer || wall_same(time, WALL_NEVER)) return;
    pause_ms = wall_since(time, writer->wall);
    env_job_due_at(env, job, mono_after(writer->now, pause_ms > 0 ? pause_ms : 0));
}

void env_job_wake(struct env *env, size_t job)
{
    writer_ask_job(writer_first(env->instance), job, (struct mono_ms){0});
}

enum err row_unreadable(const char *table, struct str id, struct str word)
{
    log_event(LOG_ERROR, "boxoffice", "row.unreadable", log_text("table", str_of(table)),
              log_text("id", id), log_text("word", word));
    return ERR_UNREADABLE;
}

/* --- news on its way ------------------------------------------------------------------------ */

#define NEWS_POLLS    5  /* after the first */
#define NEWS_PAUSE_MS 50 /* before the first of them, and twice as long each time */
#define METRICS_MAX   (SERVICES_MAX * SERVICES_MAX)

enum news env_news(struct request *rq, const char *publisher)
{
    const struct instance *instance = rq->run->env->instance;
    struct bus *bus = instance->bus;
    struct subscription_metrics metrics[METRICS_MAX];
    size_t count;

    if (rq->run->env->settings->broker) return NEWS_UNKNOWN;
    if (!rq->run->news_sequence) rq->run->news_sequence = bus_last_sequence(bus, publisher) + 1;
    count = bus_metrics(bus, metrics, METRICS_MAX);
    for (size_t i = 0; i < count && i < METRICS_MAX; i++)
        if (strcmp(metrics[i].service, instance->def->name) == 0 &&
            strcmp(metrics[i].source, publisher) == 0)
            return metrics[i].position + 1 >= rq->run->news_sequence ? NEWS_NONE : NEWS_MAY_COME;
    return NEWS_UNKNOWN;
}

bool env_is_recent(const struct tx *tx, struct object_id id)
{
    int64_t age_ms = wall_since(tx->now, object_id_time(id));

    return age_ms > -NEWS_MS && age_ms < NEWS_MS;
}

bool env_wait_news(struct request *rq, struct object_id id, handler_fn *next)
{
    struct object_id_text text = object_id_text(id);
    struct str key = arena_copy(rq->arena, str_of(text.hex));

    if (rq->run->news_polls == NEWS_POLLS || !key.at) return false;
    (void)request_wait(rq, key, next);
    rq->run->wait_until =
        mono_after(env_mono(rq->run->env), NEWS_PAUSE_MS << rq->run->news_polls++);
    return true;
}

void env_wake_id(struct env *env, struct object_id id)
{
    struct object_id_text text = object_id_text(id);

    env_wake(env, str_of(text.hex));
}

void env_join_trace(struct request *rq, struct tx *tx, const struct trace *trace)
{
    if (!request_join_trace(rq, trace)) return;
    tx->trace.high = trace->high;
    tx->trace.low = trace->low;
    tx->trace.sampled = trace->sampled;
}

enum verdict env_dead(struct env *env, const char *reason)
{
    env->dead_reason = reason;
    return VERDICT_DEAD;
}
