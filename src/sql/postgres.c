/* sql/postgres.c: PostgreSQL behind sql.h; the only file that knows libpq.
 *
 * A connection is always in pipeline mode: a statement is sent when somebody runs it, and waited
 * for when somebody looks at its result. What nobody looks at (the outbox, savepoints) travels with
 * the next one that is waited for, at the latest with COMMIT. An error of such a statement is told
 * late: within its item by the next call, after its item as ERR_CONTENTION of the whole
 * transaction, which is then run again item by item. */
#include "sql/engine.h"

#include "base/log.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#define STATEMENTS_MAX 128 /* distinct SQL texts of one connection; a power of two */
#define UNREAD_MAX     512 /* results waiting on the server; beyond it somebody waits */
#define SCHEMA_MAX     64
#define NUMBER_MAX     24

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
    bool lost;      /* the connection, or what became of its COMMIT */
    size_t unread;  /* commands whose result nobody has read */
    size_t earlier; /* of those, sent before the running item */
    unsigned names; /* given to prepared statements so far */
    struct statement statements[STATEMENTS_MAX];
};

static struct postgres *of(struct db *base)
{
    return (struct postgres *)base;
}

/* --- errors -------------------------------------------------------------------------------- */

static bool in_class(const char *state, const char *class)
{
    return strncmp(state, class, strlen(class)) == 0;
}

/* SQLSTATE, appendix A of PostgreSQL's manual. */
static enum err err_of(const char *state)
{
    static const struct {
        const char *class;
        enum err err;
    } known[] = {
        {"23", ERR_CONFLICT},     {"40", ERR_CONTENTION},  {"55P03", ERR_CONTENTION},
        {"53100", ERR_DISK_FULL}, {"53", ERR_UNAVAILABLE}, {"08", ERR_UNAVAILABLE},
        {"57", ERR_UNAVAILABLE},  {"25", ERR_UNAVAILABLE}, {"22", ERR_INVALID},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (in_class(state, known[i].class)) return known[i].err;
    return ERR_IO;
}

/* These go away with the connection alone: the server became a standby (25006), is stopping
 * (57P01 and the like), has forgotten a statement or changed a table under it. */
static bool needs_another_connection(const char *state)
{
    return in_class(state, "25006") || in_class(state, "57P") || in_class(state, "08") ||
           in_class(state, "26000") || in_class(state, "0A000");
}

/* Only the primary message is logged: details quote the rows' contents. */
static enum err fail(struct postgres *db, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum err err = state ? err_of(state) : ERR_UNAVAILABLE;

    if (!state || (db->mode == DB_WRITER && needs_another_connection(state))) db->lost = true;
    if (state && in_class(state, "57P")) db->lost = true;
    if (err != ERR_CONFLICT && err != ERR_CONTENTION)
        log_event(LOG_ERROR, "sql", "statement.failed",
                  log_text("code", str_of(state ? state : "")),
                  log_text("reason", str_of(message ? message : "the connection was lost")));
    return err;
}

/* --- the pipeline -------------------------------------------------------------------------- */

/* After a failure nobody knows which of them the server still took: those get a new name. */
static void statements_sent_are(struct postgres *db, enum statement_state state)
{
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        if (db->statements[i].state == STATEMENT_SENT) db->statements[i].state = state;
}

/* The results of one command; the last of them is the one that counts. */
static PGresult *read_command(struct postgres *db)
{
    PGresult *result = NULL, *more;

    while ((more = PQgetResult(db->conn))) {
        if (result) PQclear(result);
        result = more;
    }
    return result;
}

static bool is_good(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
}

/* Waits for everything that was sent. last (may be NULL): the result of the last command when all
 * went well, the caller's to clear. */
static enum err drain(struct postgres *db, PGresult **last)
{
    enum err err = OK;
    PGresult *sync;

