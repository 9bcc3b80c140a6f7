/* sql/sqlite.c: the embedded engine behind sql.h: its statements and transactions.
 *
 * WAL with synchronous=FULL: a commit returns when its frames are on the disk. One connection in
 * one process writes and checkpoints a file (a lock file keeps others out); readers never do. */
#include "sql/sqlite_parts.h"

#include "telemetry/log.h"

#include <stdlib.h>

/* --- errors -------------------------------------------------------------------------------- */

enum err sqlite_err(int code)
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

/* After some errors (a full disk, one of input or output, no memory, an interrupt) the engine rolls
 * the whole transaction back by itself (sqlite.org/lang_transaction, "Response To Errors Within A
 * Transaction"). What came next would commit alone. */
static bool rolled_back(const struct sqlite *db)
{
    return db->open && db->mode == DB_WRITER && sqlite3_get_autocommit(db->handle);
}

enum err sqlite_fail(struct sqlite *db, int code, const char *sql)
{
    enum err err = sqlite_err(code);
    int64_t untold;

    if (!db->lost && rolled_back(db)) db->lost = err == ERR_CONFLICT ? ERR_IO : err;
    if (err != ERR_CONFLICT && log_due(&db->file->pause, code, &untold))
        log_event(LOG_ERROR, "sql", "statement.failed", log_int("code", code),
                  log_text("reason", str_of(sqlite3_errmsg(db->handle))),
                  log_text("sql", str_of(sql)), log_int("untold", untold));
    return err;
}

enum err sqlite_run(struct sqlite *db, const char *sql)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? OK : sqlite_fail(db, code, sql);
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
    {"{{bytes ", "LENGTH(CAST(@ AS BLOB))"},
    {"{{text index ",
     "CREATE VIRTUAL TABLE @_index USING fts5(words, content = '@', content_rowid = 'place',"
     " tokenize = 'ascii', prefix = '1 2 3 4 5 6 7 8', detail = 'none', columnsize = 0);\n"
     "CREATE TRIGGER @_put AFTER INSERT ON @ BEGIN"
     " INSERT INTO @_index (rowid, words) VALUES (NEW.place, NEW.words); END;\n"
     "CREATE TRIGGER @_take AFTER DELETE ON @ BEGIN"
     " INSERT INTO @_index (@_index, rowid, words) VALUES ('delete', OLD.place, OLD.words); END;\n"
     "CREATE TRIGGER @_keep BEFORE UPDATE OF place, words ON @ BEGIN"
     " SELECT RAISE(ABORT, 'words of a text index are removed and put, not changed'); END;\n"},
    {"{{matching ", "@_index JOIN @ ON @.place = @_index.rowid"},
    {"{{matches ", "@_index MATCH $1"},
    {"{{place ", "@_index.rowid"},
    {"/*sqlite ", " "}, /* the rest of the comment is for this engine; its end is a word, too */
    {NULL, NULL},
};

/* https://sqlite.org/fts5.html#full_text_query_syntax */
static const struct text_query_words query_words = {
    .quote = '"', .beginning = "*", .both = " AND ", .either = " OR "};

static enum err prepare(struct sqlite *db, struct statement *slot, const char *sql)
{
    int count;
    struct buf text;
    int code = SQLITE_NOMEM;

    if (engine_translate(sql, words, &text) == OK)
        code = sqlite3_prepare_v3(db->handle, text.at, -1, SQLITE_PREPARE_PERSISTENT, &slot->handle,
                                  NULL);
    buf_free(&text);
    if (code != SQLITE_OK) return sqlite_fail(db, code, sql);
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
        if (code != SQLITE_OK) return sqlite_fail(db, code, statement->sql);
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
    if (code != SQLITE_DONE) err = sqlite_fail(db, code, sql);
done:
    return err;
}

static enum err savepoint_begin(struct sqlite *db)
{
    enum err err;

    if (db->lost) return db->lost; /* as item_end says */
    if (db->savepoint || !db->divided) return OK;
    err = control(db, "SAVEPOINT item");
    db->savepoint = err == OK;
    return err;
}

static enum err execute(struct db *base, int64_t *changes, const char *sql,
                        const struct sql_value *values, size_t count)
{
    struct sqlite *db = sqlite_of(base);
    struct statement *statement;
    enum err err = OK;
    int code;

    if (changes) *changes = 0;
    TRY(savepoint_begin(db));
    TRY(statement_find(db, sql, &statement));
    TRY(bind(db, statement, values, count, SQLITE_STATIC));
    code = sqlite3_step(statement->handle);
    ASSERT(code != SQLITE_ROW);
    if (code != SQLITE_DONE) err = sqlite_fail(db, code, sql);
    sqlite3_reset(statement->handle);
    if (changes && err == OK) *changes = sqlite3_changes64(db->handle);
done:
    return err;
}

