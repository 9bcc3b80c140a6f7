/* runtime/work.c: lists of requests and tasks, and what a service's code asks of its writer: tasks,
 * wake-up calls, job times. */
#include "runtime/house.h"

#include <stdlib.h>

/* --- lists --------------------------------------------------------------------------------- */

void request_list_append(struct request_list *to, struct request_list *from)
{
    if (!from->head) return;
    if (to->tail)
        to->tail->link = from->head;
    else
        to->head = from->head;
    to->tail = from->tail;
    to->count += from->count;
    *from = (struct request_list){0};
}

void request_list_refuse(struct request_list *list, enum err err)
{
    struct request *first = list->head;

    for (struct request *rq = first; rq; rq = rq->link) {
        rq->next = NULL;
        reply_error(rq, err);
    }
    *list = (struct request_list){0};
    if (first) http_answer_all(first);
}

void task_list_add(struct task_list *list, struct task *task)
{
    task->link = NULL;
    if (list->tail)
        list->tail->link = task;
    else
        list->head = task;
    list->tail = task;
}

struct task *task_list_take(struct task_list *list)
{
    struct task *task = list->head;

    if (!task) return NULL;
    list->head = task->link;
    if (!list->head) list->tail = NULL;
    task->link = NULL;
    return task;
}

void task_list_free(struct task_list *list)
{
    struct task *task;

    while ((task = task_list_take(list)))
        free(task);
}

/* --- what services call -------------------------------------------------------------------- */

struct object_id env_new_id(struct env *env, const struct tx *tx)
{
    struct service *first = env->service ? env->service->first : NULL; /* of a lane */

    return object_id_new(first ? &first->env.ids : &env->ids, tx->now_ms);
}

void *task_new(size_t size)
{
    ASSERT(size >= sizeof(struct task));
    return calloc(1, size);
}

void env_task(struct env *env, struct tx *tx, struct task *task)
{
    task->from = env->service;
    task->trace = tx->trace;
    task_list_add(&env->service->tasks, task);
}

int64_t env_failures(const struct env *env)
{
    return env->service->failures;
}

void env_wake(struct env *env, struct str key)
{
    struct service *service = env->service;
    struct wake *wake = arena_alloc(service->arena, sizeof *wake);

    ASSERT(wake != NULL);
    *wake = (struct wake){service->wakes, arena_copy(service->arena, key)};
    ASSERT(wake->key.at != NULL);
    service->wakes = wake;
}

void env_job_due(struct env *env, size_t job, int64_t time_ms)
{
    struct service *service = env->service;

    ASSERT(job < service->def->job_count);
    if (time_ms < service->job_due_ms[job]) service->job_due_ms[job] = time_ms;
}

void env_job_poke(struct env *env, size_t job)
{
    struct service *service = first_of(env->service);

    ASSERT(job < service->def->job_count);
    pthread_mutex_lock(&service->lock);
    if (!service->poked) pthread_cond_signal(&service->wake);
    service->poked = true;
    service->job_asked_ms[job] = 0;
    pthread_mutex_unlock(&service->lock);
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
