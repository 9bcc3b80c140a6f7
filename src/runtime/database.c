/* runtime/database.c: a service's database: where it is, and the schema it must have. */
#include "runtime/database.h"

#include "bus/bus.h"
#include "runtime/revocations.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* --- folders -------------------------------------------------------------------------------- */

bool make_folder(const char *path, struct buf *why)
{
    char part[4096];
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof part) {
        buf_append(why, STR("--data: the path is empty or too long"));
        return false;
    }
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) == 0 || errno == EEXIST) continue;
        buf_printf(why, "cannot make folder %s: %s", part, strerror(errno));
        return false;
    }
    return true;
}

bool data_folders_make(const struct settings *settings, struct buf *why)
{
    return make_folder(settings->data, why) &&
           (!settings->sqlite_dir || make_folder(settings->sqlite_dir, why));
}

/* --- databases ------------------------------------------------------------------------------ */

const struct migration *service_schema(const struct service_definition *def, size_t part)
{
    const struct migration *const parts[] = {bus_schema, runtime_schema, def->schema};

    return part < sizeof parts / sizeof *parts ? parts[part] : NULL;
}

bool service_step_known(const struct service_definition *def, struct str name)
{
    const struct migration *step;

    for (size_t part = 0; (step = service_schema(def, part)); part++)
        for (; step->name; step++)
            if (str_eq(str_of(step->name), name)) return true;
    return false;
}

/* What a later version has changed an earlier one must not touch. */
static enum err is_not_newer(struct db *db, const struct service_definition *def, struct buf *why)
{
    struct tx *tx = tx_read(db, WALL_NONE);
    struct rows rows;
    bool there;
    enum err err;

    TRY(db_has_table(tx, "schema_migrations", &there));
    if (!there) return OK;
    tx_query(tx, &rows, "SELECT name FROM schema_migrations ORDER BY name");
    while (rows_next(&rows) && err == OK) {
        struct str name = rows_text(&rows, 0);

        if (service_step_known(def, name)) continue;
        err = ERR_CONFLICT;
        if (why)
            buf_printf(why,
                       "the database of %s was used by a later version of boxoffice (%.*s): start "
                       "that version, or restore the backup from before it",
                       def->name, (int)name.len, name.at);
    }
    if (err) (void)rows_end(&rows);
    if (err == OK) err = rows_end(&rows);
done:
    return err;
}

enum err service_migrate(struct db *db, const struct service_definition *def, struct wall_ms now,
                         struct buf *why)
{
    const struct migration *steps;
    enum err err = is_not_newer(db, def, why);

    TRY(err);
    for (size_t part = 0; (steps = service_schema(def, part)); part++)
        TRY(db_migrate(db, steps, now, why));
done:
    return err;
}

enum err service_dsn(const struct settings *settings, const char *name, char **out, struct buf *why)
{
    const char *folder = settings->sqlite_dir ? settings->sqlite_dir : settings->data, *url;
    int length;

    if (!settings_postgres_url(settings, name, &url, why)) return ERR_INVALID;
    length = url ? asprintf(out, "%s#%s", url, name) : asprintf(out, "%s/%s.db", folder, name);
    if (length >= 0) return OK;
    *out = NULL;
    return ERR_MEMORY;
}
