/* cli/import/import_place.c: the databases that something is taken over into. */
#include "cli/import/import_place.h"

#include "bus/bus.h"
#include "runtime/database.h"
#include "services/services.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool import_settings(const char *data, struct settings *out)
{
    if (!cli_settings(data, out)) return false;
    if (!out->postgres_url == !out->broker) return true;
    cli_fail("an import needs both NATS_URL and DATABASE_URL=postgresql://…, as the services that "
             "use them have, or neither");
    return false;
}

/* The dsn of its database, to be freed. */
static enum err dsn_of(const struct import_place *place, const char *service, char **out,
                       struct buf *why)
{
    if (!place->folder) return service_dsn(place->settings, service, out, why);
    if (asprintf(out, "%s/%s.db", place->folder, service) >= 0) return OK;
    *out = NULL;
    return ERR_MEMORY;
}

enum err import_database(const struct import_place *place, const struct service_definition *def,
                         struct db **db, struct buf *why)
{
    char *dsn = NULL;
    enum err err;

    TRY(dsn_of(place, def->name, &dsn, why));
    TRY(db_open(dsn, DB_WRITER, db, why));
    TRY(service_migrate(*db, def, clock_wall(&clock_system), why));
done:
    free(dsn);
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
    struct import_place copy = {settings, folder, true};
    bool ok;

    if (snprintf(folder, sizeof folder, "%s.dry-run-XXXXXX", folder_of(settings)) >= PATH_BYTES ||
        !mkdtemp(folder)) {
        buf_printf(why, "cannot make %s: %s", folder, strerror(errno));
        return false;
    }
    ok = copy_databases(folder_of(settings), folder, why) == OK && put(what, &copy, why) == OK;
    (void)folder_clear(folder);
    (void)rmdir(folder);
    return ok;
}

static bool in_earnest(const struct settings *settings, import_put_fn *put, void *what,
                       struct buf *why)
{
    struct import_place place = {settings, folder_of(settings), false};
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
    ok = put(what, &place, why) == OK;
    folder_unlock(lock);
    return ok;
}

/* --- PostgreSQL ------------------------------------------------------------------------------ */

/* A transaction there is one of a replica's more: whoever relays finds its events. */
static bool beside_servers(const struct settings *settings, bool dry, import_put_fn *put,
                           void *what, struct buf *why)
{
    struct import_place place = {settings, NULL, dry};

    outbox_relay(true);
    return put(what, &place, why) == OK;
}

bool import_into_place(const struct settings *settings, bool dry, import_put_fn *put, void *what,
                       struct buf *why)
{
    (void)umask(0077);
    if (settings->postgres_url) return beside_servers(settings, dry, put, what, why);
    return dry ? dry_run(settings, put, what, why) : in_earnest(settings, put, what, why);
}
