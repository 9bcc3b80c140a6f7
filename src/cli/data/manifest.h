/* cli/data/manifest.h: what is in a backup: manifest.json beside its files.
 *
 * {"format":1,"version":"0.1.0","time":"…","files":[{"name":"orders.db","bytes":N,"sha256":"…",
 *  "steps":["bus/0001_bus",…]},{"name":"jwt.key",…}]}. The files with steps are databases. */
#ifndef CLI_MANIFEST_H
#define CLI_MANIFEST_H

#include "base/arena.h"
#include "base/clock.h"
#include "cli/data/files.h"

#define MANIFEST_NAME      "manifest.json"
#define MANIFEST_FORMAT    1
#define MANIFEST_FILES_MAX 24
#define MANIFEST_STEPS_MAX 64

struct manifest_file {
    char name[NAME_BYTES];
    int64_t bytes;
    struct sha256_text sum;
    size_t step_count; /* 0: no database */
    const char *steps[MANIFEST_STEPS_MAX];
};

struct manifest {
    const char *version; /* of the program that made it */
    struct wall_ms time; /* of the snapshot */
    size_t count;
    struct manifest_file files[MANIFEST_FILES_MAX];
};

/* Into a new, synced file of that folder. False: errno says why. */
bool manifest_write(const char *folder, const struct manifest *manifest);
/* Texts live in the arena. False: why says what is wrong with it. */
bool manifest_read(const char *folder, struct arena *arena, struct manifest *out, struct buf *why);

#endif
