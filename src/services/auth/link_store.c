/* services/auth/link_store.c: the statements on links. */
#include "services/auth/link_store.h"

enum err link_insert(struct tx *tx, const struct link *link)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO links (id, kind, user_id, email, ends_at_ms)"
                   " VALUES ($1, $2, $3, $4, $5)",
                   sql_id(link->id), sql_text(link_kind_text(link->kind)), sql_id(link->user_id),
                   sql_text(link->email), sql_wall(link->ends_at));
}

enum err link_get(struct tx *tx, struct arena *arena, struct object_id id, enum link_kind kind,
                  struct link *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT user_id, email, ends_at_ms FROM links"
             " WHERE id = $1 AND kind = $2 AND ends_at_ms > $3" SQL_FOR_UPDATE,
             sql_id(id), sql_text(link_kind_text(kind)), sql_wall(tx->now));
    if (rows_next(&rows)) {
        *out = (struct link){.id = id,
                             .kind = kind,
                             .user_id = rows_id(&rows, 0),
                             .email = arena_copy(arena, rows_text(&rows, 1)),
                             .ends_at = rows_wall(&rows, 2)};
        err = out->email.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end == OK ? err : end;
}

enum err link_delete(struct tx *tx, struct object_id id, bool *deleted)
{
    int64_t count = 0;
    enum err err = tx_exec(tx, &count, "DELETE FROM links WHERE id = $1", sql_id(id));

    *deleted = count > 0;
    return err;
}

enum err links_delete(struct tx *tx, struct object_id user_id)
{
    return tx_exec(tx, NULL, "DELETE FROM links WHERE user_id = $1", sql_id(user_id));
}

enum err links_to_others_delete(struct tx *tx, struct object_id user_id, struct str email)
{
    return tx_exec(tx, NULL,
                   "DELETE FROM links WHERE user_id = $1 AND kind = 'address' AND email <> $2",
                   sql_id(user_id), sql_text(email));
}

enum err links_forget(struct tx *tx, int64_t max, int64_t *forgotten)
{
    return tx_exec(tx, forgotten,
                   "DELETE FROM links WHERE id IN"
                   " (SELECT id FROM links WHERE ends_at_ms <= $1 LIMIT $2)",
                   sql_wall(tx->now), sql_int(max));
}

enum err links_count(struct tx *tx, enum link_kind kind, struct object_id user_id, int64_t *count)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT COUNT(*) FROM links WHERE user_id = $1 AND kind = $2 AND ends_at_ms > $3",
             sql_id(user_id), sql_text(link_kind_text(kind)), sql_wall(tx->now));
    *count = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    return rows_end(&rows);
}

enum err reset_request_put(struct tx *tx, struct str key, struct str before)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO reset_requests (email_key, email_before, made_at_ms)"
                   " VALUES ($1, $2, $3)",
                   sql_text(key), sql_text(before), sql_wall(tx->now));
}

enum err reset_requests_take(struct tx *tx, struct arena *arena, struct reset_request *out,
                             size_t max, size_t *count)
{
    enum err err = OK, end;
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT id, email_key, email_before FROM reset_requests ORDER BY id"
             " LIMIT $1" SQL_SKIP_LOCKED,
             sql_int((int64_t)max));
    while (err == OK && *count < max && rows_next(&rows)) {
        out[*count] = (struct reset_request){.id = rows_int(&rows, 0),
                                             .key = arena_copy(arena, rows_text(&rows, 1)),
                                             .before = arena_copy(arena, rows_text(&rows, 2))};
        if (!out[*count].key.at || !out[*count].before.at) err = ERR_MEMORY;
        ++*count;
    }
    end = rows_end(&rows);
    if (err == OK) err = end;
    for (size_t i = 0; err == OK && i < *count; i++)
        err = tx_exec(tx, NULL, "DELETE FROM reset_requests WHERE id = $1", sql_int(out[i].id));
    return err;
}
