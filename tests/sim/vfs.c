/* tests/sim/vfs.c: SQLite's files in memory, and what a disk can do to them.
 *
 * Each file is kept twice: as the running process sees it (its page cache) and as it is on the
 * disk. A sync brings the written ranges over; a failed one brings some and forgets the rest, as
 * Linux does; a power cut leaves a seeded part of what was not synced, cut at sectors. */
#include "sim.h"

#include <sqlite3.h>

#define FILES_MAX   64
#define SHM_REGIONS 32
#define SECTOR      512
#define DISK_SLACK  (64 * 1024) /* what still fits on a full disk */

struct range {
    int64_t at, len; /* len -1: the file was cut to `at` */
};

struct image {
    char *bytes;
    int64_t len, cap;
};

struct vfile {
    char name[128];
    bool exists, durable; /* as the process sees it; on the disk */
    struct image now, disk;
    struct range *ranges; /* written since the last sync */
    size_t range_count, range_cap;
    int handles, shared;
    struct handle *reserved, *pending, *exclusive;
    void *shm[SHM_REGIONS];
    int shm_handles, shm_shared[SQLITE_SHM_NLOCK];
    struct handle *shm_exclusive[SQLITE_SHM_NLOCK];
    struct image kept; /* the template */
    bool kept_exists;
};

struct handle {
    sqlite3_file base;
    struct vfile *file;
    int level;
    bool has_shm;
    unsigned shm_shared;
};

static struct {
    struct vfile files[FILES_MAX];
    size_t count;
    bool frozen, full, have_template;
    uint64_t errors;      /* answered to SQLite */
    int64_t freeze_after; /* changing calls; -1: never */
    int64_t full_at;      /* bytes of all files that are too many */
    int checkpoint_pages;
} disk;

uint64_t torn_writes, lost_writes;

struct sqlite;
int __real_sqlite_log_measure(struct sqlite *db, const char *path);
int __wrap_sqlite_log_measure(struct sqlite *db, const char *path);

/* The log is folded into the file much more often than in production, so that it happens here. */
int __wrap_sqlite_log_measure(struct sqlite *db, const char *path)
{
    int pages = __real_sqlite_log_measure(db, path);

    return disk.checkpoint_pages ? disk.checkpoint_pages : pages;
}

/* --- images -------------------------------------------------------------------------------- */

static void image_resize(struct image *image, int64_t len)
{
    if (len > image->cap) {
        image->cap = len + len / 2 + 4096;
        image->bytes = realloc(image->bytes, (size_t)image->cap);
        ASSERT(image->bytes);
    }
    if (len > image->len) memset(image->bytes + image->len, 0, (size_t)(len - image->len));
    image->len = len;
}

static void image_copy(struct image *to, const struct image *from)
{
    image_resize(to, from->len);
    if (from->len) memcpy(to->bytes, from->bytes, (size_t)from->len);
}

static void copy_range(struct image *to, const struct image *from, int64_t at, int64_t len)
{
    if (at + len > from->len) len = from->len - at;
    if (len <= 0) return;
    if (at + len > to->len) image_resize(to, at + len);
    memcpy(to->bytes + at, from->bytes + at, (size_t)len);
}

static void range_add(struct vfile *file, int64_t at, int64_t len)
{
    if (file->range_count == file->range_cap) {
        file->range_cap = file->range_cap * 2 + 16;
        file->ranges = realloc(file->ranges, file->range_cap * sizeof *file->ranges);
        ASSERT(file->ranges);
    }
    file->ranges[file->range_count++] = (struct range){at, len};
}

/* Brings each unsynced range to the disk with this probability, sector by sector. */
static void persist(struct vfile *file, double probability)
{
    for (size_t i = 0; i < file->range_count; i++) {
        struct range range = file->ranges[i];
        bool some = false, all = true;

        if (range.len < 0) {
            if (chance_hit(&sim.disk, probability) && range.at < file->disk.len)
                image_resize(&file->disk, range.at);
            continue;
        }
        for (int64_t at = range.at; at < range.at + range.len;) {
            int64_t end = (at / SECTOR + 1) * SECTOR;

            if (end > range.at + range.len) end = range.at + range.len;
            if (chance_hit(&sim.disk, probability)) {
                copy_range(&file->disk, &file->now, at, end - at);
                some = true;
            } else {
                all = false;
            }
            at = end;
        }
        if (!some) lost_writes++;
        if (some && !all) torn_writes++;
    }
    file->range_count = 0;
}

/* --- freezing ------------------------------------------------------------------------------ */

