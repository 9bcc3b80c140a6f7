/* bus/embedded.c: the embedded bus. The outboxes are the log; a subscriber reads the publisher's
 * outbox through a read-only connection and keeps its positions in its own database. */
#include "bus/driver.h"

#include <stdlib.h>

struct source_reader { /* one source, as one subscriber sees it */
    const struct bus_source *source;
    struct db *db;
    _Atomic bool news;        /* there may be rows past `position` */
    _Atomic int64_t position; /* flushed, or passed over; at start what was stored */
    int64_t stored;           /* what of that is committed in the subscriber's database */
    int64_t flushed;          /* what flush wrote, until the commit is known */
    int64_t fetched;          /* last row of the latest fetch */
};

struct readers {
    struct source_reader all[SOURCES_MAX];
    size_t count;
    struct mono_ms store_at; /* when to store positions ahead of what is stored; else MONO_NEVER */
    bool storing;            /* flush wrote the positions */
};

/* Rows of other subjects are passed over without a transaction, and what had no effect needs no
 * flush of the disk: should it come again, it has none again. How far is stored so much later at
 * most, for whoever judges by the books: a backup, a start, what may be pruned. */
#define STORE_PAUSE_MS 10000

static struct source_reader *source_reader_of(const struct subscription *sub, const char *service)
{
    struct readers *readers = sub->state;

    for (size_t i = 0; i < readers->count; i++)
        if (strcmp(readers->all[i].source->service, service) == 0) return &readers->all[i];
    return NULL;
}

static void embedded_notify(struct subscription *sub, const char *service)
{
    struct source_reader *reader = source_reader_of(sub, service);

    if (!reader) return;
    atomic_store(&reader->news, true);
    sub->who.notify(sub->who.context);
}

/* --- opening ------------------------------------------------------------------------------- */

/* A source concerns a subscriber when one of its subjects may be published there. */
static bool concerns(const struct bus_source *source, const struct subscriber *who)
{
    if (!source->subjects) return true;
    for (const char *const *subject = who->subjects; *subject; subject++)
        if (bus_listed(source->subjects, str_of(*subject))) return true;
    return false;
}

static enum err read_position(struct tx *tx, struct source_reader *reader)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT seq FROM bus_positions WHERE source = $1",
             sql_text(str_of(reader->source->service)));
    reader->stored = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    reader->fetched = reader->stored;
    atomic_store(&reader->position, reader->stored);
    atomic_store(&reader->news, true);
    return rows_end(&rows);
}

static enum err embedded_load(struct subscription *sub, struct tx *own)
{
    struct readers *readers = sub->state;
    enum err err = OK;

    readers->store_at = MONO_NEVER;
    for (size_t i = 0; i < readers->count; i++)
        TRY(read_position(own, &readers->all[i]));
done:
    return err;
}

static enum err embedded_open(struct subscription *sub)
{
    struct readers *readers = sub->state = calloc(1, sizeof *readers);
    struct bus *bus = sub->bus;
    enum err err = OK;

    if (!readers) return ERR_MEMORY;
    for (size_t i = 0; i < bus->source_count; i++) {
        struct source_reader *reader = &readers->all[readers->count];

        if (!concerns(&bus->sources[i], &sub->who)) continue;
        reader->source = &bus->sources[i];
        TRY(db_open(reader->source->path, DB_READER, &reader->db, NULL));
        readers->count++;
        TRY(bus_read_last(bus, i, reader->db));
    }
done:
    return err;
}

static void embedded_close(struct subscription *sub)
{
    struct readers *readers = sub->state;

    for (size_t i = 0; readers && i < readers->count; i++)
        db_close(readers->all[i].db);
    free(readers);
}

/* --- fetching ------------------------------------------------------------------------------ */

/* Copies a row's texts; false when the arena is full (the row comes with the next fetch). */
static bool keep_delivery(struct subscription *sub, struct delivery *delivery, struct rows *rows)
{
    delivery->sequence = rows_int(rows, 0);
    delivery->subject = arena_copy(sub->arena, rows_text(rows, 1));
    delivery->payload = arena_copy(sub->arena, rows_text(rows, 2));
    delivery->published_at = rows_wall(rows, 3);
    delivery->trace = arena_copy(sub->arena, rows_text(rows, 4));
    return delivery->subject.at && delivery->payload.at && delivery->trace.at;
}

static void store_later(struct subscription *sub)
{
    struct readers *readers = sub->state;

    readers->store_at = mono_earlier(readers->store_at, mono_after(sub->now, STORE_PAUSE_MS));
}

static void pass_over(struct subscription *sub, struct source_reader *reader)
{
    atomic_store(&reader->position, reader->fetched);
    if (reader->fetched != reader->stored) store_later(sub);
}

