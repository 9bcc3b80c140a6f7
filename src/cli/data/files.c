/* cli/data/files.c: files and folders on the disk. */
#include "cli/data/files.h"

#include "base/owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES (256 * 1024)
#define SYNC_BYTES  (8 * 1024 * 1024)

bool path_join(char out[PATH_BYTES], const char *folder, const char *name)
{
    if (snprintf(out, PATH_BYTES, "%s/%s", folder, name) < PATH_BYTES) return true;
    errno = ENAMETOOLONG;
    return false;
}

void path_parent(char out[PATH_BYTES], const char *path)
{
    size_t length = strlen(path);

    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length && path[length - 1] != '/')
        length--;
    while (length > 1 && path[length - 1] == '/')
        length--;
    snprintf(out, PATH_BYTES, "%.*s", length ? (int)length : 1, length ? path : ".");
}

bool file_exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t written = write(fd, bytes, length);

        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

/* Reads all of `in`, into `out` (-1: nowhere) and the sum (NULL: none). */
static bool pump(int in, int out, struct sha256 *sum, int64_t *total)
{
    char *piece = malloc(PIECE_BYTES);
    ssize_t got = -1;
    bool ok = piece != NULL;

    *total = 0;
    while (ok && (got = read(in, piece, PIECE_BYTES)) != 0) {
        if (got < 0 && errno == EINTR) continue;
        ok = got > 0 && (out < 0 || write_all(out, piece, (size_t)got));
        if (ok && sum) sha256_add(sum, (struct str){piece, (size_t)got});
        if (ok && out >= 0 && *total / SYNC_BYTES != (*total + got) / SYNC_BYTES)
            ok = fdatasync(out) == 0;
        if (ok) *total += got;
    }
    free(piece);
    return ok;
}

bool file_copy(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int64_t total;
    bool ok = out >= 0 && owner_keep(out, to) && pump(in, out, NULL, &total) && fsync(out) == 0;
    int problem = errno;

    if (in >= 0) close(in);
    if (out >= 0 && close(out) != 0 && ok) {
        problem = errno;
        ok = false;
    }
    errno = problem;
    return ok;
}

bool file_sum(const char *path, int64_t *bytes, struct sha256_text *out)
{
    int in = open(path, O_RDONLY | O_CLOEXEC);
    struct sha256 sum;
    bool ok;
    int problem;

    sha256_begin(&sum);
    ok = in >= 0 && pump(in, -1, &sum, bytes);
    problem = errno;
    sha256_end(&sum, out);
    if (in >= 0) close(in);
    errno = problem;
    return ok;
}

bool folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) close(fd);
    return ok;
}

bool folder_clear(const char *folder)
{
    DIR *stream = opendir(folder);
    const struct dirent *entry;
    bool ok = stream != NULL;

    while (ok && (entry = readdir(stream))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        ok = unlinkat(dirfd(stream), entry->d_name, 0) == 0 || errno == EISDIR;
    }
    if (stream) closedir(stream);
    return ok;
}

int folder_names(const char *folder, const char *ending, char names[][NAME_BYTES], int max)
{
    DIR *stream = opendir(folder);
    const struct dirent *entry;
    int count = 0;

    if (!stream) return -1;
    while (count < max && (entry = readdir(stream))) {
        size_t length = strlen(entry->d_name), tail = strlen(ending);

        if (length <= tail || length >= NAME_BYTES) continue;
        if (strcmp(entry->d_name + length - tail, ending) == 0)
            memcpy(names[count++], entry->d_name, length + 1);
    }
    closedir(stream);
    return count;
}
