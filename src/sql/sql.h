/* sql/sql.h: a database, its transactions and statements; the same for every engine.
 *
 * SQL is constant text with $1, $2 … parameters, in a dialect both engines read. A connection
 * prepares each text once and finds it again by its address, so a statement must be a literal.
 * A connection belongs to one thread at a time.
 *
 * What the engines must be told differently stands in the text: {{serial}} is the growing 64-bit
 * key of a table, {{last serial}} the one this connection was given last, {{bytes COLUMN}} how many
 * bytes a text has; {{text index TABLE}} and its like are told of at the end; and a comment that
 * begins with "postgresql " or (in migrations) "sqlite " is read by that engine alone. SQLite has
 * one writer a file; PostgreSQL has many a database, in any number of processes, under READ
 * COMMITTED: whoever reads a row to write what follows from it locks it (SQL_FOR_UPDATE), and what
 * must be unique has a unique index. Row locks alone make a batch of many items safe without the
 * false alarms of SERIALIZABLE, which would run large batches again and again. Two batches that
 * lock the same rows in different orders end in ERR_CONTENTION. A reader locks nothing, so on its
 * connection a comment for PostgreSQL stays one. */
#ifndef SQL_SQL_H
#define SQL_SQL_H

#include "base/arena.h"
#include "base/object_id.h"
#include "telemetry/trace.h"

struct db; /* one connection */
struct text_query_words;

/* The transaction open on a connection, or its read view. One a connection at a time. */
struct tx {
    struct db *db;
    struct wall_ms now; /* the time of the work item that runs now: one item, one time */
    int published;      /* events appended since begin; counted by the bus, read by the runtime */
    int64_t published_bytes; /* of their payloads */
    struct trace trace; /* of the work item; set by the runtime, carried by what it publishes */
};

enum db_mode {
    DB_WRITER, /* creates the database when missing; holds the lock that keeps others out */
    DB_READER, /* read-only; never checkpoints */
    DB_COPY    /* read-only, of a file that nobody writes; makes nothing beside it */
};

/* dsn: the file of an SQLite database, whose folder exists; or postgresql://…#SCHEMA, libpq's
 * connection URI and the schema, which db_migrate makes when it is missing. Errors: ERR_LOCKED
 * (another process is the writer), ERR_INVALID (not a URI), ERR_UNAVAILABLE (the server is away or
 * refuses: try again later), ERR_IO, ERR_MEMORY; why (may be NULL) gets words for the operator,
 * without the password. */
enum err db_open(const char *dsn, enum db_mode mode, struct db **out, struct buf *why);
void db_close(struct db *db); /* rolls back what is open; NULL is fine */
bool db_dsn_is_postgres(const char *dsn);
/* Whether the file of an embedded database is there, and not empty. */
bool db_exists(const char *path);

/* The connection is of no more use (lost, or a commit's outcome is unknown): close it and open
 * another. Outside a transaction it also looks whether the server hung up meanwhile. */
bool db_broken(struct db *db);
/* Others may write to this database while this process does. */
bool db_shared(const struct db *db);

/* --- copying ------------------------------------------------------------------------------- */

/* Copies the whole database, as the snapshot of a reader (tx_snapshot, something read) sees it,
 * into a new file at path, and syncs it. Nobody is held up: writers go on meanwhile, and their log
 * grows until the snapshot ends. pause(context, bytes) is called after every piece of at most
 * DB_COPY_PIECE bytes, for whoever wants to go slowly; NULL: none. Errors: ERR_DISK_FULL, ERR_IO,
 * ERR_MEMORY; why (may be NULL) gets words for the operator, and the file is not whole. */
#define DB_COPY_PIECE (1024 * 1024)
enum err db_copy(struct db *reader, const char *path, void (*pause)(void *context, int64_t bytes),
                 void *context, struct buf *why);

/* Reads the whole database of a reader and looks whether its pages hang together; minutes for many
 * gigabytes. ERR_IO, with why, when they do not. */
enum err db_check(struct db *reader, struct buf *why);
/* Takes, without waiting, the lease of that name on this connection's database, or has it already.
 * True: no other process has it, until this connection is closed or lost. One process alone may
 * have an SQLite database open for writing, so there it is always true. */
bool db_lease(struct db *db, const char *name);

/* --- migrations ---------------------------------------------------------------------------- */

/* A numbered step; a list ends with a NULL name and only ever grows. text may hold several
 * statements. "{{append_only TABLE}}" stands for triggers that refuse every UPDATE of the table and
 * every DELETE of a row whose at_ms is less than 365 days ago. "{{unchecked TABLE}}" takes its
 * CHECKs away where they are expensive: PostgreSQL reads their parse trees anew for every statement
 * that writes to the table, which took longer than the writing. SQLite keeps them, and with it
 * every test does. */
