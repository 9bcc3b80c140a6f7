/* cli/data/folder.h: the data folder and the databases of its services, as the commands beside
 * serve see them: whether or not a server runs on it. */
#ifndef CLI_FOLDER_H
#define CLI_FOLDER_H

#include "cli/cli.h"
#include "cli/data/files.h"
#include "runtime/settings.h"
#include "sql/sql.h"

#define FOLDER_DATABASES (CLI_SERVICES + 1)

/* The databases, in the order in which a cut through them is made (cli/data/backup.c): the bus's
 * first, then the services' from the last route to the first, which is auth's. */
const struct service_definition *folder_service(size_t index);
/* NULL when no service of this program is called so. */
const struct service_definition *folder_service_of(const char *name);
/* Whether all of them belong together, as far as they are there (members_check). */
enum err folder_members_check(const struct settings *settings, struct buf *why);

/* Where the databases are. */
static inline const char *folder_of(const struct settings *settings)
{
    return settings->sqlite_dir ? settings->sqlite_dir : settings->data;
}

/* The settings of the environment, and --data when it is given. False: it was said what is wrong.
 */
bool cli_settings(const char *data, struct settings *out);
/* The same for what works on embedded databases and events alone: others are refused. */
bool folder_settings(const char *data, struct settings *out);

/* Whether a process serves from the folder now. */
bool folder_served(const struct settings *settings);
/* Keeps servers off the folder until it is closed. NULL: why says what is in the way. */
struct folder_lock;
struct folder_lock *folder_lock(const struct settings *settings, struct buf *why);
void folder_unlock(struct folder_lock *lock);

#endif
