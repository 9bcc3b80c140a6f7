/* cli/data/backup.c: boxoffice backup DIR: all databases of one moment, while a server goes on or
 * not.
 *
 * The databases are separate files, and what one knows of another is how far it has taken over the
 * other's outbox. A copy is whole when no copied position lies behind the end of the copied outbox
 * it is a position in. So the command begins a read snapshot in each database, one right after the
 * other, which takes less time than it takes an event to travel, and looks whether that is so; if
 * not, it lets go and begins again. No writer is held up for it. The bus's snapshot comes first,
 * because its listeners' positions may only be older than the outboxes; auth's comes last, so that
 * whoever has a ticket or an order also has an account. Then the snapshots are copied at leisure.
 */
#include "cli/data/folder.h"
#include "cli/data/rotate.h"
#include "cli/data/facts.h"
#include "cli/data/verify.h"

#include "base/clock.h"
#include "bus/bus.h"
#include "runtime/membership.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CUT_TRIES     1000
#define CUT_US_MAX    20000              /* from the first snapshot to the last */
#define BYTES_A_S_MAX (32 * 1024 * 1024) /* leaves the disk to whoever serves */
#define ARENA_MAX     (4 * 1024 * 1024)
#define KEYS_MAX      8
#define KEEP_MAX      10000

struct source {
    const struct service_definition *def;
    struct db *db;
    struct tx *tx; /* the snapshot */
};

struct backup {
    const struct settings *settings;
    struct source sources[FOLDER_DATABASES]; /* db NULL: a service that never ran here, or copied */
    char target[PATH_BYTES];                 /* what it will be called, … */
    char partial[PATH_BYTES];                /* … and what it is called until it is whole */
    int partial_fd;
    struct manifest manifest;
    struct arena *arena;
    struct buf why;
};

static void pause_us(int64_t us)
{
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    while (us > 0 && nanosleep(&time, &time) != 0 && errno == EINTR)
        ;
}

/* --- whether they are sound ---------------------------------------------------------------- */

static enum err is_whole(struct backup *backup, const struct source *source)
{
    char memory[512];
    struct buf found = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    enum err err = db_check(source->db, &found);

    if (err)
        buf_printf(&backup->why, "%s.db is damaged (%.*s): restore an earlier backup",
                   source->def->name, (int)found.len, memory);
    return err;
}

/* A copy of what is damaged would take the place of a sound one. */
static enum err are_sound(struct backup *backup)
{
    struct bus_member members[FOLDER_DATABASES];
    size_t count = 0;
    enum err err = OK;

    for (size_t i = 0; i < FOLDER_DATABASES; i++) {
        const struct source *source = &backup->sources[i];

        if (!source->db) continue;
        TRY(is_whole(backup, source));
        members[count++] =
            (struct bus_member){.service = source->def->name, .tx = tx_read(source->db, WALL_NONE)};
    }
    err = facts_agree(members, count, &backup->why);
    if (err == ERR_CONFLICT) buf_append(&backup->why, STR(": restore an earlier backup"));
done:
    return err;
}

/* --- the moment ---------------------------------------------------------------------------- */

static enum err open_sources(struct backup *backup)
{
    char name[NAME_BYTES], path[PATH_BYTES];
    size_t there = 0;
    enum err err = OK;

    for (size_t i = 0; i < FOLDER_DATABASES; i++) {
        struct source *source = &backup->sources[i];

        source->def = folder_service(i);
        snprintf(name, sizeof name, "%s.db", source->def->name);
        if (!path_join(path, folder_of(backup->settings), name)) return ERR_INVALID;
        if (!file_exists(path)) continue;
        TRY(db_open(path, DB_READER, &source->db, &backup->why));
        there++;
    }
    if (there == 0) {
        buf_printf(&backup->why, "there are no databases in %s", folder_of(backup->settings));
        err = ERR_NOT_FOUND;
    }
done:
    return err;
}

/* Whether nothing in this snapshot came from an event that its publisher's snapshot lacks. */
static enum err backup_check_whole(struct backup *backup, bool *whole)
{
    struct bus_member members[FOLDER_DATABASES];
    enum err err;

    for (size_t i = 0; i < FOLDER_DATABASES; i++)
        members[i] = (struct bus_member){.service = backup->sources[i].def->name,
                                         .tx = backup->sources[i].tx};
    buf_reset(&backup->why);
    err = bus_members_agree(members, FOLDER_DATABASES, &backup->why);
    if (err != ERR_CONFLICT) return err;
    *whole = false;
    return OK;
}

static enum err try_cut(struct backup *backup, bool *whole)
{
    int64_t began_us = clock_monotonic_us(), last;
    enum err err = OK;

