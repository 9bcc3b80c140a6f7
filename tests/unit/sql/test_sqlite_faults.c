/* tests/unit/sql/test_sqlite_faults.c: what becomes of a transaction when SQLite fails in it, at
 * whatever moment: by its memory and by its files, each of whose calls fails once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "../folder.h"
#include "sql/sql.h"

#include <sqlite3.h>

#define NOW ((struct wall_ms){INT64_C(1790000000000)})

/* --- what fails ----------------------------------------------------------------------------- */

static enum { MEMORY, FILES, SYNC, FOLD } faulty; /* what has calls that fail */
static int fails_in; /* so many of them, until the one that does; 0: none */
static bool failed;
static int code; /* what a file answers then */

static bool is_the_one(bool of_the_kind)
{
    if (!of_the_kind || fails_in == 0 || --fails_in > 0) return false;
    failed = true;
    return true;
}

static sqlite3_mem_methods memory;

static void *fail_malloc(int size)
{
    return is_the_one(faulty == MEMORY) ? NULL : memory.xMalloc(size);
}

static void *fail_realloc(void *old, int size)
{
    return is_the_one(faulty == MEMORY) ? NULL : memory.xRealloc(old, size);
}

static sqlite3_vfs disk;
static int (*system_open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
static sqlite3_io_methods files[2]; /* the database's, which is locked, and the others' */
static sqlite3_io_methods real;     /* of which these three are the same in both */

static int fail_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
    return is_the_one(faulty == FILES) ? code : real.xRead(file, to, len, at);
}

/* What was written to the database since it was synced, and what was there before. */
#define UNSYNCED_MAX 256

static struct {
    sqlite3_int64 at;
    int len;
    char before[4096];
} unsynced[UNSYNCED_MAX];
static size_t unsynced_count;

static void note_before(sqlite3_file *file, int len, sqlite3_int64 at)
{
    assert_true(unsynced_count < UNSYNCED_MAX && len <= (int)sizeof unsynced->before);
    memset(unsynced[unsynced_count].before, 0, sizeof unsynced->before);
    (void)real.xRead(file, unsynced[unsynced_count].before, len, at);
    unsynced[unsynced_count].at = at;
    unsynced[unsynced_count++].len = len;
}

/* As Linux does: a failed sync forgets what was written, and the next one succeeds without it. */
static int fail_to_fold(sqlite3_file *file)
{
    while (unsynced_count-- > 0)
        assert_int_equal(real.xWrite(file, unsynced[unsynced_count].before,
                                     unsynced[unsynced_count].len, unsynced[unsynced_count].at),
                         SQLITE_OK);
    unsynced_count = 0;
    return SQLITE_IOERR_FSYNC;
}

static int fail_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at)
{
    if (faulty == FOLD && file->pMethods == &files[0]) note_before(file, len, at);
    return is_the_one(faulty == FILES) ? code : real.xWrite(file, from, len, at);
}

/* What was to be synced is, and the answer is lost. */
static int fail_sync(sqlite3_file *file, int flags)
{
    int synced = real.xSync(file, flags);

    if (faulty == FOLD && file->pMethods == &files[0]) {
        if (is_the_one(true)) return fail_to_fold(file);
        unsynced_count = 0;
    }
    return is_the_one(faulty == FILES || faulty == SYNC) ? code : synced;
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    sqlite3_io_methods *methods = &files[(flags & SQLITE_OPEN_MAIN_DB) == 0];
    int opened = system_open(vfs, name, file, flags, out);

    if (opened != SQLITE_OK || !file->pMethods) return opened;
    real = *methods = *file->pMethods;
    methods->xRead = fail_read;
    methods->xWrite = fail_write;
    methods->xSync = fail_sync;
    file->pMethods = methods;
    return opened;
}