void vfs_freeze(void)
{
    disk.frozen = true;
}

bool vfs_frozen(void)
{
    return disk.frozen;
}

void vfs_freeze_after(int64_t calls)
{
    disk.freeze_after = calls;
}

uint64_t vfs_errors(void)
{
    return disk.errors;
}

static int refuse(int code)
{
    disk.errors++;
    return code;
}

/* True: this call does nothing any more. */
static bool stopped(void)
{
    if (!disk.frozen && disk.freeze_after >= 0 && disk.freeze_after-- == 0) {
        disk.frozen = true;
        sim.crashed = true;
    }
    return disk.frozen;
}

void vfs_disk_full(bool full)
{
    disk.full = full;
    disk.full_at = vfs_bytes() + DISK_SLACK;
}

int64_t vfs_bytes(void)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < disk.count; i++)
        if (disk.files[i].exists) bytes += disk.files[i].now.len;
    return bytes;
}

/* --- reading and writing ------------------------------------------------------------------- */

static struct vfile *file_of(sqlite3_file *base)
{
    return ((struct handle *)(void *)base)->file;
}

static int vfs_read(sqlite3_file *base, void *to, int len, sqlite3_int64 at)
{
    struct vfile *file = file_of(base);
    int64_t there = file->now.len - at;

    if (!disk.frozen && fault_now(FAULT_READ_ERROR)) return refuse(SQLITE_IOERR_READ);
    if (there >= len) {
        memcpy(to, file->now.bytes + at, (size_t)len);
        return SQLITE_OK;
    }
    memset(to, 0, (size_t)len);
    if (there > 0) memcpy(to, file->now.bytes + at, (size_t)there);
    return SQLITE_IOERR_SHORT_READ;
}

static int vfs_write(sqlite3_file *base, const void *from, int len, sqlite3_int64 at)
{
    struct vfile *file = file_of(base);

    if (stopped()) return refuse(SQLITE_IOERR_WRITE);
    if (disk.full && at + len > file->now.len &&
        vfs_bytes() + at + len - file->now.len > disk.full_at)
        return refuse(SQLITE_FULL);
    if (fault_now(FAULT_WRITE_ERROR)) {
        int part = (int)chance_below(fault_chance(FAULT_WRITE_ERROR), len);

        if (part == 0) return refuse(SQLITE_IOERR_WRITE);
        len = part; /* some of it was written all the same */
        if (at + len > file->now.len) image_resize(&file->now, at + len);
        memcpy(file->now.bytes + at, from, (size_t)len);
        range_add(file, at, len);
        return refuse(SQLITE_IOERR_WRITE);
    }
    if (at + len > file->now.len) image_resize(&file->now, at + len);
    memcpy(file->now.bytes + at, from, (size_t)len);
    range_add(file, at, len);
    return SQLITE_OK;
}

static int vfs_truncate(sqlite3_file *base, sqlite3_int64 len)
{
    struct vfile *file = file_of(base);

    if (stopped()) return refuse(SQLITE_IOERR_TRUNCATE);
    image_resize(&file->now, len);
    range_add(file, len, -1);
    return SQLITE_OK;
}

static int vfs_sync(sqlite3_file *base, int flags)
{
    struct vfile *file = file_of(base);

    (void)flags;
    if (stopped()) return refuse(SQLITE_IOERR_FSYNC);
    if (fault_now(FAULT_SYNC_ERROR)) {
        persist(file, chance_unit(&sim.disk)); /* what did not get there now never will */
        file->durable = true;
        return refuse(SQLITE_IOERR_FSYNC);
    }
    for (size_t i = 0; i < file->range_count; i++) {
        struct range range = file->ranges[i];

        if (range.len >= 0)
            copy_range(&file->disk, &file->now, range.at, range.len);
        else if (range.at < file->disk.len)
            image_resize(&file->disk, range.at);
    }
    file->range_count = 0;
    if (file->disk.len > file->now.len) image_resize(&file->disk, file->now.len);
    file->durable = true;
    return SQLITE_OK;
}

static int vfs_size(sqlite3_file *base, sqlite3_int64 *len)
{
    *len = file_of(base)->now.len;
    return SQLITE_OK;
}

/* --- locks --------------------------------------------------------------------------------- */

static int vfs_unlock(sqlite3_file *base, int level)
{
    struct handle *handle = (struct handle *)(void *)base;
    struct vfile *file = handle->file;

    if (handle->level <= level) return SQLITE_OK;
    if (file->exclusive == handle) file->exclusive = NULL;
    if (file->pending == handle) file->pending = NULL;
    if (file->reserved == handle) file->reserved = NULL;
    if (level == SQLITE_LOCK_NONE) file->shared--;
    handle->level = level;
    return SQLITE_OK;
}

