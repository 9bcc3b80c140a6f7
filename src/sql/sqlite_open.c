/* sql/sqlite_open.c: opening and closing a database of the embedded engine: its lock, its log, its
 * settings, and what the connections of one file have in common. */
#include "sql/sqlite_parts.h"

#include "base/owner.h"
#include "base/percent.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define WRITER_CACHE_KIB 4096 /* what is beyond it the system's page cache has */
#define READER_CACHE_KIB 2048

/* --- the files ----------------------------------------------------------------------------- */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;

/* Connections never cross threads at the same time, and nobody reads SQLite's memory statistics:
 * both would cost a lock a call. */
static void library_configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

static struct file *file_find(const char *path)
{
    struct file *file = files;

    while (file && strcmp(file->path, path) != 0)
        file = file->next;
    return file;
}

static struct file *file_make(const char *path)
{
    struct file *file = calloc(1, sizeof *file);

    if (!file) return NULL;
    file->path = strdup(path);
    if (!file->path) {
        free(file);
        return NULL;
    }
    atomic_store(&file->commits, 1);
    file->next = files;
    files = file;
    return file;
}

static struct file *file_join(const char *path)
{
    struct file *file;

    pthread_mutex_lock(&files_lock);
    file = file_find(path);
    if (!file) file = file_make(path);
    if (file) file->connections++;
    pthread_mutex_unlock(&files_lock);
    return file;
}

static void file_leave(struct file *file)
{
    struct file **at = &files;

    if (!file) return;
    pthread_mutex_lock(&files_lock);
    if (--file->connections == 0) {
        while (*at != file)
            at = &(*at)->next;
        *at = file->next;
        free(file->path);
        free(file);
    }
    pthread_mutex_unlock(&files_lock);
}

/* --- open and close ------------------------------------------------------------------------ */

static enum err take_lock(struct sqlite *db, const char *path, struct buf *why)
{
    char name[4096];

    if (snprintf(name, sizeof name, "%s.lock", path) >= (int)sizeof name) return ERR_IO;
    db->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (db->lock_fd < 0) {
        if (why) buf_printf(why, "cannot open %s: %s", name, strerror(errno));
        return ERR_IO;
    }
    (void)owner_keep(db->lock_fd, name); /* a server in its sandbox cannot, and need not */
    if (flock(db->lock_fd, LOCK_EX | LOCK_NB) == 0) return OK;
    if (why) buf_printf(why, "%s is in use by another boxoffice process", path);
    return ERR_LOCKED;
}

/* Rewrites the log as it is and syncs it. */
static int write_again(sqlite3_file *log)
{
    static const int piece = 64 * 1024;
    char *bytes = malloc((size_t)piece);
    sqlite3_int64 size = 0;
    int code = bytes ? log->pMethods->xFileSize(log, &size) : SQLITE_NOMEM;

    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += piece) {
        int len = size - at < piece ? (int)(size - at) : piece;

        code = log->pMethods->xRead(log, bytes, len, at);
        if (code == SQLITE_OK) code = log->pMethods->xWrite(log, bytes, len, at);
    }
    if (code == SQLITE_OK && size) code = log->pMethods->xSync(log, SQLITE_SYNC_FULL);
    free(bytes);
    return code;
}

/* A process that was killed in a commit, or whose sync failed, may have left a transaction in the
 * log that the next one takes for committed although no disk has it: its events would be delivered
 * and then be gone with the power. After a failed sync not even another sync helps, for the kernel
 * holds the pages for clean. So the log is written once more before anybody reads it. */
static enum err rewrite_log(struct sqlite *db)
{
    sqlite3_file *log;
    int code = SQLITE_OK;
    enum err err;

    TRY(sqlite_run(db, "SELECT 1 FROM sqlite_schema LIMIT 1")); /* opens it */
    log = sqlite_log(db);
    if (log) code = write_again(log);
    if (code != SQLITE_OK) err = sqlite_fail(db, code, "sync the log");
done:
    return err;
}

