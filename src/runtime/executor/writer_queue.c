/* runtime/executor/writer_queue.c: what is handed to a writer from other threads, until it takes
 * it. */
#include "runtime/executor/writer.h"

#include "base/wait.h"

#include <stdlib.h>

#define BATCH_ARENA_MAX (16 * 1024 * 1024)

struct writer *writer_new(struct instance *instance)
{
    struct writer *writer = calloc(1, sizeof *writer);

    if (!writer) return NULL;
    writer->arena = arena_new(BATCH_ARENA_MAX);
    if (!writer->arena) {
        free(writer);
        return NULL;
    }
    writer->instance = instance;
    writer->shard = instance->writer_count;
    writer->env = instance->env;
    writer->env.writer = writer;
    writer->env.arena = writer->arena;
    trace_source_init(&writer->traces, instance->env.random);
    pthread_mutex_init(&writer->lock, NULL);
    wait_init(&writer->wake);
    writer->wait_due = MONO_NEVER;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        writer->job_asked[i] = MONO_NEVER;
        if (!writer_is_first(writer)) writer->job_due[i] = MONO_NEVER;
    }
    for (enum backlog which = 0; which < BACKLOGS; which++)
        atomic_store(&writer->backlog[which], -1);
    for (size_t i = 0; i < GAUGES_MAX; i++)
        atomic_store(&writer->gauges[i], -1);
    atomic_store(&writer->healthy, true);
    instance->writers[instance->writer_count++] = writer;
    return writer;
}

void writer_free(struct writer *writer)
{
    task_list_free(&writer->resolving);
    arena_free(writer->arena);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

void writer_ask_job(struct writer *writer, size_t job, struct mono_ms at)
{
    ASSERT(job < writer->instance->def->job_count);
    pthread_mutex_lock(&writer->lock);
    if (at.ms < writer->job_asked[job].ms) {
        if (!writer->woken) pthread_cond_signal(&writer->wake);
        writer->woken = true;
        writer->job_asked[job] = at;
    }
    pthread_mutex_unlock(&writer->lock);
}

void writer_wake(void *context)
{
    struct writer *writer = context;

    pthread_mutex_lock(&writer->lock);
    if (!writer->woken) pthread_cond_signal(&writer->wake);
    writer->woken = true;
    pthread_mutex_unlock(&writer->lock);
}

/* Those whose trace is recorded know since when they wait. */
static void note_queued(struct request_list *list)
{
    int64_t now_us = 0;

    for (struct request *rq = list->head; rq; rq = rq->link) {
        if (!spans_wanted(&rq->trace)) continue;
        if (!now_us) now_us = clock_monotonic_us();
        rq->run->queued_us = now_us;
    }
}

size_t writer_queue_length(struct writer *writer)
{
    size_t waiting;

    pthread_mutex_lock(&writer->lock);
    waiting = writer->queue.count;
    pthread_mutex_unlock(&writer->lock);
    return waiting;
}

void writer_enqueue(struct writer *writer, struct request_list *list)
{
    struct request_list refused = {0};
    bool idle, stopping;

    if (!list->head) return;
    note_queued(list);
    pthread_mutex_lock(&writer->lock);
    stopping = writer->stopping;
    idle = !writer->queue.head;
    if (stopping || writer->queue.count + list->count > WRITER_QUEUE_MAX)
        refused = *list;
    else
        request_list_append(&writer->queue, list);
    if (idle && writer->queue.head) pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    *list = (struct request_list){0};
    request_list_refuse(&refused, stopping ? ERR_STOPPING : ERR_QUEUE_FULL);
}

void writer_resolve(struct writer *writer, struct task *task)
{
    pthread_mutex_lock(&writer->lock);
    if (!writer->resolving.head) pthread_cond_signal(&writer->wake);
    task_list_add(&writer->resolving, task);
    pthread_mutex_unlock(&writer->lock);
}