struct migration {
    const char *name; /* "orders/0001_init" */
    const char *text;
};

/* How long the rows of a table are kept: one for each table that the migrations beside it make. */
struct retention {
    const char *table;
    const char *kept; /* for people: until when, and why */
    /* Removes rows that are older than `before` and of which nothing is open any more, at
     * most max. NULL: they are kept for ever, or go by a rule of their own that `kept` names. */
    enum err (*prune)(struct tx *tx, struct wall_ms before, int64_t max, int64_t *removed);
};

/* Applies what is missing, each step in one transaction with its record in schema_migrations. Any
 * number of processes may do it at once: they take turns. ERR_CONFLICT: an applied step's text is
 * not the one recorded. */
enum err db_migrate(struct db *db, const struct migration *steps, struct wall_ms now,
                    struct buf *why);

/* Whether the database (on PostgreSQL: the schema) has a table of that name. */
enum err db_has_table(struct tx *tx, const char *name, bool *found);

/* The names of the steps that were applied, in the order of their names, at most max; texts in the
 * arena. */
enum err db_steps(struct tx *tx, struct arena *arena, struct str *out, size_t max, size_t *count);

/* --- transactions -------------------------------------------------------------------------- */

/* Opens the one transaction of a writer connection. The tx belongs to the db. */
enum err tx_begin(struct db *db, struct tx **out);
/* ERR_COMMIT_UNKNOWN: the rows may or may not be there; the connection is broken. ERR_DISK_FULL,
 * ERR_CONTENTION and the like: rolled back for certain. */
enum err tx_commit(struct tx *tx);
void tx_rollback(struct tx *tx);

/* A work item inside the transaction, at first of no trace: item_end(keep = false) undoes what the
 * item wrote and nothing else. Items do not nest; the savepoint is made at the first write, so an
 * item that only reads costs nothing. When the engine has lost the whole transaction (disk full,
 * I/O error), item_end returns that error and the caller must roll back everything.
 *
 * ERR_CONTENTION: another connection was in the way (deadlock, a lock not given in time), a
 * statement nobody waited for failed in an item that had ended, or an item had to be undone without
 * a savepoint. Roll back and run each item in a transaction of its own, with tx_check at its end.
 */
void tx_item_begin(struct tx *tx, struct wall_ms now);
enum err tx_item_end(struct tx *tx, bool keep);
/* From here to the transaction's end there are no savepoints: an item that changed rows and is not
 * kept is ERR_CONTENTION, and the transaction cannot be committed. SQLite copies each page that an
 * item with a savepoint changes. PostgreSQL makes a subtransaction of it; beyond 64 of them, and
 * when one locks a row and the other changes it, every reader of those rows pays for it
 * (PostgreSQL's src/backend/access/transam/README). */
void tx_without_savepoints(struct tx *tx);
/* Before item_end: waits for the item's statements that nobody has waited for; the first error. */
enum err tx_check(struct tx *tx);

/* What was overwritten by transactions before this one leaves the disk for good: an embedded
 * database's log, which keeps every page as it was, is folded in and cut after the commit. Readers
 * of that moment may be in the way; tx_scrubbing of a later transaction: it is still to be done.
 * What becomes of PostgreSQL's log is its server's matter. */
void tx_scrub(struct tx *tx);
bool tx_scrubbing(const struct tx *tx);

/* A read view: every statement sees a snapshot of its own. */
struct tx *tx_read(struct db *db, struct wall_ms now);

/* How many commits this database has seen from this process, when nobody else can write to it; 0
 * when the engine cannot tell. What was read under one number is still true under the same one. */
uint64_t db_commits(const struct db *db);
/* A read view that many short reads share until db_snapshot_end, for that saves the locking of
 * each. It is never older than what was committed in this process before the call. Readers only. */
struct tx *tx_snapshot(struct db *db, struct wall_ms now);
void db_snapshot_end(struct db *db);

/* --- statements ---------------------------------------------------------------------------- */

enum sql_type { SQL_NULL, SQL_INT, SQL_TEXT, SQL_ID };

struct sql_value {
    enum sql_type type;
    int64_t integer;
    struct str text;
    struct object_id id;
};

