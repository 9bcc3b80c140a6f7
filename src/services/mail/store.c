/* services/mail/store.c: every SQL statement of the mail service. */
#include "services/mail/store.h"

#include "runtime/service.h"

#define MAIL_COLUMNS                                                                               \
    "id, kind, cause_id, about_id, user_id, title, amount_cents, made_at_ms, status, "             \
    "tries, due_at_ms, sent_to, reply, email, detail"

static const char *const status_words[MAIL_STATUSES] = {
#define X(name, word) [MAIL_##name] = word,
    MAIL_STATUS_MAP(X)
#undef X
};

struct str mail_status_text(enum mail_status status)
{
    return str_of(status_words[status]);
}

bool mail_status_parse(struct str word, enum mail_status *out)
{
    for (enum mail_status status = 0; status < MAIL_STATUSES; status++) {
        if (!str_eq(word, str_of(status_words[status]))) continue;
        *out = status;
        return true;
    }
    return false;
}

/* --- copies -------------------------------------------------------------------------------- */

enum err person_version(struct tx *tx, struct str user_id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM people WHERE user_id = $1" SQL_FOR_UPDATE,
             sql_text(user_id));
    return rows_end_int(&rows, -1, version);
}

enum err person_put(struct tx *tx, struct str user_id, int64_t version, struct str email)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO people (user_id, version, email) VALUES ($1, $2, $3)"
                   " ON CONFLICT (user_id) DO UPDATE SET version = excluded.version,"
                   " email = excluded.email",
                   sql_text(user_id), sql_int(version), sql_text(email));
}

/* The one text that the query asks for. */
static enum err one_text(struct rows *rows, struct arena *arena, struct str *out)
{
    enum err err = ERR_NOT_FOUND, end;

    if (rows_next(rows)) {
        *out = arena_copy(arena, rows_text(rows, 0));
        err = out->at ? OK : ERR_MEMORY;
    }
    end = rows_end(rows);
    return end == OK ? err : end;
}

enum err person_email(struct tx *tx, struct arena *arena, struct str user_id, struct str *email)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT email FROM people WHERE user_id = $1", sql_text(user_id));
    return one_text(&rows, arena, email);
}

enum err seller_put(struct tx *tx, struct object_id ticket_id, struct str user_id)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO sellers (ticket_id, user_id) VALUES ($1, $2)"
                   " ON CONFLICT (ticket_id) DO NOTHING",
                   sql_id(ticket_id), sql_text(user_id));
}

enum err seller_get(struct tx *tx, struct arena *arena, struct object_id ticket_id,
                    struct str *user_id)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT user_id FROM sellers WHERE ticket_id = $1", sql_id(ticket_id));
    return one_text(&rows, arena, user_id);
}

enum err mail_order_put(struct tx *tx, const struct mail_order *order)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO orders (id, user_id, ticket_id, title, price_cents)"
                   " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
                   sql_id(order->id), sql_text(order->user_id), sql_id(order->ticket_id),
                   sql_text(order->title), sql_int(order->price_cents));
}

enum err mail_order_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct mail_order *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT user_id, ticket_id, title, price_cents FROM orders WHERE id = $1",
             sql_id(id));
    if (rows_next(&rows)) {
        *out = (struct mail_order){.id = id,
                                   .user_id = arena_copy(arena, rows_text(&rows, 0)),
                                   .ticket_id = rows_id(&rows, 1),
                                   .title = arena_copy(arena, rows_text(&rows, 2)),
                                   .price_cents = rows_int(&rows, 3)};
        err = out->user_id.at && out->title.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end == OK ? err : end;
}

/* --- letters ------------------------------------------------------------------------------- */

enum err mail_insert(struct tx *tx, const struct mail *mail, bool *made)
{
    int64_t inserted = 0;
    enum err err = tx_exec(tx, &inserted,
                           "INSERT INTO mails (" MAIL_COLUMNS ")"
                           " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, '', '', $11, $12)"
                           " ON CONFLICT (kind, cause_id) DO NOTHING",
                           sql_id(mail->id), sql_text(mail_kind_text(mail->kind)),
                           sql_id(mail->cause_id), sql_id(mail->about), sql_text(mail->user_id),
                           sql_text(mail->title), sql_int(mail->amount_cents),
                           sql_wall(mail->made_at), sql_text(mail_status_text(mail->status)),
                           sql_wall(mail->due_at), sql_text(mail->email), sql_text(mail->detail));

    *made = inserted > 0;
    return err;
}

/* The row the query stands on. ERR_UNREADABLE: words that this program does not know. */
static enum err mail_read(struct rows *rows, struct arena *arena, struct mail *out)
{
    *out = (struct mail){.id = rows_id(rows, 0),
                         .cause_id = rows_id(rows, 2),
                         .about = rows_id(rows, 3),
                         .user_id = arena_copy(arena, rows_text(rows, 4)),
                         .title = arena_copy(arena, rows_text(rows, 5)),
                         .amount_cents = rows_int(rows, 6),
                         .made_at = rows_wall(rows, 7),
                         .tries = rows_int(rows, 9),
                         .due_at = rows_wall(rows, 10),
                         .sent_to = arena_copy(arena, rows_text(rows, 11)),
                         .reply = arena_copy(arena, rows_text(rows, 12)),
                         .email = arena_copy(arena, rows_text(rows, 13)),
                         .detail = arena_copy(arena, rows_text(rows, 14))};
    if (!out->user_id.at || !out->title.at || !out->sent_to.at || !out->reply.at ||
        !out->email.at || !out->detail.at)
        return ERR_MEMORY;
    if (!mail_kind_parse(rows_text(rows, 1), &out->kind))
        return row_unreadable("mails", rows_text(rows, 0), rows_text(rows, 1));
    if (!mail_status_parse(rows_text(rows, 8), &out->status))
        return row_unreadable("mails", rows_text(rows, 0), rows_text(rows, 8));
    return OK;
}

