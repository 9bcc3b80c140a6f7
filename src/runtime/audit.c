/* runtime/audit.c: the audit log: each service writes its own, in the transaction of the act. */
#include "runtime/audit.h"

#define YEAR_MS                                                                                    \
    (INT64_C(366) * 24 * 3600 * 1000) /* a leap year: the engine refuses less than 365 days */
#define OLD_MAX  2                    /* so many old rows make way for a new one */
#define TEXT_MAX 256                  /* bytes of each column */

/* What fits, without half a character at its end. */
static struct str cut(struct str text)
{
    size_t len = 0, more;

    if (!text.len) return STR("");
    while ((more = str_utf8_length((struct str){text.at + len, text.len - len})) &&
           len + more <= TEXT_MAX)
        len += more;
    return (struct str){text.at, len};
}

enum err audit_put(struct env *env, struct tx *tx, const struct audit *entry)
{
    enum err err;

    TRY(tx_exec(tx, NULL,
                "INSERT INTO audit (id, at_ms, action, actor, subject, address, detail)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                sql_id(object_id_new(env->ids, tx->now)), sql_wall(tx->now),
                sql_text(str_of(entry->action)), sql_text(cut(entry->actor)),
                sql_text(cut(entry->subject)), sql_text(cut(entry->address)),
                sql_text(cut(entry->detail))));
    TRY(tx_exec(tx, NULL,
                "DELETE FROM audit WHERE at_ms < $1 AND id IN"
                " (SELECT id FROM audit ORDER BY id LIMIT $2)",
                sql_wall(wall_after(tx->now, -YEAR_MS)), sql_int(OLD_MAX)));
done:
    return err;
}

enum err audit_request(struct request *rq, struct tx *tx, const char *action, struct str subject,
                       struct str detail)
{
    struct audit entry = {.action = action,
                          .actor = rq->user.id,
                          .subject = subject,
                          .address = rq->client,
                          .detail = detail};
    char memory[32];
    struct buf uid = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

    if (rq->operator) {
        buf_append(&uid, STR("uid:"));
        buf_int(&uid, rq->operator_uid);
        entry.actor = buf_str(&uid);
    }
    return audit_put(rq->run->env, tx, &entry);
}

enum err audit_page(struct tx *tx, struct arena *arena, struct object_id after,
                    struct audit_row *out, size_t max, size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT id, at_ms, action, actor, subject, address, detail FROM audit"
             " WHERE id < $1 ORDER BY id DESC LIMIT $2",
             sql_id(after), sql_int((int64_t)max));
    while (*count < max && rows_next(&rows)) {
        struct audit_row *row = &out[(*count)++];

        row->id = rows_id(&rows, 0);
        row->at = rows_wall(&rows, 1);
        for (int i = 0; i < AUDIT_TEXTS; i++) {
            row->texts[i] = arena_copy(arena, rows_text(&rows, i + 2));
            if (!row->texts[i].at) rows.err = ERR_MEMORY;
        }
    }
    return rows_end(&rows);
}
