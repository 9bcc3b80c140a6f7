/* runtime/executor/shards.h: the writers of one service: one, or several on PostgreSQL. */
#ifndef RUNTIME_EXECUTOR_SHARDS_H
#define RUNTIME_EXECUTOR_SHARDS_H

#include "runtime/executor/writer.h"

/* Adds writers to the first one of an instance whose database is shared, when it has use for them.
 */
enum err shards_make(struct instance *instance);
/* Any thread. The requests to the writers of their shards; like writer_enqueue. */
void shards_enqueue(struct instance *instance, struct request_list *list);
/* Every writer is connected and could make its last transaction. Any thread. */
bool shards_healthy(const struct instance *instance);

#endif
