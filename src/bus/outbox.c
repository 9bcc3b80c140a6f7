/* bus/outbox.c: the bus's tables in a service's database: what it published, what it could not
 * apply. The statements that move subscriptions are in embedded.c. */
#include "bus/bus.h"

#define FLUSH_BYTES_MAX (4 * 1024 * 1024) /* the subjects of one transaction's events */

static enum err count_rows(struct tx *tx, const char *sql, int64_t *out)
{
    struct rows rows;

    *out = 0;
    tx_query_values(tx, &rows, sql, NULL, 0);
    if (rows_next(&rows)) *out = rows_int(&rows, 0);
    return rows_end(&rows);
}

enum err outbox_append(struct tx *tx, struct str subject, struct str payload)
{
    if (payload.len > EVENT_PAYLOAD_MAX) return ERR_TOO_LARGE;
    tx->published++;
    return tx_exec(tx, NULL,
                   "INSERT INTO outbox (subject, payload, created_at_ms) VALUES ($1, $2, $3)",
                   sql_text(subject), sql_text(payload), sql_int(tx->now_ms));
}

enum err outbox_last(struct tx *tx, int64_t *sequence)
{
    return count_rows(tx, "SELECT COALESCE(MAX(seq), 0) FROM outbox", sequence);
}

static enum err channel_add(struct tx *tx, const struct channel *channel)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO bus_channels (subject, first_seq, last_seq, messages) "
                   "VALUES ($1, $2, $3, $4) ON CONFLICT (subject) DO UPDATE SET "
                   "last_seq = excluded.last_seq, "
                   "messages = bus_channels.messages + excluded.messages",
                   sql_text(channel->subject), sql_int(channel->first), sql_int(channel->last),
                   sql_int(channel->count));
}

/* The subjects of the rows that are not counted yet: no more than this transaction appended. */
static enum err uncounted(struct tx *tx, struct arena *arena, struct channel *out, size_t max,
                          size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT subject, MIN(seq), MAX(seq), COUNT(*) FROM outbox WHERE seq > "
             "(SELECT COALESCE(MAX(last_seq), 0) FROM bus_channels) GROUP BY subject");
    while (*count < max && rows_next(&rows))
        out[(*count)++] =
            (struct channel){arena_copy(arena, rows_text(&rows, 0)), rows_int(&rows, 1),
                             rows_int(&rows, 2), rows_int(&rows, 3)};
    return rows_end(&rows);
}

enum err outbox_flush(struct tx *tx, int64_t *last)
{
    struct arena *arena = arena_new(FLUSH_BYTES_MAX);
    struct channel *channels;
    size_t max = (size_t)tx->published, count = 0;
    enum err err = ERR_MEMORY;

    if (!arena) return ERR_MEMORY;
    channels = arena_alloc(arena, max * sizeof *channels);
    if (!channels) goto done;
    TRY(uncounted(tx, arena, channels, max, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(channel_add(tx, &channels[i]));
        if (channels[i].last > *last) *last = channels[i].last;
    }
done:
    arena_free(arena);
    return err;
}

enum err outbox_channels(struct tx *tx, struct arena *arena, struct channel *out, size_t max,
                         size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT subject, first_seq, last_seq, messages FROM bus_channels ORDER BY subject");
    while (*count < max && rows_next(&rows))
        out[(*count)++] =
            (struct channel){arena_copy(arena, rows_text(&rows, 0)), rows_int(&rows, 1),
                             rows_int(&rows, 2), rows_int(&rows, 3)};
    return rows_end(&rows);
}

enum err dead_letters(struct tx *tx, struct arena *arena, struct dead_letter *out, size_t max,
                      size_t *count, int64_t *total)
{
    struct rows rows;
    enum err err = OK;

    *count = 0;
    TRY(count_rows(tx, "SELECT COUNT(*) FROM bus_dead", total));
    tx_query(tx, &rows,
             "SELECT id, source, seq, subject, substr(payload, 1, 2048), reason, dead_at_ms "
             "FROM bus_dead "
             "ORDER BY id DESC LIMIT $1",
             sql_int((int64_t)max));
    while (*count < max && rows_next(&rows)) {
        struct dead_letter *letter = &out[(*count)++];

        letter->id = rows_int(&rows, 0);
        letter->source = arena_copy(arena, rows_text(&rows, 1));
        letter->sequence = rows_int(&rows, 2);
        letter->subject = arena_copy(arena, rows_text(&rows, 3));
        letter->payload = arena_copy(arena, rows_text(&rows, 4));
        letter->reason = arena_copy(arena, rows_text(&rows, 5));
        letter->dead_at_ms = rows_int(&rows, 6);
    }
    err = rows_end(&rows);
done:
    return err;
}

enum err bus_positions(struct tx *tx, struct arena *arena, struct position *out, size_t max,
                       size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows, "SELECT source, seq FROM bus_positions ORDER BY source LIMIT $1",
             sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] =
            (struct position){arena_copy(arena, rows_text(&rows, 0)), rows_int(&rows, 1)};
    return rows_end(&rows);
}

enum err waiting_count(struct tx *tx, int64_t *count)
{
    return count_rows(tx, "SELECT COUNT(*) FROM bus_waiting", count);
}

enum err dead_letter_put(struct tx *tx, struct str source, int64_t sequence, struct str subject,
                         struct str payload, struct str reason)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO bus_dead (source, seq, subject, payload, reason, dead_at_ms) "
                   "VALUES ($1, $2, $3, $4, $5, $6)",
                   sql_text(source), sql_int(sequence), sql_text(subject), sql_text(payload),
                   sql_text(reason), sql_int(tx->now_ms));
}