    backup->manifest.time = clock_wall(&clock_system);
    for (size_t i = 0; i < FOLDER_DATABASES; i++) {
        struct source *source = &backup->sources[i];

        if (!source->db) continue;
        source->tx = tx_snapshot(source->db, backup->manifest.time);
        TRY(outbox_last(source->tx, &last)); /* the first read makes the snapshot */
    }
    *whole = clock_monotonic_us() - began_us <= CUT_US_MAX;
    TRY(backup_check_whole(backup, whole));
done:
    return err;
}

static enum err cut(struct backup *backup)
{
    bool whole = false;
    enum err err = OK;

    for (int i = 0; i < CUT_TRIES && !whole; i++) {
        if (i) pause_us(1000);
        for (size_t j = 0; j < FOLDER_DATABASES; j++)
            if (backup->sources[j].db) db_snapshot_end(backup->sources[j].db);
        TRY(try_cut(backup, &whole));
    }
    if (!whole) {
        buf_reset(&backup->why);
        buf_append(&backup->why, STR("no moment was found at which the databases agree: the machine"
                                     " is too busy, try again"));
        err = ERR_BUSY;
    }
done:
    return err;
}

/* --- the copies ---------------------------------------------------------------------------- */

/* Sleeps so that on average no more than BYTES_A_S_MAX are written. */
static void go_slowly(void *context, int64_t bytes)
{
    int64_t *due_us = context, now_us = clock_monotonic_us();

    if (*due_us < now_us) *due_us = now_us;
    *due_us += bytes * 1000000 / BYTES_A_S_MAX;
    pause_us(*due_us - now_us);
}

static enum err note_steps(struct backup *backup, struct tx *tx, struct manifest_file *file)
{
    struct str steps[MANIFEST_STEPS_MAX];
    enum err err;

    TRY(db_steps(tx, backup->arena, steps, MANIFEST_STEPS_MAX, &file->step_count));
    for (size_t i = 0; i < file->step_count; i++)
        file->steps[i] = steps[i].at;
done:
    return err;
}

static enum err note_sum(struct backup *backup, const char *path, struct manifest_file *file)
{
    if (file_sum(path, &file->bytes, &file->sum)) return OK;
    buf_printf(&backup->why, "cannot read %s: %s", path, strerror(errno));
    return ERR_IO;
}

/* The snapshot ends with its copy, so that its log does not grow longer than it must. */
static enum err copy_database(struct backup *backup, struct source *source)
{
    struct manifest_file *file = &backup->manifest.files[backup->manifest.count++];
    int64_t due_us = 0;
    char path[PATH_BYTES];
    enum err err = OK;

    snprintf(file->name, sizeof file->name, "%s.db", source->def->name);
    if (!path_join(path, backup->partial, file->name)) return ERR_INVALID;
    TRY(note_steps(backup, source->tx, file));
    TRY(db_copy(source->db, path, go_slowly, &due_us, &backup->why));
    db_close(source->db);
    source->db = NULL;
    TRY(note_sum(backup, path, file));
done:
    return err;
}

static enum err copy_keys(struct backup *backup)
{
    char names[KEYS_MAX][NAME_BYTES], from[PATH_BYTES], to[PATH_BYTES];
    int count = folder_names(backup->settings->data, ".key", names, KEYS_MAX);
    enum err err = OK;

    for (int i = 0; i < count; i++) {
        struct manifest_file *file = &backup->manifest.files[backup->manifest.count++];

        memcpy(file->name, names[i], sizeof file->name);
        if (!path_join(from, backup->settings->data, names[i]) ||
            !path_join(to, backup->partial, names[i]) || !file_copy(from, to)) {
            buf_printf(&backup->why, "cannot copy %s: %s", names[i], strerror(errno));
            return ERR_IO;
        }
        TRY(note_sum(backup, to, file));
    }
done:
    return err;
}

/* --- the folder ---------------------------------------------------------------------------- */

/* DIR.partial, emptied of what an earlier run that was killed left in it. */
static enum err make_partial(struct backup *backup, const char *target)
{
    size_t length = strlen(target);

    while (length > 1 && target[length - 1] == '/')
        length--;
    if (snprintf(backup->target, PATH_BYTES, "%.*s", (int)length, target) >= PATH_BYTES ||
        snprintf(backup->partial, PATH_BYTES, "%.*s.partial", (int)length, target) >= PATH_BYTES)
        errno = ENAMETOOLONG;
    else if (file_exists(backup->target))
        errno = EEXIST;
    else if (mkdir(backup->partial, 0700) == 0 || errno == EEXIST)
        backup->partial_fd = open(backup->partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (backup->partial_fd < 0) {
        buf_printf(&backup->why, "cannot make %s: %s", target, strerror(errno));
        return ERR_IO;
    }
    if (flock(backup->partial_fd, LOCK_EX | LOCK_NB) != 0) {
        buf_printf(&backup->why, "another backup into %s is running", target);
        return ERR_LOCKED;
    }
    if (folder_clear(backup->partial)) return OK;
    buf_printf(&backup->why, "cannot clear %s: %s", backup->partial, strerror(errno));
    return ERR_IO;
}

static enum err finish(struct backup *backup)
{
    char parent[PATH_BYTES];

