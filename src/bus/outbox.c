/* bus/outbox.c: the bus's tables in a service's database: what it published, what it could not
 * apply. The statements that move subscriptions are the drivers'. */
#include "bus/bus.h"

#include <stdatomic.h>

static enum err count_rows(struct tx *tx, const char *sql, int64_t *out)
{
    struct rows rows;

    *out = 0;
    tx_query_values(tx, &rows, sql, NULL, 0);
    if (rows_next(&rows)) *out = rows_int(&rows, 0);
    return rows_end(&rows);
}

static _Atomic bool relaying;

void outbox_relay(bool on)
{
    atomic_store(&relaying, on);
}

enum err outbox_append(struct tx *tx, struct str subject, struct str payload)
{
    char memory[TRACE_TEXT_LEN];
    struct str trace = {memory, trace_known(&tx->trace) ? sizeof memory : 0};
    enum err err;

    if (payload.len > EVENT_PAYLOAD_MAX) return ERR_TOO_LARGE;
    tx->published++;
    tx->published_bytes += (int64_t)payload.len;
    if (trace.len) trace_format(&tx->trace, memory);
    TRY(tx_exec(tx, NULL,
                "INSERT INTO outbox (subject, payload, created_at_ms, trace) "
                "VALUES ($1, $2, $3, $4)",
                sql_text(subject), sql_text(payload), sql_wall(tx->now), sql_text_or_null(trace)));
    if (atomic_load(&relaying))
        TRY(tx_exec_values(tx, NULL, "INSERT INTO outbox_unrelayed (seq) VALUES ({{last serial}})",
                           NULL, 0));
done:
    return err;
}

enum err outbox_refill(struct tx *tx, int64_t from, int64_t max, int64_t *next)
{
    struct rows rows;
    enum err err = OK;

    *next = 0;
    tx_query(tx, &rows, "SELECT seq FROM outbox WHERE seq >= $1 ORDER BY seq LIMIT 1 OFFSET $2",
             sql_int(from), sql_int(max));
    if (rows_next(&rows)) *next = rows_int(&rows, 0);
    TRY(rows_end(&rows));
    TRY(tx_exec(tx, NULL,
                "INSERT INTO outbox_unrelayed (seq) SELECT seq FROM outbox "
                "WHERE seq >= $1 AND seq < $2 ON CONFLICT (seq) DO NOTHING",
                sql_int(from), sql_int(*next ? *next : INT64_MAX)));
done:
    return err;
}

enum err outbox_last(struct tx *tx, int64_t *sequence)
{
    return count_rows(tx, "SELECT COALESCE(MAX(seq), 0) FROM outbox", sequence);
}

/* An older program's database is looked at before its migration; on PostgreSQL none is. */
static enum err has_removed(struct tx *tx, bool *has)
{
    struct rows rows;

    *has = true;
    if (db_shared(tx->db)) return OK;
    tx_query(tx, &rows, "SELECT 1 FROM pragma_table_info('bus_channels') WHERE name = $1",
             sql_text(STR("removed_seq")));
    *has = rows_next(&rows);
    return rows_end(&rows);
}

enum err outbox_removed(struct tx *tx, int64_t *up_to)
{
    enum err err;
    bool has;

    *up_to = 0;
    TRY(has_removed(tx, &has));
    if (has) TRY(count_rows(tx, "SELECT COALESCE(MAX(removed_seq), 0) FROM bus_channels", up_to));
done:
    return err;
}

/* Of the one row; WALL_NONE: there is none. */
static enum err one_time(struct tx *tx, const char *sql, struct wall_ms *out)
{
    struct rows rows;

    tx_query_values(tx, &rows, sql, NULL, 0);
    *out = rows_next(&rows) ? rows_wall(&rows, 0) : WALL_NONE;
    return rows_end(&rows);
}

enum err outbox_oldest_time(struct tx *tx, struct wall_ms *time)
{
    return one_time(tx,
                    "SELECT created_at_ms FROM outbox WHERE seq < (SELECT MAX(seq) FROM outbox) "
                    "ORDER BY seq LIMIT 1",
                    time);
}

enum err outbox_last_time(struct tx *tx, struct wall_ms *time)
{
    return one_time(tx, "SELECT created_at_ms FROM outbox ORDER BY seq DESC LIMIT 1", time);
}

