/* services/auth/store.c: every SQL statement of the auth service. */
#include "services/auth/store.h"

#include "runtime/service.h"

#define USER_COLUMNS                                                                               \
    "id, version, email, email_key, password_hash, status, created_at_ms, ban_reason, "            \
    "banned_at_ms, confirmed_at_ms"
/* What a job may do something with: what it cannot read it would be given again and again. */
#define KNOWN_STATUS "status IN ('active', 'banned')"

enum err user_insert(struct tx *tx, const struct user *user)
{
    int64_t inserted = 0;
    enum err err;

    /* do nothing: PostgreSQL would otherwise refuse all further work of the transaction */
    TRY(tx_exec(tx, &inserted,
                "INSERT INTO users"
                " (id, version, email, email_key, password_hash, status, created_at_ms, email_rule)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, 1)"
                " ON CONFLICT (email_key) DO NOTHING",
                sql_id(user->id), sql_int(user->version), sql_text(user->email),
                sql_text(user->email_key), sql_text(str_of(user->hash.text)),
                sql_text(user_status_text(user->status)), sql_wall(user->created_at)));
    if (inserted == 0) return ERR_EMAIL_IN_USE;
done:
    return err;
}

/* The row the query stands on. ERR_UNREADABLE when it is not one we could have written. */
static enum err user_read(struct rows *rows, struct arena *arena, struct user *out)
{
    *out = (struct user){
        .id = rows_id(rows, 0),
        .version = rows_int(rows, 1),
        .email = arena_copy(arena, rows_text(rows, 2)),
        .email_key = arena_copy(arena, rows_text(rows, 3)),
        .created_at = rows_wall(rows, 6),
        .ban_reason = arena_copy(arena, rows_text(rows, 7)),
        .banned_at = rows_wall(rows, 8),
        .confirmed_at = rows_wall(rows, 9),
    };
    if (!out->email.at || !out->email_key.at || !out->ban_reason.at) return ERR_MEMORY;
    if (!password_hash_parse(rows_text(rows, 4), &out->hash)) /* of which no log hears */
        return row_unreadable("users", rows_text(rows, 0), STR("password_hash"));
    if (user_status_parse(rows_text(rows, 5), &out->status)) return OK;
    return row_unreadable("users", rows_text(rows, 0), rows_text(rows, 5));
}

static enum err user_many(struct rows *rows, struct arena *arena, struct user *out, size_t max,
                          size_t *count)
{
    enum err err = OK, end;

    *count = 0;
    while (err == OK && *count < max && rows_next(rows)) {
        err = user_read(rows, arena, &out[*count]);
        if (err == OK) (*count)++;
        if (err == ERR_UNREADABLE) err = OK; /* the others are not */
    }
    end = rows_end(rows);
    return end == OK ? err : end;
}

static enum err find_key(struct tx *tx, struct arena *arena, struct str key, struct user *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT " USER_COLUMNS " FROM users WHERE email_key = $1", sql_text(key));
    if (rows_next(&rows)) err = user_read(&rows, arena, out);
    end = rows_end(&rows);
    return end == OK ? err : end;
}

enum err user_find(struct tx *tx, struct arena *arena, struct str key, struct str before,
                   struct user *out)
{
    enum err err = ERR_NOT_FOUND;

    if (!str_eq(before, key)) err = find_key(tx, arena, before, out);
    return err == ERR_NOT_FOUND && key.len ? find_key(tx, arena, key, out) : err;
}

enum err emails_of_old_rule(struct tx *tx, struct arena *arena, struct user *out, size_t max,
                            size_t *count)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " USER_COLUMNS " FROM users WHERE email_rule = 0 AND " KNOWN_STATUS
             " ORDER BY id LIMIT $1" SQL_SKIP_LOCKED,
             sql_int((int64_t)max));
    return user_many(&rows, arena, out, max, count);
}

enum err email_rekey(struct tx *tx, const struct user *user, struct str key)
{
    enum err err;

    if (!str_eq(user->email_key, key))
        TRY(tx_exec(tx, NULL,
                    "UPDATE users SET email_key = $2 WHERE id = $1"
                    " AND NOT EXISTS (SELECT 1 FROM users o WHERE o.email_key = $2)",
                    sql_id(user->id), sql_text(key)));
    TRY(tx_exec(tx, NULL, "UPDATE users SET email_rule = 1 WHERE id = $1", sql_id(user->id)));
done:
    return err;
}

enum err user_get(struct tx *tx, struct arena *arena, struct object_id id, struct user *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT " USER_COLUMNS " FROM users WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    if (rows_next(&rows)) err = user_read(&rows, arena, out);
    end = rows_end(&rows);
    return end == OK ? err : end;
}

enum err user_update(struct tx *tx, const struct user *user)
{
    return tx_exec(tx, NULL,
                   "UPDATE users SET version = $2, status = $3, ban_reason = $4,"
                   " banned_at_ms = $5, confirmed_at_ms = $6, email = $7, email_key = $8"
                   " WHERE id = $1",
                   sql_id(user->id), sql_int(user->version),
                   sql_text(user_status_text(user->status)), sql_text(user->ban_reason),
                   sql_wall(user->banned_at), sql_wall(user->confirmed_at), sql_text(user->email),
                   sql_text(user->email_key));
}