    path_parent(parent, backup->target);
    if (manifest_write(backup->partial, &backup->manifest) && folder_sync(backup->partial) &&
        rename(backup->partial, backup->target) == 0 && folder_sync(parent))
        return OK;
    buf_printf(&backup->why, "cannot finish %s: %s", backup->target, strerror(errno));
    return ERR_IO;
}

static enum err make(struct backup *backup, const char *target)
{
    enum err err;

    TRY(open_sources(backup));
    TRY(folder_members_check(backup->settings, &backup->why));
    TRY(are_sound(backup));
    TRY(make_partial(backup, target));
    TRY(cut(backup));
    for (size_t i = 0; i < FOLDER_DATABASES; i++)
        if (backup->sources[i].db) TRY(copy_database(backup, &backup->sources[i]));
    TRY(copy_keys(backup));
    TRY(finish(backup));
done:
    return err;
}

/* --- the command --------------------------------------------------------------------------- */

static void backup_print_summary(const struct backup *backup)
{
    char time[ISO8601_LEN + 1];
    int64_t bytes = 0;

    for (size_t i = 0; i < backup->manifest.count; i++)
        bytes += backup->manifest.files[i].bytes;
    iso8601_format(backup->manifest.time, time);
    printf("%s: %zu files, %lld bytes, as of %s\n", backup->target, backup->manifest.count,
           (long long)bytes, time);
}

static int backup_run(const struct settings *settings, const char *target)
{
    struct backup *backup = calloc(1, sizeof *backup);
    int code = 1;
    enum err err;

    if (!backup) return cli_fail("out of memory");
    buf_init(&backup->why, NULL, 2 * PATH_BYTES);
    backup->settings = settings;
    backup->manifest.version = BOXOFFICE_VERSION;
    backup->partial_fd = -1;
    backup->arena = arena_new(ARENA_MAX);
    (void)umask(0077);
    if (nice(19) == -1) errno = 0; /* who serves comes first */
    err = backup->arena ? make(backup, target) : ERR_MEMORY;
    if (err == OK) {
        backup_print_summary(backup);
        code = cli_finish();
    } else if (backup->why.len) {
        (void)cli_fail("%.*s", (int)backup->why.len, backup->why.at);
    } else {
        (void)cli_fail("backup: %s", err_message(err));
    }
    for (size_t i = 0; i < FOLDER_DATABASES; i++)
        db_close(backup->sources[i].db);
    if (backup->partial_fd >= 0) close(backup->partial_fd);
    if (backup->arena) arena_free(backup->arena);
    buf_free(&backup->why);
    free(backup);
    return code;
}

/* A backup called by its time in `folder`, of which the newest `keep` stay. */
static int run_rotated(const struct settings *settings, const char *folder, int64_t keep)
{
    char target[PATH_BYTES];
    int code;

    if (!rotation_name(folder, clock_wall(&clock_system), target))
        return cli_fail("cannot make %s: %s", folder, strerror(errno));
    code = backup_run(settings, target);
    if (code == 0 && !rotation_keep(folder, keep))
        code = cli_fail("cannot remove old backups in %s: %s", folder, strerror(errno));
    return code;
}

int cli_backup(int count, char **words)
{
    const char *data = NULL, *keep = NULL;
    bool verify = false;
    const struct cli_option options[] = {
        {"data", &data, NULL}, {"keep", &keep, NULL}, {"verify", NULL, &verify}, {0}};
    struct settings settings;
    int first, code = cli_options("backup", count, words, options, &first);
    int64_t kept = 0;

    if (code >= 0) return code;
    if (count - first != 1 || !*words[first]) return cli_refuse("backup takes DIR");
    if (keep && (!str_to_int64(str_of(keep), &kept) || kept < 1 || kept > KEEP_MAX))
        return cli_refuse("--keep takes a number from 1 to %d: %s", KEEP_MAX, keep);
    if (keep && verify) return cli_refuse("--keep makes a backup, --verify looks at one");
    if (verify) return backup_verify(words[first]);
    if (!folder_settings(data, &settings)) return 1;
    return keep ? run_rotated(&settings, words[first], kept) : backup_run(&settings, words[first]);
}
