/* sql/postgres_open.c: connections to PostgreSQL, and what its errors mean. */
#include "sql/postgres_parts.h"

#include "telemetry/log.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define REFUSAL_MS_MAX 5000

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

enum err postgres_fail(struct postgres *db, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum err err = state ? err_of(state) : ERR_UNAVAILABLE;

    if (!state || (db->mode == DB_WRITER && needs_another_connection(state))) db->lost = true;
    if (state && in_class(state, "57P")) db->lost = true;
    snprintf(db->state, sizeof db->state, "%s", state ? state : "");
    if (err != ERR_CONFLICT && err != ERR_CONTENTION)
        log_event(LOG_ERROR, "sql", "statement.failed",
                  log_text("code", str_of(state ? state : "")),
                  log_text("reason", str_of(message ? message : "the connection was lost")));
    return err;
}

/* --- open and close ------------------------------------------------------------------------ */

/* Between statements even a FATAL error, the server's goodbye, comes as a notice. */
static void on_notice(void *context, const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (severity && strcmp(severity, "FATAL") == 0) ((struct postgres *)context)->lost = true;
}

void postgres_close(struct db *base)
{
    struct postgres *db = postgres_of(base);

    PQfinish(db->conn); /* the server rolls back */
    free(db);
}

/* The SQLSTATE with which the server refuses to let anybody in at this address, or "": libpq shows
 * it to who asks for it before the answer comes. */
static void state_of_refusal(const char *const *names, const char *const *values, char state[6])
{
    PGconn *conn = PQconnectStartParams(names, values, 1);
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
    const char *said;

    state[0] = '\0';
    if (conn) PQsetErrorVerbosity(conn, PQERRORS_SQLSTATE);
    while (conn && PQstatus(conn) != CONNECTION_BAD && PQsocket(conn) >= 0 &&
           (wants == PGRES_POLLING_READING || wants == PGRES_POLLING_WRITING)) {
        struct pollfd fd = {.fd = PQsocket(conn),
                            .events = wants == PGRES_POLLING_READING ? POLLIN : POLLOUT};

        if (poll(&fd, 1, REFUSAL_MS_MAX) <= 0) break;
        wants = PQconnectPoll(conn);
    }
    said = conn ? strstr(PQerrorMessage(conn), "FATAL:  ") : NULL;
    if (said) snprintf(state, 6, "%s", said + strlen("FATAL:  "));
    PQfinish(conn);
}

/* What waiting does not mend: there is no such database (3D000), or the role or its password is not
 * right (28). */
static bool is_wrong_address(const char *state)
{
    return in_class(state, "3D000") || in_class(state, "28");
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
static enum err split_dsn(const char *dsn, char *schema, char **uri, struct buf *why)
{
    const char *mark = strrchr(dsn, '#');
    PQconninfoOption *options;

    ASSERT(mark && strlen(mark + 1) < SCHEMA_MAX);
    *uri = strndup(dsn, (size_t)(mark - dsn));
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

enum err postgres_run(struct postgres *db, const char *sql)
{
    PGresult *result = PQexec(db->conn, sql);
    enum err err = postgres_is_good(result) ? OK : postgres_fail(db, result);

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
    if (PQstatus(db->conn) != CONNECTION_OK) {
        state_of_refusal(names, values, db->state);
        return explain(db, is_wrong_address(db->state) ? ERR_INVALID : ERR_UNAVAILABLE, why);
    }
    PQsetNoticeReceiver(db->conn, on_notice, db);
    snprintf(settings, sizeof settings,
             SETTINGS " SET search_path = \"%s\"; SET default_transaction_read_only = %s",
             db->schema, db->mode == DB_READER ? "on" : "off");
    if (postgres_run(db, settings) != OK) return explain(db, ERR_UNAVAILABLE, why);
    ASSERT(PQenterPipelineMode(db->conn));
    return err;
}

void postgres_explain(struct db *base, struct buf *why)
{
    const struct postgres *db = postgres_of(base);

    if (in_class(db->state, "42501") || in_class(db->state, "3F000"))
        buf_printf(why,
                   "the role may not make the schema %s, or tables in it: make it as "
                   "deploy/postgres/roles.sql does, or GRANT CREATE ON DATABASE to the role",
                   db->schema);
}

enum err postgres_open(const char *dsn, enum db_mode mode, struct db **out, struct buf *why)
{
    struct postgres *db = calloc(1, sizeof *db);
    char *uri = NULL;
    enum err err;

    *out = NULL;
    if (!db) return ERR_MEMORY;
    db->base = (struct db){.engine = &postgres_engine, .tx.db = &db->base};
    db->mode = mode;
    TRY(split_dsn(dsn, db->schema, &uri, why));
    TRY(connect_to(db, uri, why));
    *out = &db->base;
done:
    free(uri);
    if (err) postgres_close(&db->base);
    return err;
}

/* Twice: behind the server's goodbye comes the end of the stream. */
bool postgres_broken(struct db *base)
{
    struct postgres *db = postgres_of(base);

    for (int i = 0; i < 2 && !db->lost && !db->open && db->unread == 0; i++) {
        db->lost = !PQconsumeInput(db->conn) || PQstatus(db->conn) != CONNECTION_OK;
        if (!db->lost) (void)PQisBusy(db->conn); /* reads what has come; see on_notice */
    }
    return db->lost;
}
