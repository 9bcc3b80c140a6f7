/* runtime/serve.h: the whole program, from opening the data folder to a clean stop. */
#ifndef RUNTIME_SERVE_H
#define RUNTIME_SERVE_H

#include "runtime/service.h"

#define CONTROL_SOCKET "control.sock" /* in the data folder */

/* Below the databases: a restore that was not completed (cli/restore.c). Nothing is served then. */
#define RESTORING_FOLDER "restoring"

/* mkdir -p, private to the user. False: why says what is wrong. */
bool make_folder(const char *path, struct buf *why);

/* The place of a service's database (db_open): a file, or a schema on a PostgreSQL server. *out: to
 * be freed. ERR_INVALID: why says which setting is wrong. */
enum err service_place(const struct settings *settings, const char *name, char **out,
                       struct buf *why);
/* The schema of a service's database in parts, from 0 on; NULL after the last. */
const struct migration *service_schema(const struct service_definition *def, size_t part);
/* Brings a database of that service up to date; errors as of db_migrate. */
enum err service_migrate(struct db *db, const struct service_definition *def, int64_t now_ms,
                         struct buf *why);

/* The bus as a service of its own: outside publishers and listeners, monitoring, health. Always
 * runs. */
extern const struct service_definition bus_service;

/* Opens everything, prints "listening on http://…" on stdout, serves until SIGINT or SIGTERM, stops
 * cleanly. Returns the exit code; what keeps it from starting is said on stderr, one line. */
int house_serve(const struct settings *settings,
                const struct service_definition *const *definitions, size_t count);

#endif
