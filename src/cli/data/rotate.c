/* cli/data/rotate.c: a folder of backups, each called by its time, of which the newest are kept. */
#include "cli/data/rotate.h"

#include "base/clock.h"
#include "cli/data/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTIAL ".partial"

bool rotation_name(const char *folder, struct wall_ms now, char out[PATH_BYTES])
{
    char time[ISO8601_LEN + 1];

    if (mkdir(folder, 0700) != 0 && errno != EEXIST) return false;
    iso8601_format(now, time);
    return path_join(out, folder, time);
}

/* What this program called by its time, and nothing else. */
static bool is_backup_name(const char *name, const char *ending)
{
    struct wall_ms time;
    size_t length = strlen(name);

    return length == ISO8601_LEN + strlen(ending) && strcmp(name + ISO8601_LEN, ending) == 0 &&
           iso8601_parse((struct str){name, ISO8601_LEN}, &time);
}

static int backups(const struct dirent *entry)
{
    return is_backup_name(entry->d_name, "");
}

static int partial_ones(const struct dirent *entry)
{
    return is_backup_name(entry->d_name, PARTIAL);
}

/* Whoever still writes it holds its lock. */
static bool remove_partial(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0;

    if (ok && flock(fd, LOCK_EX | LOCK_NB) == 0) ok = folder_clear(path) && rmdir(path) == 0;
    if (fd >= 0) close(fd);
    return ok;
}

/* Under its partial name first: half of a backup must not look like one. */
static bool remove_whole(const char *path)
{
    char partial[PATH_BYTES];

    return snprintf(partial, PATH_BYTES, "%s" PARTIAL, path) < PATH_BYTES &&
           rename(path, partial) == 0 && remove_partial(partial);
}

/* All but the last `keep` of them, oldest first. */
static bool remove_oldest(const char *folder, int (*which)(const struct dirent *),
                          bool (*remove_one)(const char *path), int64_t keep)
{
    char path[PATH_BYTES];
    struct dirent **names;
    int count = scandir(folder, &names, which, alphasort);
    bool ok = count >= 0;

    for (int i = 0; i < count; i++) {
        if (ok && i < count - keep)
            ok = path_join(path, folder, names[i]->d_name) && remove_one(path);
        free(names[i]);
    }
    if (count >= 0) free(names);
    return ok;
}

bool rotation_keep(const char *folder, int64_t keep)
{
    return remove_oldest(folder, partial_ones, remove_partial, 0) &&
           remove_oldest(folder, backups, remove_whole, keep);
}