static inline struct sql_value sql_null(void)
{
    return (struct sql_value){.type = SQL_NULL};
}
static inline struct sql_value sql_int(int64_t integer)
{
    return (struct sql_value){.type = SQL_INT, .integer = integer};
}
/* Kept as milliseconds, in a column whose name ends in _ms. */
static inline struct sql_value sql_wall(struct wall_ms time)
{
    return sql_int(time.ms);
}
static inline struct sql_value sql_text(struct str text)
{
    return (struct sql_value){.type = SQL_TEXT, .text = text};
}
static inline struct sql_value sql_text_or_null(struct str text) /* NULL: an empty one */
{
    return text.len ? sql_text(text) : sql_null();
}
/* Kept as its 24 hex digits. */
static inline struct sql_value sql_id(struct object_id id)
{
    return (struct sql_value){.type = SQL_ID, .id = id};
}
static inline struct sql_value sql_id_or_null(struct object_id id) /* NULL: it is all zero */
{
    return object_id_eq(id, (struct object_id){{0}}) ? sql_null() : sql_id(id);
}

/* Append to a SELECT whose row this item goes on to change: nobody else changes it before the
 * transaction ends. No effect in a read view. */
#define SQL_FOR_UPDATE          " /*postgresql FOR UPDATE*/"
#define SQL_FOR_UPDATE_OF(name) " /*postgresql FOR UPDATE OF " name "*/"
/* The same for a row that must only stay as it is until then; others may say so, too. */
#define SQL_FOR_SHARE " /*postgresql FOR SHARE*/"
/* The same for a queue's rows: passes over those that another replica works on. */
#define SQL_SKIP_LOCKED " /*postgresql FOR UPDATE SKIP LOCKED*/"

/* Runs a statement that returns no rows. changes: rows it touched; NULL when it does not matter,
 * then PostgreSQL is not waited for, and an error may come from a later call instead (tx_check,
 * tx_item_end, tx_commit). ERR_CONFLICT: a unique index or check refused; ERR_DISK_FULL, ERR_IO,
 * ERR_UNAVAILABLE: see tx_item_end. */
#define tx_exec(tx, changes, sql, ...)                                                             \
    tx_exec_values(tx, changes, sql, (const struct sql_value[]){__VA_ARGS__},                      \
                   sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value))
enum err tx_exec_values(struct tx *tx, int64_t *changes, const char *sql,
                        const struct sql_value *values, size_t count);

/* The rows of a query, or of an INSERT … RETURNING in a writer's transaction, which has happened
 * once its first row came. Always rows_end it, also after an error from rows_next. */
struct rows {
    struct db *db;
    void *statement;
    int row;
    enum err err;
};

#define tx_query(tx, rows, sql, ...)                                                               \
    tx_query_values(tx, rows, sql, (const struct sql_value[]){__VA_ARGS__},                        \
                    sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value))
void tx_query_values(struct tx *tx, struct rows *rows, const char *sql,
                     const struct sql_value *values, size_t count);
/* False at the end or on an error. The same statement must not be queried again before rows_end. */
bool rows_next(struct rows *rows);
bool rows_null(struct rows *rows, int column);
int64_t rows_int(struct rows *rows, int column);
struct wall_ms rows_wall(struct rows *rows, int column);
struct str rows_text(struct rows *rows, int column);     /* valid until rows_next or rows_end */
struct object_id rows_id(struct rows *rows, int column); /* zero when not an id */
enum err rows_end(struct rows *rows);
/* Ends a query for one whole number, such as the version of a row that may be missing. out: `none`
 * when there is no row. */
enum err rows_end_int(struct rows *rows, int64_t none, int64_t *out);

/* --- text search --------------------------------------------------------------------------- *
 * A table with the columns place ({{serial}}: what its rows are ordered by) and words (TEXT: the
 * words it is found by, one space between them) gets "{{text index TABLE}}" in its migration:
 * SQLite's FTS5, or a tsvector and its GIN index. Who asks reads "FROM {{matching TABLE}} WHERE
 * {{matches TABLE}}", whose $1 is the text of a text_query, and "{{place TABLE}}" for its place:
 * rows in the order of their places are read as they are needed, however many there are. Both
 * columns of a row are never changed: it is removed and put. What a word is, is the caller's
 * matter: letters and digits of ASCII, and whatever is beyond ASCII. */

/* Words that a row must have: all of them, or one of each group. */
struct text_query {
    const struct text_query_words *words;
    struct buf text;
    bool grouped, begun; /* within a group; something precedes the next word */
};

/* The text lives in the arena, of at most max bytes; query.text.failed at the end: it is not
 * whole. A query without a word is none that can be asked. */
void text_query_init(struct text_query *query, const struct db *db, struct arena *arena,
                     size_t max);
/* The word itself; beginning: or any that begins with it. */
void text_query_word(struct text_query *query, struct str word, bool beginning);
/* Words between these two are alternatives; at least one. Groups do not nest. */
void text_query_group(struct text_query *query);
void text_query_group_end(struct text_query *query);

#endif