static int make_faulty(void **state)
{
    sqlite3_mem_methods sparing;

    (void)state;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory), SQLITE_OK);
    sparing = memory;
    sparing.xMalloc = fail_malloc;
    sparing.xRealloc = fail_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &sparing), SQLITE_OK);
    assert_int_equal(sqlite3_initialize(), SQLITE_OK);
    disk = *sqlite3_vfs_find("unix");
    disk.zName = "faulty";
    system_open = disk.xOpen;
    disk.xOpen = open_file;
    return sqlite3_vfs_register(&disk, 1);
}

/* --- a database ----------------------------------------------------------------------------- */

static const struct migration steps[] = {
    {"test/0001", "CREATE TABLE things (id {{serial}}, name TEXT UNIQUE)"}, {NULL, NULL}};

struct fixture {
    struct folder folder;
    struct folder_file file;
    struct db *db;
};

static void open_writer(struct fixture *fixture)
{
    db_close(fixture->db);
    fixture->db = NULL;
    assert_int_equal(db_open(fixture->file.path, DB_WRITER, &fixture->db, NULL), OK);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    *state = fixture;
    fails_in = 0;
    fixture->folder = folder_make();
    fixture->file = folder_file(&fixture->folder, "test.db");
    open_writer(fixture);
    return (int)db_migrate(fixture->db, steps, NOW, NULL);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    db_close(fixture->db);
    folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static enum err add(struct tx *tx, int number)
{
    char name[2000]; /* so that a few of them fill a page */

    snprintf(name, sizeof name, "%01990d", number);
    return tx_exec(tx, NULL, "INSERT INTO things (name) VALUES ($1)", sql_text(str_of(name)));
}

/* Two items of two rows each. One that fails ends the batch; who is careless goes on as if nothing
 * were, to the commit. *added: how many rows there are when that succeeds. */
static enum err add_four(struct fixture *fixture, int from, bool careless, int *added)
{
    struct tx *tx;
    enum err err = tx_begin(fixture->db, &tx);

    *added = 0;
    if (err) return err;
    for (int i = 0; (err == OK || careless) && i < 4; i += 2) {
        bool first, second;

        tx_item_begin(tx, NOW);
        first = add(tx, from + i) == OK;
        second = (first || careless) && add(tx, from + i + 1) == OK;
        err = tx_item_end(tx, second || careless);
        if (err == OK) *added += first + second;
        if (err == OK && !second) err = ERR_INTERNAL;
    }
    if (err == OK || careless) return tx_commit(tx);
    tx_rollback(tx);
    return err;
}

static int64_t count(struct fixture *fixture)
{
    struct rows rows;
    int64_t found;

    tx_query_values(tx_read(fixture->db, NOW), &rows, "SELECT COUNT(*) FROM things", NULL, 0);
    assert_true(rows_next(&rows));
    found = rows_int(&rows, 0);
    assert_int_equal(rows_end(&rows), OK);
    return found;
}

/* Everything or nothing, and the answer says which, or that nobody knows. False: nothing failed. */
static bool fail_at(struct fixture *fixture, int at, int number, bool careless)
{
    int64_t before = count(fixture), after;
    int added;
    enum err err;

    fails_in = at;
    failed = false;
    err = add_four(fixture, number, careless, &added);
    fails_in = 0;
    assert_true(db_broken(fixture->db) == (err == ERR_COMMIT_UNKNOWN));
    if (err == ERR_COMMIT_UNKNOWN) open_writer(fixture);
    after = count(fixture);
    if (err == OK)
        assert_int_equal(after, before + added);
    else if (err == ERR_COMMIT_UNKNOWN)
        assert_true(after == before || after == before + added);
    else
        assert_int_equal(after, before);
    return failed;
}

/* Each call of the kind fails once. afresh: nothing of the database is in memory at first. */
static void fail_everywhere(struct fixture *fixture, int number, bool afresh)
{
    int at[2] = {0, 0};

    for (int careless = 0; careless < 2; careless++) {
        do {
            if (afresh) open_writer(fixture);
            number += 4;
        } while (fail_at(fixture, ++at[careless], number, careless));
    }
    assert_true(at[0] > 1 && at[1] > 1);
}

static void memory_that_runs_out_at_any_moment_leaves_all_or_nothing(void **state)
{
    faulty = MEMORY;
    fail_everywhere(*state, 0, false);
    fail_everywhere(*state, 10000, true);
}

static void a_file_that_fails_at_any_moment_leaves_all_or_nothing(void **state)
{
    static const int codes[] = {SQLITE_FULL, SQLITE_NOMEM, SQLITE_IOERR_WRITE, SQLITE_INTERRUPT};

    faulty = FILES;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        code = codes[i];
        fail_everywhere(*state, 10000 * (int)i, true);
    }
}