enum err users_page(struct tx *tx, struct arena *arena, const enum user_status *status,
                    struct object_id after, struct user *out, size_t max, size_t *count)
{
    struct rows rows;

    if (status && *status == USER_BANNED) /* users_banned */
        tx_query(tx, &rows,
                 "SELECT " USER_COLUMNS " FROM users WHERE status = 'banned' AND id < $1"
                 " ORDER BY id DESC LIMIT $2",
                 sql_id(after), sql_int((int64_t)max));
    else if (status)
        tx_query(tx, &rows,
                 "SELECT " USER_COLUMNS " FROM users WHERE status = 'active' AND id < $1"
                 " ORDER BY id DESC LIMIT $2",
                 sql_id(after), sql_int((int64_t)max));
    else
        tx_query(tx, &rows,
                 "SELECT " USER_COLUMNS " FROM users WHERE id < $1 ORDER BY id DESC LIMIT $2",
                 sql_id(after), sql_int((int64_t)max));
    return user_many(&rows, arena, out, max, count);
}

enum err users_called(struct tx *tx, struct arena *arena, struct str text, struct user *out,
                      size_t max, size_t *count)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " USER_COLUMNS " FROM users WHERE replace(email_key, $1, '') <> email_key"
             " ORDER BY id DESC LIMIT $2",
             sql_text(text), sql_int((int64_t)max));
    return user_many(&rows, arena, out, max, count);
}

/* --- roles --------------------------------------------------------------------------------- */

enum err user_roles(struct tx *tx, struct str user_id, struct role_set *out)
{
    enum role role;
    struct rows rows;

    *out = (struct role_set){0};
    tx_query(tx, &rows, "SELECT role FROM user_roles WHERE user_id = $1", sql_text(user_id));
    while (rows_next(&rows)) {
        if (role_parse(rows_text(&rows, 0), &role))
            role_add(out, role);
        else
            (void)row_unreadable("user_roles", user_id, rows_text(&rows, 0)); /* the others hold */
    }
    return rows_end(&rows);
}

enum err user_role_grant(struct tx *tx, struct str user_id, enum role role, bool *changed)
{
    int64_t inserted = 0;
    enum err err = tx_exec(tx, &inserted,
                           "INSERT INTO user_roles (user_id, role, granted_at_ms)"
                           " VALUES ($1, $2, $3) ON CONFLICT (user_id, role) DO NOTHING",
                           sql_text(user_id), sql_text(role_text(role)), sql_wall(tx->now));

    *changed = inserted > 0;
    return err;
}

enum err user_role_revoke(struct tx *tx, struct str user_id, enum role role, bool *changed)
{
    int64_t deleted = 0;
    enum err err = tx_exec(tx, &deleted, "DELETE FROM user_roles WHERE user_id = $1 AND role = $2",
                           sql_text(user_id), sql_text(role_text(role)));

    *changed = deleted > 0;
    return err;
}

/* --- sessions ------------------------------------------------------------------------------ */

enum err session_insert(struct tx *tx, const struct session_record *record)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO sessions (id_hash, user_id, created_at_ms, seen_at_ms,"
                   " alive_until_ms, ends_at_ms, address, agent)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                   sql_text(record->id_hash), sql_text(record->user_id),
                   sql_wall(record->created_at), sql_wall(record->seen_at),
                   sql_wall(record->alive_until), sql_wall(record->ends_at),
                   sql_text(record->address), sql_text(record->agent));
}

enum err session_get(struct tx *tx, struct arena *arena, struct str id_hash,
                     struct session_record *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT user_id, created_at_ms, seen_at_ms, alive_until_ms, ends_at_ms"
             " FROM sessions WHERE id_hash = $1" SQL_FOR_UPDATE,
             sql_text(id_hash));
    if (rows_next(&rows)) {
        *out = (struct session_record){
            .id_hash = id_hash,
            .user_id = arena_copy(arena, rows_text(&rows, 0)),
            .created_at = rows_wall(&rows, 1),
            .seen_at = rows_wall(&rows, 2),
            .alive_until = rows_wall(&rows, 3),
            .ends_at = rows_wall(&rows, 4),
        };
        err = out->user_id.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end == OK ? err : end;
}

enum err session_seen(struct tx *tx, struct str id_hash, struct wall_ms now,
                      struct wall_ms alive_until)
{
    return tx_exec(tx, NULL,
                   "UPDATE sessions SET seen_at_ms = $2, alive_until_ms ="
                   " CASE WHEN alive_until_ms < $3 THEN $3 ELSE alive_until_ms END"
                   " WHERE id_hash = $1",
                   sql_text(id_hash), sql_wall(now), sql_wall(alive_until));
}

enum err session_alive(struct tx *tx, struct str id_hash, struct wall_ms alive_until)
{
    return tx_exec(tx, NULL,
                   "UPDATE sessions SET alive_until_ms = $2"
                   " WHERE id_hash = $1 AND alive_until_ms < $2",
                   sql_text(id_hash), sql_wall(alive_until));
}