static struct channel channel_read(struct rows *rows, struct str subject)
{
    return (struct channel){.subject = subject,
                            .first = rows_int(rows, 1),
                            .last = rows_int(rows, 2),
                            .count = rows_int(rows, 3),
                            .bytes = rows_int(rows, 4),
                            .removed = rows_int(rows, 5)};
}

/* What is published and not counted yet: the rows after those that are, up to a sequence. */
static enum err count_up_to(struct tx *tx, int64_t up_to)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO bus_channels (subject, first_seq, last_seq, messages, bytes) "
                   "SELECT subject, MIN(seq), MAX(seq), COUNT(*), SUM({{bytes payload}}) "
                   "FROM outbox WHERE seq > (SELECT COALESCE(MAX(last_seq), 0) FROM bus_channels) "
                   "AND seq <= $1 GROUP BY subject ON CONFLICT (subject) DO UPDATE SET "
                   "last_seq = excluded.last_seq, "
                   "messages = bus_channels.messages + excluded.messages, "
                   "bytes = bus_channels.bytes + excluded.bytes",
                   sql_int(up_to));
}

enum err outbox_flush(struct tx *tx, int64_t *last)
{
    enum err err;

    TRY(outbox_last(tx, last));
    if (!db_shared(tx->db) &&
        (*last - tx->published) / OUTBOX_FOLD_EVENTS != *last / OUTBOX_FOLD_EVENTS)
        TRY(count_up_to(tx, *last));
done:
    return err;
}

/* The channels' counts are changed by one process at a time. *turn: 0: another one is at it. */
static enum err take_turn(struct tx *tx, int64_t *turn)
{
    return count_rows(tx,
                      "SELECT 1 /*postgresql WHERE pg_try_advisory_xact_lock("
                      "hashtextextended('boxoffice channels/' || current_schema(), 0))*/",
                      turn);
}

/* What is older than any transaction can be; with the turn. Whoever is second finds nothing left.
 */
static enum err fold(struct tx *tx)
{
    int64_t up_to = 0;
    struct rows rows;
    enum err err;

    tx_query(tx, &rows,
             "SELECT COALESCE(MAX(seq), 0) FROM outbox WHERE created_at_ms <= $1 AND seq > "
             "(SELECT COALESCE(MAX(last_seq), 0) FROM bus_channels)",
             sql_wall(wall_after(tx->now, -OUTBOX_FOLD_MS)));
    if (rows_next(&rows)) up_to = rows_int(&rows, 0);
    TRY(rows_end(&rows));
    if (up_to) TRY(count_up_to(tx, up_to));
done:
    return err;
}

enum err outbox_fold(struct tx *tx)
{
    int64_t turn = 0;
    enum err err;

    TRY(take_turn(tx, &turn));
    if (turn) TRY(fold(tx));
done:
    return err;
}

/* Up to where events may go as far as this database knows: those counted in the channels' counts,
 * acknowledged by the broker where one was told of them, and not the newest. */
static enum err prunable_up_to(struct tx *tx, int64_t *up_to)
{
    int64_t counted, last, unrelayed;
    enum err err;

    TRY(count_rows(tx, "SELECT COALESCE(MAX(last_seq), 0) FROM bus_channels", &counted));
    TRY(count_rows(tx, "SELECT COALESCE(MIN(seq), 0) FROM outbox_unrelayed", &unrelayed));
    TRY(outbox_last(tx, &last));
    if (*up_to > counted) *up_to = counted;
    if (*up_to > last - 1) *up_to = last - 1;
    if (unrelayed && *up_to > unrelayed - 1) *up_to = unrelayed - 1;
done:
    return err;
}

/* *last: of the oldest events, at most max, the last before the first young one; 0: there is none.
 */
static enum err oldest(struct tx *tx, int64_t up_to, struct wall_ms before, int64_t max,
                       int64_t *last)
{
    struct rows rows;
    bool old = true;

    *last = 0;
    tx_query(tx, &rows,
             "SELECT seq, created_at_ms FROM outbox WHERE seq <= $1 ORDER BY seq LIMIT $2",
             sql_int(up_to), sql_int(max));
    while (old && rows_next(&rows)) {
        old = wall_before(rows_wall(&rows, 1), before);
        if (old) *last = rows_int(&rows, 0);
    }
    return rows_end(&rows);
}

