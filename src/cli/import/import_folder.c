/* cli/import/import_folder.c: the databases that something is taken over into. */
#include "cli/import/import_folder.h"

#include "bus/bus.h"
#include "runtime/database.h"
#include "services/services.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum err import_database(const char *folder, const struct service_definition *def, struct db **db,
                         struct buf *why)
{
    char name[NAME_BYTES], path[PATH_BYTES];
    enum err err;

    snprintf(name, sizeof name, "%s.db", def->name);
    if (!path_join(path, folder, name)) return ERR_INVALID;
    TRY(db_open(path, DB_WRITER, db, why));
    TRY(service_migrate(*db, def, clock_wall(&clock_system), why));
done:
    return err;
}

enum err import_flush(struct tx *tx, struct wall_ms now)
{
    int64_t last = 0;
    enum err err = OK, end;

    if (!tx->published) return OK;
    tx_item_begin(tx, now);
    err = outbox_flush(tx, &last);
    end = tx_item_end(tx, err == OK);
    tx->published = 0;
    return err ? err : end;
}

/* --- a dry run ----------------------------------------------------------------------------- */

static enum err copy_databases(const char *from, const char *to, struct buf *why)
{
    static const struct service_definition *const touched[] = {
        &auth_service, &tickets_service, &orders_service, &payments_service, &catalogue_service};
    char name[NAME_BYTES], source[PATH_BYTES], target[PATH_BYTES];
    int64_t last;
    struct db *db = NULL;
    enum err err = OK;

    for (size_t i = 0; i < sizeof touched / sizeof *touched; i++) {
        snprintf(name, sizeof name, "%s.db", touched[i]->name);
        if (!path_join(source, from, name) || !path_join(target, to, name)) return ERR_INVALID;
        if (!file_exists(source)) continue;
        TRY(db_open(source, DB_READER, &db, why));
        TRY(outbox_last(tx_snapshot(db, WALL_NONE), &last)); /* the first read makes the snapshot */
        TRY(db_copy(db, target, NULL, NULL, why));
        db_close(db);
        db = NULL;
    }
done:
    db_close(db);
    return err;
}

static bool dry_run(const struct settings *settings, import_put_fn *put, void *what,
                    struct buf *why)
{
    char folder[PATH_BYTES];
    bool ok;

    if (snprintf(folder, sizeof folder, "%s.dry-run-XXXXXX", folder_of(settings)) >= PATH_BYTES ||
        !mkdtemp(folder)) {
        buf_printf(why, "cannot make %s: %s", folder, strerror(errno));
        return false;
    }
    ok = copy_databases(folder_of(settings), folder, why) == OK && put(what, folder, why) == OK;
    (void)folder_clear(folder);
    (void)rmdir(folder);
    return ok;
}

static bool in_earnest(const struct settings *settings, import_put_fn *put, void *what,
                       struct buf *why)
{
    struct folder_lock *lock;
    char path[PATH_BYTES];
    bool ok;

    if (!make_folder(settings->data, why) || !make_folder(folder_of(settings), why)) return false;
    if (!path_join(path, folder_of(settings), RESTORING_FOLDER) || file_exists(path)) {
        buf_printf(why, "%s: a restore was broken off: run boxoffice restore again", path);
        return false;
    }
    lock = folder_lock(settings, why);
    if (!lock) return false;
    ok = put(what, folder_of(settings), why) == OK;
    folder_unlock(lock);
    return ok;
}

bool import_into_folder(const struct settings *settings, bool dry, import_put_fn *put, void *what,
                        struct buf *why)
{
    (void)umask(0077);
    return dry ? dry_run(settings, put, what, why) : in_earnest(settings, put, what, why);
}