static size_t fetch_source(struct subscription *sub, struct source_reader *reader, size_t count)
{
    struct rows rows;
    size_t limit = DELIVERIES_MAX - count, seen = 0, before = count;
    bool more = false;

    atomic_store(&reader->news, false); /* before reading: what comes after is news again */
    tx_query(tx_read(reader->db, WALL_NONE), &rows,
             "SELECT seq, subject, payload, created_at_ms, trace FROM outbox WHERE seq > $1 "
             "ORDER BY seq LIMIT $2",
             sql_int(reader->position), sql_int((int64_t)limit));
    while (!more && rows_next(&rows)) {
        struct delivery *delivery = &sub->deliveries[count];

        *delivery = (struct delivery){.source = reader->source->service};
        more = ++seen == limit;
        if (bus_listed(sub->who.subjects, rows_text(&rows, 1))) {
            if (!keep_delivery(sub, delivery, &rows)) {
                more = true;
                break;
            }
            count++;
        }
        reader->fetched = rows_int(&rows, 0);
    }
    if (rows_end(&rows) != OK) {
        more = true;
        sub->fetch_at = mono_after(sub->now, RETRY_PAUSE_MS);
    }
    if (more) atomic_store(&reader->news, true);
    /* Rows of other subjects need no transaction to be passed over. */
    if (count == before) pass_over(sub, reader);
    return count;
}

static size_t embedded_fetch(struct subscription *sub, struct tx *own, size_t count)
{
    struct readers *readers = sub->state;

    (void)own;
    for (size_t i = 0; i < readers->count; i++)
        readers->all[i].fetched = readers->all[i].position;
    for (size_t i = 0; i < readers->count && count < DELIVERIES_MAX; i++)
        if (atomic_load(&readers->all[i].news)) count = fetch_source(sub, &readers->all[i], count);
    return count;
}

static bool embedded_news(const struct subscription *sub)
{
    struct readers *readers = sub->state;

    for (size_t i = 0; i < readers->count; i++)
        if (atomic_load(&readers->all[i].news)) return true;
    return false;
}

/* --- committing ---------------------------------------------------------------------------- */

static enum err move_position(struct tx *tx, struct source_reader *reader)
{
    if (reader->flushed == reader->stored) return OK;
    return tx_exec(tx, NULL,
                   "INSERT INTO bus_positions (source, seq) VALUES ($1, $2) "
                   "ON CONFLICT (source) DO UPDATE SET seq = excluded.seq",
                   sql_text(str_of(reader->source->service)), sql_int(reader->flushed));
}

/* Whether positions move in this transaction: together with what they stand for, or because it is
 * time. */
static bool positions_due(const struct subscription *sub, size_t count)
{
    const struct readers *readers = sub->state;

    for (size_t i = 0; i < count; i++)
        if (sub->deliveries[i].verdict != VERDICT_SEEN &&
            sub->deliveries[i].verdict != VERDICT_RETRY)
            return true;
    return count == 0 || mono_reached(sub->now, readers->store_at);
}

/* From the first that cannot be applied now on, a source's events come again. */
static enum err embedded_flush(struct subscription *sub, struct tx *tx, size_t count)
{
    struct readers *readers = sub->state;
    enum err err = OK;

    for (size_t i = 0; i < readers->count; i++)
        readers->all[i].flushed = readers->all[i].fetched;
    for (size_t i = 0; i < count; i++) {
        const struct delivery *delivery = &sub->deliveries[i];
        struct source_reader *reader;

        if (delivery->verdict != VERDICT_RETRY || delivery->waited) continue;
        reader = source_reader_of(sub, delivery->source);
        if (reader && reader->flushed >= delivery->sequence)
            reader->flushed = delivery->sequence - 1;
    }
    readers->storing = positions_due(sub, count);
    for (size_t i = 0; readers->storing && i < readers->count; i++)
        TRY(move_position(tx, &readers->all[i]));
done:
    return err;
}

static void embedded_again(struct subscription *sub)
{
    (void)sub; /* flush begins anew from what was fetched */
}

static void embedded_ack(struct subscription *sub, bool committed)
{
    struct readers *readers = sub->state;

    for (size_t i = 0; i < readers->count; i++) {
        struct source_reader *reader = &readers->all[i];

        if (committed && reader->flushed != reader->fetched) atomic_store(&reader->news, true);
        if (committed) atomic_store(&reader->position, reader->flushed);
        if (committed && readers->storing) reader->stored = reader->flushed;
        if (!committed) atomic_store(&reader->news, true);
        reader->fetched = reader->position;
    }
    if (committed && readers->storing)
        readers->store_at = MONO_NEVER;
    else if (committed)
        store_later(sub);
    else if (readers->store_at.ms != MONO_NEVER.ms) /* not at once: the disk may be full */
        readers->store_at = mono_after(sub->now, STORE_PAUSE_MS);
}

static struct mono_ms embedded_due(const struct subscription *sub)
{
    const struct readers *readers = sub->state;

    return readers->store_at;
}

static bool embedded_ready(const struct subscription *sub)
{
    (void)sub;
    return true;
}

static size_t embedded_metrics(const struct subscription *sub, struct subscription_metrics *out,
                               size_t max, size_t count)
{
    struct readers *readers = sub->state;

    for (size_t i = 0; i < readers->count; i++, count++) {
        const struct source_reader *reader = &readers->all[i];

        if (count < max)
            out[count] = (struct subscription_metrics){
                sub->who.service, reader->source->service, atomic_load(&reader->position),
                bus_last_sequence(sub->bus, reader->source->service)};
    }
    return count;
}

const struct bus_driver bus_embedded = {
    .open = embedded_open,
    .close = embedded_close,
    .load = embedded_load,
    .notify = embedded_notify,
    .fetch = embedded_fetch,
    .flush = embedded_flush,
    .again = embedded_again,
    .ack = embedded_ack,
    .news = embedded_news,
    .due = embedded_due,
    .ready = embedded_ready,
    .metrics = embedded_metrics,
};