/* first_seq: before it there is nothing of the subject; finding the first that is left would read
 * the whole outbox for a rare one. */
static enum err uncount(struct tx *tx, int64_t up_to)
{
    enum err err;

    TRY(tx_exec(tx, NULL,
                "UPDATE bus_channels SET messages = bus_channels.messages - gone.messages, "
                "bytes = bus_channels.bytes - gone.bytes, removed_seq = gone.last FROM "
                "(SELECT subject, COUNT(*) AS messages, SUM({{bytes payload}}) AS bytes, "
                "MAX(seq) AS last FROM outbox WHERE seq <= $1 GROUP BY subject) AS gone "
                "WHERE bus_channels.subject = gone.subject",
                sql_int(up_to)));
    TRY(tx_exec(tx, NULL, "UPDATE bus_channels SET first_seq = $2 WHERE first_seq <= $1",
                sql_int(up_to), sql_int(up_to + 1)));
done:
    return err;
}

enum err outbox_prune(struct tx *tx, int64_t up_to, struct wall_ms before, int64_t max,
                      int64_t *removed)
{
    int64_t turn = 0, last = 0;
    enum err err;

    *removed = 0;
    TRY(take_turn(tx, &turn));
    if (!turn) return OK;
    TRY(fold(tx)); /* few that are old may be all there are */
    TRY(prunable_up_to(tx, &up_to));
    TRY(oldest(tx, up_to, before, max, &last));
    if (!last) return OK;
    TRY(uncount(tx, last));
    TRY(tx_exec(tx, removed, "DELETE FROM outbox WHERE seq <= $1", sql_int(last)));
done:
    return err;
}

#define CHANNELS                                                                                   \
    "SELECT subject, MIN(first_seq), MAX(last_seq), SUM(messages), SUM(bytes), MAX(removed_seq) "  \
    "FROM (SELECT subject, first_seq, last_seq, messages, bytes, removed_seq FROM bus_channels "   \
    "UNION ALL SELECT subject, MIN(seq), MAX(seq), COUNT(*), SUM({{bytes payload}}), 0 "           \
    "FROM outbox WHERE seq > "                                                                     \
    "(SELECT COALESCE(MAX(last_seq), 0) FROM bus_channels) GROUP BY subject) c "

enum err outbox_channel(struct tx *tx, struct str subject, struct channel *out)
{
    struct rows rows;

    *out = (struct channel){.subject = subject};
    tx_query(tx, &rows, CHANNELS "WHERE subject = $1 GROUP BY subject", sql_text(subject));
    if (rows_next(&rows)) *out = channel_read(&rows, subject);
    return rows_end(&rows);
}

enum err outbox_channels(struct tx *tx, struct arena *arena, struct channel *out, size_t max,
                         size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows, CHANNELS "GROUP BY subject ORDER BY subject");
    while (*count < max && rows_next(&rows))
        out[(*count)++] = channel_read(&rows, arena_copy(arena, rows_text(&rows, 0)));
    return rows_end(&rows);
}

#define EVENT_COLUMNS "seq, created_at_ms, subject, payload, trace"

void outbox_event_at(struct tx *tx, struct rows *rows, int64_t sequence)
{
    tx_query(tx, rows, "SELECT " EVENT_COLUMNS " FROM outbox WHERE seq = $1", sql_int(sequence));
}

void outbox_events_of(struct tx *tx, struct rows *rows, struct str subject, int64_t after,
                      int64_t until, int64_t max)
{
    tx_query(tx, rows,
             "SELECT " EVENT_COLUMNS " FROM outbox "
             "WHERE seq > $1 AND seq <= $2 AND subject = $3 ORDER BY seq LIMIT $4",
             sql_int(after), sql_int(until), sql_text(subject), sql_int(max));
}

bool outbox_next(struct rows *rows, struct outbox_event *out)
{
    if (!rows_next(rows)) return false;
    *out = (struct outbox_event){.sequence = rows_int(rows, 0),
                                 .published_at = rows_wall(rows, 1),
                                 .subject = rows_text(rows, 2),
                                 .payload = rows_text(rows, 3),
                                 .trace = rows_text(rows, 4)};
    return true;
}

