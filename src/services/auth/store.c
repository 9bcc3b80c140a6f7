/* services/auth/store.c: every SQL statement of the auth service. */
#include "services/auth/store.h"

enum err user_insert(struct tx *tx, const struct user *user)
{
    int64_t inserted = 0;
    enum err err;

    /* do nothing: PostgreSQL would otherwise refuse all further work of the transaction */
    TRY(tx_exec(tx, &inserted,
                "INSERT INTO users"
                " (id, version, email, email_key, password_hash, status, created_at_ms)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7)"
                " ON CONFLICT (email_key) DO NOTHING",
                sql_id(user->id), sql_int(user->version), sql_text(user->email),
                sql_text(user->email_key), sql_text(str_of(user->hash.text)),
                sql_text(user_status_text(user->status)), sql_int(user->created_at_ms)));
    if (inserted == 0) return ERR_EMAIL_IN_USE;
done:
    return err;
}

/* The row the query stands on. ERR_INTERNAL when it is not one we could have written. */
static enum err user_read(struct rows *rows, struct arena *arena, struct user *out)
{
    *out = (struct user){
        .id = rows_id(rows, 0),
        .version = rows_int(rows, 1),
        .email = arena_copy(arena, rows_text(rows, 2)),
        .email_key = arena_copy(arena, rows_text(rows, 3)),
        .created_at_ms = rows_int(rows, 6),
    };
    if (!out->email.at || !out->email_key.at) return ERR_MEMORY;
    if (!password_hash_parse(rows_text(rows, 4), &out->hash)) return ERR_INTERNAL;
    if (!user_status_parse(rows_text(rows, 5), &out->status)) return ERR_INTERNAL;
    return OK;
}

enum err user_find(struct tx *tx, struct arena *arena, struct str key, struct user *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT id, version, email, email_key, password_hash, status, created_at_ms"
             " FROM users WHERE email_key = $1",
             sql_text(key));
    if (rows_next(&rows)) err = user_read(&rows, arena, out);
    end = rows_end(&rows);
    return end == OK ? err : end;
}

enum err user_exists(struct tx *tx, struct object_id id, bool *exists)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM users WHERE id = $1", sql_id(id));
    *exists = rows_next(&rows);
    return rows_end(&rows);
}

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
