/* sql/sqlite_log.c: the log of a database of the embedded engine (its -wal): when it is folded into
 * the file, how long it may get, and what is done when that fails.
 *
 * SQLite would fold it in by itself after commits and keep silent about a failure. But it counts as
 * folded in what it has written beside a reader and not synced yet (walCheckpoint in its wal.c).
 * When the sync that comes later fails, the kernel forgets those pages and holds them for clean,
 * the next attempt writes only what was not counted, and succeeds; the log begins anew, and with
 * the power goes what was committed long before. So it is folded in from here, and after a failure
 * from its beginning again. */
#include "sql/sqlite_parts.h"

#include "base/clock.h"
#include "telemetry/log.h"

#include <sys/statvfs.h>

#define CHECKPOINT_PAGES     4000 /* 16 MiB of log … */
#define CHECKPOINT_PAGES_MIN 256
#define LOG_DISK_SHARE       64 /* … or such a part of a disk that is small */
#define LOG_DISK_SHARE_MAX   8  /* … and never more than this, whoever reads */
#define DISK_BYTES_LARGE     (INT64_C(1) << 40)
#define LOG_FOLD_PAUSE_US    1000000
#define LOG_FOLD_WAIT_MS     20

/* Of the shared index of a log (https://sqlite.org/walformat.html): its first part, where in it the
 * number of frames stands that are folded in, and the locks of who writes and who folds. */
#define INDEX_BYTES 32768
#define FOLDED_AT   96
#define LOCKS_FROM  0
#define LOCKS       2

sqlite3_file *sqlite_log(struct sqlite *db)
{
    sqlite3_file *log = NULL;
    int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

    return code == SQLITE_OK && log && log->pMethods ? log : NULL;
}

static int64_t log_bytes(struct sqlite *db)
{
    sqlite3_file *log = sqlite_log(db);
    sqlite3_int64 size = 0;

    return log && log->pMethods->xFileSize(log, &size) == SQLITE_OK ? size : 0;
}

/* Hot pages are better folded in once than often, but seven logs of 16 MiB fill a small disk. */
int sqlite_log_measure(struct sqlite *db, const char *path)
{
    int64_t bytes = DISK_BYTES_LARGE, pages;
    struct statvfs disk;

    if (statvfs(path, &disk) == 0) bytes = (int64_t)(disk.f_blocks * disk.f_frsize);
    pages = bytes / LOG_DISK_SHARE / PAGE_BYTES;
    if (pages < CHECKPOINT_PAGES_MIN) pages = CHECKPOINT_PAGES_MIN;
    if (pages > CHECKPOINT_PAGES) pages = CHECKPOINT_PAGES;
    db->log_bytes = 2 * pages * PAGE_BYTES;
    db->log_bytes_max = bytes / LOG_DISK_SHARE_MAX;
    if (db->log_bytes_max < 2 * db->log_bytes) db->log_bytes_max = 2 * db->log_bytes;
    return (int)pages;
}

static int count_pages(void *context, sqlite3 *handle, const char *name, int pages)
{
    struct sqlite *db = context;

    (void)handle, (void)name;
    db->log_pages = pages;
    return SQLITE_OK;
}

void sqlite_log_count(struct sqlite *db)
{
    sqlite3_wal_hook(db->handle, count_pages, db);
}

/* As after a crash, nothing of the log counts as folded in. */
static bool count_from_none(struct sqlite *db)
{
    sqlite3_file *file = NULL;
    void volatile *index = NULL;
    int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);

    if (code != SQLITE_OK || !file || !file->pMethods || file->pMethods->iVersion < 2) return false;
    code =
        file->pMethods->xShmLock(file, LOCKS_FROM, LOCKS, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
    if (code != SQLITE_OK) return false;
    code = file->pMethods->xShmMap(file, 0, INDEX_BYTES, 0, &index);
    if (code == SQLITE_OK && index)
        atomic_store(
            (_Atomic uint32_t volatile *)(void volatile *)((char volatile *)index + FOLDED_AT), 0);
    file->pMethods->xShmLock(file, LOCKS_FROM, LOCKS, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    return code == SQLITE_OK;
}

static bool may_fold(struct sqlite *db)
{
    if (db->file->fold_failed) db->file->fold_failed = !count_from_none(db);
    return !db->file->fold_failed;
}

/* mode: SQLITE_CHECKPOINT_…. False: not all of it, or it was not cut. */
static bool fold(struct sqlite *db, int mode)
{
    int code = SQLITE_BUSY;

    if (may_fold(db)) code = sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, NULL, NULL);
    if (code != SQLITE_OK && sqlite_err(code) != ERR_UNAVAILABLE) {
        db->file->fold_failed = true;
        (void)sqlite_fail(db, code, "fold the log into the file");
    }
    return code == SQLITE_OK;
}

/* Folds the log into the file and cuts it to nothing, waiting for readers a moment. */
static bool fold_and_cut(struct sqlite *db)
{
    bool folded;

    sqlite3_busy_timeout(db->handle, LOG_FOLD_WAIT_MS);
    folded = fold(db, SQLITE_CHECKPOINT_TRUNCATE);
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    return folded;
}

void sqlite_log_committed(struct sqlite *db)
{
    if (db->log_pages >= db->log_pages_max) (void)fold(db, SQLITE_CHECKPOINT_PASSIVE);
    if (db->scrub) db->scrub = !fold_and_cut(db);
}

/* The log begins anew when no reader needs it any more. Readers that take turns, or one that hangs,
 * keep it from that: it is asked for then, waiting for readers a moment, once a second. */
enum err sqlite_log_bound(struct sqlite *db)
{
    int64_t size = log_bytes(db), now_us, untold;

    if (size <= db->log_bytes) return OK;
    now_us = clock_monotonic_us();
    if (now_us >= db->log_fold_us) {
        db->log_fold_us = now_us + LOG_FOLD_PAUSE_US;
        if (fold_and_cut(db)) return OK;
    }
    if (size <= db->log_bytes_max) return OK;
    if (log_due(&db->file->pause, SQLITE_BUSY, &untold))
        log_event(LOG_ERROR, "sql", "log.held", log_text("database", str_of(db->file->path)),
                  log_int("bytes", size), log_int("untold", untold));
    return ERR_DISK_FULL;
}

void sqlite_log_leave(struct sqlite *db)
{
    if (db->handle && !may_fold(db))
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}