static int vfs_lock(sqlite3_file *base, int level)
{
    struct handle *handle = (struct handle *)(void *)base;
    struct vfile *file = handle->file;

    if (handle->level >= level) return SQLITE_OK;
    if (handle->level == SQLITE_LOCK_NONE) {
        if (file->pending || file->exclusive) return SQLITE_BUSY;
        file->shared++;
        handle->level = SQLITE_LOCK_SHARED;
    }
    if (level == SQLITE_LOCK_SHARED) return SQLITE_OK;
    if (file->reserved && file->reserved != handle) return SQLITE_BUSY;
    file->reserved = handle;
    if (level == SQLITE_LOCK_RESERVED) {
        handle->level = level;
        return SQLITE_OK;
    }
    file->pending = handle;
    handle->level = SQLITE_LOCK_PENDING;
    if (file->shared > 1) return SQLITE_BUSY;
    file->exclusive = handle;
    handle->level = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

static int vfs_check_reserved(sqlite3_file *base, int *reserved)
{
    *reserved = file_of(base)->reserved != NULL;
    return SQLITE_OK;
}

/* --- shared memory ------------------------------------------------------------------------- */

static int vfs_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
    struct handle *handle = (struct handle *)(void *)base;
    struct vfile *file = handle->file;

    if (!handle->has_shm) file->shm_handles++;
    handle->has_shm = true;
    *out = NULL;
    ASSERT(region < SHM_REGIONS);
    if (!file->shm[region] && !extend) return SQLITE_OK;
    if (!file->shm[region]) file->shm[region] = calloc(1, (size_t)size);
    *out = file->shm[region];
    return *out ? SQLITE_OK : SQLITE_NOMEM;
}

static int shm_unlock(struct handle *handle, int at)
{
    struct vfile *file = handle->file;

    if (file->shm_exclusive[at] == handle) file->shm_exclusive[at] = NULL;
    if (handle->shm_shared & 1u << at) file->shm_shared[at]--;
    handle->shm_shared &= ~(1u << at);
    return SQLITE_OK;
}

static int vfs_shm_lock(sqlite3_file *base, int from, int count, int flags)
{
    struct handle *handle = (struct handle *)(void *)base;
    struct vfile *file = handle->file;

    if (flags & SQLITE_SHM_UNLOCK) {
        for (int i = from; i < from + count; i++)
            shm_unlock(handle, i);
        return SQLITE_OK;
    }
    for (int i = from; i < from + count; i++) {
        bool own = handle->shm_shared & 1u << i;

        if (file->shm_exclusive[i] && file->shm_exclusive[i] != handle) return SQLITE_BUSY;
        if (flags & SQLITE_SHM_EXCLUSIVE && file->shm_shared[i] > own) return SQLITE_BUSY;
    }
    for (int i = from; i < from + count; i++) {
        if (flags & SQLITE_SHM_EXCLUSIVE) {
            file->shm_exclusive[i] = handle;
        } else if (!(handle->shm_shared & 1u << i)) {
            handle->shm_shared |= 1u << i;
            file->shm_shared[i]++;
        }
    }
    return SQLITE_OK;
}

static void vfs_shm_barrier(sqlite3_file *base)
{
    (void)base;
}

static int vfs_shm_unmap(sqlite3_file *base, int delete)
{
    struct handle *handle = (struct handle *)(void *)base;
    struct vfile *file = handle->file;

    (void)delete;
    if (!handle->has_shm) return SQLITE_OK;
    for (int i = 0; i < SQLITE_SHM_NLOCK; i++)
        shm_unlock(handle, i);
    handle->has_shm = false;
    if (--file->shm_handles > 0) return SQLITE_OK;
    for (int i = 0; i < SHM_REGIONS; i++) {
        free(file->shm[i]);
        file->shm[i] = NULL;
    }
    return SQLITE_OK;
}

/* --- the rest of a file -------------------------------------------------------------------- */

static int vfs_control(sqlite3_file *base, int operation, void *argument)
{
    (void)base, (void)operation, (void)argument;
    return SQLITE_NOTFOUND;
}

static int vfs_sector_size(sqlite3_file *base)
{
    (void)base;
    return 4096;
}

static int vfs_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE; /* as the ordinary one says */
}