enum err session_used(struct tx *tx, struct str id_hash, struct str address)
{
    return tx_exec(tx, NULL,
                   "UPDATE sessions SET used_at_ms = $2, used_address = $3 WHERE id_hash = $1",
                   sql_text(id_hash), sql_wall(tx->now), sql_text(address));
}

enum err session_delete(struct tx *tx, struct str id_hash)
{
    return tx_exec(tx, NULL, "DELETE FROM sessions WHERE id_hash = $1", sql_text(id_hash));
}

enum err session_surplus(struct tx *tx, struct arena *arena, struct str user_id, int64_t max,
                         struct str *out)
{
    enum err err = OK, end;
    struct rows rows;

    *out = STR("");
    tx_query(tx, &rows,
             "SELECT id_hash FROM sessions WHERE user_id = $1"
             " ORDER BY seen_at_ms DESC LIMIT 1 OFFSET $2",
             sql_text(user_id), sql_int(max));
    if (rows_next(&rows)) {
        *out = arena_copy(arena, rows_text(&rows, 0));
        if (!out->at) err = ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end == OK ? err : end;
}

enum err sessions_of_user(struct tx *tx, struct arena *arena, struct str user_id, struct str *out,
                          size_t max, size_t *count)
{
    enum err err = OK, end;
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows, "SELECT id_hash FROM sessions WHERE user_id = $1 LIMIT $2",
             sql_text(user_id), sql_int((int64_t)max));
    while (err == OK && *count < max && rows_next(&rows)) {
        out[*count] = arena_copy(arena, rows_text(&rows, 0));
        if (!out[(*count)++].at) err = ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end == OK ? err : end;
}

/* One that was not used since it began was used then. */
static enum err session_read(struct rows *rows, struct arena *arena, struct session_record *out)
{
    *out = (struct session_record){.id_hash = arena_copy(arena, rows_text(rows, 0)),
                                   .created_at = rows_wall(rows, 1),
                                   .address = arena_copy(arena, rows_text(rows, 2)),
                                   .agent = arena_copy(arena, rows_text(rows, 3)),
                                   .used_at = rows_wall(rows, 4),
                                   .used_address = arena_copy(arena, rows_text(rows, 5))};
    if (!out->id_hash.at || !out->address.at || !out->agent.at || !out->used_address.at)
        return ERR_MEMORY;
    if (!out->used_address.len) out->used_address = out->address;
    return OK;
}

enum err sessions_list(struct tx *tx, struct arena *arena, struct str user_id,
                       struct session_record *out, size_t max, size_t *count)
{
    enum err err = OK, end;
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT id_hash, created_at_ms, address, agent,"
             " CASE WHEN used_at_ms < seen_at_ms THEN seen_at_ms ELSE used_at_ms END AS last_ms,"
             " used_address FROM sessions WHERE user_id = $1 AND alive_until_ms > $2"
             " ORDER BY last_ms DESC, id_hash LIMIT $3",
             sql_text(user_id), sql_wall(tx->now), sql_int((int64_t)max));
    while (err == OK && *count < max && rows_next(&rows))
        err = session_read(&rows, arena, &out[(*count)++]);
    end = rows_end(&rows);
    return end == OK ? err : end;
}

enum err sessions_forget(struct tx *tx, int64_t max, int64_t *forgotten)
{
    return tx_exec(tx, forgotten,
                   "DELETE FROM sessions WHERE id_hash IN"
                   " (SELECT id_hash FROM sessions WHERE alive_until_ms <= $1 LIMIT $2)",
                   sql_wall(tx->now), sql_int(max));
}

enum err sessions_first_end(struct tx *tx, struct wall_ms *first_end)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT MIN(at_ms) FROM (SELECT MIN(alive_until_ms) AS at_ms FROM sessions"
             " UNION ALL SELECT MIN(until_ms) FROM ended_sessions"
             " UNION ALL SELECT MIN(until_ms) FROM extended_sessions"
             " UNION ALL SELECT MIN(ends_at_ms) FROM links) AS ends WHERE at_ms > $1",
             sql_int(0));
    *first_end = rows_next(&rows) && !rows_null(&rows, 0) ? rows_wall(&rows, 0) : WALL_NEVER;
    return rows_end(&rows);
}

/* --- people of the Node application -------------------------------------------------------- */

enum err users_imported_left(struct tx *tx, bool *left)
{
    struct rows rows;

    tx_query_values(tx, &rows,
                    "SELECT 1 FROM users WHERE substr(password_hash, 1, 8) = '$scrypt$' LIMIT 1",
                    NULL, 0);
    *left = rows_next(&rows);
    return rows_end(&rows);
}

enum err user_rehash(struct tx *tx, struct object_id id, const struct password_hash *from,
                     const struct password_hash *to)
{
    return tx_exec(tx, NULL,
                   "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
                   sql_id(id), sql_text(str_of(from->text)), sql_text(str_of(to->text)));
}
