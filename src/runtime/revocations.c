/* runtime/revocations.c: sessions refused although their token is good. Each service keeps its own
 * books of banned users and ended sessions, in its database and in memory; memory follows the
 * commit. */
#include "runtime/house.h"

#define LOOK_EVERY_MS 500 /* when others can write to the database */

/* --- from the database to memory ----------------------------------------------------------- */

static enum err read_into(struct revoked *revoked, struct tx *tx)
{
    enum err err;
    struct rows rows;
    bool room = true;

    tx_query(tx, &rows, "SELECT user_id FROM banned_users WHERE banned = $1", sql_int(1));
    while (room && rows_next(&rows))
        room = revoked_put(revoked, REVOKED_USER, rows_text(&rows, 0), INT64_MAX, tx->now_ms);
    TRY(rows_end(&rows));
    tx_query(tx, &rows, "SELECT id_hash, until_ms FROM ended_sessions WHERE until_ms > $1",
             sql_int(tx->now_ms));
    while (room && rows_next(&rows))
        room = revoked_put(revoked, REVOKED_SESSION, rows_text(&rows, 0), rows_int(&rows, 1),
                           tx->now_ms);
    TRY(rows_end(&rows));
    if (!room) err = ERR_MEMORY;
done:
    return err;
}

enum err revocations_read(struct service *service, int64_t now_ms)
{
    struct revoked *fresh = revoked_new();
    enum err err = fresh ? read_into(fresh, tx_read(service->db, now_ms)) : ERR_MEMORY;

    service->revoked_look_ms = now_ms + LOOK_EVERY_MS;
    if (err)
        revoked_free(fresh);
    else
        revoked_replace(service->revoked, fresh);
    return err;
}

int64_t revocations_next_ms(const struct service *service)
{
    return service->revoked && !service->first && db_commits(service->db) == 0
               ? service->revoked_look_ms
               : INT64_MAX;
}

/* In the order in which they were said: of two about one key the last counts. */
void revocations_committed(struct service *service, int64_t now_ms)
{
    struct revocation *oldest_first = NULL;

    while (service->revocations) {
        struct revocation *at = service->revocations;

        service->revocations = at->link;
        at->link = oldest_first;
        oldest_first = at;
    }
    for (const struct revocation *at = oldest_first; at; at = at->link)
        ASSERT(revoked_put(service->revoked, at->kind, at->key, at->until_ms, now_ms));
}

/* --- in a transaction ---------------------------------------------------------------------- */

/* Takes effect in memory with the commit. */
static void announce(struct service *service, enum revoked_kind kind, struct str key,
                     int64_t until_ms)
{
    struct revocation *revocation = arena_alloc(service->arena, sizeof *revocation);

    ASSERT(revocation != NULL && service->revoked != NULL);
    *revocation =
        (struct revocation){service->revocations, kind, arena_copy(service->arena, key), until_ms};
    ASSERT(revocation->key.at != NULL);
    service->revocations = revocation;
}

static enum err ban_version(struct tx *tx, struct str user_id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM banned_users WHERE user_id = $1" SQL_FOR_UPDATE,
             sql_text(user_id));
    *version = rows_next(&rows) ? rows_int(&rows, 0) : -1;
    return rows_end(&rows);
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
    announce(env->service, REVOKED_USER, user_id, banned ? INT64_MAX : 0);
done:
    return verdict_of(err);
}

enum verdict user_updated_apply(struct service *service, struct tx *tx,
                                const struct user_updated *user)
{
    struct object_id_text id = object_id_text(user->id);

    return env_user_banned(&service->env, tx, str_of(id.hex), user->version,
                           str_eq(user->status, STR("banned")));
}

enum err user_is_banned(struct tx *tx, struct str user_id, bool *banned)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT banned FROM banned_users WHERE user_id = $1", sql_text(user_id));
    *banned = rows_next(&rows) && rows_int(&rows, 0) == 1;
    return rows_end(&rows);
}

enum err env_session_ended(struct env *env, struct tx *tx, struct str id_hash, int64_t until_ms)
{
    enum err err;

    TRY(tx_exec(tx, NULL,
                "INSERT INTO ended_sessions (id_hash, until_ms) VALUES ($1, $2)"
                " ON CONFLICT (id_hash) DO NOTHING",
                sql_text(id_hash), sql_int(until_ms)));
    announce(env->service, REVOKED_SESSION, id_hash, until_ms);
done:
    return err;
}

bool env_session_refused(const struct env *env, const struct session_user *user, int64_t now_ms)
{
    const struct house *house = env->service->house;

    for (size_t i = 0; i < house->service_count; i++)
        if (session_is_revoked(house->services[i]->revoked, user, now_ms)) return true;
    return false;
}

enum err ended_sessions_forget(struct tx *tx, int64_t max, int64_t *forgotten)
{
    return tx_exec(tx, forgotten,
                   "DELETE FROM ended_sessions WHERE id_hash IN"
                   " (SELECT id_hash FROM ended_sessions WHERE until_ms <= $1 LIMIT $2)",
                   sql_int(tx->now_ms), sql_int(max));
}
