/* sql/postgres_parts.h: what the files of this engine share: postgres_open.c and postgres.c, the
 * only ones that know libpq. */
#ifndef SQL_POSTGRES_PARTS_H
#define SQL_POSTGRES_PARTS_H

#include "sql/engine.h"

#include <libpq-fe.h>

#define STATEMENTS_MAX 128 /* distinct SQL texts of one connection; a power of two */
#define SCHEMA_MAX     64

/* A lock that is not given soon is a deadlock, or another replica that hangs: better to let go and
 * run again item by item than to wait for the server's deadlock check. A transaction whose owner
 * was cut off must not keep its locks, and a process that was cut off must not keep its lease: the
 * server, too, looks whether its client is there. Statements look up keys: to plan one for the
 * values at hand would cost more than it runs. */
#define SETTINGS                                                                                   \
    "SET statement_timeout = '10s'; SET lock_timeout = '300ms';"                                   \
    " SET plan_cache_mode = force_generic_plan;"                                                   \
    " SET idle_in_transaction_session_timeout = '15s'; SET client_min_messages = error;"           \
    " SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;" \
    " SET tcp_user_timeout = '10s';"

enum statement_state { STATEMENT_NEW, STATEMENT_SENT, STATEMENT_READY };

struct statement {
    const char *sql; /* the literal's address is the key */
    enum statement_state state;
    char name[16]; /* on the server */
};

struct postgres {
    struct db base; /* first: a struct db of this engine is one of these */
    PGconn *conn;
    enum db_mode mode;
    char schema[SCHEMA_MAX];
    bool open;      /* a transaction */
    bool divided;   /* its items get savepoints … */
    bool savepoint; /* … and the running one has it */
    bool wrote;     /* the running item, or perhaps */
    bool failed;    /* the transaction refuses everything but a rollback (to the savepoint) */
    bool contended; /* … and only a rollback of all of it is safe */
    char state[6];  /* SQLSTATE of the last error; "": none */
    bool lost;      /* the connection, or what became of its COMMIT */
    size_t unread;  /* commands whose result nobody has read */
    size_t earlier; /* of those, sent before the running item */
    unsigned names; /* given to prepared statements so far */
    struct statement statements[STATEMENTS_MAX];
};

static inline struct postgres *postgres_of(struct db *base)
{
    return (struct postgres *)base;
}

static inline bool postgres_is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    /* the last: a migration that is for the other engine alone has nothing in it here */
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

/* What a failed result means here; a connection that is of no more use is marked as lost. Only the
 * primary message is logged: details quote the rows' contents. */
enum err postgres_fail(struct postgres *db, const PGresult *result);
/* Several statements at once, outside pipeline mode. */
enum err postgres_run(struct postgres *db, const char *sql);
/* engine.close, engine.broken, engine.explain */
void postgres_close(struct db *base);
bool postgres_broken(struct db *base);
void postgres_explain(struct db *base, struct buf *why);

#endif
