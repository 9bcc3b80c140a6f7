/* Unit tests of sql: what the header promises, on a real database of either engine. SQLite by
 * itself; PostgreSQL when TEST_POSTGRES is the URL of an empty database (tests/postgres starts
 * one), then with what only many connections can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "../folder.h"
#include "sql/sql.h"

#include <pthread.h>
#include <time.h>

#define NOW ((struct wall_ms){INT64_C(1790000000000)})

static const char *server; /* NULL: SQLite */
static int schemas;        /* one a test */

static const struct migration first_steps[] = {
    {"test/0001", "CREATE TABLE things (id {{serial}}, name TEXT UNIQUE, number BIGINT);"
                  "CREATE TABLE ids (row {{serial}}, id TEXT)"},
    {NULL, NULL},
};
static const struct migration more_steps[] = {
    {"test/0001", "CREATE TABLE things (id {{serial}}, name TEXT UNIQUE, number BIGINT);"
                  "CREATE TABLE ids (row {{serial}}, id TEXT)"},
    {"test/0002", "CREATE TABLE others (id BIGINT)"},
    {NULL, NULL},
};
static const struct migration edited_steps[] = {
    {"test/0001", "CREATE TABLE things (id {{serial}}, name TEXT)"},
    {NULL, NULL},
};
static const struct migration broken_steps[] = {
    {"test/0003", "CREATE TABLE halves (id BIGINT); CREATE TABLE nonsense ((("},
    {NULL, NULL},
};

