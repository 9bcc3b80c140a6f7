/* cli/import/import_folder.h: the databases that something is taken over into: those of a data
 * folder that no server uses, or for a dry run copies of them. */
#ifndef CLI_IMPORT_FOLDER_H
#define CLI_IMPORT_FOLDER_H

#include "cli/data/folder.h"

#define IMPORT_FLUSH_ROWS 4096 /* events that are kept at a time */

/* Puts what is taken over into the databases of a folder. */
typedef enum err import_put_fn(void *what, const char *folder, struct buf *why);

/* Runs it over the data folder of the settings, which is locked meanwhile, or over a copy that is
 * removed afterwards. False: why says what is in the way, or what was put has failed. */
bool import_into_folder(const struct settings *settings, bool dry, import_put_fn *put, void *what,
                        struct buf *why);

/* A service's database of the folder, brought up to date; to be closed whatever comes back. */
enum err import_database(const char *folder, const struct service_definition *def, struct db **db,
                         struct buf *why);
/* The events published so far go into the outbox. */
enum err import_flush(struct tx *tx, struct wall_ms now);

#endif
