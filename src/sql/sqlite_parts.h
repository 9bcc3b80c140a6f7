/* sql/sqlite_parts.h: what the files of the embedded engine share: sqlite_open.c, sqlite.c,
 * sqlite_log.c and sqlite_copy.c, the only ones that know SQLite. */
#ifndef SQL_SQLITE_PARTS_H
#define SQL_SQLITE_PARTS_H

#include "telemetry/log.h"
#include "sql/engine.h"

#include <sqlite3.h>
#include <stdatomic.h>

#define PAGE_BYTES     4096 /* SQLite's default, and that of every file made here */
#define STATEMENTS_MAX 128  /* distinct SQL texts of one connection; a power of two */

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
    struct log_pause pause;   /* of what fails again and again */
    bool fold_failed;         /* the writer's: the log must be folded in from its beginning */
};

struct sqlite {
    struct db base; /* first: a struct db of this engine is one of these */
    sqlite3 *handle;
    struct file *file;
    enum db_mode mode;
    bool open;              /* a transaction, or a reader's snapshot */
    uint64_t seen;          /* file->commits when the snapshot began */
    bool divided;           /* the transaction's items get savepoints … */
    bool savepoint;         /* … and the running one has it */
    int64_t changes_before; /* of rows, in the connection's life, when the running item began */
    bool broken;            /* a commit's outcome is unknown */
    /* Why the open transaction cannot be committed: SQLite rolled it back by itself, an item's
     * savepoint could not be ended, or what an item without one wrote is not to be kept. OK: it
     * can. */
    enum err lost;
    bool scrub; /* the log is to be folded in and cut after the next commit */
    int lock_fd;
    int log_pages;         /* writer: of the log, after the last commit */
    int log_pages_max;     /* from here on it is folded in … */
    int64_t log_bytes;     /* … by force, from here on … */
    int64_t log_bytes_max; /* … and from here on nothing is written */
    int64_t log_fold_us;   /* when that may be tried again (clock_monotonic_us) */
    struct statement statements[STATEMENTS_MAX];
};

static inline struct sqlite *sqlite_of(struct db *base)
{
    return (struct sqlite *)base;
}

/* engine.close */
void sqlite_close(struct db *base);
/* What SQLite's result code means here. */
enum err sqlite_err(int code);
/* The same, and notes what SQLite says; expected outcomes (a unique index that refuses) are not
 * worth a line. Call it whenever something failed in a transaction: it looks whether that is gone.
 */
enum err sqlite_fail(struct sqlite *db, int code, const char *sql);
/* The log's file; NULL: there is none. */
sqlite3_file *sqlite_log(struct sqlite *db);
/* Sets log_bytes and log_bytes_max and says how many pages a log may have before it is folded in:
 * all three depend on the size of the disk. */
int sqlite_log_measure(struct sqlite *db, const char *path);
/* A writer's connection knows from now on how long its log is. */
void sqlite_log_count(struct sqlite *db);
/* After each commit: folds the log in when it is long, or when that was asked for. */
void sqlite_log_committed(struct sqlite *db);
/* Before each transaction. ERR_DISK_FULL: the log is as long as it may be. */
enum err sqlite_log_bound(struct sqlite *db);
/* Before a writer closes: what is not on the disk stays in the log. */
void sqlite_log_leave(struct sqlite *db);
#define BUSY_MS 1000 /* how long a lock that another connection has is waited for */
/* One or several statements without a result. */
enum err sqlite_run(struct sqlite *db, const char *sql);

#endif