    if (last) *last = NULL;
    if (db->lost) return ERR_UNAVAILABLE;
    if (!PQpipelineSync(db->conn)) {
        db->lost = true;
        return ERR_UNAVAILABLE;
    }
    for (size_t i = 0; i < db->unread && !db->lost; i++) {
        PGresult *result = read_command(db);

        if (!result || (err == OK && !is_good(result))) {
            err = fail(db, result); /* what follows was not done */
            if (i < db->earlier && !db->lost) err = ERR_CONTENTION;
        } else if (err == OK && last && i + 1 == db->unread) {
            *last = result;
            continue;
        }
        PQclear(result);
    }
    db->unread = db->earlier = 0;
    if (!db->lost) {
        sync = PQgetResult(db->conn);
        if (PQresultStatus(sync) != PGRES_PIPELINE_SYNC) db->lost = true;
        PQclear(sync);
    }
    statements_sent_are(db, err ? STATEMENT_NEW : STATEMENT_READY);
    db->failed |= err && db->open;
    db->contended |= err == ERR_CONTENTION;
    return db->lost && err == OK ? ERR_UNAVAILABLE : err;
}

static const struct engine_word words[] = {
    {"{{serial}}", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
    {"{{last serial}}", "lastval()"},
    {"{{append_only ",
     "CREATE FUNCTION @_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
     " IF TG_OP = 'UPDATE' OR OLD.at_ms > (extract(epoch FROM now()) - 31536000) * 1000 THEN"
     " RAISE EXCEPTION 'the table is append-only' USING ERRCODE = 'check_violation'; END IF;"
     " RETURN OLD; END $$;\n"
     "CREATE TRIGGER @_append_only BEFORE UPDATE OR DELETE ON @"
     " FOR EACH ROW EXECUTE FUNCTION @_append_only();\n"},
    {"{{unchecked ",
     "DO $$ DECLARE found record; BEGIN FOR found IN SELECT conname FROM pg_constraint"
     " WHERE conrelid = '@'::regclass AND contype = 'c' LOOP"
     " EXECUTE format('ALTER TABLE @ DROP CONSTRAINT %I', found.conname); END LOOP; END $$;\n"},
    {"/*postgresql ", " "}, /* the rest of the comment is for this engine */
    {NULL, NULL},
};

/* A reader takes no locks: what is for this engine alone stays a comment. */
static enum err prepare(struct postgres *db, struct statement *slot, const char *sql)
{
    static const struct engine_word none[] = {{NULL, NULL}};
    struct buf text;
    enum err err = engine_translate(sql, db->mode == DB_READER ? none : words, &text);

    snprintf(slot->name, sizeof slot->name, "s%u", db->names++);
    if (err == OK && !PQsendPrepare(db->conn, slot->name, text.at, 0, NULL)) {
        db->lost = true;
        err = ERR_UNAVAILABLE;
    }
    buf_free(&text);
    if (err) return err;
    db->unread++;
    slot->sql = sql;
    slot->state = STATEMENT_SENT;
    return OK;
}

/* The connection's prepared form of a literal; never more texts than the table holds. */
static enum err statement_find(struct postgres *db, const char *sql, struct statement **out)
{
    size_t at = ((uintptr_t)sql >> 3) * 0x9E3779B1u;

    for (size_t tried = 0; tried < STATEMENTS_MAX; tried++, at++) {
        struct statement *slot = &db->statements[at & (STATEMENTS_MAX - 1)];

        *out = slot;
        if (slot->sql && slot->sql != sql) continue;
        return slot->sql && slot->state != STATEMENT_NEW ? OK : prepare(db, slot, sql);
    }
    assert_failed("a connection has STATEMENTS_MAX distinct statements", __FILE__, __LINE__);
}

/* Texts and ids travel as they are, with their length; numbers as digits, whatever type of column
 * the server has inferred for them. */
struct parameters {
    const char *at[PARAMETERS_MAX];
    int length[PARAMETERS_MAX];
    int format[PARAMETERS_MAX]; /* 1: binary */
    char number[PARAMETERS_MAX][NUMBER_MAX];
    struct object_id_text id[PARAMETERS_MAX];
};

static void parameter_set(struct parameters *out, size_t i, const struct sql_value *value)
{
    switch (value->type) {
    case SQL_INT:
        snprintf(out->number[i], NUMBER_MAX, "%lld", (long long)value->integer);
        out->at[i] = out->number[i];
        out->format[i] = 0;
        break;
    case SQL_TEXT:
        out->at[i] = value->text.at ? value->text.at : "";
        out->length[i] = (int)value->text.len;
        out->format[i] = 1;
        break;
    case SQL_ID:
        out->id[i] = object_id_text(value->id);
        out->at[i] = out->id[i].hex;
        out->length[i] = OBJECT_ID_HEX;
        out->format[i] = 1;
        break;
    case SQL_NULL:
        out->at[i] = NULL;
        out->format[i] = 0;
        break;
    }
}

/* Puts a statement on its way. */
static enum err send(struct postgres *db, const char *sql, const struct sql_value *values,
                     size_t count)
{
    struct parameters parameters;
    struct statement *statement;
    enum err err = OK;

    ASSERT(count <= PARAMETERS_MAX);
    if (db->lost) return ERR_UNAVAILABLE;
    if (db->unread >= UNREAD_MAX) TRY(drain(db, NULL));
    TRY(statement_find(db, sql, &statement));
    for (size_t i = 0; i < count; i++)
        parameter_set(&parameters, i, &values[i]);
    if (PQsendQueryPrepared(db->conn, statement->name, (int)count, parameters.at, parameters.length,
                            parameters.format, 0)) {
        db->unread++;
        return OK;
    }
    db->lost = true;
    err = ERR_UNAVAILABLE;
done:
    return err;
}

static enum err control(struct postgres *db, const char *sql)
{
    return send(db, sql, NULL, 0);
}

/* --- open and close ------------------------------------------------------------------------ */

/* Between statements even a FATAL error, the server's goodbye, comes as a notice. */
static void on_notice(void *context, const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (severity && strcmp(severity, "FATAL") == 0) ((struct postgres *)context)->lost = true;
}

static void close_connection(struct db *base)
{
    struct postgres *db = of(base);

    PQfinish(db->conn); /* the server rolls back */
    free(db);
}

/* What the server says, or why it cannot be reached. libpq's words about the address itself are
 * left out: in one that was mistyped any part may be a piece of the password. */
static enum err explain(struct postgres *db, enum err err, struct buf *why)
{
    const char *message = PQerrorMessage(db->conn), *said = strstr(message, "FATAL: ");

    if (!said) said = strstr(message, "failed: ");
    if (!said) said = ": the server that the address names cannot be found";
    said = strstr(said, ": ") + 2;
    if (why)
        buf_printf(why, "PostgreSQL: %.*s", (int)strcspn(said + strspn(said, " "), "\n"),
                   said + strspn(said, " "));
    return err;
}

/* "postgresql://host/database#schema" → the two. */
static enum err split_place(const char *place, char *schema, char **uri, struct buf *why)
{
    const char *mark = strrchr(place, '#');
    PQconninfoOption *options;

    ASSERT(mark && strlen(mark + 1) < SCHEMA_MAX);
    *uri = strndup(place, (size_t)(mark - place));
    if (!*uri) return ERR_MEMORY;
    strcpy(schema, mark + 1);
    options = PQconninfoParse(*uri, NULL);
    PQconninfoFree(options);
    if (options) return OK;
    if (why)
        buf_append(why,
                   STR("not a PostgreSQL address: it must be "
                       "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %XX for other than "
                       "letters and digits in the password"));
    return ERR_INVALID;
}

/* Several statements at once, outside pipeline mode. */
static enum err run(struct postgres *db, const char *sql)
{
    PGresult *result = PQexec(db->conn, sql);
    enum err err = is_good(result) ? OK : fail(db, result);

    PQclear(result);
    return err;
}

static enum err connect_to(struct postgres *db, const char *uri, struct buf *why)
{
    /* What the URI says comes later and counts. */
    static const char *const names[] = {
        "connect_timeout",  "keepalives_idle",  "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "application_name",
        "dbname",           "client_encoding",  NULL};
    char settings[512];
    const char *values[] = {"5", "5", "2", "3", "10000", "boxoffice", uri, "UTF8", NULL};
    enum err err = OK;

    db->conn = PQconnectdbParams(names, values, 1);
    if (!db->conn) return ERR_MEMORY;
    if (PQstatus(db->conn) != CONNECTION_OK) return explain(db, ERR_UNAVAILABLE, why);
    PQsetNoticeReceiver(db->conn, on_notice, db);
    snprintf(settings, sizeof settings,
             SETTINGS " SET search_path = \"%s\"; SET default_transaction_read_only = %s",
             db->schema, db->mode == DB_READER ? "on" : "off");
    if (run(db, settings) != OK) return explain(db, ERR_UNAVAILABLE, why);
    ASSERT(PQenterPipelineMode(db->conn));
    return err;
}

enum err postgres_open(const char *place, enum db_mode mode, struct db **out, struct buf *why)
{
    struct postgres *db = calloc(1, sizeof *db);
    char *uri = NULL;
    enum err err;

    *out = NULL;
    if (!db) return ERR_MEMORY;
    db->base = (struct db){.engine = &postgres_engine, .tx.db = &db->base};
    db->mode = mode;
    TRY(split_place(place, db->schema, &uri, why));
    TRY(connect_to(db, uri, why));
    *out = &db->base;
done:
    free(uri);
    if (err) close_connection(&db->base);
    return err;
}

/* Twice: behind the server's goodbye comes the end of the stream. */
static bool broken(struct db *base)
{
    struct postgres *db = of(base);

    for (int i = 0; i < 2 && !db->lost && !db->open && db->unread == 0; i++) {
        db->lost = !PQconsumeInput(db->conn) || PQstatus(db->conn) != CONNECTION_OK;
        if (!db->lost) (void)PQisBusy(db->conn); /* reads what has come; see on_notice */
    }
    return db->lost;
}

/* --- migrations ---------------------------------------------------------------------------- */

/* Runs a script of the engine's own words, which a pipeline does not take. */
static enum err run_aside(struct postgres *db, const char *sql)
{
    enum err err = drain(db, NULL);

    if (err) return err;
    ASSERT(PQexitPipelineMode(db->conn));
    err = run(db, sql);
    db->failed |= err && db->open;
    ASSERT(db->lost || PQenterPipelineMode(db->conn));
    return err;
}

static enum err script(struct db *base, const char *text)
{
    struct buf out;
    enum err err = engine_translate(text, words, &out);

    if (err == OK) err = run_aside(of(base), out.at);
    buf_free(&out);
    return err;
}

/* One process at a time, whoever else starts now waits here; a lost connection gives the lock back.
 * A role that may not make schemas finds its own made for it. */
static enum err migrating(struct db *base, bool begins)
{
    struct postgres *db = of(base);
    char sql[1024];

    if (!begins) return run_aside(db, "SELECT pg_advisory_unlock_all();" SETTINGS);
    snprintf(sql, sizeof sql,
             "SET lock_timeout = 0; SET statement_timeout = 0;"
             " SELECT pg_advisory_lock(hashtextextended('boxoffice/%s', 0));"
             " DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = '%s')"
             " THEN CREATE SCHEMA \"%s\"; END IF; END $$",
             db->schema, db->schema, db->schema);
    return run_aside(db, sql);
}

static bool lease(struct db *base, const char *name)
{
    struct postgres *db = of(base);
    struct rows rows;
    bool taken;

    tx_query(&base->tx, &rows,
             "SELECT pg_try_advisory_lock(hashtextextended('boxoffice lease ' || current_schema()"
             " || ' ' || $1::text, 0))",
             sql_text(str_of(name)));
    taken = rows_next(&rows) && str_eq(rows_text(&rows, 0), STR("t"));
    return rows_end(&rows) == OK && taken && !db->lost;
}

/* --- statements ---------------------------------------------------------------------------- */

static enum err savepoint_begin(struct postgres *db)
{
    if (db->savepoint || !db->open || !db->divided) return OK;
    db->savepoint = true;
    return control(db, "SAVEPOINT item");
}

static enum err execute(struct db *base, int64_t *changes, const char *sql,
                        const struct sql_value *values, size_t count)
{
    struct postgres *db = of(base);
    PGresult *result;
    enum err err = OK;

    if (changes) *changes = 0;
    TRY(savepoint_begin(db));
    TRY(send(db, sql, values, count));
    db->wrote |= !changes;
    if (!changes && db->open) return OK;
    err = drain(db, &result);
    if (changes && err == OK) *changes = strtoll(PQcmdTuples(result), NULL, 10);
    db->wrote |= changes && *changes;
    PQclear(result);
done:
    return err;
}

static void query(struct rows *rows, const char *sql, const struct sql_value *values, size_t count)
{
    struct postgres *db = of(rows->db);
    PGresult *result = NULL;

    rows->row = -1;
    rows->err = send(db, sql, values, count);
    if (rows->err == OK) rows->err = drain(db, &result);
    rows->statement = result;
}

static bool next(struct rows *rows)
{
    if (rows->err || rows->row + 1 >= PQntuples(rows->statement)) return false;
    rows->row++;
    return true;
}

static bool is_null(struct rows *rows, int column)
{
    return PQgetisnull(rows->statement, rows->row, column) != 0;
}

static int64_t integer(struct rows *rows, int column)
{
    return strtoll(PQgetvalue(rows->statement, rows->row, column), NULL, 10);
}

static struct str text(struct rows *rows, int column)
{
    return (struct str){PQgetvalue(rows->statement, rows->row, column),
                        (size_t)PQgetlength(rows->statement, rows->row, column)};
}

static void end(struct rows *rows)
{
    PQclear(rows->statement);
}

/* --- transactions -------------------------------------------------------------------------- */

static enum err begin(struct db *base)
{
    struct postgres *db = of(base);
    enum err err;

    ASSERT(db->mode == DB_WRITER && !db->open);
    if (broken(base)) return ERR_UNAVAILABLE;
    err = control(db, "BEGIN");
    db->open = err == OK;
    db->divided = true;
    db->savepoint = db->failed = db->contended = false;
    return err;
}

/* Everything that was sent is read before; then the server takes a ROLLBACK in any state. */
static void rollback(struct db *base)
{
    struct postgres *db = of(base);

    if (db->open && !db->lost) {
        (void)drain(db, NULL);
        if (control(db, "ROLLBACK") == OK) (void)drain(db, NULL);
    }
    db->open = db->savepoint = db->failed = db->contended = false;
}

/* COMMIT travels with what nobody has waited for: when any of that fails, the server passes over
 * everything behind it. With a COMMIT unanswered nobody knows what became of it. */
static enum err commit(struct db *base)
{
    struct postgres *db = of(base);
    PGresult *result = NULL;
    bool ended_well;
    enum err err = db->failed || db->contended ? ERR_CONTENTION : OK;

    ASSERT(db->open && !db->savepoint);
    db->earlier = db->unread; /* an error of these is one that comes late */
    if (err == OK) err = control(db, "COMMIT");
    if (err == OK) err = drain(db, &result);
    ended_well = result && strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    if (ended_well) {
        db->open = false;
        return OK;
    }
    if (db->lost) {
        db->open = false;
        return ERR_COMMIT_UNKNOWN;
    }
    rollback(base);
    return err == ERR_DISK_FULL ? err : ERR_CONTENTION;
}

static void item_begin(struct db *base)
{
    struct postgres *db = of(base);

    ASSERT(!db->savepoint);
    db->wrote = false;
    db->earlier = db->unread;
}

static void without_savepoints(struct db *base)
{
    of(base)->divided = false;
}

static enum err item_end(struct db *base, bool keep)
{
    struct postgres *db = of(base);
    enum err err = OK;

    if (db->lost) return ERR_UNAVAILABLE;
    if (!keep && db->savepoint) (void)drain(db, NULL); /* the item's own errors go with it */
    if (db->lost) return ERR_UNAVAILABLE;
    db->contended |= !keep && db->wrote && !db->divided;
    if (db->contended || (db->failed && (keep || !db->savepoint))) return ERR_CONTENTION;
    if (!db->savepoint) return OK;
    db->savepoint = false;
    if (!keep) {
        TRY(control(db, "ROLLBACK TO item"));
        db->failed = false;
    }
    TRY(control(db, "RELEASE item"));
done:
    return err;
}

static enum err check(struct db *base)
{
    struct postgres *db = of(base);

    return db->unread ? drain(db, NULL) : OK;
}

/* Others write, too: nothing read before is known to be true still. */
static uint64_t commits(const struct db *base)
{
    (void)base;
    return 0;
}

static void snapshot(struct db *base)
{
    ASSERT(of(base)->mode == DB_READER);
}

static void snapshot_end(struct db *base)
{
    (void)base;
}

const struct engine postgres_engine = {
    .shared = true,
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
