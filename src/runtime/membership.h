/* runtime/membership.h: the databases of one market, which belong together. */
#ifndef RUNTIME_MEMBERSHIP_H
#define RUNTIME_MEMBERSHIP_H

#include "runtime/service.h"

/* Whether the databases of these services belong together, as far as they are there: read, not
 * changed. On PostgreSQL, where nobody counts generations, by the positions in them alone, and what
 * cannot be reached is passed over. ERR_CONFLICT: one was lost, replaced, or is an older copy; why
 * says which, and what to do; also when one has not taken over what is no longer kept. ERR_IO: one
 * cannot be read. */
enum err members_check(const struct settings *settings,
                       const struct service_definition *const *defs, size_t count, struct buf *why);
#define MEMBERS_REMEDY                                                                             \
    ": put the right file back, with its -wal, or restore a backup of all of them (boxoffice "     \
    "restore DIR --force)"
#define MEMBERS_REMEDY_SERVER ": restore the databases of all services as they were at one moment"

struct app;
/* Who the open embedded databases are. Before members_mark. */
enum err members_read(struct app *app);
/* At start and stop, without writers: each counts one generation more and remembers the others. */
void members_mark(struct app *app);

#endif
