/* cli/data/restore.c: boxoffice restore DIR: a backup becomes the data folder.
 *
 * Everything is checked first. Then the files are copied into DATA/restoring, what lay in the data
 * folder is moved aside into DATA/before-restore-TIME (nothing is ever deleted), and the copies are
 * moved into place. While DATA/restoring is there, no server starts: it is a restore that was
 * broken off, and the command run again completes it. */
#include "cli/data/folder.h"
#include "cli/data/verify.h"

#include "base/clock.h"
#include "base/owner.h"
#include "runtime/database.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_MAX   (8 * 1024 * 1024)
#define MOVED_MAX   64
#define ASIDE_BYTES 64

struct restore {
    const struct settings *settings;
    const char *from;
    bool force;
    struct manifest manifest;
    struct folder_lock *lock;
    char staging[PATH_BYTES];
    char aside[PATH_BYTES]; /* empty: nothing had to be moved */
    struct arena *arena;
    struct buf why;
};

static bool restore_fail(struct restore *restore, const char *what, const char *path)
{
    buf_printf(&restore->why, "cannot %s %s: %s", what, path, strerror(errno));
    return false;
}

/* --- the data folder ----------------------------------------------------------------------- */

/* Databases, their logs, keys: what a restore replaces. Those in `folder`. */
static int names_to_move(const char *folder, const char *endings[], size_t count,
                         char names[MOVED_MAX][NAME_BYTES])
{
    int found = 0;

    for (size_t i = 0; i < count; i++) {
        int more = folder_names(folder, endings[i], names + found, MOVED_MAX - found);

        if (more > 0) found += more;
    }
    return found;
}

static bool make_aside(struct restore *restore)
{
    char name[ASIDE_BYTES], time[ISO8601_LEN + 1];

    if (restore->aside[0]) return true;
    iso8601_format(clock_wall(&clock_system), time);
    snprintf(name, sizeof name, "before-restore-%s", time);
    if (!path_join(restore->aside, folder_of(restore->settings), name) ||
        mkdir(restore->aside, 0700) != 0 || !owner_keep_folder(restore->aside))
        return restore_fail(restore, "make", restore->aside);
    return true;
}

static bool move_aside(struct restore *restore, const char *folder, const char *endings[],
                       size_t count)
{
    char names[MOVED_MAX][NAME_BYTES], from[PATH_BYTES], to[PATH_BYTES];
    int found = names_to_move(folder, endings, count, names);

    for (int i = 0; i < found; i++)
        if (!make_aside(restore) || !path_join(from, folder, names[i]) ||
            !path_join(to, restore->aside, names[i]) || rename(from, to) != 0)
            return restore->why.len ? false : restore_fail(restore, "move aside", names[i]);
    return true;
}

static const char *database_endings[] = {".db", ".db-wal", ".db-shm"};
static const char *key_endings[] = {".key"};

/* Only over an empty folder, unless told otherwise. */
static bool may_replace(struct restore *restore)
{
    char names[MOVED_MAX][NAME_BYTES];
    const char *databases = folder_of(restore->settings), *data = restore->settings->data;

    if (restore->force || (names_to_move(databases, database_endings, 3, names) == 0 &&
                           names_to_move(data, key_endings, 1, names) == 0))
        return true;
    buf_printf(&restore->why,
               "%s is not empty: with --force what is in it is moved aside, into a folder "
               "before-restore-… in it",
               databases);
    return false;
}

static bool stage(struct restore *restore)
{
    char from[PATH_BYTES], to[PATH_BYTES];

    if (!path_join(restore->staging, folder_of(restore->settings), RESTORING_FOLDER) ||
        (mkdir(restore->staging, 0700) != 0 && errno != EEXIST) ||
        !owner_keep_folder(restore->staging) || !folder_clear(restore->staging) ||
        !folder_sync(folder_of(restore->settings)))
        return restore_fail(restore, "make", restore->staging);
    for (size_t i = 0; i < restore->manifest.count; i++) {
        const char *name = restore->manifest.files[i].name;

        if (!path_join(from, restore->from, name) || !path_join(to, restore->staging, name) ||
            !file_copy(from, to))
            return restore_fail(restore, "copy", name);
    }
    return folder_sync(restore->staging) || restore_fail(restore, "sync", restore->staging);
}

/* The key goes to the data folder, by a copy of its own: that may be on another disk. */
static bool move_into_place(struct restore *restore, const struct manifest_file *file)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    const char *folder = file->step_count ? folder_of(restore->settings) : restore->settings->data;

    if (!path_join(from, restore->staging, file->name) || !path_join(to, folder, file->name))
        return restore_fail(restore, "place", file->name);
    if (file->step_count ? rename(from, to) == 0 : file_copy(from, to) && unlink(from) == 0)
        return true;
    return restore_fail(restore, "place", file->name);
}

static bool swap(struct restore *restore)
{
    const char *databases = folder_of(restore->settings), *data = restore->settings->data;

    if (!move_aside(restore, databases, database_endings, 3) ||
        !move_aside(restore, data, key_endings, 1))
        return false;
    for (size_t i = 0; i < restore->manifest.count; i++)
        if (!move_into_place(restore, &restore->manifest.files[i])) return false;
    if (!folder_sync(databases) || !folder_sync(data) || rmdir(restore->staging) != 0 ||
        !folder_sync(databases))
        return restore_fail(restore, "finish", databases);
    return true;
}

/* --- the command --------------------------------------------------------------------------- */

static bool make(struct restore *restore)
{
    if (!backup_is_sound(restore->from, restore->arena, &restore->manifest, &restore->why) ||
        !make_folder(restore->settings->data, &restore->why) ||
        !make_folder(folder_of(restore->settings), &restore->why))
        return false;
    restore->lock = folder_lock(restore->settings, &restore->why);
    return restore->lock && may_replace(restore) && stage(restore) && swap(restore);
}

static int restore_run(const struct settings *settings, const char *from, bool force)
{
    struct restore *restore = calloc(1, sizeof *restore);
    char time[ISO8601_LEN + 1];
    int code = 1;

    if (!restore) return cli_fail("out of memory");
    *restore = (struct restore){.settings = settings, .from = from, .force = force};
    buf_init(&restore->why, NULL, 4 * PATH_BYTES);
    restore->arena = arena_new(ARENA_MAX);
    (void)umask(0077);
    if (restore->arena && make(restore)) {
        iso8601_format(restore->manifest.time, time);
        printf("%s: restored, as of %s\n", folder_of(settings), time);
        if (restore->aside[0]) printf("what was there before is in %s\n", restore->aside);
        code = cli_finish();
    } else {
        (void)cli_fail("%.*s", (int)restore->why.len, restore->why.at ? restore->why.at : "");
    }
    folder_unlock(restore->lock);
    if (restore->arena) arena_free(restore->arena);
    buf_free(&restore->why);
    free(restore);
    return code;
}

int cli_restore(int count, char **words)
{
    const char *data = NULL;
    bool force = false;
    const struct cli_option options[] = {{"data", &data, NULL}, {"force", NULL, &force}, {0}};
    struct settings settings;
    int first, code = cli_options("restore", count, words, options, &first);

    if (code >= 0) return code;
    if (count - first != 1) return cli_refuse("restore takes DIR");
    return folder_settings(data, &settings) ? restore_run(&settings, words[first], force) : 1;
}
