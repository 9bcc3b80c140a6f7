/* cli/data/files.h: files and folders on the disk, for backup, restore and doctor. Paths are joined
 * from a folder and a name; every function returns false (or -1) with errno set. */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include "base/sha256.h"

#define PATH_BYTES 4096

/* "folder/name"; false when it does not fit. */
bool path_join(char out[PATH_BYTES], const char *folder, const char *name);
bool file_exists(const char *path);
/* Copies bytes and syncs them; the new file is its user's alone (of root's, its folder's owner's),
 * and must not exist. */
bool file_copy(const char *from, const char *to);
/* Length and SHA-256 of a file's bytes. */
bool file_sum(const char *path, int64_t *bytes, struct sha256_text *sum);
/* After names in it were made or changed. */
bool folder_sync(const char *folder);
/* Removes the regular files in it; folders in it stay. */
bool folder_clear(const char *folder);
/* The folder a path lies in. */
void path_parent(char out[PATH_BYTES], const char *path);

/* Names in a folder that end so, at most max, each below NAME_BYTES; the rest is left out. -1: the
 * folder cannot be read. */
#define NAME_BYTES 64
int folder_names(const char *folder, const char *ending, char names[][NAME_BYTES], int max);

#endif
