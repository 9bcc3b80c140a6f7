/* store.c: every SQL statement of the notifier. */
#include "notifier.h"

#include <stdio.h>

const struct migration notifier_schema[] = {
    {"notifier/0001_init",
     "CREATE TABLE people ("
     "    id      TEXT   PRIMARY KEY,"
     "    version BIGINT NOT NULL,"
     "    email   TEXT   NOT NULL);"
     "CREATE TABLE tickets ("
     "    id      TEXT   PRIMARY KEY,"
     "    version BIGINT NOT NULL,"
     "    title   TEXT   NOT NULL);"
     "CREATE TABLE mails ("
     "    order_id    TEXT   PRIMARY KEY,"
     "    user_id     TEXT   NOT NULL,"
     "    ticket_id   TEXT   NOT NULL,"
     "    price_cents BIGINT NOT NULL,"
     "    tries       BIGINT NOT NULL,"
     "    due_at_ms   BIGINT);" /* NULL: sent */
     "CREATE INDEX mails_by_due ON mails (due_at_ms) WHERE due_at_ms IS NOT NULL"},
    {NULL, NULL},
};

static enum err version_of(struct tx *tx, struct rows *rows, int64_t *version)
{
    (void)tx;
    *version = rows_next(rows) ? rows_int(rows, 0) : -1;
    return rows_end(rows);
}

enum err person_version(struct tx *tx, struct object_id id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM people WHERE id = $1", sql_id(id));
    return version_of(tx, &rows, version);
}

enum err person_put(struct tx *tx, const struct user_created *user)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO people (id, version, email) VALUES ($1, $2, $3)"
                   " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
                   " email = excluded.email",
                   sql_id(user->id), sql_int(user->version), sql_text(user->email));
}

enum err ticket_version(struct tx *tx, struct object_id id, int64_t *version)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT version FROM tickets WHERE id = $1", sql_id(id));
    return version_of(tx, &rows, version);
}

enum err ticket_put(struct tx *tx, struct object_id id, int64_t version, struct str title)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO tickets (id, version, title) VALUES ($1, $2, $3)"
                   " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
                   " title = excluded.title",
                   sql_id(id), sql_int(version), sql_text(title));
}

enum err mail_add(struct tx *tx, const struct order_completed *order)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO mails (order_id, user_id, ticket_id, price_cents, tries, due_at_ms)"
                   " VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (order_id) DO NOTHING",
                   sql_id(order->id), sql_text(order->user_id), sql_id(order->ticket_id),
                   sql_int(order->price_cents), sql_wall(tx->now));
}

static void copy(char *out, size_t size, struct str text)
{
    snprintf(out, size, "%.*s", (int)text.len, text.len ? text.at : "");
}

enum err mails_due(struct tx *tx, struct wall_ms now, struct mail *out, size_t max, size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT m.order_id, p.email, t.title, m.price_cents, m.tries FROM mails m"
             " JOIN people p ON p.id = m.user_id JOIN tickets t ON t.id = m.ticket_id"
             " WHERE m.due_at_ms IS NOT NULL AND m.due_at_ms <= $1 ORDER BY m.due_at_ms LIMIT $2",
             sql_wall(now), sql_int((int64_t)max));
    while (*count < max && rows_next(&rows)) {
        struct mail *mail = &out[(*count)++];

        copy(mail->order_id, sizeof mail->order_id, rows_text(&rows, 0));
        copy(mail->to, sizeof mail->to, rows_text(&rows, 1));
        copy(mail->title, sizeof mail->title, rows_text(&rows, 2));
        mail->price_cents = rows_int(&rows, 3);
        mail->tries = rows_int(&rows, 4);
        mail->now = now;
    }
    return rows_end(&rows);
}

enum err mails_next(struct tx *tx, struct wall_ms *due_at)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT m.due_at_ms FROM mails m"
             " JOIN people p ON p.id = m.user_id JOIN tickets t ON t.id = m.ticket_id"
             " WHERE m.due_at_ms IS NOT NULL ORDER BY m.due_at_ms LIMIT 1");
    *due_at = rows_next(&rows) ? rows_wall(&rows, 0) : WALL_NEVER;
    return rows_end(&rows);
}

enum err mail_try(struct tx *tx, const char *order_id, struct wall_ms next_try)
{
    return tx_exec(tx, NULL,
                   "UPDATE mails SET tries = tries + 1, due_at_ms = $2 WHERE order_id = $1",
                   sql_text(str_of(order_id)), sql_wall(next_try));
}

enum err mail_sent(struct tx *tx, const char *order_id)
{
    return tx_exec(tx, NULL, "UPDATE mails SET due_at_ms = NULL WHERE order_id = $1",
                   sql_text(str_of(order_id)));
}
