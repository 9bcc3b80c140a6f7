/* tests/unit/folder.h: a temporary folder for tests that need files, removed with what is in it. */
#ifndef UNIT_FOLDER_H
#define UNIT_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct folder {
    char path[64];
};

struct folder_file {
    char path[160];
};

static inline struct folder folder_make(void)
{
    struct folder folder = {"/tmp/boxoffice-unit-XXXXXX"};

    if (!mkdtemp(folder.path)) abort();
    return folder;
}

static inline struct folder_file folder_file(const struct folder *folder, const char *name)
{
    struct folder_file file;

    snprintf(file.path, sizeof file.path, "%s/%s", folder->path, name);
    return file;
}

static inline void folder_remove(const struct folder *folder)
{
    DIR *entries = opendir(folder->path);
    struct dirent *entry;

    while (entries && (entry = readdir(entries)))
        unlinkat(dirfd(entries), entry->d_name, 0);
    if (entries) closedir(entries);
    rmdir(folder->path);
}

#endif
