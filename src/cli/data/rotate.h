/* cli/data/rotate.h: a folder of backups, each called by its time, of which the newest are kept. */
#ifndef CLI_ROTATE_H
#define CLI_ROTATE_H

#include "base/clock.h"
#include "cli/data/files.h"

/* What a backup of that time is called in the folder, which is made when it is not there.
 * False: errno says why. */
bool rotation_name(const char *folder, struct wall_ms now, char out[PATH_BYTES]);
/* Removes the backups in the folder but the newest `keep`, and what runs that were killed left.
 * Anything else in it stays. False: errno says why. */
bool rotation_keep(const char *folder, int64_t keep);

#endif
