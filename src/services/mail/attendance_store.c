/* services/mail/attendance_store.c: see services/mail/attendance_store.h. */
#include "services/mail/attendance_store.h"

#define SHOW_COLUMNS                                                                               \
    "id, version, title, status, starts_local, merged_into, change_kind, change_version, "         \
    "changed_at_ms, told_up_to, telling"

/* The one show that the query asks for. A kind that this program does not know is none. */
static enum err one_show(struct rows *rows, struct arena *arena, struct mail_show *out)
{
    enum err err = ERR_NOT_FOUND, end;

    if (rows_next(rows)) {
        *out = (struct mail_show){.id = rows_id(rows, 0),
                                  .version = rows_int(rows, 1),
                                  .title = arena_copy(arena, rows_text(rows, 2)),
                                  .status = arena_copy(arena, rows_text(rows, 3)),
                                  .starts_local = arena_copy(arena, rows_text(rows, 4)),
                                  .merged_into = rows_id(rows, 5),
                                  .change = {MAIL_KINDS, rows_int(rows, 7), rows_wall(rows, 8)},
                                  .told_up_to = arena_copy(arena, rows_text(rows, 9)),
                                  .telling = rows_int(rows, 10)};
        (void)mail_kind_parse(rows_text(rows, 6), &out->change.kind);
        err = out->title.at && out->status.at && out->starts_local.at && out->told_up_to.at
                  ? OK
                  : ERR_MEMORY;
    }
    end = rows_end(rows);
    return end == OK ? err : end;
}

enum err mail_show_get(struct tx *tx, struct arena *arena, struct object_id id,
                       struct mail_show *out)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT " SHOW_COLUMNS " FROM shows WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    return one_show(&rows, arena, out);
}

enum err mail_show_telling(struct tx *tx, struct arena *arena, struct mail_show *out)
{
    struct rows rows;

    tx_query_values(tx, &rows,
                    "SELECT " SHOW_COLUMNS
                    " FROM shows WHERE telling = 1 ORDER BY id LIMIT 1" SQL_SKIP_LOCKED,
                    NULL, 0);
    return one_show(&rows, arena, out);
}

enum err mail_show_put(struct tx *tx, const struct mail_show *show)
{
    struct str kind = show->change.kind == MAIL_KINDS ? STR("") : mail_kind_text(show->change.kind);

    return tx_exec(tx, NULL,
                   "INSERT INTO shows (" SHOW_COLUMNS ")"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
                   " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
                   " title = excluded.title, status = excluded.status,"
                   " starts_local = excluded.starts_local, merged_into = excluded.merged_into,"
                   " change_kind = excluded.change_kind,"
                   " change_version = excluded.change_version,"
                   " changed_at_ms = excluded.changed_at_ms, told_up_to = excluded.told_up_to,"
                   " telling = excluded.telling",
                   sql_id(show->id), sql_int(show->version), sql_text(show->title),
                   sql_text(show->status), sql_text(show->starts_local),
                   sql_id_or_null(show->merged_into), sql_text(kind), sql_int(show->change.version),
                   sql_wall(show->change.at), sql_text(show->told_up_to), sql_int(show->telling));
}

/* --- who holds entries ----------------------------------------------------------------------- */

enum err holder_get(struct tx *tx, struct arena *arena, struct object_id entry_id,
                    struct holder *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(
        tx, &rows,
        "SELECT version, user_id, show_id, valid FROM holders WHERE entry_id = $1" SQL_FOR_UPDATE,
        sql_id(entry_id));
    if (rows_next(&rows)) {
        *out = (struct holder){.entry_id = entry_id,
                               .version = rows_int(&rows, 0),
                               .user_id = arena_copy(arena, rows_text(&rows, 1)),
                               .show_id = rows_id(&rows, 2),
                               .valid = rows_int(&rows, 3)};
        err = out->user_id.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end == OK ? err : end;
}

enum err holder_put(struct tx *tx, const struct holder *holder)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO holders (entry_id, version, user_id, show_id, valid)"
                   " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (entry_id) DO UPDATE SET"
                   " version = excluded.version, user_id = excluded.user_id,"
                   " show_id = excluded.show_id, valid = excluded.valid",
                   sql_id(holder->entry_id), sql_int(holder->version), sql_text(holder->user_id),
                   sql_id(holder->show_id), sql_int(holder->valid));
}

enum err holders_move(struct tx *tx, struct object_id from, struct object_id to)
{
    return tx_exec(tx, NULL, "UPDATE holders SET show_id = $2 WHERE show_id = $1", sql_id(from),
                   sql_id(to));
}

enum err holders_after(struct tx *tx, struct arena *arena, struct object_id show_id,
                       struct str after, struct str *out, size_t max, size_t *count)
{
    enum err err = OK, end;
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT DISTINCT user_id FROM holders WHERE show_id = $1 AND valid = 1"
             " AND user_id > $2 ORDER BY user_id LIMIT $3",
             sql_id(show_id), sql_text(after), sql_int((int64_t)max));
    while (err == OK && *count < max && rows_next(&rows)) {
        out[*count] = arena_copy(arena, rows_text(&rows, 0));
        if (out[(*count)++].at == NULL) err = ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end == OK ? err : end;
}