struct fixture {
    struct folder folder;
    struct folder_file file;
    struct db *db;
    struct buf why;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    *state = fixture;
    fixture->folder = folder_make();
    fixture->file = folder_file(&fixture->folder, "test.db");
    if (server)
        snprintf(fixture->file.path, sizeof fixture->file.path, "%s#test_%d", server, ++schemas);
    buf_init(&fixture->why, NULL, 4096);
    assert_int_equal(db_open(fixture->file.path, DB_WRITER, &fixture->db, &fixture->why), OK);
    assert_int_equal(db_migrate(fixture->db, first_steps, NOW, &fixture->why), OK);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    db_close(fixture->db);
    buf_free(&fixture->why);
    folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static struct tx *begin(struct fixture *fixture)
{
    struct tx *tx;

    assert_int_equal(tx_begin(fixture->db, &tx), OK);
    tx_item_begin(tx, NOW);
    return tx;
}

static void commit(struct tx *tx)
{
    assert_int_equal(tx_item_end(tx, true), OK);
    assert_int_equal(tx_commit(tx), OK);
}

static enum err add(struct tx *tx, const char *name)
{
    return tx_exec(tx, NULL, "INSERT INTO things (name, number) VALUES ($1, 1)",
                   sql_text(str_of(name)));
}

/* What became of it, also where nobody waits for statements. */
static enum err checked(struct tx *tx, enum err err)
{
    return err ? err : tx_check(tx);
}

static int64_t count(struct tx *tx)
{
    struct rows rows;
    int64_t found = -1;

    tx_query_values(tx, &rows, "SELECT COUNT(*) FROM things", NULL, 0);
    if (rows_next(&rows)) found = rows_int(&rows, 0);
    assert_int_equal(rows_end(&rows), OK);
    return found;
}

static bool has(struct tx *tx, const char *name)
{
    struct rows rows;
    bool found;

    tx_query(tx, &rows, "SELECT 1 FROM things WHERE name = $1", sql_text(str_of(name)));
    found = rows_next(&rows);
    assert_int_equal(rows_end(&rows), OK);
    return found;
}

/* --- statements ---------------------------------------------------------------------------- */

static void integers_come_back_as_they_went_in(void **state)
{
    static const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    struct tx *tx = begin(*state);
    struct rows rows;

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(
            tx_exec(tx, NULL, "INSERT INTO things (number) VALUES ($1)", sql_int(numbers[i])), OK);
    tx_query_values(tx, &rows, "SELECT number FROM things ORDER BY id", NULL, 0);
    for (size_t i = 0; i < 5; i++) {
        assert_true(rows_next(&rows));
        assert_true(rows_int(&rows, 0) == numbers[i]);
    }
    assert_false(rows_next(&rows));
    assert_int_equal(rows_end(&rows), OK);
    commit(tx);
}

static void texts_come_back_as_they_went_in(void **state)
{
    static const char *const texts[] = {"", " ", "it's", "\xE2\x98\x83", "a\nb", "$1"};
    struct tx *tx = begin(*state);
    struct rows rows;

    for (size_t i = 0; i < 6; i++)
        assert_int_equal(add(tx, texts[i]), OK);
    tx_query_values(tx, &rows, "SELECT name FROM things ORDER BY id", NULL, 0);
    for (size_t i = 0; i < 6; i++) {
        assert_true(rows_next(&rows));
        assert_false(rows_null(&rows, 0));
        assert_true(str_eq(rows_text(&rows, 0), str_of(texts[i])));
    }
    assert_int_equal(rows_end(&rows), OK);
    commit(tx);
}

static void ids_and_nulls_come_back_as_they_went_in(void **state)
{
    struct tx *tx = begin(*state);
    struct object_id id;
    struct rows rows;

    assert_true(object_id_parse(STR("0123456789abcdefABCDEF01"), &id));
    assert_int_equal(tx_exec(tx, NULL, "INSERT INTO ids (id) VALUES ($1)", sql_id(id)), OK);
    assert_int_equal(tx_exec(tx, NULL, "INSERT INTO ids (id) VALUES ($1)", sql_null()), OK);
    assert_int_equal(tx_exec(tx, NULL, "INSERT INTO ids (id) VALUES ($1)", sql_text(STR("no id"))),
                     OK);
    tx_query_values(tx, &rows, "SELECT id FROM ids ORDER BY row", NULL, 0);
    assert_true(rows_next(&rows));
    assert_true(object_id_eq(rows_id(&rows, 0), id));
    assert_true(str_eq(rows_text(&rows, 0), STR("0123456789abcdefabcdef01")));
    assert_true(rows_next(&rows));
    assert_true(rows_null(&rows, 0));
    assert_true(rows_next(&rows));
    assert_true(object_id_eq(rows_id(&rows, 0), (struct object_id){{0}}));
    assert_int_equal(rows_end(&rows), OK);
    commit(tx);
}

static void parameters_may_repeat_and_come_in_any_order(void **state)
{
    struct tx *tx = begin(*state);
    struct rows rows;

    tx_query(tx, &rows, "SELECT $3, $1, $3, $2", sql_int(1), sql_text(STR("two")), sql_int(3));
    assert_true(rows_next(&rows));
    assert_int_equal(rows_int(&rows, 0), 3);
    assert_int_equal(rows_int(&rows, 1), 1);
    assert_int_equal(rows_int(&rows, 2), 3);
    assert_true(str_eq(rows_text(&rows, 3), STR("two")));
    assert_int_equal(rows_end(&rows), OK);
    commit(tx);
}

static void touched_rows_are_counted(void **state)
{
    struct tx *tx = begin(*state);
    int64_t changes = 7;

    for (int i = 0; i < 3; i++)
        assert_int_equal(
            tx_exec_values(tx, NULL, "INSERT INTO things (number) VALUES (5)", NULL, 0), OK);
    assert_int_equal(
        tx_exec(tx, &changes, "UPDATE things SET number = 6 WHERE number = $1", sql_int(5)), OK);
    assert_int_equal(changes, 3);
    assert_int_equal(tx_exec(tx, &changes, "DELETE FROM things WHERE number = $1", sql_int(5)), OK);
    assert_int_equal(changes, 0);
    commit(tx);
}

static void a_row_may_be_read_and_written_while_another_query_stands(void **state)
{
    struct tx *tx = begin(*state);
    struct rows rows;
    int seen = 0;

    assert_int_equal(add(tx, "one"), OK);
    assert_int_equal(add(tx, "two"), OK);
    tx_query_values(tx, &rows, "SELECT name FROM things ORDER BY name", NULL, 0);
    while (rows_next(&rows)) {
        seen++;
        assert_true(has(tx, seen == 1 ? "one" : "two"));
        assert_int_equal(tx_exec(tx, NULL, "UPDATE things SET number = 9 WHERE name = $1",
                                 sql_text(rows_text(&rows, 0))),
                         OK);
    }
    assert_int_equal(rows_end(&rows), OK);
    assert_int_equal(seen, 2);
    commit(tx);
}

static const struct migration audit_steps[] = {
    {"test/0009", "CREATE TABLE audit (at_ms BIGINT, what TEXT);\n{{append_only audit}}"},
    {NULL, NULL},
};

static void an_append_only_table_takes_no_changes(void **state)
{
    static const char *const forbidden[] = {"UPDATE audit SET what = 'nothing'",
                                            "DELETE FROM audit WHERE what = 'new'"};
    struct fixture *fixture = *state;
    int64_t now_ms = (int64_t)time(NULL) * 1000, changes;
    struct tx *tx;

    assert_int_equal(db_migrate(fixture->db, audit_steps, NOW, &fixture->why), OK);
    tx = begin(fixture);
    assert_int_equal(tx_exec(tx, NULL, "INSERT INTO audit VALUES ($1, 'new')", sql_int(now_ms)),
                     OK);
    assert_int_equal(tx_exec(tx, NULL, "INSERT INTO audit VALUES ($1, 'old')", sql_int(0)), OK);
    commit(tx);
    for (size_t i = 0; i < 2; i++) {
        tx = begin(fixture);
        assert_int_equal(tx_exec_values(tx, &changes, forbidden[i], NULL, 0), ERR_CONFLICT);
        assert_int_equal(tx_item_end(tx, false), OK);
        assert_int_equal(tx_commit(tx), OK);
    }
    tx = begin(fixture);
    assert_int_equal(tx_exec(tx, &changes, "DELETE FROM audit WHERE at_ms = $1", sql_int(0)), OK);
    assert_int_equal(changes, 1);
    commit(tx);
}

static void a_comment_for_an_engine_is_read_by_it_alone(void **state)
{
    struct tx *tx = begin(*state);
    struct rows rows;

    tx_query_values(tx, &rows, "SELECT 'both' /*postgresql || ' and more'*/", NULL, 0);
    assert_true(rows_next(&rows));
    assert_true(str_eq(rows_text(&rows, 0), server ? STR("both and more") : STR("both")));
    assert_int_equal(rows_end(&rows), OK);
    commit(tx);
}

static void serial_keys_grow(void **state)
{
    struct tx *tx = begin(*state);
    struct rows rows;
    int64_t last = 0;

    for (int i = 0; i < 5; i++)
        assert_int_equal(
            tx_exec_values(tx, NULL, "INSERT INTO things (number) VALUES (8)", NULL, 0), OK);
    tx_query_values(tx, &rows, "SELECT id FROM things ORDER BY id", NULL, 0);
    while (rows_next(&rows)) {
        assert_true(rows_int(&rows, 0) > last);
        last = rows_int(&rows, 0);
    }
    assert_int_equal(rows_end(&rows), OK);
    commit(tx);
}

/* --- transactions and items ---------------------------------------------------------------- */

static void an_item_that_is_not_kept_leaves_nothing(void **state)
{
    struct tx *tx = begin(*state);

    assert_int_equal(add(tx, "first"), OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    tx_item_begin(tx, NOW);
    assert_int_equal(add(tx, "second"), OK);
    assert_int_equal(add(tx, "second too"), OK);
    assert_int_equal(tx_item_end(tx, false), OK);
    tx_item_begin(tx, wall_after(NOW, 5));
    assert_int_equal(wall_since(tx->now, NOW), 5);
    assert_int_equal(add(tx, "third"), OK);
    commit(tx);
    tx = begin(*state);
    assert_int_equal(count(tx), 2);
    assert_true(has(tx, "first") && has(tx, "third"));
    commit(tx);
}

static void an_item_that_only_reads_may_end_either_way(void **state)
{
    struct tx *tx = begin(*state);

    assert_int_equal(count(tx), 0);
    assert_int_equal(tx_item_end(tx, false), OK);
    tx_item_begin(tx, NOW);
    assert_int_equal(count(tx), 0);
    commit(tx);
}

static void a_conflict_undoes_no_more_than_its_item(void **state)
{
    struct tx *tx = begin(*state);

    assert_int_equal(add(tx, "taken"), OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    tx_item_begin(tx, NOW);
    assert_int_equal(add(tx, "free"), OK);
    assert_int_equal(checked(tx, add(tx, "taken")), ERR_CONFLICT);
    assert_int_equal(tx_item_end(tx, false), OK);
    tx_item_begin(tx, NOW);
    assert_int_equal(add(tx, "after"), OK);
    commit(tx);
    tx = begin(*state);
    assert_true(has(tx, "taken") && has(tx, "after") && !has(tx, "free"));
    commit(tx);
}

/* As after a failed write: what a handler that ignores the error goes on to write is not there
 * either, alone. */
static void what_the_engine_rolled_back_by_itself_takes_the_rest_with_it(void **state)
{
    struct tx *tx = begin(*state);

    assert_int_equal(add(tx, "taken"), OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    tx_item_begin(tx, NOW);
    assert_int_equal(tx_exec(tx, NULL, "INSERT OR ROLLBACK INTO things (name) VALUES ($1)",
                             sql_text(STR("taken"))),
                     ERR_CONFLICT);
    assert_int_not_equal(add(tx, "afterwards"), OK);
    assert_int_not_equal(tx_item_end(tx, true), OK);
    tx_item_begin(tx, NOW);
    assert_int_not_equal(add(tx, "in the next item"), OK);
    assert_int_not_equal(tx_item_end(tx, false), OK);
    tx_rollback(tx);
    tx = begin(*state);
    assert_int_equal(count(tx), 0);
    commit(tx);
}

static void an_item_without_a_savepoint_undoes_everything_or_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin(fixture);
    int64_t changes;

    tx_without_savepoints(tx);
    assert_int_equal(add(tx, "kept"), OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    tx_item_begin(tx, NOW);
    assert_int_equal(tx_exec(tx, &changes, "UPDATE things SET number = 2 WHERE name = $1",
                             sql_text(STR("none"))),
                     OK);
    assert_int_equal(tx_item_end(tx, false), OK); /* it changed nothing */
    tx_item_begin(tx, NOW);
    assert_int_equal(tx_item_end(tx, false), OK); /* nor did this one */
    assert_int_equal(tx_commit(tx), OK);
    tx = begin(fixture);
    tx_without_savepoints(tx);
    assert_int_equal(add(tx, "innocent"), OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    tx_item_begin(tx, NOW);
    assert_int_equal(add(tx, "not kept"), OK);
    assert_int_equal(tx_item_end(tx, false), ERR_CONTENTION);
    tx_rollback(tx);
    tx = begin(fixture);
    assert_int_equal(count(tx), 1);
    assert_true(has(tx, "kept"));
    assert_int_equal(tx_item_end(tx, true), OK);
    tx_item_begin(tx, NOW); /* the next transaction has them again */
    assert_int_equal(add(tx, "not kept"), OK);
    assert_int_equal(tx_item_end(tx, false), OK);
    assert_int_equal(tx_commit(tx), OK);
}

static void what_an_item_without_a_savepoint_left_is_not_committed(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin(fixture);

    tx_without_savepoints(tx);
    assert_int_equal(add(tx, "not kept"), OK);
    assert_int_equal(tx_item_end(tx, false), ERR_CONTENTION);
    tx_item_begin(tx, NOW);
    assert_int_equal(tx_item_end(tx, true), ERR_CONTENTION);
    assert_int_equal(tx_commit(tx), ERR_CONTENTION);
    assert_false(db_broken(fixture->db));
    tx = begin(fixture);
    assert_int_equal(count(tx), 0);
    commit(tx);
}

static void what_is_rolled_back_was_never_there(void **state)
{
    struct tx *tx = begin(*state);

    assert_int_equal(add(tx, "gone"), OK);
    tx_rollback(tx);
    tx = begin(*state);
    assert_int_equal(count(tx), 0);
    commit(tx);
}

static void closing_rolls_back(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin(fixture);

    assert_int_equal(add(tx, "gone"), OK);
    db_close(fixture->db);
    assert_int_equal(db_open(fixture->file.path, DB_WRITER, &fixture->db, NULL), OK);
    tx = begin(fixture);
    assert_int_equal(count(tx), 0);
    commit(tx);
}

/* --- connections --------------------------------------------------------------------------- */

static void a_second_writer_is_refused_with_words(void **state)
{
    struct fixture *fixture = *state;
    struct db *second = fixture->db;

    assert_int_equal(db_open(fixture->file.path, DB_WRITER, &second, &fixture->why), ERR_LOCKED);
    assert_null(second);
    assert_non_null(memmem(fixture->why.at, fixture->why.len, "another", 7));
    assert_non_null(
        memmem(fixture->why.at, fixture->why.len, fixture->file.path, strlen(fixture->file.path)));
    db_close(fixture->db);
    assert_int_equal(db_open(fixture->file.path, DB_WRITER, &fixture->db, NULL), OK);
}

static void a_reader_sees_what_is_committed_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct db *reader;
    struct tx *tx, *view;

    assert_int_equal(db_open(fixture->file.path, DB_READER, &reader, NULL), OK);
    view = tx_read(reader, NOW);
    tx = begin(fixture);
    assert_int_equal(add(tx, "one"), OK);
    assert_int_equal(count(view), 0);
    commit(tx);
    assert_int_equal(count(view), 1);
    db_close(reader);
}

static void a_shared_snapshot_is_never_older_than_the_last_commit(void **state)
{
    struct fixture *fixture = *state;
    struct db *reader;
    struct tx *tx;
    uint64_t commits;

    assert_int_equal(db_open(fixture->file.path, DB_READER, &reader, NULL), OK);
    commits = db_commits(reader);
    assert_int_equal(count(tx_snapshot(reader, NOW)), 0);
    tx = begin(fixture);
    assert_int_equal(add(tx, "one"), OK);
    commit(tx);
    assert_true(db_commits(reader) > commits);
    assert_int_equal(count(tx_snapshot(reader, NOW)), 1);
    db_snapshot_end(reader);
    assert_int_equal(count(tx_snapshot(reader, NOW)), 1);
    db_close(reader);
}

static void a_reader_cannot_write(void **state)
{
    struct fixture *fixture = *state;
    struct db *reader;

    assert_int_equal(db_open(fixture->file.path, DB_READER, &reader, NULL), OK);
    assert_int_not_equal(add(tx_read(reader, NOW), "no"), OK);
    db_close(reader);
}

static void what_cannot_be_opened_is_explained(void **state)
{
    struct fixture *fixture = *state;
    struct folder_file missing = folder_file(&fixture->folder, "no/such.db");
    struct folder_file other = folder_file(&fixture->folder, "other.db");
    FILE *file = fopen(other.path, "w");
    struct db *db;

    assert_int_equal(db_open(missing.path, DB_WRITER, &db, &fixture->why), ERR_IO);
    assert_null(db);
    assert_true(fixture->why.len > 0);
    buf_reset(&fixture->why);
    for (int i = 0; i < 100; i++)
        fputs("this is no database but a letter to a friend\n", file);
    fclose(file);
    assert_int_not_equal(db_open(other.path, DB_WRITER, &db, &fixture->why), OK);
    assert_null(db);
    assert_true(fixture->why.len > 0);
    db_close(NULL);
}

/* --- migrations ---------------------------------------------------------------------------- */

static void migrations_are_applied_once_and_new_ones_added(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin(fixture);
    struct rows rows;

    assert_int_equal(add(tx, "kept"), OK);
    commit(tx);
    assert_int_equal(db_migrate(fixture->db, first_steps, NOW, &fixture->why), OK);
    assert_int_equal(db_migrate(fixture->db, more_steps, NOW, &fixture->why), OK);
    assert_int_equal(db_migrate(fixture->db, more_steps, NOW, &fixture->why), OK);
    tx = begin(fixture);
    assert_true(has(tx, "kept"));
    assert_int_equal(tx_exec(tx, NULL, "INSERT INTO others VALUES ($1)", sql_int(1)), OK);
    tx_query_values(tx, &rows, "SELECT COUNT(*) FROM schema_migrations", NULL, 0);
    assert_true(rows_next(&rows));
    assert_int_equal(rows_int(&rows, 0), 2);
    assert_int_equal(rows_end(&rows), OK);
    commit(tx);
}

static void a_changed_step_is_refused_by_name(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(db_migrate(fixture->db, edited_steps, NOW, &fixture->why), ERR_CONFLICT);
    assert_non_null(memmem(fixture->why.at, fixture->why.len, "test/0001", 9));
}

static void a_step_that_fails_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx;
    struct rows rows;

    assert_int_not_equal(db_migrate(fixture->db, broken_steps, NOW, &fixture->why), OK);
    assert_non_null(memmem(fixture->why.at, fixture->why.len, "test/0003", 9));
    tx = begin(fixture);
    tx_query_values(tx, &rows, "SELECT 1 FROM halves", NULL, 0);
    assert_false(rows_next(&rows));
    assert_int_not_equal(rows_end(&rows), OK);
    (void)tx_item_end(tx, false);
    tx_rollback(tx);
}

/* --- many connections ---------------------------------------------------------------------- */

static struct db *another(struct fixture *fixture)
{
    struct db *db;

    assert_int_equal(db_open(fixture->file.path, DB_WRITER, &db, NULL), OK);
    return db;
}

static struct tx *begin_on(struct db *db)
{
    struct tx *tx;

    assert_int_equal(tx_begin(db, &tx), OK);
    tx_item_begin(tx, NOW);
    return tx;
}

/* Ends the server's side of a connection, as a crash of its backend would. */
static void cut_off(struct fixture *fixture, struct db *victim)
{
    struct db *db = another(fixture);
    struct tx *tx = tx_read(victim, NOW);
    struct rows rows;
    int64_t backend;

    tx_query_values(tx, &rows, "SELECT pg_backend_pid()", NULL, 0);
    assert_true(rows_next(&rows));
    backend = rows_int(&rows, 0);
    assert_int_equal(rows_end(&rows), OK);
    tx_query(tx_read(db, NOW), &rows, "SELECT pg_terminate_backend($1::int, 5000)",
             sql_int(backend));
    assert_true(rows_next(&rows));
    assert_int_equal(rows_end(&rows), OK);
    db_close(db);
}

static void an_error_nobody_waited_for_breaks_the_batch_not_the_data(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin(fixture);

    assert_int_equal(add(tx, "twice"), OK);
    assert_int_equal(add(tx, "twice"), OK); /* nobody waits: told later */
    assert_int_equal(tx_item_end(tx, true), OK);
    tx_item_begin(tx, NOW);
    assert_int_equal(checked(tx, add(tx, "innocent")), ERR_CONTENTION);
    assert_int_equal(tx_item_end(tx, false), ERR_CONTENTION);
    tx_rollback(tx);
    tx = begin(fixture);
    assert_int_equal(count(tx), 0);
    assert_int_equal(checked(tx, add(tx, "innocent")), OK);
    commit(tx);
}

static void an_error_nobody_waited_for_fails_the_commit(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin(fixture);

    assert_int_equal(add(tx, "twice"), OK);
    assert_int_equal(add(tx, "twice"), OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    assert_int_equal(tx_commit(tx), ERR_CONTENTION);
    assert_false(db_broken(fixture->db));
    tx = begin(fixture);
    assert_int_equal(count(tx), 0);
    commit(tx);
}

static void a_lock_that_is_not_given_is_contention(void **state)
{
    struct fixture *fixture = *state;
    struct db *other = another(fixture);
    struct tx *mine = begin(fixture), *theirs = begin_on(other);
    struct rows rows;

    assert_int_equal(checked(mine, add(mine, "wanted")), OK);
    assert_int_equal(checked(theirs, add(theirs, "wanted")), ERR_CONTENTION);
    assert_int_equal(tx_item_end(theirs, false), ERR_CONTENTION);
    tx_rollback(theirs);
    commit(mine);
    theirs = begin_on(other);
    tx_query(theirs, &rows, "SELECT id FROM things WHERE name = $1" SQL_FOR_UPDATE,
             sql_text(STR("wanted")));
    assert_true(rows_next(&rows));
    assert_int_equal(rows_end(&rows), OK);
    mine = begin(fixture);
    tx_query(mine, &rows, "SELECT id FROM things WHERE name = $1" SQL_FOR_UPDATE,
             sql_text(STR("wanted")));
    assert_false(rows_next(&rows));
    assert_int_equal(rows_end(&rows), ERR_CONTENTION);
    assert_int_equal(tx_item_end(mine, false), ERR_CONTENTION);
    tx_rollback(mine);
    assert_int_equal(tx_item_end(theirs, false), OK);
    tx_rollback(theirs);
    db_close(other);
}

struct locker {
    struct tx *tx;
    const char *wants;
    enum err err;
};

static void *lock_second(void *context)
{
    struct locker *locker = context;

    locker->err = tx_exec(locker->tx, &(int64_t){0}, "UPDATE things SET number = 2 WHERE name = $1",
                          sql_text(str_of(locker->wants)));
    return NULL;
}

static void a_deadlock_lets_one_of_them_through(void **state)
{
    struct fixture *fixture = *state;
    struct db *other = another(fixture);
    struct tx *tx = begin(fixture);
    struct locker lockers[2];
    pthread_t threads[2];
    int refused = 0;

    assert_int_equal(add(tx, "a"), OK);
    assert_int_equal(add(tx, "b"), OK);
    commit(tx);
    lockers[0] = (struct locker){begin(fixture), "b", OK};
    lockers[1] = (struct locker){begin_on(other), "a", OK};
    for (int i = 0; i < 2; i++)
        assert_int_equal(tx_exec(lockers[i].tx, &(int64_t){0},
                                 "UPDATE things SET number = 1 WHERE name = $1",
                                 sql_text(str_of(i ? "b" : "a"))),
                         OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, lock_second, &lockers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        enum err err = tx_item_end(lockers[i].tx, lockers[i].err == OK);

        assert_true(err == OK || err == ERR_CONTENTION);
        refused += err == ERR_CONTENTION;
        if (err)
            tx_rollback(lockers[i].tx);
        else
            assert_int_equal(tx_commit(lockers[i].tx), OK);
    }
    assert_true(refused >= 1);
    tx = begin_on(other);
    assert_int_equal(checked(tx, add(tx, "goes on")), OK);
    commit(tx);
    db_close(other);
}

static void a_connection_cut_in_a_transaction_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin(fixture);

    assert_int_equal(checked(tx, add(tx, "gone")), OK);
    cut_off(fixture, fixture->db);
    assert_int_equal(checked(tx, add(tx, "never")), ERR_UNAVAILABLE);
    assert_true(db_broken(fixture->db));
    assert_int_equal(tx_item_end(tx, false), ERR_UNAVAILABLE);
    tx_rollback(tx);
    assert_int_equal(tx_begin(fixture->db, &tx), ERR_UNAVAILABLE);
    db_close(fixture->db);
    fixture->db = another(fixture);
    tx = begin(fixture);
    assert_int_equal(count(tx), 0);
    commit(tx);
}

static void a_connection_cut_at_the_commit_leaves_the_outcome_unknown(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx = begin(fixture);

    assert_int_equal(checked(tx, add(tx, "perhaps")), OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    cut_off(fixture, fixture->db);
    assert_int_equal(tx_commit(tx), ERR_COMMIT_UNKNOWN);
    assert_true(db_broken(fixture->db));
    db_close(fixture->db);
    fixture->db = another(fixture);
    tx = begin(fixture);
    assert_int_equal(count(tx), 0); /* what is there says: it was not */
    commit(tx);
}

static void a_connection_cut_while_idle_is_noticed_before_it_is_used(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx;

    assert_false(db_broken(fixture->db));
    cut_off(fixture, fixture->db);
    assert_true(db_broken(fixture->db));
    assert_int_equal(tx_begin(fixture->db, &tx), ERR_UNAVAILABLE);
}

static void a_password_is_in_no_error(void **state)
{
    struct fixture *fixture = *state;
    static const char *const places[] = {
        "postgresql://nobody:hunter2@127.0.0.1:1/none#test",
        "postgresql://nobody:hunter2@hunter2@127.0.0.1:no/none#test",
        "postgresql://nobody:hunt%er2@127.0.0.1:1/none?hunter2=1#test",
    };
    struct db *db;

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        buf_reset(&fixture->why);
        assert_int_not_equal(db_open(places[i], DB_WRITER, &db, &fixture->why), OK);
        assert_null(db);
        assert_true(fixture->why.len > 0);
        assert_null(memmem(fixture->why.at, fixture->why.len, "hunt", 4));
    }
}

#define STARTERS 10

static void *start_up(void *context)
{
    struct fixture *fixture = context;
    char place[200];
    struct db *db = NULL;
    enum err err;

    snprintf(place, sizeof place, "%s#together_%d", server, schemas);
    err = db_open(place, DB_WRITER, &db, NULL);
    if (err == OK) err = db_migrate(db, more_steps, NOW, NULL);
    db_close(db);
    (void)fixture;
    return (void *)(intptr_t)err;
}

static void ten_that_start_at_once_migrate_once(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[STARTERS];
    struct rows rows;
    void *err;

    for (int i = 0; i < STARTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, start_up, fixture), 0);
    for (int i = 0; i < STARTERS; i++) {
        pthread_join(threads[i], &err);
        assert_int_equal((intptr_t)err, OK);
    }
    snprintf(fixture->file.path, sizeof fixture->file.path, "%s#together_%d", server, schemas);
    db_close(fixture->db);
    fixture->db = another(fixture);
    tx_query_values(tx_read(fixture->db, NOW), &rows, "SELECT COUNT(*) FROM schema_migrations",
                    NULL, 0);
    assert_true(rows_next(&rows));
    assert_int_equal(rows_int(&rows, 0), 2);
    assert_int_equal(rows_end(&rows), OK);
}

static void many_statements_nobody_waits_for_all_arrive(void **state)
{
    struct tx *tx = begin(*state);

    for (int i = 0; i < 5000; i++)
        assert_int_equal(tx_exec(tx, NULL, "INSERT INTO things (number) VALUES ($1)", sql_int(i)),
                         OK);
    assert_int_equal(count(tx), 5000);
    commit(tx);
}

/* --- copies -------------------------------------------------------------------------------- */

static int64_t count_things(struct db *db)
{
    struct tx *tx = db ? tx_read(db, NOW) : NULL;
    struct rows rows;
    int64_t count;

    assert_non_null(tx);
    tx_query_values(tx, &rows, "SELECT COUNT(*) FROM things", NULL, 0);
    assert_true(rows_next(&rows));
    count = rows_int(&rows, 0);
    assert_int_equal(rows_end(&rows), OK);
    return count;
}

static void add_things(struct fixture *fixture, int count)
{
    struct tx *tx = begin(fixture);

    for (int i = 0; i < count; i++)
        assert_int_equal(tx_exec(tx, NULL, "INSERT INTO things (number) VALUES ($1)", sql_int(i)),
                         OK);
    commit(tx);
}

/* While it is made, more is written. */
static void write_meanwhile(void *context, int64_t bytes)
{
    assert_int_equal(bytes, DB_COPY_PIECE);
    add_things(context, 10);
}

static void a_copy_is_the_snapshot_whatever_is_written_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    struct folder_file file = folder_file(&fixture->folder, "copy.db");
    struct db *reader = NULL, *copy = NULL;

    add_things(fixture, 200000); /* some megabytes: several pieces */
    assert_int_equal(db_open(fixture->file.path, DB_READER, &reader, NULL), OK);
    (void)tx_snapshot(reader, NOW);
    assert_int_equal(count_things(reader), 200000);
    add_things(fixture, 1);
    assert_int_equal(db_copy(reader, file.path, write_meanwhile, fixture, &fixture->why), OK);
    assert_true(count_things(fixture->db) > 200001);
    db_close(reader);
    assert_int_equal(db_open(file.path, DB_READER, &copy, NULL), OK);
    assert_int_equal(count_things(copy), 200000);
    assert_int_equal(db_check(copy, &fixture->why), OK);
    db_close(copy);
}

static void a_copy_that_cannot_be_written_says_why(void **state)
{
    struct fixture *fixture = *state;
    struct folder_file file = folder_file(&fixture->folder, "no/where.db");
    struct db *reader = NULL;

    assert_int_equal(db_open(fixture->file.path, DB_READER, &reader, NULL), OK);
    (void)tx_snapshot(reader, NOW);
    assert_int_equal(count_things(reader), 0);
    assert_int_not_equal(db_copy(reader, file.path, NULL, NULL, &fixture->why), OK);
    assert_non_null(memmem(fixture->why.at, fixture->why.len, "where.db", 8));
    db_close(reader);
}

static void applied_steps_are_told_by_name(void **state)
{
    struct fixture *fixture = *state;
    struct arena *arena = arena_new(65536);
    struct str steps[4];
    size_t count = 0;

    assert_int_equal(db_migrate(fixture->db, more_steps, NOW, NULL), OK);
    assert_int_equal(db_steps(tx_read(fixture->db, NOW), arena, steps, 4, &count), OK);
    assert_int_equal(count, 2);
    assert_true(str_eq(steps[0], STR("test/0001")) && str_eq(steps[1], STR("test/0002")));
    arena_free(arena);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define COUNT(array) (sizeof(array) / sizeof *(array))

int main(void)
{
    const struct CMUnitTest both[] = {
        CASE(integers_come_back_as_they_went_in),
        CASE(texts_come_back_as_they_went_in),
        CASE(ids_and_nulls_come_back_as_they_went_in),
        CASE(parameters_may_repeat_and_come_in_any_order),
        CASE(touched_rows_are_counted),
        CASE(a_row_may_be_read_and_written_while_another_query_stands),
        CASE(an_append_only_table_takes_no_changes),
        CASE(a_comment_for_an_engine_is_read_by_it_alone),
        CASE(serial_keys_grow),
        CASE(an_item_that_is_not_kept_leaves_nothing),
        CASE(an_item_that_only_reads_may_end_either_way),
        CASE(an_item_without_a_savepoint_undoes_everything_or_nothing),
        CASE(what_an_item_without_a_savepoint_left_is_not_committed),
        CASE(a_conflict_undoes_no_more_than_its_item),
        CASE(what_is_rolled_back_was_never_there),
        CASE(closing_rolls_back),
        CASE(a_reader_sees_what_is_committed_and_no_more),
        CASE(a_reader_cannot_write),
        CASE(migrations_are_applied_once_and_new_ones_added),
        CASE(a_changed_step_is_refused_by_name),
        CASE(a_step_that_fails_leaves_nothing),
        CASE(applied_steps_are_told_by_name),
    };
    const struct CMUnitTest sqlite[] = {
        CASE(a_second_writer_is_refused_with_words),
        CASE(what_the_engine_rolled_back_by_itself_takes_the_rest_with_it),
        CASE(a_shared_snapshot_is_never_older_than_the_last_commit),
        CASE(what_cannot_be_opened_is_explained),
        CASE(a_copy_is_the_snapshot_whatever_is_written_meanwhile),
        CASE(a_copy_that_cannot_be_written_says_why),
    };
    const struct CMUnitTest postgres[] = {
        CASE(an_error_nobody_waited_for_breaks_the_batch_not_the_data),
        CASE(an_error_nobody_waited_for_fails_the_commit),
        CASE(a_lock_that_is_not_given_is_contention),
        CASE(a_deadlock_lets_one_of_them_through),
        CASE(a_connection_cut_in_a_transaction_leaves_nothing),
        CASE(a_connection_cut_at_the_commit_leaves_the_outcome_unknown),
        CASE(a_connection_cut_while_idle_is_noticed_before_it_is_used),
        CASE(a_password_is_in_no_error),
        CASE(ten_that_start_at_once_migrate_once),
        CASE(many_statements_nobody_waits_for_all_arrive),
    };
    static struct CMUnitTest tests[COUNT(both) + COUNT(postgres)];

    server = getenv("TEST_POSTGRES");
    memcpy(tests, both, sizeof both);
    if (server) {
        memcpy(tests + COUNT(both), postgres, sizeof postgres);
        return cmocka_run_group_tests(tests, NULL, NULL);
    }
    memcpy(tests + COUNT(both), sqlite, sizeof sqlite);
    return _cmocka_run_group_tests("sqlite", tests, COUNT(both) + COUNT(sqlite), NULL, NULL);
}
