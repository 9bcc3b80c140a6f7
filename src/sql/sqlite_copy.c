/* sql/sqlite_copy.c: whole databases of the embedded engine: copied while they are in use, and
 * looked over. */
#include "sql/sqlite_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define COPY_SYNC_BYTES (2 * 1024 * 1024) /* never more for the disk to swallow at once */

/* A new, empty database file whose pages go to the disk without a journal: until it is whole it is
 * worth nothing. */
static enum err copy_target(const char *path, sqlite3 **out)
{
    int code = sqlite3_open_v2(
        path, out, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_exec(*out,
                            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; "
                            "PRAGMA cache_size=-2048",
                            NULL, NULL, NULL);
    return sqlite_err(code);
}

static enum err copy_pages(sqlite3_backup *backup, int fd,
                           void (*pause)(void *context, int64_t bytes), void *context)
{
    int64_t unsynced = 0;
    int code;

    while ((code = sqlite3_backup_step(backup, DB_COPY_PIECE / PAGE_BYTES)) == SQLITE_OK) {
        unsynced += DB_COPY_PIECE;
        if (unsynced >= COPY_SYNC_BYTES) {
            if (fdatasync(fd) != 0) return ERR_IO;
            unsynced = 0;
        }
        if (pause) pause(context, DB_COPY_PIECE);
    }
    return code == SQLITE_DONE ? OK : sqlite_err(code);
}

enum err db_copy(struct db *base, const char *path, void (*pause)(void *context, int64_t bytes),
                 void *context, struct buf *why)
{
    const struct sqlite *reader = sqlite_of(base);
    sqlite3_backup *backup = NULL;
    sqlite3 *target = NULL;
    int fd = -1;
    enum err err = OK;

    ASSERT(base->engine == &sqlite_engine && reader->mode == DB_READER && reader->open);
    TRY(copy_target(path, &target));
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) err = ERR_IO;
    if (err) goto done;
    backup = sqlite3_backup_init(target, "main", reader->handle, "main");
    if (!backup) err = sqlite_err(sqlite3_errcode(target));
    if (err) goto done;
    TRY(copy_pages(backup, fd, pause, context));
done:
    if (backup && sqlite3_backup_finish(backup) != SQLITE_OK && err == OK) err = ERR_IO;
    if (err && why)
        buf_printf(why, "cannot write %s: %s", path,
                   target ? sqlite3_errmsg(target) : strerror(errno));
    if (target && sqlite3_close(target) != SQLITE_OK && err == OK) err = ERR_IO;
    if (err == OK && fsync(fd) != 0) err = ERR_IO;
    if (fd >= 0) close(fd);
    return err;
}

enum err db_check(struct db *reader, struct buf *why)
{
    struct rows rows;
    enum err err;

    ASSERT(reader->engine == &sqlite_engine);
    tx_query_values(tx_read(reader, WALL_NONE), &rows, "PRAGMA integrity_check(1)", NULL, 0);
    if (rows_next(&rows) && !str_eq(rows_text(&rows, 0), STR("ok")))
        buf_append(why, rows_text(&rows, 0));
    err = rows_end(&rows);
    if (err && why->len == 0) buf_append(why, str_of(sqlite3_errmsg(sqlite_of(reader)->handle)));
    return err == OK && why->len ? ERR_IO : err;
}
