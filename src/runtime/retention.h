/* runtime/retention.h: what has had its time is removed, table by table (struct retention), a
 * little at a time, in each service's first writer. */
#ifndef RUNTIME_RETENTION_H
#define RUNTIME_RETENTION_H

#include "runtime/executor/writer.h"

/* The rows of a service's tables in parts, from 0 on; NULL after the last. Each ends with a NULL
 * table. */
const struct retention *service_retention(const struct service_definition *def, size_t part);

/* Whether the service takes over the outbox of that one on the embedded bus. */
bool service_reads(const struct service_definition *def, const struct service_definition *source);

/* When to remove the next rows; MONO_NEVER: everything is kept, or another writer sees to it. */
struct mono_ms retention_next(const struct writer *writer);
/* Removes some, in a transaction of the writer, of what is older than settings->retention_ms; rows
 * that services keep go later by as long as an order may be live. An event stays until every
 * service that listens has taken it over, also one that does not run now or never did yet, and
 * every durable listener. *removed: how many rows; *more: there may be more at once. */
enum err retention_run(struct writer *writer, struct tx *tx, int64_t *removed, bool *more);
/* It ran, or failed: says when it runs again. */
void retention_ran(struct writer *writer, struct mono_ms now, enum err err, bool more);

#endif
