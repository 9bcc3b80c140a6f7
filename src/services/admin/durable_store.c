/* services/admin/durable_store.c: every SQL statement about durable listeners. */
#include "services/admin/admin.h"

/* *id = 0: nothing is stored. */
static enum err find(struct tx *tx, const struct group *group, int64_t *id, int64_t *position)
{
    struct rows rows;

    *id = 0;
    tx_query(tx, &rows,
             "SELECT id, seq FROM durables WHERE subject = $1 AND name = $2 AND queue_group = $3 "
             "AND source = $4",
             sql_text(str_of(group->subject)), sql_text(str_of(group->durable)),
             sql_text(str_of(group->queue_group)), sql_text(str_of(group->source_name)));
    if (rows_next(&rows)) {
        *id = rows_int(&rows, 0);
        *position = rows_int(&rows, 1);
    }
    return rows_end(&rows);
}

static enum err make(struct tx *tx, struct group *group)
{
    struct rows rows;
    int64_t stored = 0, position;
    enum err err = OK;

    tx_query_values(tx, &rows, "SELECT COUNT(*) FROM durables", NULL, 0);
    if (rows_next(&rows)) stored = rows_int(&rows, 0);
    TRY(rows_end(&rows));
    if (stored >= DURABLES_MAX) return ERR_QUEUE_FULL;
    TRY(tx_exec(tx, NULL,
                "INSERT INTO durables (subject, source, name, queue_group, seq, used_at_ms) "
                "VALUES ($1, $2, $3, $4, $5, $6)",
                sql_text(str_of(group->subject)), sql_text(str_of(group->source_name)),
                sql_text(str_of(group->durable)), sql_text(str_of(group->queue_group)),
                sql_int(group->position), sql_wall(tx->now)));
    TRY(find(tx, group, &group->durable_id, &position));
done:
    return err;
}

/* What was in flight when the last member left, or the program ended, has to come again. */
static enum err load_flight(struct tx *tx, struct group *group)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT seq FROM durable_in_flight WHERE durable_id = $1 ORDER BY seq",
             sql_int(group->durable_id));
    while (rows_next(&rows) && group_reserve(group)) {
        group->flight[group->flight_count++] = (struct in_flight){.sequence = rows_int(&rows, 0)};
        group->flight_returned++;
    }
    return rows_end(&rows);
}

enum err durable_open(struct tx *tx, struct group *group)
{
    enum err err = OK;

    TRY(find(tx, group, &group->durable_id, &group->position));
    if (group->durable_id)
        TRY(load_flight(tx, group));
    else
        TRY(make(tx, group));
done:
    return err;
}

enum err durable_save(struct tx *tx, struct group *group)
{
    enum err err = tx_exec(tx, NULL, "UPDATE durables SET seq = $2, used_at_ms = $3 WHERE id = $1",
                           sql_int(group->durable_id), sql_int(group->position), sql_wall(tx->now));

    group->unsaved = err != OK;
    return err;
}

enum err durable_sent(struct tx *tx, const struct group *group, int64_t sequence)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO durable_in_flight (durable_id, seq) VALUES ($1, $2) "
                   "ON CONFLICT (durable_id, seq) DO NOTHING",
                   sql_int(group->durable_id), sql_int(sequence));
}

enum err durable_acknowledged(struct tx *tx, const struct group *group, int64_t sequence)
{
    return tx_exec(tx, NULL, "DELETE FROM durable_in_flight WHERE durable_id = $1 AND seq = $2",
                   sql_int(group->durable_id), sql_int(sequence));
}

enum err durable_rewrite(struct tx *tx, struct group *group)
{
    int64_t position;
    enum err err = OK;

    TRY(find(tx, group, &group->durable_id, &position));
    if (!group->durable_id) TRY(make(tx, group));
    TRY(durable_save(tx, group));
    TRY(tx_exec(tx, NULL, "DELETE FROM durable_in_flight WHERE durable_id = $1",
                sql_int(group->durable_id)));
    for (size_t i = 0; i < group->flight_count; i++)
        TRY(durable_sent(tx, group, group->flight[i].sequence));
    group->rewrite = false;
done:
    return err;
}

#define DURABLE_COLUMNS                                                                            \
    "subject, name, queue_group, seq, used_at_ms, (SELECT COUNT(*) FROM durable_in_flight f "      \
    "WHERE f.durable_id = d.id)"

void durables_all(struct tx *tx, struct rows *rows)
{
    tx_query_values(tx, rows,
                    "SELECT " DURABLE_COLUMNS " FROM durables d "
                    "ORDER BY name, subject, queue_group",
                    NULL, 0);
}

void durables_of_channel(struct tx *tx, struct rows *rows, struct str subject, struct str source,
                         int64_t max)
{
    tx_query(tx, rows,
             "SELECT " DURABLE_COLUMNS " FROM durables d "
             "WHERE subject = $1 AND source = $2 ORDER BY name, queue_group LIMIT $3",
             sql_text(subject), sql_text(source), sql_int(max));
}

bool durable_next(struct rows *rows, struct durable *out)
{
    if (!rows_next(rows)) return false;
    *out = (struct durable){.subject = rows_text(rows, 0),
                            .name = rows_text(rows, 1),
                            .queue_group = rows_text(rows, 2),
                            .position = rows_int(rows, 3),
                            .used_at = rows_wall(rows, 4),
                            .in_flight = rows_int(rows, 5)};
    return true;
}

enum err durables_needed(struct tx *tx, const char *source, struct tx *outbox, int64_t *up_to)
{
    struct channel channel;
    struct rows rows;
    enum err err = OK, end;

    *up_to = INT64_MAX;
    tx_query(tx, &rows,
             "SELECT seq, subject FROM durables WHERE source = $1 UNION ALL SELECT f.seq - 1, '' "
             "FROM durable_in_flight f JOIN durables d ON d.id = f.durable_id WHERE d.source = $1 "
             "ORDER BY seq",
             sql_text(str_of(source)));
    while (err == OK && *up_to == INT64_MAX && rows_next(&rows)) {
        struct str subject = rows_text(&rows, 1);
        int64_t position = rows_int(&rows, 0);

        channel.last = INT64_MAX;
        if (subject.len) err = outbox_channel(outbox, subject, &channel);
        /* Who has all there is of a subject may wait for its next event for years. */
        if (position < channel.last) *up_to = position;
    }
    end = rows_end(&rows);
    return err ? err : end;
}

enum err durables_forget(struct tx *tx, struct str name, struct str subject, int64_t *forgotten)
{
    enum err err;

    *forgotten = 0;
    TRY(tx_exec(tx, NULL,
                "DELETE FROM durable_in_flight WHERE durable_id IN (SELECT id FROM durables "
                "WHERE name = $1 AND ($2 = '' OR subject = $2))",
                sql_text(name), sql_text(subject)));
    TRY(tx_exec(tx, forgotten, "DELETE FROM durables WHERE name = $1 AND ($2 = '' OR subject = $2)",
                sql_text(name), sql_text(subject)));
done:
    return err;
}
