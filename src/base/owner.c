/* base/owner.c: files that root makes for somebody else. */
#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

static bool folder_status(const char *path, struct stat *out)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_BYTES];

    if (snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1,
                 slash ? path : ".") < PATH_BYTES)
        return stat(folder, out) == 0;
    errno = ENAMETOOLONG;
    return false;
}

/* Only what is root's own and has this one name: whoever owns the folder may have put a link to
 * something else there. */
bool owner_keep(int fd, const char *path)
{
    struct stat folder, made;

    if (geteuid() != 0) return true;
    if (!folder_status(path, &folder) || fstat(fd, &made) != 0) return false;
    if (made.st_uid != 0 || folder.st_uid == 0) return true;
    if (S_ISREG(made.st_mode) && made.st_nlink != 1) {
        errno = EMLINK;
        return false;
    }
    return fchown(fd, folder.st_uid, folder.st_gid) == 0;
}

bool owner_keep_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool ok = fd >= 0 && owner_keep(fd, path);
    int problem = errno;

    if (fd >= 0) close(fd);
    errno = problem;
    return ok;
}
