/* sql/sqlite.c: the embedded engine behind sql.h; the only file that knows SQLite.
 *
 * WAL with synchronous=FULL: a commit returns when its frames are on the disk. One connection in
 * one process writes and checkpoints a file (a lock file keeps others out); readers never do. */
#include "sql/engine.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <threads.h>
#include <unistd.h>

#define STATEMENTS_MAX 128 /* distinct SQL texts of one connection; a power of two */
#define CHECKPOINT_PAGES                                                                           \
    4000 /* 16 MiB of log: hot pages are folded into the file once, not often */
#define WRITER_CACHE_KIB 16384
#define READER_CACHE_KIB 2048

struct statement {
    const char *sql; /* the literal's address is the key */
    sqlite3_stmt *handle;
    uint8_t place[PARAMETERS_MAX + 1]; /* $n is SQLite's parameter place[n]; 0: not used */
};

/* What the connections of one file have in common. */
struct file {
    struct file *next;
    char *path;
    int connections;
    _Atomic uint64_t commits; /* from 1 */
};

struct sqlite {
    struct db base; /* first: a struct db of this engine is one of these */
    sqlite3 *handle;
    struct file *file;
    enum db_mode mode;
    bool open;      /* a transaction, or a reader's snapshot */
    uint64_t seen;  /* file->commits when the snapshot began */
    bool savepoint; /* the running item has written */
    bool broken;    /* a commit's outcome is unknown */
    int lock_fd;
    struct statement statements[STATEMENTS_MAX];
};

static struct sqlite *of(struct db *base)
{
    return (struct sqlite *)base;
}

static once_flag library_once = ONCE_FLAG_INIT;
static mtx_t files_lock;
static struct file *files;

/* Connections never cross threads at the same time, and nobody reads SQLite's memory statistics:
 * both would cost a lock a call. */
static void library_configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
    mtx_init(&files_lock, mtx_plain);
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

    mtx_lock(&files_lock);
    file = file_find(path);
    if (!file) file = file_make(path);
    if (file) file->connections++;
    mtx_unlock(&files_lock);
    return file;
}

static void file_leave(struct file *file)
{
    struct file **at = &files;

    if (!file) return;
    mtx_lock(&files_lock);
    if (--file->connections == 0) {
        while (*at != file)
            at = &(*at)->next;
        *at = file->next;
        free(file->path);
        free(file);
    }
    mtx_unlock(&files_lock);
}

static enum err err_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_FULL:
        return ERR_DISK_FULL;
    case SQLITE_NOMEM:
        return ERR_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_UNAVAILABLE;
    default:
        return ERR_IO;
    }
}

/* Notes what SQLite says; expected outcomes (a unique index that refuses) are not worth a line. */
static enum err fail(struct sqlite *db, int code, const char *sql)
{
    enum err err = err_of(code);

    if (err != ERR_CONFLICT)
        log_event(LOG_ERROR, "sql", "statement.failed", log_int("code", code),
                  log_text("reason", str_of(sqlite3_errmsg(db->handle))),
                  log_text("sql", str_of(sql)));
    return err;
}

static enum err run(struct sqlite *db, const char *sql)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? OK : fail(db, code, sql);
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
static enum err settle_log(struct sqlite *db)
{
    sqlite3_file *log = NULL;
    int code;
    enum err err;

    TRY(run(db, "SELECT 1 FROM sqlite_schema LIMIT 1")); /* opens it */
    code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (code == SQLITE_OK && log && log->pMethods) code = write_again(log);
    if (code != SQLITE_OK) err = fail(db, code, "settle the log");
done:
    return err;
}

static enum err configure(struct sqlite *db)
{
    char pragmas[256];
    bool writer = db->mode == DB_WRITER;
    enum err err;

    sqlite3_busy_timeout(db->handle, 1000);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (!writer) sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-%d; PRAGMA mmap_size=0;%s",
             writer ? WRITER_CACHE_KIB : READER_CACHE_KIB,
             writer ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" : "");
    if (writer) sqlite3_wal_autocheckpoint(db->handle, CHECKPOINT_PAGES);
    TRY(run(db, pragmas));
    if (writer) TRY(settle_log(db));
done:
    return err;
}