static enum err configure(struct sqlite *db, const char *path)
{
    char pragmas[256];
    bool writer = db->mode == DB_WRITER;
    enum err err;

    sqlite3_busy_timeout(db->handle, BUSY_MS);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (!writer) sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-%d; PRAGMA mmap_size=0;"
             " PRAGMA secure_delete=ON;%s", /* no card token stays in a page it was wiped from */
             writer ? WRITER_CACHE_KIB : READER_CACHE_KIB,
             writer ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" : "");
    TRY(sqlite_run(db, pragmas));
    if (writer) {
        sqlite_log_count(db);
        db->log_pages_max = sqlite_log_measure(db, path);
        /* what a log grew to beside a reader is given back */
        snprintf(pragmas, sizeof pragmas, "PRAGMA journal_size_limit=%lld",
                 (long long)db->log_bytes / 2);
        TRY(sqlite_run(db, pragmas));
    }
    if (writer) TRY(rewrite_log(db));
done:
    return err;
}

void sqlite_close(struct db *base)
{
    struct sqlite *db = sqlite_of(base);

    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        sqlite3_finalize(db->statements[i].handle);
    if (db->mode == DB_WRITER && db->file) sqlite_log_leave(db);
    sqlite3_close(db->handle); /* rolls back, and a writer folds its log into the file */
    if (db->lock_fd >= 0) close(db->lock_fd);
    file_leave(db->file);
    free(db);
}

bool db_exists(const char *path)
{
    sqlite3_vfs *vfs;
    int there = 0;

    pthread_once(&library_once, library_configure);
    vfs = sqlite3_vfs_find(NULL);
    return vfs && vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &there) == SQLITE_OK && there;
}

/* A URI (https://sqlite.org/uri.html) that says that nobody writes the file. */
static bool immutable_uri(const char *path, char out[4096])
{
    struct buf uri = {.at = out, .cap = 4095, .max = 4095};

    buf_append(&uri, STR("file:"));
    percent_encode(&uri, str_of(path), "/");
    buf_append(&uri, STR("?immutable=1"));
    out[uri.len] = '\0';
    return !uri.failed;
}

/* SQLite gives a log to the owner of its database, but a database is whose who made it. Of a new
 * one alone: closing any descriptor of a file takes the locks of this process from it. */
static void keep_owner(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) return;
    (void)owner_keep(fd, path);
    close(fd);
}

enum err sqlite_open(const char *path, enum db_mode mode, struct db **out, struct buf *why)
{
    enum err err = OK;
    struct sqlite *db;
    char uri[4096];
    bool fresh = mode == DB_WRITER && !db_exists(path);
    int flags =
        SQLITE_OPEN_NOMUTEX |
        (mode == DB_WRITER ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);

    pthread_once(&library_once, library_configure);
    db = calloc(1, sizeof *db);
    if (!db) return ERR_MEMORY;
    db->mode = mode;
    db->lock_fd = -1;
    db->base = (struct db){.engine = &sqlite_engine, .tx.db = &db->base};
    db->file = file_join(path);
    if (!db->file) {
        err = ERR_MEMORY;
        goto done;
    }
    if (mode == DB_WRITER) TRY(take_lock(db, path, why));
    if (mode == DB_COPY && !immutable_uri(path, uri)) err = ERR_INVALID;
    if (err) goto done;
    if (mode == DB_COPY) flags |= SQLITE_OPEN_URI;
    if (sqlite3_open_v2(mode == DB_COPY ? uri : path, &db->handle, flags, NULL) != SQLITE_OK) {
        if (why) buf_printf(why, "cannot open %s: %s", path, sqlite3_errmsg(db->handle));
        err = ERR_IO;
        goto done;
    }
    sqlite3_extended_result_codes(db->handle, 1);
    if (fresh) keep_owner(path);
    err = configure(db, path);
    if (err && why) buf_printf(why, "cannot use %s: %s", path, sqlite3_errmsg(db->handle));
done:
    if (err) {
        sqlite_close(&db->base);
        db = NULL;
    }
    *out = db ? &db->base : NULL;
    return err;
}