enum err outbox_count(struct tx *tx, struct str subject, int64_t after, int64_t until,
                      int64_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows, "SELECT COUNT(*) FROM outbox WHERE seq > $1 AND seq <= $2 AND subject = $3",
             sql_int(after), sql_int(until), sql_text(subject));
    if (rows_next(&rows)) *count = rows_int(&rows, 0);
    return rows_end(&rows);
}

enum err outbox_find(struct tx *tx, struct arena *arena, struct str word, struct outbox_event *out,
                     size_t max, size_t *count)
{
    struct outbox_event event;
    struct buf like;
    struct rows rows;

    *count = 0;
    buf_init(&like, arena, word.len + 5);
    buf_printf(&like, "%%\"%.*s\"%%", (int)word.len, word.at);
    if (like.failed) return ERR_MEMORY;
    tx_query(tx, &rows,
             "SELECT " EVENT_COLUMNS " FROM outbox "
             "WHERE payload LIKE $1 ORDER BY seq LIMIT $2",
             sql_text(buf_str(&like)), sql_int((int64_t)max));
    while (*count < max && outbox_next(&rows, &event)) {
        event.subject = arena_copy(arena, event.subject);
        event.payload = arena_copy(arena, event.payload);
        event.trace = arena_copy(arena, event.trace);
        out[(*count)++] = event;
    }
    return rows_end(&rows);
}

/* The columns of LETTER, as the row the query stands on has them. */
static struct dead_letter letter_read(struct rows *rows, struct arena *arena)
{
    return (struct dead_letter){
        .id = rows_int(rows, 0),
        .source = arena_copy(arena, rows_text(rows, 1)),
        .sequence = rows_int(rows, 2),
        .subject = arena_copy(arena, rows_text(rows, 3)),
        .payload = arena_copy(arena, rows_text(rows, 4)),
        .reason = arena_copy(arena, rows_text(rows, 5)),
        .dead_at = rows_wall(rows, 6),
        .trace = arena_copy(arena, rows_text(rows, 7)),
    };
}

enum err dead_letters_before(struct tx *tx, struct arena *arena, int64_t before,
                             struct dead_letter *out, size_t max, size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows,
             "SELECT id, source, seq, subject, substr(payload, 1, 2048), reason, dead_at_ms, "
             "trace FROM bus_dead WHERE id < $1 ORDER BY id DESC LIMIT $2",
             sql_int(before), sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] = letter_read(&rows, arena);
    return rows_end(&rows);
}

enum err dead_letters(struct tx *tx, struct arena *arena, struct dead_letter *out, size_t max,
                      size_t *count, int64_t *total)
{
    enum err err;

    *count = 0;
    TRY(dead_count(tx, total));
    TRY(dead_letters_before(tx, arena, INT64_MAX, out, max, count));
done:
    return err;
}

enum err dead_letter_get(struct tx *tx, struct arena *arena, int64_t id, struct dead_letter *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT id, source, seq, subject, payload, reason, dead_at_ms, trace FROM bus_dead "
             "WHERE id = $1",
             sql_int(id));
    if (rows_next(&rows)) {
        *out = letter_read(&rows, arena);
        err = out->payload.at ? OK : ERR_MEMORY;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

/* It waits anew from now on: for a day, should an earlier version be missing. */
enum err dead_letter_retry(struct tx *tx, const struct dead_letter *letter)
{
    enum err err;

    TRY(dead_letter_drop(tx, letter->id));
    TRY(tx_exec(tx, NULL,
                "INSERT INTO bus_waiting (source, seq, subject, payload, published_at_ms, "
                "since_ms, trace) VALUES ($1, $2, $3, $4, $5, $5, $6) "
                "ON CONFLICT (source, seq) DO NOTHING",
                sql_text(letter->source), sql_int(letter->sequence), sql_text(letter->subject),
                sql_text(letter->payload), sql_wall(tx->now), sql_text_or_null(letter->trace)));
done:
    return err;
}

enum err dead_letter_drop(struct tx *tx, int64_t id)
{
    int64_t dropped;
    enum err err = tx_exec(tx, &dropped, "DELETE FROM bus_dead WHERE id = $1", sql_int(id));

    return err == OK && dropped == 0 ? ERR_NOT_FOUND : err;
}

/* By id: the oldest first, of which only a bounded part is looked at. */
enum err dead_letters_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten)
{
    struct wall_ms a_year_ago = wall_after(tx->now, -DEAD_LETTER_MS);