static void close_connection(struct db *base)
{
    struct sqlite *db = of(base);

    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        sqlite3_finalize(db->statements[i].handle);
    sqlite3_close(db->handle); /* rolls back, and a writer folds its log into the file */
    if (db->lock_fd >= 0) close(db->lock_fd);
    file_leave(db->file);
    free(db);
}

enum err sqlite_open(const char *path, enum db_mode mode, struct db **out, struct buf *why)
{
    enum err err = OK;
    struct sqlite *db;
    int flags =
        SQLITE_OPEN_NOMUTEX |
        (mode == DB_WRITER ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);

    call_once(&library_once, library_configure);
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
    if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK) {
        if (why) buf_printf(why, "cannot open %s: %s", path, sqlite3_errmsg(db->handle));
        err = ERR_IO;
        goto done;
    }
    sqlite3_extended_result_codes(db->handle, 1);
    err = configure(db);
    if (err && why) buf_printf(why, "cannot use %s: %s", path, sqlite3_errmsg(db->handle));
done:
    if (err) {
        close_connection(&db->base);
        db = NULL;
    }
    *out = db ? &db->base : NULL;
    return err;
}

/* --- statements ---------------------------------------------------------------------------- */

static const struct engine_word words[] = {
    {"{{serial}}", "INTEGER PRIMARY KEY"},
    {"{{last serial}}", "last_insert_rowid()"},
    {"{{append_only ",
     "CREATE TRIGGER @_no_update BEFORE UPDATE ON @ BEGIN"
     " SELECT RAISE(ABORT, 'the table is append-only'); END;\n"
     "CREATE TRIGGER @_no_delete BEFORE DELETE ON @"
     " WHEN OLD.at_ms > (CAST(strftime('%s', 'now') AS INTEGER) - 31536000) * 1000"
     " BEGIN SELECT RAISE(ABORT, 'the table is append-only'); END;\n"},
    {"{{unchecked ", ""},
    {"/*sqlite ", " "}, /* the rest of the comment is for this engine; its end is a word, too */
    {NULL, NULL},
};

static enum err prepare(struct sqlite *db, struct statement *slot, const char *sql)
{
    int count;
    struct buf text;
    int code = SQLITE_NOMEM;

    if (engine_translate(sql, words, &text) == OK)
        code = sqlite3_prepare_v3(db->handle, text.at, -1, SQLITE_PREPARE_PERSISTENT, &slot->handle,
                                  NULL);
    buf_free(&text);
    if (code != SQLITE_OK) return fail(db, code, sql);
    ASSERT(slot->handle != NULL);
    count = sqlite3_bind_parameter_count(slot->handle);
    ASSERT(count <= PARAMETERS_MAX);
    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(slot->handle, i);
        int number = name && name[0] == '$' ? atoi(name + 1) : 0;

        ASSERT(number >= 1 && number <= PARAMETERS_MAX); /* "$1", as sql.h says */
        slot->place[number] = (uint8_t)i;
    }
    slot->sql = sql;
    return OK;
}

/* The connection's prepared form of a literal; never more texts than the table holds. */
static enum err statement_find(struct sqlite *db, const char *sql, struct statement **out)
{
    size_t at = ((uintptr_t)sql >> 3) * 0x9E3779B1u;

    for (size_t tried = 0; tried < STATEMENTS_MAX; tried++, at++) {
        struct statement *slot = &db->statements[at & (STATEMENTS_MAX - 1)];

        *out = slot;
        if (slot->sql == sql) return OK;
        if (!slot->sql) return prepare(db, slot, sql);
    }
    assert_failed("a connection has STATEMENTS_MAX distinct statements", __FILE__, __LINE__);
}

/* Texts are bound in place when they outlive the call, copied when rows are read later. */
static int bind_one(sqlite3_stmt *handle, int place, const struct sql_value *value,
                    sqlite3_destructor_type keep)
{
    switch (value->type) {
    case SQL_INT:
        return sqlite3_bind_int64(handle, place, value->integer);
    case SQL_TEXT:
        return sqlite3_bind_text64(handle, place, value->text.at ? value->text.at : "",
                                   value->text.len, keep, SQLITE_UTF8);
    case SQL_ID: {
        struct object_id_text text = object_id_text(value->id);

        return sqlite3_bind_text(handle, place, text.hex, OBJECT_ID_HEX, SQLITE_TRANSIENT);
    }
    case SQL_NULL:
        break;
    }
    return sqlite3_bind_null(handle, place);
}