/* The commit's mark is on the disk when the call comes back, or is not: nobody can tell. */
static void no_memory_at_the_commit_leaves_the_outcome_unknown(void **state)
{
    static const int codes[] = {SQLITE_NOMEM, SQLITE_IOERR_FSYNC, SQLITE_BUSY, SQLITE_INTERRUPT};
    struct fixture *fixture = *state;
    int added;

    faulty = SYNC;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        code = codes[i];
        fails_in = 1;
        assert_int_equal(add_four(fixture, 4 * (int)i, false, &added), ERR_COMMIT_UNKNOWN);
        assert_true(db_broken(fixture->db));
        open_writer(fixture);
    }
}

/* fold: the log is to be folded in after them. */
static void add_many(struct fixture *fixture, int from, int number, bool fold)
{
    struct tx *tx;

    assert_int_equal(tx_begin(fixture->db, &tx), OK);
    tx_item_begin(tx, NOW);
    for (int i = 0; i < number; i++)
        assert_int_equal(add(tx, from + i), OK);
    if (fold) tx_scrub(tx);
    assert_int_equal(tx_item_end(tx, true), OK);
    assert_int_equal(tx_commit(tx), OK);
}

/* Some pages are written while a reader keeps the others from it; then nothing of them comes to the
 * disk. */
static void fail_to_fold_the_rest(struct fixture *fixture)
{
    struct db *reader;
    struct rows rows;

    faulty = FOLD;
    unsynced_count = 0;
    add_many(fixture, 0, 40, false);
    assert_int_equal(db_open(fixture->file.path, DB_READER, &reader, NULL), OK);
    tx_query_values(tx_snapshot(reader, NOW), &rows, "SELECT COUNT(*) FROM things", NULL, 0);
    assert_true(rows_next(&rows));
    assert_int_equal(rows_end(&rows), OK);
    add_many(fixture, 40, 1, true);
    assert_true(unsynced_count > 0);
    db_snapshot_end(reader);
    fails_in = 1;
    failed = false;
    add_many(fixture, 41, 1, true);
    assert_true(failed);
    db_close(reader);
}

static void find_all(struct fixture *fixture, int rows)
{
    struct buf why;

    open_writer(fixture);
    assert_int_equal(count(fixture), rows);
    buf_init(&why, NULL, 256);
    assert_int_equal(db_check(fixture->db, &why), OK);
    buf_free(&why);
}

static void a_commit_after_a_failed_fold_folds_all_of_it(void **state)
{
    fail_to_fold_the_rest(*state);
    add_many(*state, 42, 1, true);
    find_all(*state, 43);
}

static void a_close_after_a_failed_fold_folds_all_of_it(void **state)
{
    fail_to_fold_the_rest(*state);
    find_all(*state, 42);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(memory_that_runs_out_at_any_moment_leaves_all_or_nothing),
        CASE(a_file_that_fails_at_any_moment_leaves_all_or_nothing),
        CASE(no_memory_at_the_commit_leaves_the_outcome_unknown),
        CASE(a_commit_after_a_failed_fold_folds_all_of_it),
        CASE(a_close_after_a_failed_fold_folds_all_of_it),
    };

    return cmocka_run_group_tests(tests, make_faulty, NULL);
}
