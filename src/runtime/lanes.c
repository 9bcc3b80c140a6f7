/* runtime/lanes.c: the writers of a service whose database is PostgreSQL. Each is a writer as in
 * writer.c with a connection of its own; what they do to the same rows the database arbitrates. */
#include "runtime/house.h"

#include <stdlib.h>

static struct service *lane_make(struct service *first)
{
    struct service *lane = calloc(1, sizeof *lane);

    if (!lane) return NULL;
    lane->def = first->def;
    lane->house = first->house;
    lane->first = first;
    lane->path = first->path;
    lane->pool = first->pool;
    lane->revoked = first->revoked;
    lane->env = first->env;
    lane->env.service = lane;
    trace_source_init(&lane->traces, lane->env.random);
    if (writer_init(lane) == OK) return lane;
    free(lane);
    return NULL;
}

enum err lanes_make(struct service *service)
{
    size_t count = service->def->single_writer || !service->def->route_count ? 1 : LANES_MAX;

    service->lanes[0] = service;
    service->lane_count = 1;
    while (service->lane_count < count) {
        struct service *lane = lane_make(service);

        if (!lane) return ERR_MEMORY;
        service->lanes[service->lane_count++] = lane;
    }
    return OK;
}

/* What a request is about: the thing its path names; else its body, for those who want the same
 * ticket send the same body. */
static size_t lane_of(const struct request *rq, size_t count)
{
    struct str key = rq->params[0].len ? rq->params[0] : rq->body_bytes;

    return (str_hash(STR_HASH, key) >> 16) % count;
}

void lanes_enqueue(struct service *service, struct request_list *list)
{
    struct service *first = first_of(service);
    struct request_list each[LANES_MAX] = {{0}};
    struct request *rq;

    if (first->lane_count <= 1) {
        writer_enqueue(first, list);
        return;
    }
    while ((rq = request_list_take(list)))
        request_list_add(&each[lane_of(rq, first->lane_count)], rq);
    for (size_t i = 0; i < first->lane_count; i++)
        writer_enqueue(first->lanes[i], &each[i]);
}

bool lanes_healthy(const struct service *service)
{
    for (size_t i = 1; i < service->lane_count; i++) {
        struct service *lane = service->lanes[i];

        if (!atomic_load(&lane->open) || !atomic_load(&lane->healthy)) return false;
    }
    return atomic_load(&service->healthy);
}

void lane_jobs(struct service *lane)
{
    struct service *first = lane->first;
    bool asked = false;

    if (!first) return;
    pthread_mutex_lock(&first->lock);
    for (size_t i = 0; i < first->def->job_count; i++) {
        asked |= lane->job_due_ms[i] < first->job_asked_ms[i];
        if (lane->job_due_ms[i] < first->job_asked_ms[i])
            first->job_asked_ms[i] = lane->job_due_ms[i];
        lane->job_due_ms[i] = JOB_NEVER;
    }
    if (asked && !first->poked) pthread_cond_signal(&first->wake);
    first->poked |= asked;
    pthread_mutex_unlock(&first->lock);
}