static int vfs_close(sqlite3_file *base)
{
    struct vfile *file = file_of(base);

    vfs_shm_unmap(base, 0);
    vfs_unlock(base, SQLITE_LOCK_NONE);
    file->handles--;
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_characteristics,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

/* --- the file system ----------------------------------------------------------------------- */

static struct vfile *find(const char *name)
{
    for (size_t i = 0; i < disk.count; i++)
        if (strcmp(disk.files[i].name, name) == 0) return &disk.files[i];
    return NULL;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out)
{
    struct handle *handle = (struct handle *)(void *)base;
    struct vfile *file;

    (void)vfs;
    memset(handle, 0, sizeof *handle);
    ASSERT(name); /* temporary tables live in memory */
    file = find(name);
    if ((!file || !file->exists) && !(flags & SQLITE_OPEN_CREATE)) return SQLITE_CANTOPEN;
    if (!file) {
        ASSERT(disk.count < FILES_MAX);
        file = &disk.files[disk.count++];
        snprintf(file->name, sizeof file->name, "%s", name);
    }
    if (!file->exists) {
        if (stopped()) return SQLITE_CANTOPEN;
        file->exists = true;
        file->range_count = 0;
        image_resize(&file->now, 0);
        image_resize(&file->disk, 0);
    }
    file->handles++;
    handle->file = file;
    handle->base.pMethods = &methods;
    if (out) *out = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    struct vfile *file = find(name);

    (void)vfs, (void)sync_folder;
    if (!file || !file->exists) return SQLITE_IOERR_DELETE_NOENT;
    if (stopped()) return refuse(SQLITE_IOERR_DELETE);
    file->exists = file->durable = false;
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    const struct vfile *file = find(name);

    (void)vfs, (void)flags;
    *out = file && file->exists && (file->now.len > 0 || flags != SQLITE_ACCESS_EXISTS);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    snprintf(out, (size_t)size, "%s", name);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    for (int i = 0; i < size; i++)
        out[i] = (char)chance_next(&sim.disk);
    return size;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us; /* nobody else runs meanwhile */
}

static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    *out = sim.now_ms + INT64_C(210866760000000); /* from noon in Greenwich, 24 November 4714 BC */
    return SQLITE_OK;
}

void vfs_register(void)
{
    static sqlite3_vfs vfs = {
        .iVersion = 2,
        .szOsFile = sizeof(struct handle),
        .mxPathname = 120,
        .zName = "sim",
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTimeInt64 = vfs_time,
    };

    /* One thread, and nobody asks for figures of memory: both cost a lock at each allocation. */
    ASSERT(sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) == SQLITE_OK);
    ASSERT(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK);
    ASSERT(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

void vfs_begin(int checkpoint_pages)
{
    for (size_t i = 0; i < disk.count; i++) {
        ASSERT(disk.files[i].handles == 0);
        disk.files[i].exists = disk.files[i].durable = false;
        disk.files[i].range_count = 0;
    }
    disk.frozen = disk.full = false;
    disk.freeze_after = -1;
    disk.checkpoint_pages = checkpoint_pages;
    sqlite3_randomness(0, NULL); /* its generator begins anew, from xRandomness */
}

void vfs_keep_template(void)
{
    for (size_t i = 0; i < disk.count; i++) {
        struct vfile *file = &disk.files[i];

        file->kept_exists = file->exists;
        if (file->exists) image_copy(&file->kept, &file->now);
    }
    disk.have_template = true;
}

bool vfs_use_template(void)
{
    for (size_t i = 0; i < disk.count && disk.have_template; i++) {
        struct vfile *file = &disk.files[i];

        file->exists = file->durable = file->kept_exists;
        if (!file->exists) continue;
        image_copy(&file->now, &file->kept);
        image_copy(&file->disk, &file->kept);
    }
    return disk.have_template;
}

void vfs_crash(bool power)
{
    double keep = chance_hit(&sim.disk, 0.3) ? 0 : chance_unit(&sim.disk);

    for (size_t i = 0; i < disk.count; i++) {
        struct vfile *file = &disk.files[i];

        ASSERT(file->handles == 0);
        if (!power || !file->exists) continue;
        persist(file, keep);
        if (!file->durable) file->exists = chance_hit(&sim.disk, keep);
        image_copy(&file->now, &file->disk);
        if (file->exists && !file->durable) range_add(file, 0, file->now.len);
    }
    disk.frozen = false;
    disk.freeze_after = -1;
}

void vfs_heal(void)
{
    disk.full = false;
    disk.freeze_after = -1;
}
