/* runtime/database.h: the data folder, and each service's database in it: where it is, and the
 * schema it must have. */
#ifndef RUNTIME_DATABASE_H
#define RUNTIME_DATABASE_H

#include "runtime/service.h"

/* Below the databases: a restore that was not completed (cli/data/restore.c). Nothing is served
 * then. */
#define RESTORING_FOLDER "restoring"

/* mkdir -p, private to the user. False: why says what is wrong. */
bool make_folder(const char *path, struct buf *why);
/* The data folder, and that of the databases when they have their own. */
bool data_folders_make(const struct settings *settings, struct buf *why);

/* The dsn of a service's database (db_open): a file, or a schema on a PostgreSQL server. *out: to
 * be freed. ERR_INVALID: why says which setting is wrong. */
enum err service_dsn(const struct settings *settings, const char *name, char **out,
                     struct buf *why);
/* The schema of a service's database in parts, from 0 on; NULL after the last. */
const struct migration *service_schema(const struct service_definition *def, size_t part);
/* Brings a database of that service up to date; errors as of db_migrate. */
enum err service_migrate(struct db *db, const struct service_definition *def, struct wall_ms now,
                         struct buf *why);

/* True when this program knows the step, of the bus, the runtime or the service. */
bool service_step_known(const struct service_definition *def, struct str name);

#endif