static void query(struct rows *rows, const char *sql, const struct sql_value *values, size_t count)
{
    struct statement *statement = NULL;

    rows->err = statement_find(sqlite_of(rows->db), sql, &statement);
    if (rows->err) return;
    ASSERT(!sqlite3_stmt_busy(statement->handle));
    if (!sqlite3_stmt_readonly(statement->handle)) rows->err = savepoint_begin(sqlite_of(rows->db));
    if (rows->err) return;
    rows->statement = statement;
    rows->err = bind(sqlite_of(rows->db), statement, values, count, SQLITE_TRANSIENT);
}

static bool next(struct rows *rows)
{
    struct statement *statement = rows->statement;
    int code;

    if (rows->err || !statement) return false;
    code = sqlite3_step(statement->handle);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) rows->err = sqlite_fail(sqlite_of(rows->db), code, statement->sql);
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
    struct sqlite *db = sqlite_of(rows->db);
    const unsigned char *at = sqlite3_column_text(handle_of(rows), column);

    if (!at && sqlite3_errcode(db->handle) == SQLITE_NOMEM) /* and not the column is NULL */
        rows->err = sqlite_fail(db, SQLITE_NOMEM, ((struct statement *)rows->statement)->sql);
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

    if (err == OK) err = sqlite_run(sqlite_of(base), out.at);
    buf_free(&out);
    return err;
}

/* --- transactions -------------------------------------------------------------------------- */

static enum err begin(struct db *base)
{
    struct sqlite *db = sqlite_of(base);
    enum err err;

    ASSERT(db->mode == DB_WRITER && !db->open);
    err = sqlite_log_bound(db);
    if (err) return err;
    err = control(db, "BEGIN IMMEDIATE");
    db->open = err == OK;
    db->divided = true;
    db->savepoint = false;
    db->lost = OK;
    return err;
}

static void rollback(struct db *base)
{
    struct sqlite *db = sqlite_of(base);

    if (db->open && !sqlite3_get_autocommit(db->handle)) (void)control(db, "ROLLBACK");
    db->open = false;
    db->savepoint = false;
}

static enum err commit(struct db *base)
{
    struct sqlite *db = sqlite_of(base);
    enum err err;

    ASSERT(db->open && !db->savepoint);
    if (db->lost) {
        err = db->lost;
        rollback(base);
        return err;
    }
    err = control(db, "COMMIT");
    if (err == OK) {
        db->open = false;
        atomic_fetch_add(&db->file->commits, 1);
        sqlite_log_committed(db);
        return OK;
    }
    /* A full disk is found before the commit mark is written. After any other failure the mark may
     * or may not be on the disk (a failed fsync leaves no way to tell). */
    rollback(base);
    if (err == ERR_DISK_FULL) return err;
    db->broken = true;
    return ERR_COMMIT_UNKNOWN;
}

static void item_begin(struct db *base)
{
    struct sqlite *db = sqlite_of(base);

    ASSERT(!db->savepoint);
    db->changes_before = sqlite3_total_changes64(db->handle);
}

static void without_savepoints(struct db *base)
{
    sqlite_of(base)->divided = false;
}

static enum err item_end(struct db *base, bool keep)
{
    struct sqlite *db = sqlite_of(base);
    enum err err = OK;

    if (db->lost) {
        db->savepoint = false;
        return db->lost;
    }
    if (!keep && !db->divided && sqlite3_total_changes64(db->handle) != db->changes_before)
        db->lost = ERR_CONTENTION;
    if (!db->savepoint) return db->lost;
    db->savepoint = false;
    if (!keep) TRY(control(db, "ROLLBACK TO item"));
    TRY(control(db, "RELEASE item"));
done:
    if (err && !db->lost) db->lost = err; /* what is not kept may still be in the transaction */
    return err;
}

static uint64_t commits(const struct db *base)
{
    return atomic_load(&((const struct sqlite *)base)->file->commits);
}

static void snapshot_end(struct db *base)
{
    struct sqlite *db = sqlite_of(base);

    if (!db->open) return;
    db->open = false;
    if (!sqlite3_get_autocommit(db->handle)) (void)control(db, "COMMIT");
}

/* The number is read before the snapshot begins, so the snapshot is as new as it or newer. */
static void snapshot(struct db *base)
{
    struct sqlite *db = sqlite_of(base);
    uint64_t now = commits(base);

    ASSERT(db->mode == DB_READER);
    if (db->open && db->seen != now) snapshot_end(base);
    if (db->open) return;
    db->open = control(db, "BEGIN") == OK; /* without it, each statement has its own view */
    db->seen = now;
}

static bool broken(struct db *base)
{
    return sqlite_of(base)->broken;
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
static enum err check(struct db *base)
{
    (void)base;
    return OK;
}

static void scrub(struct db *base)
{
    sqlite_of(base)->scrub = true;
}

static bool scrubbing(const struct db *base)
{
    return ((const struct sqlite *)base)->scrub;
}

const struct engine sqlite_engine = {
    .query_words = &query_words,
    .shared = false,
    .close = sqlite_close,
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
    .scrub = scrub,
    .scrubbing = scrubbing,
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
