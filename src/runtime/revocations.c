/* runtime/revocations.c: sessions that end before their token does, or go on after it. Each service
 * keeps its own books of banned users, ended and extended sessions in its database; the process's
 * one table in memory follows the commits of all. */
#include "runtime/revocations.h"

#define POLL_EVERY_MS 500 /* when others can write to the database */
#define FORGET_EACH   2   /* rows whose time is over go with each new one: tables do not grow */

/* --- from the database to memory ----------------------------------------------------------- */

static enum err read_bans(struct revocation_table *fresh, uint32_t by, struct tx *tx)
{
    enum err err;
    struct rows rows;
    bool room = true;

    tx_query(tx, &rows, "SELECT user_id FROM banned_users WHERE banned = $1", sql_int(1));
    while (room && rows_next(&rows))
        room = revocation_table_ban(fresh, by, rows_text(&rows, 0), true, tx->now);
    TRY(rows_end(&rows));
    if (!room) err = ERR_MEMORY;
done:
    return err;
}

static enum err read_sessions(struct revocation_table *revoked, struct tx *tx)
{
    enum err err;
    struct rows rows;
    bool room = true;

    tx_query(tx, &rows,
             "SELECT 0, id_hash, until_ms FROM ended_sessions WHERE until_ms > $1"
             " UNION ALL SELECT 1, id_hash, until_ms FROM extended_sessions WHERE until_ms > $1",
             sql_wall(tx->now));
    while (room && rows_next(&rows))
        room =
            revocation_table_put(revoked, rows_int(&rows, 0) ? SESSION_EXTENDED : REVOKED_SESSION,
                                 rows_text(&rows, 1), rows_wall(&rows, 2), tx->now);
    TRY(rows_end(&rows));
    if (!room) err = ERR_MEMORY;
done:
    return err;
}

enum err revocations_read(struct writer *writer, struct wall_ms now)
{
    struct revocation_table *revoked = writer->instance->revocations;
    struct revocation_table *fresh = revocation_table_new();
    uint32_t by = writer->instance->revoked_by;
    struct tx *tx = tx_read(writer->db, now);
    enum err err = ERR_MEMORY;

    if (!fresh) goto done;
    TRY(read_bans(fresh, by, tx));
    TRY(read_sessions(revoked, tx));
    if (!revocation_table_ban_only(revoked, by, fresh, now)) err = ERR_MEMORY;
done:
    revocation_table_free(fresh);
    writer->revoked_poll_at = mono_after(env_mono(&writer->env), POLL_EVERY_MS);
    return err;
}

struct mono_ms revocations_next(const struct writer *writer)
{
    return writer->instance->revoked_by && writer_is_first(writer) && db_commits(writer->db) == 0
               ? writer->revoked_poll_at
               : MONO_NEVER;
}

/* In the order in which they were said: of two about one key the last counts. */
void revocations_committed(struct writer *writer, struct wall_ms now)
{
    struct revocation *oldest_first = NULL;

    while (writer->revocations) {
        struct revocation *at = writer->revocations;

        writer->revocations = at->link;
        at->link = oldest_first;
        oldest_first = at;
    }
    for (const struct revocation *at = oldest_first; at; at = at->link) {
        struct revocation_table *revoked = writer->instance->revocations;

        ASSERT(at->kind == REVOKED_USER
                   ? revocation_table_ban(revoked, writer->instance->revoked_by, at->key,
                                          wall_same(at->until, WALL_NEVER), now)
                   : revocation_table_put(revoked, at->kind, at->key, at->until, now));
    }
}

/* --- in a transaction ---------------------------------------------------------------------- */

/* Takes effect in memory with the commit. */
static void announce(struct writer *writer, enum revocation_kind kind, struct str key,
                     struct wall_ms until)
{
    struct revocation *revocation = arena_alloc(writer->arena, sizeof *revocation);

    ASSERT(revocation != NULL && writer->instance->revoked_by != 0);
    *revocation =
        (struct revocation){writer->revocations, kind, arena_copy(writer->arena, key), until};
    ASSERT(revocation->key.at != NULL);
    writer->revocations = revocation;
}

static enum err ban_version(struct tx *tx, struct str user_id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM banned_users WHERE user_id = $1" SQL_FOR_UPDATE,
             sql_text(user_id));
    return rows_end_int(&rows, -1, version);
}

enum verdict env_user_banned(struct env *env, struct tx *tx, struct str user_id, int64_t version,
                             bool banned)
{
    int64_t held;
    enum err err;

    TRY(ban_version(tx, user_id, &held));
    if (version <= held) return VERDICT_SEEN;
    TRY(tx_exec(tx, NULL,
                "INSERT INTO banned_users (user_id, version, banned) VALUES ($1, $2, $3)"
                " ON CONFLICT (user_id) DO UPDATE SET version = excluded.version,"
                " banned = excluded.banned",
                sql_text(user_id), sql_int(version), sql_int(banned)));
    announce(env->writer, REVOKED_USER, user_id, banned ? WALL_NEVER : WALL_NONE);
done:
    return verdict_of(err);
}