    return tx_exec(tx, forgotten,
                   "DELETE FROM bus_dead WHERE dead_at_ms < $1 AND id IN "
                   "(SELECT id FROM bus_dead ORDER BY id LIMIT $2)",
                   sql_wall(wall_earlier(before, a_year_ago)), sql_int(max));
}

enum err event_delivery_status(struct tx *tx, struct str source, int64_t sequence,
                               enum event_delivery_status *status, int64_t *letter_id)
{
    struct rows rows;
    enum err err;

    *status = DELIVERY_APPLIED;
    tx_query(tx, &rows, "SELECT MAX(id) FROM bus_dead WHERE source = $1 AND seq = $2",
             sql_text(source), sql_int(sequence));
    if (rows_next(&rows) && !rows_null(&rows, 0)) {
        *status = DELIVERY_DEAD;
        *letter_id = rows_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    tx_query(tx, &rows, "SELECT 1 FROM bus_waiting WHERE source = $1 AND seq = $2",
             sql_text(source), sql_int(sequence));
    if (rows_next(&rows)) *status = DELIVERY_WAITING;
    TRY(rows_end(&rows));
done:
    return err;
}

enum err bus_positions(struct tx *tx, struct arena *arena, struct bus_position *out, size_t max,
                       size_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows, "SELECT source, seq FROM bus_positions ORDER BY source LIMIT $1",
             sql_int((int64_t)max));
    while (*count < max && rows_next(&rows))
        out[(*count)++] =
            (struct bus_position){arena_copy(arena, rows_text(&rows, 0)), rows_int(&rows, 1)};
    return rows_end(&rows);
}

enum err bus_position(struct tx *tx, const char *source, int64_t *sequence)
{
    struct rows rows;
    enum err err;
    bool there;

    *sequence = 0;
    TRY(db_has_table(tx, "bus_positions", &there));
    if (!there) return OK;
    tx_query(tx, &rows, "SELECT seq FROM bus_positions WHERE source = $1",
             sql_text(str_of(source)));
    if (rows_next(&rows)) *sequence = rows_int(&rows, 0);
    TRY(rows_end(&rows));
done:
    return err;
}

enum err waiting_count(struct tx *tx, int64_t *count)
{
    return count_rows(tx, "SELECT COUNT(*) FROM bus_waiting", count);
}

enum err waiting_since(struct tx *tx, struct wall_ms *since)
{
    struct rows rows;

    *since = WALL_NEVER;
    tx_query_values(tx, &rows, "SELECT MIN(since_ms) FROM bus_waiting", NULL, 0);
    if (rows_next(&rows) && !rows_null(&rows, 0)) *since = rows_wall(&rows, 0);
    return rows_end(&rows);
}

enum err dead_count(struct tx *tx, int64_t *count)
{
    return count_rows(tx, "SELECT COUNT(*) FROM bus_dead", count);
}

enum err unrelayed_count(struct tx *tx, int64_t *count)
{
    struct rows rows;

    *count = 0;
    tx_query(tx, &rows, "SELECT COUNT(*) FROM (SELECT 1 FROM outbox_unrelayed LIMIT $1) AS counted",
             sql_int(UNRELAYED_MAX));
    if (rows_next(&rows)) *count = rows_int(&rows, 0);
    return rows_end(&rows);
}

enum err dead_letter_put(struct tx *tx, const struct dead_letter *letter)
{
    return tx_exec(
        tx, NULL,
        "INSERT INTO bus_dead (source, seq, subject, payload, reason, dead_at_ms, trace) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        sql_text(letter->source), sql_int(letter->sequence), sql_text(letter->subject),
        sql_text(letter->payload), sql_text(letter->reason), sql_wall(tx->now),
        sql_text_or_null(letter->trace));
}