static enum err bind(struct sqlite *db, struct statement *statement, const struct sql_value *values,
                     size_t count, sqlite3_destructor_type keep)
{
    for (size_t i = 0; i < count; i++) {
        int place = statement->place[i + 1];
        int code;

        ASSERT(place > 0); /* a value without its $n */
        code = bind_one(statement->handle, place, &values[i], keep);
        if (code != SQLITE_OK) return fail(db, code, statement->sql);
    }
    return OK;
}

/* Steps a statement without values or rows, outside any item. */
static enum err control(struct sqlite *db, const char *sql)
{
    struct statement *statement;
    enum err err = OK;
    int code;

    TRY(statement_find(db, sql, &statement));
    code = sqlite3_step(statement->handle);
    sqlite3_reset(statement->handle);
    if (code != SQLITE_DONE) err = fail(db, code, sql);
done:
    return err;
}

static enum err savepoint_begin(struct sqlite *db)
{
    enum err err;

    if (db->savepoint) return OK;
    err = control(db, "SAVEPOINT item");
    db->savepoint = err == OK;
    return err;
}

static enum err execute(struct db *base, int64_t *changes, const char *sql,
                        const struct sql_value *values, size_t count)
{
    struct sqlite *db = of(base);
    struct statement *statement;
    enum err err = OK;
    int code;

    if (changes) *changes = 0;
    TRY(savepoint_begin(db));
    TRY(statement_find(db, sql, &statement));
    TRY(bind(db, statement, values, count, SQLITE_STATIC));
    code = sqlite3_step(statement->handle);
    ASSERT(code != SQLITE_ROW);
    if (code != SQLITE_DONE) err = fail(db, code, sql);
    sqlite3_reset(statement->handle);
    if (changes && err == OK) *changes = sqlite3_changes64(db->handle);
done:
    return err;
}

static void query(struct rows *rows, const char *sql, const struct sql_value *values, size_t count)
{
    struct statement *statement = NULL;

    rows->err = statement_find(of(rows->db), sql, &statement);
    if (rows->err) return;
    ASSERT(!sqlite3_stmt_busy(statement->handle));
    if (!sqlite3_stmt_readonly(statement->handle)) rows->err = savepoint_begin(of(rows->db));
    if (rows->err) return;
    rows->statement = statement;
    rows->err = bind(of(rows->db), statement, values, count, SQLITE_TRANSIENT);
}

static bool next(struct rows *rows)
{
    struct statement *statement = rows->statement;
    int code;

    if (rows->err || !statement) return false;
    code = sqlite3_step(statement->handle);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) rows->err = fail(of(rows->db), code, statement->sql);
    return false;
}

static sqlite3_stmt *handle_of(struct rows *rows)
{
    return ((struct statement *)rows->statement)->handle;
}

static bool is_null(struct rows *rows, int column)
{
    return sqlite3_column_type(handle_of(rows), column) == SQLITE_NULL;
}

static int64_t integer(struct rows *rows, int column)
{
    return sqlite3_column_int64(handle_of(rows), column);
}

static struct str text(struct rows *rows, int column)
{
    const unsigned char *at = sqlite3_column_text(handle_of(rows), column);

    return (struct str){at ? (const char *)at : "",
                        (size_t)sqlite3_column_bytes(handle_of(rows), column)};
}

static void end(struct rows *rows)
{
    struct statement *statement = rows->statement;

    if (statement && statement->handle) sqlite3_reset(statement->handle);
}

static enum err script(struct db *base, const char *text)
{
    struct buf out;
    enum err err = engine_translate(text, words, &out);

    if (err == OK) err = run(of(base), out.at);
    buf_free(&out);
    return err;
}

/* --- transactions -------------------------------------------------------------------------- */

static enum err begin(struct db *base)
{
    struct sqlite *db = of(base);
    enum err err;

    ASSERT(db->mode == DB_WRITER && !db->open);
    err = control(db, "BEGIN IMMEDIATE");
    db->open = err == OK;
    db->savepoint = false;
    return err;
}

static void rollback(struct db *base)
{
    struct sqlite *db = of(base);

    if (db->open && !sqlite3_get_autocommit(db->handle)) (void)control(db, "ROLLBACK");
    db->open = false;
    db->savepoint = false;
}