static enum err mails_read(struct rows *rows, struct arena *arena, struct mail *out, size_t max,
                           size_t *count)
{
    enum err err = OK, end;

    *count = 0;
    while (err == OK && *count < max && rows_next(rows)) {
        err = mail_read(rows, arena, &out[*count]);
        if (err == OK) ++*count;
        if (err == ERR_UNREADABLE) err = OK; /* a newer program's: the others go on */
    }
    end = rows_end(rows);
    return end == OK ? err : end;
}

enum err mail_get(struct tx *tx, struct arena *arena, struct object_id id, struct mail *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT " MAIL_COLUMNS " FROM mails WHERE id = $1" SQL_FOR_UPDATE,
             sql_id(id));
    if (rows_next(&rows)) err = mail_read(&rows, arena, out);
    end = rows_end(&rows);
    return end == OK ? err : end;
}

enum err mail_update(struct tx *tx, const struct mail *mail)
{
    return tx_exec(tx, NULL,
                   "UPDATE mails SET status = $2, tries = $3, due_at_ms = $4, sent_to = $5,"
                   " reply = $6 WHERE id = $1",
                   sql_id(mail->id), sql_text(mail_status_text(mail->status)), sql_int(mail->tries),
                   sql_wall(mail->due_at), sql_text(mail->sent_to), sql_text(mail->reply));
}

enum err mails_due(struct tx *tx, struct arena *arena, struct mail *out, size_t max, size_t *count)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT " MAIL_COLUMNS " FROM mails WHERE status = 'waiting' AND due_at_ms <= $1"
             " ORDER BY due_at_ms LIMIT $2" SQL_SKIP_LOCKED,
             sql_wall(tx->now), sql_int((int64_t)max));
    return mails_read(&rows, arena, out, max, count);
}

enum err mails_sending(struct tx *tx, int64_t *count)
{
    struct rows rows;

    tx_query_values(tx, &rows, "SELECT COUNT(*) FROM mails WHERE status = 'sending'", NULL, 0);
    *count = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    return rows_end(&rows);
}

enum err mails_next(struct tx *tx, enum mail_status status, struct wall_ms *time)
{
    struct rows rows;

    if (status == MAIL_SENDING)
        tx_query_values(tx, &rows, "SELECT MIN(due_at_ms) FROM mails WHERE status = 'sending'",
                        NULL, 0);
    else
        tx_query_values(tx, &rows, "SELECT MIN(due_at_ms) FROM mails WHERE status = 'waiting'",
                        NULL, 0);
    *time = rows_next(&rows) && !rows_null(&rows, 0) ? rows_wall(&rows, 0) : WALL_NEVER;
    return rows_end(&rows);
}

enum err mails_lose(struct tx *tx, struct wall_ms before, int64_t *lost)
{
    return tx_exec(tx, lost,
                   "UPDATE mails SET status = 'uncertain' WHERE status = 'sending'"
                   " AND due_at_ms < $1",
                   sql_wall(before));
}

enum err mails_page(struct tx *tx, struct arena *arena, const enum mail_status *status,
                    struct object_id after, struct mail *out, size_t max, size_t *count)
{
    struct rows rows;

    if (status)
        tx_query(tx, &rows,
                 "SELECT " MAIL_COLUMNS " FROM mails WHERE status = $1 AND id < $2"
                 " ORDER BY id DESC LIMIT $3",
                 sql_text(mail_status_text(*status)), sql_id(after), sql_int((int64_t)max));
    else
        tx_query(tx, &rows,
                 "SELECT " MAIL_COLUMNS " FROM mails WHERE id < $1 ORDER BY id DESC LIMIT $2",
                 sql_id(after), sql_int((int64_t)max));
    return mails_read(&rows, arena, out, max, count);
}

enum err mails_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten)
{
    return tx_exec(tx, forgotten,
                   "DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE id < $1"
                   " AND status NOT IN ('waiting', 'sending') ORDER BY id LIMIT $2)",
                   sql_id(object_id_floor(before)), sql_int(max));
}

enum err mails_waiting_count(struct tx *tx, int64_t *count)
{
    struct rows rows;

    tx_query_values(tx, &rows, "SELECT COUNT(*) FROM mails WHERE status IN ('waiting', 'sending')",
                    NULL, 0);
    *count = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    return rows_end(&rows);
}

enum err mails_lost_count(struct tx *tx, int64_t *count)
{
    struct rows rows;

    tx_query_values(tx, &rows,
                    "SELECT COUNT(*) FROM mails WHERE status IN"
                    " ('refused', 'expired', 'uncertain')",
                    NULL, 0);
    *count = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    return rows_end(&rows);
}
