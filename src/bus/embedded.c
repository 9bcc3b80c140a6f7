/* bus/embedded.c: the embedded bus. The outboxes are the log; a subscriber reads the publisher's
 * outbox through a read-only connection and keeps its positions in its own database. */
#include "bus/driver.h"

#include <stdlib.h>

struct feed { /* one source, as one subscriber sees it */
    const struct bus_source *source;
    struct db *reader;
    _Atomic bool news;        /* there may be rows past `position` */
    _Atomic int64_t position; /* settled and committed */
    int64_t settling;         /* what settle wrote, until settled */
    int64_t fetched;          /* last row of the latest fetch */
};

struct feeds {
    struct feed all[SOURCES_MAX];
    size_t count;
};

static struct feed *feed_of(const struct subscription *sub, const char *service)
{
    struct feeds *feeds = sub->end;

    for (size_t i = 0; i < feeds->count; i++)
        if (strcmp(feeds->all[i].source->service, service) == 0) return &feeds->all[i];
    return NULL;
}

static void notify(struct subscription *sub, const char *service)
{
    struct feed *feed = feed_of(sub, service);

    if (!feed) return;
    atomic_store(&feed->news, true);
    sub->who.poke(sub->who.context);
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

static enum err read_position(struct tx *tx, struct feed *feed)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT seq FROM bus_positions WHERE source = $1",
             sql_text(str_of(feed->source->service)));
    atomic_store(&feed->position, rows_next(&rows) ? rows_int(&rows, 0) : 0);
    atomic_store(&feed->news, true);
    return rows_end(&rows);
}

static enum err load(struct subscription *sub, struct tx *own)
{
    struct feeds *feeds = sub->end;
    enum err err = OK;

    for (size_t i = 0; i < feeds->count; i++)
        TRY(read_position(own, &feeds->all[i]));
done:
    return err;
}

static enum err open_feeds(struct subscription *sub)
{
    struct feeds *feeds = sub->end = calloc(1, sizeof *feeds);
    struct bus *bus = sub->bus;
    enum err err = OK;

    if (!feeds) return ERR_MEMORY;
    for (size_t i = 0; i < bus->source_count; i++) {
        struct feed *feed = &feeds->all[feeds->count];

        if (!concerns(&bus->sources[i], &sub->who)) continue;
        feed->source = &bus->sources[i];
        TRY(db_open(feed->source->path, DB_READER, &feed->reader, NULL));
        feeds->count++;
        TRY(bus_read_last(bus, i, feed->reader));
    }
done:
    return err;
}

static void close_feeds(struct subscription *sub)
{
    struct feeds *feeds = sub->end;

    for (size_t i = 0; feeds && i < feeds->count; i++)
        db_close(feeds->all[i].reader);
    free(feeds);
}

/* --- fetching ------------------------------------------------------------------------------ */

/* Copies a row's texts; false when the arena is full (the row comes with the next fetch). */
static bool keep_row(struct subscription *sub, struct delivery *delivery, struct rows *rows)
{
    delivery->sequence = rows_int(rows, 0);
    delivery->subject = arena_copy(sub->arena, rows_text(rows, 1));
    delivery->payload = arena_copy(sub->arena, rows_text(rows, 2));
    delivery->published_at_ms = rows_int(rows, 3);
    delivery->trace = arena_copy(sub->arena, rows_text(rows, 4));
    return delivery->subject.at && delivery->payload.at && delivery->trace.at;
}

static size_t fetch_feed(struct subscription *sub, struct feed *feed, size_t count)
{
    struct rows rows;
    size_t limit = DELIVERIES_MAX - count, seen = 0, before = count;
    bool more = false;

    atomic_store(&feed->news, false); /* before reading: what comes after is news again */
    tx_query(tx_read(feed->reader, 0), &rows,
             "SELECT seq, subject, payload, created_at_ms, trace FROM outbox WHERE seq > $1 "
             "ORDER BY seq LIMIT $2",
             sql_int(feed->position), sql_int((int64_t)limit));
    while (!more && rows_next(&rows)) {
        struct delivery *delivery = &sub->deliveries[count];

        *delivery = (struct delivery){.source = feed->source->service};
        more = ++seen == limit;
        if (bus_listed(sub->who.subjects, rows_text(&rows, 1))) {
            if (!keep_row(sub, delivery, &rows)) {
                more = true;
                break;
            }
            count++;
        }
        feed->fetched = rows_int(&rows, 0);
    }
    if (rows_end(&rows) != OK) {
        more = true;
        sub->retry_at_ms = sub->now_ms + RETRY_PAUSE_MS;
    }
    if (more) atomic_store(&feed->news, true);
    /* Rows of other subjects need no transaction to be passed over. */
    if (count == before) atomic_store(&feed->position, feed->fetched);
    return count;
}