static enum verdict user_updated_apply(struct writer *writer, struct tx *tx,
                                       const struct user_updated *user)
{
    struct object_id_text id = object_id_text(user->id);

    return env_user_banned(&writer->env, tx, str_of(id.hex), user->version,
                           str_eq(user->status, STR("banned")));
}

enum err user_is_banned(struct tx *tx, struct str user_id, bool *banned)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT banned FROM banned_users WHERE user_id = $1", sql_text(user_id));
    *banned = rows_next(&rows) && rows_int(&rows, 0) == 1;
    return rows_end(&rows);
}

/* The later end counts, whichever comes first. *news: it was not known so far. */
static enum err session_put(struct env *env, struct tx *tx, enum revocation_kind kind,
                            struct str id_hash, struct wall_ms until, bool *news)
{
    int64_t changed = 0, forgotten;
    enum err err;

    TRY(ended_sessions_forget(tx, FORGET_EACH, &forgotten));
    if (kind == REVOKED_SESSION)
        TRY(tx_exec(tx, &changed,
                    "INSERT INTO ended_sessions (id_hash, until_ms) VALUES ($1, $2)"
                    " ON CONFLICT (id_hash) DO UPDATE SET until_ms = excluded.until_ms"
                    " WHERE ended_sessions.until_ms < excluded.until_ms",
                    sql_text(id_hash), sql_wall(until)));
    else
        TRY(tx_exec(tx, &changed,
                    "INSERT INTO extended_sessions (id_hash, until_ms) VALUES ($1, $2)"
                    " ON CONFLICT (id_hash) DO UPDATE SET until_ms = excluded.until_ms"
                    " WHERE extended_sessions.until_ms < excluded.until_ms",
                    sql_text(id_hash), sql_wall(until)));
    *news = changed > 0;
    if (*news) announce(env->writer, kind, id_hash, until);
done:
    return err;
}

enum err env_session_ended(struct env *env, struct tx *tx, struct str id_hash, struct wall_ms until,
                           bool *news)
{
    return session_put(env, tx, REVOKED_SESSION, id_hash, until, news);
}

enum err env_session_extended(struct env *env, struct tx *tx, struct str id_hash,
                              struct wall_ms until, bool *news)
{
    return session_put(env, tx, SESSION_EXTENDED, id_hash, until, news);
}

static bool is_runtimes(enum event_type type)
{
    return type == EVENT_USER_UPDATED || type == EVENT_SESSION_ENDED ||
           type == EVENT_SESSION_EXTENDED;
}

/* Of a service with routes of its own; what it publishes itself it need not be told. */
bool revocations_listen(const struct service_definition *def, enum event_type type)
{
    return def->route_count && !def->administration && is_runtimes(type) &&
           strcmp(event_publisher(type), def->name) != 0;
}

size_t revocations_subjects(const struct instance *instance, const char **out)
{
    size_t count = 0;

    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        if (revocations_listen(instance->def, type)) out[count++] = event_subject(type);
    return count;
}

enum verdict revocations_apply(struct writer *writer, struct tx *tx, enum event_type type,
                               const union event *event)
{
    struct env *env = &writer->env;
    bool news;

    if (!writer->instance->revoked_by || !is_runtimes(type)) return VERDICT_SEEN;
    switch (type) {
    case EVENT_USER_UPDATED:
        return user_updated_apply(writer, tx, &event->user_updated);
    case EVENT_SESSION_ENDED:
        return verdict_of(env_session_ended(env, tx, event->session_ended.id_hash,
                                            event->session_ended.until, &news));
    default:
        return verdict_of(env_session_extended(env, tx, event->session_extended.id_hash,
                                               event->session_extended.until, &news));
    }
}

bool env_session_refused(const struct env *env, const struct session_user *user, struct wall_ms now)
{
    return session_is_revoked(env->instance->revocations, REVOKED_BY_ANY, user, now);
}

enum err ended_sessions_forget(struct tx *tx, int64_t max, int64_t *forgotten)
{
    int64_t extended = 0;
    enum err err;

    TRY(tx_exec(tx, forgotten,
                "DELETE FROM ended_sessions WHERE id_hash IN"
                " (SELECT id_hash FROM ended_sessions WHERE until_ms <= $1 LIMIT $2" SQL_SKIP_LOCKED
                ")",
                sql_wall(tx->now), sql_int(max)));
    TRY(tx_exec(
        tx, &extended,
        "DELETE FROM extended_sessions WHERE id_hash IN"
        " (SELECT id_hash FROM extended_sessions WHERE until_ms <= $1 LIMIT $2" SQL_SKIP_LOCKED ")",
        sql_wall(tx->now), sql_int(max)));
    if (extended > *forgotten) *forgotten = extended;
done:
    return err;
}
