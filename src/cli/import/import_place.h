/* cli/import/import_place.h: the databases that something is taken over into: those of a data
 * folder that no server uses, or for a dry run copies of them; or PostgreSQL's. */
#ifndef CLI_IMPORT_PLACE_H
#define CLI_IMPORT_PLACE_H

#include "cli/data/folder.h"

#define IMPORT_FLUSH_ROWS 4096 /* events that are kept at a time */

/* Where that is. */
struct import_place {
    const struct settings *settings;
    const char *folder; /* NULL: the databases are PostgreSQL's, by the settings */
    bool dry;           /* … and there what was put must not be committed */
};

/* Puts what is taken over into the databases of a place. */
typedef enum err import_put_fn(void *what, const struct import_place *place, struct buf *why);

/* The settings of an import that may be beside PostgreSQL and NATS, which belong together then.
 * False: it was said why not. */
bool import_settings(const char *data, struct settings *out);

/* Runs it over the data folder of the settings, which is locked meanwhile, or over a copy that is
 * removed afterwards; or beside the servers that use the same PostgreSQL. False: why says what is
 * in the way, or what was put has failed. */
bool import_into_place(const struct settings *settings, bool dry, import_put_fn *put, void *what,
                       struct buf *why);

/* A service's database of the place, brought up to date; to be closed whatever comes back. */
enum err import_database(const struct import_place *place, const struct service_definition *def,
                         struct db **db, struct buf *why);
/* The events published so far go into the outbox. */
enum err import_flush(struct tx *tx, struct wall_ms now);

#endif