static size_t fetch(struct subscription *sub, struct tx *own, size_t count)
{
    struct feeds *feeds = sub->end;

    (void)own;
    for (size_t i = 0; i < feeds->count; i++)
        feeds->all[i].fetched = feeds->all[i].position;
    for (size_t i = 0; i < feeds->count && count < DELIVERIES_MAX; i++)
        if (atomic_load(&feeds->all[i].news)) count = fetch_feed(sub, &feeds->all[i], count);
    return count;
}

static bool news(const struct subscription *sub)
{
    struct feeds *feeds = sub->end;

    for (size_t i = 0; i < feeds->count; i++)
        if (atomic_load(&feeds->all[i].news)) return true;
    return false;
}

/* --- settling ------------------------------------------------------------------------------ */

static enum err move_position(struct tx *tx, struct feed *feed)
{
    if (feed->settling == feed->position) return OK;
    return tx_exec(tx, NULL,
                   "INSERT INTO bus_positions (source, seq) VALUES ($1, $2) "
                   "ON CONFLICT (source) DO UPDATE SET seq = excluded.seq",
                   sql_text(str_of(feed->source->service)), sql_int(feed->settling));
}

/* From the first that cannot be applied now on, a source's events come again. */
static enum err settle(struct subscription *sub, struct tx *tx, size_t count)
{
    struct feeds *feeds = sub->end;
    enum err err = OK;

    for (size_t i = 0; i < feeds->count; i++)
        feeds->all[i].settling = feeds->all[i].fetched;
    for (size_t i = 0; i < count; i++) {
        const struct delivery *delivery = &sub->deliveries[i];
        struct feed *feed;

        if (delivery->verdict != VERDICT_RETRY || delivery->waited) continue;
        feed = feed_of(sub, delivery->source);
        if (feed && feed->settling >= delivery->sequence) feed->settling = delivery->sequence - 1;
    }
    for (size_t i = 0; i < feeds->count; i++)
        TRY(move_position(tx, &feeds->all[i]));
done:
    return err;
}

static void again(struct subscription *sub)
{
    (void)sub; /* settle begins anew from what was fetched */
}

static void settled(struct subscription *sub, bool committed)
{
    struct feeds *feeds = sub->end;

    for (size_t i = 0; i < feeds->count; i++) {
        struct feed *feed = &feeds->all[i];

        if (committed && feed->settling != feed->fetched) atomic_store(&feed->news, true);
        if (committed) atomic_store(&feed->position, feed->settling);
        if (!committed) atomic_store(&feed->news, true);
    }
}

static int64_t due_ms(const struct subscription *sub)
{
    (void)sub;
    return INT64_MAX;
}

static bool ready(const struct subscription *sub)
{
    (void)sub;
    return true;
}

static size_t figures(const struct subscription *sub, struct subscription_figures *out, size_t max,
                      size_t count)
{
    struct feeds *feeds = sub->end;

    for (size_t i = 0; i < feeds->count; i++, count++) {
        const struct feed *feed = &feeds->all[i];

        if (count < max)
            out[count] = (struct subscription_figures){
                sub->who.service, feed->source->service, atomic_load(&feed->position),
                bus_last_sequence(sub->bus, feed->source->service)};
    }
    return count;
}

const struct bus_driver bus_embedded = {
    .open = open_feeds,
    .close = close_feeds,
    .load = load,
    .notify = notify,
    .fetch = fetch,
    .settle = settle,
    .again = again,
    .settled = settled,
    .news = news,
    .due_ms = due_ms,
    .ready = ready,
    .figures = figures,
};