static enum err commit(struct db *base)
{
    struct sqlite *db = of(base);
    enum err err;

    ASSERT(db->open && !db->savepoint);
    err = control(db, "COMMIT");
    if (err == OK) {
        db->open = false;
        atomic_fetch_add(&db->file->commits, 1);
        return OK;
    }
    /* A full disk is found before the commit mark is written. After any other failure the mark may
     * or may not be on the disk (a failed fsync leaves no way to tell). */
    rollback(base);
    if (err == ERR_DISK_FULL || err == ERR_MEMORY) return err;
    db->broken = true;
    return ERR_COMMIT_UNKNOWN;
}

static void item_begin(struct db *base)
{
    ASSERT(!of(base)->savepoint);
}

static enum err item_end(struct db *base, bool keep)
{
    struct sqlite *db = of(base);
    enum err err = OK;

    if (sqlite3_get_autocommit(db->handle)) { /* the engine rolled everything back by itself */
        db->open = false;
        db->savepoint = false;
        return ERR_DISK_FULL;
    }
    if (!db->savepoint) return OK;
    db->savepoint = false;
    if (!keep) TRY(control(db, "ROLLBACK TO item"));
    TRY(control(db, "RELEASE item"));
done:
    return err;
}

static uint64_t commits(const struct db *base)
{
    return atomic_load(&((const struct sqlite *)base)->file->commits);
}

static void snapshot_end(struct db *base)
{
    struct sqlite *db = of(base);

    if (!db->open) return;
    db->open = false;
    (void)control(db, "COMMIT");
}

/* The number is read before the snapshot begins, so the snapshot is as new as it or newer. */
static void snapshot(struct db *base)
{
    struct sqlite *db = of(base);
    uint64_t now = commits(base);

    ASSERT(db->mode == DB_READER);
    if (db->open && db->seen != now) snapshot_end(base);
    if (db->open) return;
    db->open = control(db, "BEGIN") == OK; /* without it, each statement has its own view */
    db->seen = now;
}

static bool broken(struct db *base)
{
    return of(base)->broken;
}

/* The file's lock keeps other processes out. */
static enum err migrating(struct db *base, bool begins)
{
    (void)base, (void)begins;
    return OK;
}

static bool lease(struct db *base, const char *name)
{
    (void)base, (void)name;
    return true;
}

/* Statements have run when execute returns. */
/* They cost little here, and only items that write have one. */
static void without_savepoints(struct db *base)
{
    (void)base;
}

static enum err check(struct db *base)
{
    (void)base;
    return OK;
}

const struct engine sqlite_engine = {
    .shared = false,
    .close = close_connection,
    .broken = broken,
    .script = script,
    .migrating = migrating,
    .lease = lease,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .item_begin = item_begin,
    .item_end = item_end,
    .without_savepoints = without_savepoints,
    .check = check,
    .commits = commits,
    .snapshot = snapshot,
    .snapshot_end = snapshot_end,
    .execute = execute,
    .query = query,
    .next = next,
    .null = is_null,
    .integer = integer,
    .text = text,
    .end = end,
};
/* --- copying ------------------------------------------------------------------------------- */

#define PAGE_BYTES 4096 /* SQLite's default, and that of every file made here */
#define COPY_SYNC_BYTES                                                                            \
    (2 * 1024 * 1024) /* never more than this for the disk to swallow at once                      \
                       */

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
    return err_of(code);
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
    return code == SQLITE_DONE ? OK : err_of(code);
}

enum err db_copy(struct db *base, const char *path, void (*pause)(void *context, int64_t bytes),
                 void *context, struct buf *why)
{
    const struct sqlite *reader = of(base);
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
    if (!backup) err = err_of(sqlite3_errcode(target));
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
    tx_query_values(tx_read(reader, 0), &rows, "PRAGMA quick_check(1)", NULL, 0);
    if (rows_next(&rows) && !str_eq(rows_text(&rows, 0), STR("ok")))
        buf_append(why, rows_text(&rows, 0));
    err = rows_end(&rows);
    if (err && why->len == 0) buf_append(why, str_of(sqlite3_errmsg(of(reader)->handle)));
    return err == OK && why->len ? ERR_IO : err;
}
