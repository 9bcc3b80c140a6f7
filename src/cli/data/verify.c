/* cli/data/verify.c: boxoffice backup --verify DIR: whether a backup is what was backed up, can be
 * read by this program, and its databases are whole and belong together. restore looks at the first
 * two.
 */
#include "cli/data/verify.h"

#include "bus/bus.h"
#include "cli/data/facts.h"
#include "cli/data/folder.h"
#include "runtime/database.h"
#include "services/payments/documents.h"

#include <errno.h>

#define ARENA_MAX (8 * 1024 * 1024)

static const struct service_definition *service_of_file(const char *name)
{
    char service[NAME_BYTES];
    size_t length = strlen(name);

    if (length <= 3 || strcmp(name + length - 3, ".db") != 0) return NULL;
    snprintf(service, sizeof service, "%.*s", (int)(length - 3), name);
    return folder_service_of(service);
}

/* A database of a later version has steps that this program does not know. */
static bool file_fits(const char *folder, const struct manifest *manifest,
                      const struct manifest_file *file, struct buf *why)
{
    const struct service_definition *def = service_of_file(file->name);

    if (!file->step_count) {
        const char *ending = strrchr(file->name, '.');

        if (ending && strcmp(ending, ".key") == 0) return true;
        buf_printf(why, "%s: %s is no file of a backup", folder, file->name);
        return false;
    }
    for (size_t i = 0; def && i < file->step_count; i++)
        if (!service_step_known(def, str_of(file->steps[i]))) def = NULL;
    if (!def)
        buf_printf(why,
                   "%s was made by boxoffice %s, whose %s this program (%s) does not know: "
                   "use that version or a later one",
                   folder, manifest->version, file->name, BOXOFFICE_VERSION);
    return def != NULL;
}

static bool file_is_sound(const char *folder, const struct manifest_file *file, struct buf *why)
{
    char path[PATH_BYTES];
    struct sha256_text sum;
    int64_t bytes;

    if (!path_join(path, folder, file->name) || !file_sum(path, &bytes, &sum)) {
        buf_printf(why, "cannot read %s: %s", file->name, strerror(errno));
        return false;
    }
    if (bytes == file->bytes && strcmp(sum.hex, file->sum.hex) == 0) return true;
    buf_printf(why, "%s is damaged: it is not what was backed up", path);
    return false;
}

bool backup_is_sound(const char *folder, struct arena *arena, struct manifest *out, struct buf *why)
{
    if (!manifest_read(folder, arena, out, why)) return false;
    for (size_t i = 0; i < out->count; i++)
        if (!file_fits(folder, out, &out->files[i], why) ||
            !file_is_sound(folder, &out->files[i], why))
            return false;
    return true;
}

/* --- the databases ------------------------------------------------------------------------- */

static enum err open_copy(const char *folder, const char *name, struct db **db, struct buf *why)
{
    char path[PATH_BYTES], memory[512];
    struct buf found = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    enum err err;

    if (!path_join(path, folder, name)) return ERR_INVALID;
    TRY(db_open(path, DB_COPY, db, why));
    err = db_check(*db, &found);
    if (err) buf_printf(why, "%s is damaged (%.*s)", path, (int)found.len, memory);
done:
    return err;
}

/* As `payments audit` has it. */
static enum err money_adds_up(const struct bus_member *members, size_t count, struct buf *why)
{
    char memory[1024];
    struct buf found = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    struct json_writer json = json_writer_to(&found);
    bool sound = true;
    enum err err = OK;

    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].service, "payments") == 0)
            TRY(ledger_findings_json(members[i].tx, &json, 1, &sound));
    if (sound) return OK;
    buf_printf(why, "payments.db: its money does not add up: %.*s", (int)found.len, memory);
    err = ERR_CONFLICT;
done:
    return err;
}

static enum err databases_are_whole(const char *folder, const struct manifest *manifest,
                                    struct buf *why)
{
    struct bus_member members[MANIFEST_FILES_MAX];
    struct db *dbs[MANIFEST_FILES_MAX] = {NULL};
    size_t count = 0;
    enum err err = OK;

    for (size_t i = 0; i < manifest->count; i++) {
        const struct manifest_file *file = &manifest->files[i];

        if (!file->step_count) continue;
        TRY(open_copy(folder, file->name, &dbs[count], why));
        members[count] = (struct bus_member){.service = service_of_file(file->name)->name,
                                             .tx = tx_read(dbs[count], WALL_NONE)};
        count++;
    }
    TRY(bus_members_agree(members, count, why));
    TRY(facts_agree(members, count, why));
    TRY(money_adds_up(members, count, why));
done:
    for (size_t i = 0; i < MANIFEST_FILES_MAX; i++)
        db_close(dbs[i]);
    return err;
}

int backup_verify(const char *folder)
{
    struct arena *arena = arena_new(ARENA_MAX);
    char time[ISO8601_LEN + 1];
    struct manifest manifest;
    struct buf why;
    int code = 1;

    buf_init(&why, NULL, 4 * PATH_BYTES);
    if (arena && backup_is_sound(folder, arena, &manifest, &why) &&
        databases_are_whole(folder, &manifest, &why) == OK) {
        iso8601_format(manifest.time, time);
        printf("%s: sound, as of %s\n", folder, time);
        code = cli_finish();
    } else {
        (void)cli_fail("%.*s", (int)why.len, why.at ? why.at : "");
    }
    buf_free(&why);
    if (arena) arena_free(arena);
    return code;
}
