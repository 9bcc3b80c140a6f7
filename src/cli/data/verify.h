/* cli/data/verify.h: whether a backup is sound. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "cli/data/manifest.h"

/* Every file of the manifest is there, is what was backed up, and of a version this program knows.
 * False: why says what is not. The manifest's texts live in the arena. */
bool backup_is_sound(const char *folder, struct arena *arena, struct manifest *out,
                     struct buf *why);
/* That, and the databases are whole and belong together: said on stdout, else on stderr what is
 * wrong. Changes nothing in the folder. Returns the exit code. */
int backup_verify(const char *folder);

#endif
