/* runtime/revocations.h: the books of sessions refused, as the writers keep them; what services
 * call is in runtime/service.h. */
#ifndef RUNTIME_REVOCATIONS_H
#define RUNTIME_REVOCATIONS_H

#include "runtime/executor/writer.h"

extern const struct migration runtime_schema[];    /* of every service, on top of bus_schema */
extern const struct retention runtime_retention[]; /* of its tables; ends with a NULL table */

/* Reads the service's books into memory, over the writer's connection. */
enum err revocations_read(struct writer *writer, struct wall_ms now);
/* When to do so again; MONO_NEVER: nobody else writes to the database. */
struct mono_ms revocations_next(const struct writer *writer);
/* After the commit. */
void revocations_committed(struct writer *writer, struct wall_ms now);
/* What the runtime itself listens for in a service with routes of its own: bans, and what becomes
 * of sessions. Returns how many subjects it put into out, which has room for EVENT_TYPES. */
size_t revocations_subjects(const struct instance *instance, const char **out);
/* Whether that is one of them, in a service of that table. */
bool revocations_listen(const struct service_definition *def, enum event_type type);
/* One of them came, or another event: VERDICT_SEEN, there is nothing in it for the runtime. */
enum verdict revocations_apply(struct writer *writer, struct tx *tx, enum event_type type,
                               const union event *event);

#endif
