/* runtime/executor/shards.c: the writers of a service whose database is PostgreSQL. Each is a
 * writer as in writer.c with a connection of its own; what they do to the same rows the database
 * arbitrates. */
#include "runtime/executor/shards.h"

enum err shards_make(struct instance *instance)
{
    size_t count = instance->def->single_writer || !instance->def->route_count ? 1 : SHARDS_MAX;

    while (instance->writer_count < count)
        if (!writer_new(instance)) return ERR_MEMORY;
    return OK;
}

/* By what a request is about: the thing its path names, or what its handler said, else its body. */
static size_t shard_of(const struct request *rq, size_t count)
{
    struct str about = rq->run->about.len ? rq->run->about : rq->body_bytes;
    struct str key = rq->params[0].len ? rq->params[0] : about;

    return (str_hash(STR_HASH, key) >> 16) % count;
}

void shards_enqueue(struct instance *instance, struct request_list *list)
{
    struct request_list each[SHARDS_MAX] = {{0}};
    struct request *rq;

    if (instance->writer_count == 1) {
        writer_enqueue(writer_first(instance), list);
        return;
    }
    while ((rq = request_list_take(list)))
        request_list_add(&each[shard_of(rq, instance->writer_count)], rq);
    for (size_t i = 0; i < instance->writer_count; i++)
        writer_enqueue(instance->writers[i], &each[i]);
}

bool shards_healthy(const struct instance *instance)
{
    for (size_t i = 1; i < instance->writer_count; i++) {
        struct writer *writer = instance->writers[i];

        if (!atomic_load(&writer->open) || !atomic_load(&writer->healthy)) return false;
    }
    return atomic_load(&writer_first(instance)->healthy);
}
