/* bus/inbox.c: see bus/inbox.h. */
#include "bus/inbox.h"

#include "bus/nats_connection.h"

#define AGE_MS     (STREAM_AGE_MS_MAX + 24 * 3600 * INT64_C(1000))
#define SPAN       4096 /* of sequences asked for at once */
#define ROWS       8    /* of one statement: many cost little more than one */
#define PRUNE_ROWS 1024
#define PRUNE_MS   60000

enum err inbox_knows(struct tx *tx, const struct delivery *delivery, bool *known)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM bus_inbox WHERE source = $1 AND seq = $2",
             sql_text(str_of(delivery->source)), sql_int(delivery->sequence));
    *known = rows_next(&rows);
    return rows_end(&rows);
}

/* Those of a source whose sequences are near each other: one question for all. asked and known are
 * of the same deliveries. */
static enum err inbox_ask(struct tx *tx, const struct delivery *deliveries, size_t first,
                          size_t count, bool *asked, bool *known)
{
    const char *source = deliveries[first].source;
    int64_t low = deliveries[first].sequence, high = low;
    struct rows rows;

    for (size_t i = first; i < count; i++) {
        int64_t sequence = deliveries[i].sequence;

        if (deliveries[i].source != source || sequence <= high - SPAN || sequence >= low + SPAN)
            continue;
        asked[i] = true;
        if (sequence < low) low = sequence;
        if (sequence > high) high = sequence;
    }
    tx_query(tx, &rows, "SELECT seq FROM bus_inbox WHERE source = $1 AND seq BETWEEN $2 AND $3",
             sql_text(str_of(source)), sql_int(low), sql_int(high));
    while (rows_next(&rows))
        for (size_t i = first; i < count; i++)
            if (deliveries[i].source == source && deliveries[i].sequence == rows_int(&rows, 0))
                known[i] = true;
    return rows_end(&rows);
}

enum err inbox_mark_known(struct tx *tx, const struct delivery *deliveries, size_t count,
                          bool *known)
{
    bool asked[DELIVERIES_MAX];
    enum err err = OK;

    memcpy(asked, known, count * sizeof *asked);
    for (size_t i = 0; i < count; i++)
        if (!asked[i]) TRY(inbox_ask(tx, deliveries, i, count, asked, known));
done:
    return err;
}

enum err inbox_put(struct tx *tx, const struct delivery *const *applied, size_t count)
{
    size_t i = 0;
    enum err err = OK;

    for (; i + ROWS <= count; i += ROWS) {
        struct sql_value values[1 + 2 * ROWS] = {sql_wall(tx->now)};

        for (size_t j = 0; j < ROWS; j++) {
            values[1 + 2 * j] = sql_text(str_of(applied[i + j]->source));
            values[2 + 2 * j] = sql_int(applied[i + j]->sequence);
        }
        TRY(tx_exec_values(tx, NULL,
                           "INSERT INTO bus_inbox (source, seq, taken_at_ms) VALUES ($2, $3, $1), "
                           "($4, $5, $1), ($6, $7, $1), ($8, $9, $1), ($10, $11, $1), "
                           "($12, $13, $1), ($14, $15, $1), ($16, $17, $1)",
                           values, sizeof values / sizeof *values));
    }
    for (; i < count; i++)
        TRY(tx_exec(tx, NULL,
                    "INSERT INTO bus_inbox (source, seq, taken_at_ms) VALUES ($2, $3, $1)",
                    sql_wall(tx->now), sql_text(str_of(applied[i]->source)),
                    sql_int(applied[i]->sequence)));
done:
    return err;
}

enum err inbox_prune(struct tx *tx, struct mono_ms now, struct mono_ms *due)
{
    int64_t changes = 0;
    enum err err;

    if (!mono_reached(now, *due)) return OK;
    err = tx_exec(tx, &changes,
                  "DELETE FROM bus_inbox WHERE id < (SELECT MIN(id) FROM bus_inbox) + $1 "
                  "AND taken_at_ms < $2",
                  sql_int(PRUNE_ROWS), sql_wall(wall_after(tx->now, -AGE_MS)));
    *due = mono_after(now, changes ? 0 : PRUNE_MS);
    return err;
}
