/* bus/embedded.c: the embedded bus. The outboxes are the log; a subscriber reads the publisher's
 * outbox through a read-only connection and keeps its positions in its own database.
 *
 * Only pokes and figures cross threads; everything else of a subscription is its writer's. */
#include "bus/bus.h"

#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define SOURCES_MAX          16
#define SUBSCRIPTIONS_MAX    16
#define FETCH_BYTES_MAX      (4 * 1024 * 1024)
#define RETRY_PAUSE_MS       200
#define WAITING_PAUSE_MS     1000  /* between looks at waiting events when nothing moves … */
#define WAITING_PAUSE_MS_MAX 60000 /* … doubling up to this */
#define WAITING_MAX          100000
#define WAITING_AGE_MS_MAX   (24 * 3600 * INT64_C(1000))

struct feed { /* one source, as one subscriber sees it */
    const struct bus_source *source;
    struct db *reader;
    _Atomic bool news;        /* there may be rows past `position` */
    _Atomic int64_t position; /* settled and committed */
    int64_t settling;         /* what settle wrote, until settled */
    int64_t fetched;          /* last row of the latest fetch */
};

struct subscription {
    struct bus *bus;
    struct subscriber who;
    struct feed feeds[SOURCES_MAX];
    size_t feed_count;
    struct arena *arena; /* the deliveries' texts */
    struct delivery deliveries[DELIVERIES_MAX];
    bool stale;           /* a commit failed: positions must be read again */
    int64_t retry_at_ms;  /* no fetch before */
    int64_t waiting;      /* rows of bus_waiting */
    bool look_waiting;    /* a round over the waiting events is going on … */
    bool look_again;      /* … and something was applied since it began */
    char look_source[64]; /* how far the round has come */
    int64_t look_seq;
    int64_t waiting_at_ms; /* when the next round begins by itself */
    int64_t waiting_pause_ms;
    int64_t now_ms;
};

struct bus {
    struct bus_source sources[SOURCES_MAX];
    _Atomic int64_t last[SOURCES_MAX];
    size_t source_count;
    pthread_mutex_t lock; /* guards what is below; subscriptions come at start and go at stop */
    struct subscription *subscriptions[SUBSCRIPTIONS_MAX];
    void (*watch)(void *context); /* may be NULL */
    void *watch_context;
};

/* --- the bus ------------------------------------------------------------------------------- */

enum err bus_open(const struct bus_source *sources, size_t count, struct bus **out)
{
    struct bus *bus = calloc(1, sizeof *bus);

    ASSERT(count <= SOURCES_MAX);
    *out = bus;
    if (!bus) return ERR_MEMORY;
    pthread_mutex_init(&bus->lock, NULL);
    memcpy(bus->sources, sources, count * sizeof *sources);
    bus->source_count = count;
    return OK;
}

void bus_close(struct bus *bus)
{
    if (!bus) return;
    pthread_mutex_destroy(&bus->lock);
    free(bus);
}

static struct feed *feed_of(struct subscription *sub, const char *service)
{
    for (size_t i = 0; i < sub->feed_count; i++)
        if (strcmp(sub->feeds[i].source->service, service) == 0) return &sub->feeds[i];
    return NULL;
}

void bus_notify(struct bus *bus, const char *service, int64_t last)
{
    for (size_t i = 0; i < bus->source_count; i++)
        if (strcmp(bus->sources[i].service, service) == 0) atomic_store(&bus->last[i], last);
    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++) {
        struct subscription *sub = bus->subscriptions[i];
        struct feed *feed = sub ? feed_of(sub, service) : NULL;

        if (!feed) continue;
        atomic_store(&feed->news, true);
        sub->who.poke(sub->who.context);
    }
    if (bus->watch) bus->watch(bus->watch_context);
    pthread_mutex_unlock(&bus->lock);
}

void bus_watch(struct bus *bus, void (*poke)(void *context), void *context)
{
    pthread_mutex_lock(&bus->lock);
    ASSERT(!poke || !bus->watch);
    bus->watch_context = context;
    bus->watch = poke;
    pthread_mutex_unlock(&bus->lock);
}

int64_t bus_last_sequence(struct bus *bus, const char *service)
{
    for (size_t i = 0; i < bus->source_count; i++)
        if (strcmp(bus->sources[i].service, service) == 0) return atomic_load(&bus->last[i]);
    return 0;
}

size_t bus_figures(struct bus *bus, struct subscription_figures *out, size_t max)
{
    size_t count = 0;

    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++) {
        struct subscription *sub = bus->subscriptions[i];

        for (size_t j = 0; sub && j < sub->feed_count; j++, count++) {
            struct feed *feed = &sub->feeds[j];

            if (count < max)
                out[count] = (struct subscription_figures){
                    sub->who.service, feed->source->service, atomic_load(&feed->position),
                    bus_last_sequence(bus, feed->source->service)};
        }
    }
    pthread_mutex_unlock(&bus->lock);
    return count;
}

/* --- opening a subscription ---------------------------------------------------------------- */

static bool listed(const char *const *list, struct str subject)
{
    for (; *list; list++)
        if (str_eq(str_of(*list), subject)) return true;
    return false;
}

/* A source concerns a subscriber when one of its subjects may be published there. */
static bool concerns(const struct bus_source *source, const struct subscriber *who)
{
    if (!source->subjects) return true;
    for (const char *const *subject = who->subjects; *subject; subject++)
        if (listed(source->subjects, str_of(*subject))) return true;
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

static enum err read_positions(struct subscription *sub, struct tx *tx)
{
    enum err err = OK;

    for (size_t i = 0; i < sub->feed_count; i++)
        TRY(read_position(tx, &sub->feeds[i]));
    TRY(waiting_count(tx, &sub->waiting));
    sub->stale = false;
done:
    return err;
}

static enum err read_last(struct bus *bus, struct db *reader, size_t source)
{
    struct rows rows;

    tx_query(tx_read(reader, 0), &rows, "SELECT COALESCE(MAX(seq), 0) FROM outbox");
    if (rows_next(&rows) && rows_int(&rows, 0) > atomic_load(&bus->last[source]))
        atomic_store(&bus->last[source], rows_int(&rows, 0));
    return rows_end(&rows);
}

static enum err open_feeds(struct subscription *sub)
{
    struct bus *bus = sub->bus;
    enum err err = OK;

    for (size_t i = 0; i < bus->source_count; i++) {
        struct feed *feed = &sub->feeds[sub->feed_count];

        if (!concerns(&bus->sources[i], &sub->who)) continue;
        feed->source = &bus->sources[i];
        TRY(db_open(feed->source->path, DB_READER, &feed->reader, NULL));
        sub->feed_count++;
        TRY(read_last(bus, feed->reader, i));
    }
done:
    return err;
}

static enum err enlist(struct subscription *sub)
{
    enum err err = ERR_INTERNAL;

    pthread_mutex_lock(&sub->bus->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX && err; i++) {
        if (sub->bus->subscriptions[i]) continue;
        sub->bus->subscriptions[i] = sub;
        err = OK;
    }
    pthread_mutex_unlock(&sub->bus->lock);
    return err;
}

enum err subscription_open(struct bus *bus, const struct subscriber *who, struct tx *tx,
                           struct subscription **out)
{
    struct subscription *sub = calloc(1, sizeof *sub);
    enum err err = OK;

    *out = NULL;
    if (!sub) return ERR_MEMORY;
    sub->bus = bus;
    sub->who = *who;
    sub->waiting_pause_ms = WAITING_PAUSE_MS;
    sub->arena = arena_new(FETCH_BYTES_MAX);
    if (!sub->arena) err = ERR_MEMORY;
    if (err == OK) err = open_feeds(sub);
    if (err == OK) err = read_positions(sub, tx);
    if (err == OK) err = enlist(sub);
    if (err)
        subscription_close(sub);
    else
        *out = sub;
    return err;
}

void subscription_close(struct subscription *sub)
{
    if (!sub) return;
    pthread_mutex_lock(&sub->bus->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++)
        if (sub->bus->subscriptions[i] == sub) sub->bus->subscriptions[i] = NULL;
    pthread_mutex_unlock(&sub->bus->lock);
    for (size_t i = 0; i < sub->feed_count; i++)
        db_close(sub->feeds[i].reader);
    if (sub->arena) arena_free(sub->arena);
    free(sub);
}

/* --- fetching ------------------------------------------------------------------------------ */

/* Copies a row's texts; false when the arena is full (the row comes with the next fetch). */
static bool keep_row(struct subscription *sub, struct delivery *delivery, struct rows *rows)
{
    delivery->subject = arena_copy(sub->arena, rows_text(rows, 2));
    delivery->payload = arena_copy(sub->arena, rows_text(rows, 3));
    delivery->sequence = rows_int(rows, 1);
    delivery->published_at_ms = rows_int(rows, 4);
    return delivery->subject.at && delivery->payload.at;
}

static size_t fetch_feed(struct subscription *sub, struct feed *feed, size_t count)
{
    struct rows rows;
    size_t limit = DELIVERIES_MAX - count, seen = 0, before = count;
    bool more = false;

    atomic_store(&feed->news, false); /* before reading: what comes after is news again */
    tx_query(tx_read(feed->reader, 0), &rows,
             "SELECT '', seq, subject, payload, created_at_ms FROM outbox WHERE seq > $1 "
             "ORDER BY seq LIMIT $2",
             sql_int(feed->position), sql_int((int64_t)limit));
    while (!more && rows_next(&rows)) {
        struct delivery *delivery = &sub->deliveries[count];

        *delivery = (struct delivery){.source = feed->source->service};
        more = ++seen == limit;
        if (listed(sub->who.subjects, rows_text(&rows, 2))) {
            if (!keep_row(sub, delivery, &rows)) {
                more = true;
                break;
            }
            count++;
        }
        feed->fetched = rows_int(&rows, 1);
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

static const char *source_name(const struct subscription *sub, struct str name)
{
    for (size_t i = 0; i < sub->bus->source_count; i++)
        if (str_eq(str_of(sub->bus->sources[i].service), name)) return sub->bus->sources[i].service;
    return "bus"; /* its publisher is not part of this process now */
}

static void begin_round(struct subscription *sub)
{
    sub->look_waiting = true;
    sub->look_again = false;
    sub->look_source[0] = '\0';
    sub->look_seq = 0;
}

/* One page of the round over the waiting events. */
static size_t fetch_waiting(struct subscription *sub, struct tx *own)
{
    struct rows rows;
    size_t count = 0;

    tx_query(own, &rows,
             "SELECT source, seq, subject, payload, published_at_ms FROM bus_waiting "
             "WHERE source > $1 OR (source = $1 AND seq > $2) ORDER BY source, seq LIMIT $3",
             sql_text(str_of(sub->look_source)), sql_int(sub->look_seq),
             sql_int(DELIVERIES_MAX / 2));
    while (rows_next(&rows)) {
        struct delivery *delivery = &sub->deliveries[count];

        *delivery =
            (struct delivery){.source = source_name(sub, rows_text(&rows, 0)), .waited = true};
        if (!keep_row(sub, delivery, &rows)) break;
        count++;
    }
    (void)rows_end(&rows);
    if (count < DELIVERIES_MAX / 2) {
        sub->look_waiting = false;
        if (sub->look_again) begin_round(sub);
    } else {
        const struct delivery *last = &sub->deliveries[count - 1];

        snprintf(sub->look_source, sizeof sub->look_source, "%s", last->source);
        sub->look_seq = last->sequence;
    }
    return count;
}

size_t subscription_fetch(struct subscription *sub, struct tx *own, int64_t now_ms,
                          struct delivery **out)
{
    size_t count = 0;

    *out = sub->deliveries;
    sub->now_ms = now_ms;
    if (now_ms < sub->retry_at_ms) return 0;
    sub->retry_at_ms = 0;
    if (sub->stale && read_positions(sub, own) != OK) {
        sub->retry_at_ms = now_ms + RETRY_PAUSE_MS;
        return 0;
    }
    arena_reset(sub->arena);
    for (size_t i = 0; i < sub->feed_count; i++)
        sub->feeds[i].fetched = sub->feeds[i].position;
    if (sub->waiting > 0 && !sub->look_waiting && now_ms >= sub->waiting_at_ms) {
        begin_round(sub);
        sub->waiting_at_ms = now_ms + sub->waiting_pause_ms;
        sub->waiting_pause_ms *= 2;
        if (sub->waiting_pause_ms > WAITING_PAUSE_MS_MAX)
            sub->waiting_pause_ms = WAITING_PAUSE_MS_MAX;
    }
    if (sub->waiting == 0) sub->look_waiting = false;
    if (sub->look_waiting) count = fetch_waiting(sub, own);
    for (size_t i = 0; i < sub->feed_count && count < DELIVERIES_MAX; i++)
        if (atomic_load(&sub->feeds[i].news)) count = fetch_feed(sub, &sub->feeds[i], count);
    return count;
}

void subscription_look(struct subscription *sub)
{
    sub->stale = true; /* their number, too, is read again */
    begin_round(sub);
}

int64_t subscription_next_ms(const struct subscription *sub)
{
    if (sub->retry_at_ms) return sub->retry_at_ms;
    if (sub->stale || (sub->look_waiting && sub->waiting > 0)) return 0;
    for (size_t i = 0; i < sub->feed_count; i++)
        if (atomic_load(&sub->feeds[i].news)) return 0;
    return sub->waiting > 0 ? sub->waiting_at_ms : INT64_MAX;
}

/* --- settling ------------------------------------------------------------------------------ */

static enum err bury(struct subscription *sub, struct tx *tx, const struct delivery *delivery,
                     struct str reason)
{
    log_event(LOG_WARN, sub->who.service, "event.dead", log_text("subject", delivery->subject),
              log_text("source", str_of(delivery->source)), log_int("sequence", delivery->sequence),
              log_text("reason", reason));
    return dead_letter_put(tx, str_of(delivery->source), delivery->sequence, delivery->subject,
                           delivery->payload, reason);
}

static enum err set_aside(struct subscription *sub, struct tx *tx, const struct delivery *delivery)
{
    if (sub->waiting >= WAITING_MAX)
        return bury(sub, tx, delivery, STR("too many events wait for an earlier version"));
    if (sub->waiting++ == 0) sub->waiting_at_ms = tx->now_ms + sub->waiting_pause_ms;
    return tx_exec(tx, NULL,
                   "INSERT INTO bus_waiting (source, seq, subject, payload, published_at_ms, "
                   "since_ms) VALUES ($1, $2, $3, $4, $5, $6)",
                   sql_text(str_of(delivery->source)), sql_int(delivery->sequence),
                   sql_text(delivery->subject), sql_text(delivery->payload),
                   sql_int(delivery->published_at_ms), sql_int(tx->now_ms));
}

static enum err take_from_waiting(struct subscription *sub, struct tx *tx,
                                  const struct delivery *delivery)
{
    sub->waiting--;
    return tx_exec(tx, NULL, "DELETE FROM bus_waiting WHERE source = $1 AND seq = $2",
                   sql_text(str_of(delivery->source)), sql_int(delivery->sequence));
}

static enum err settle_waited(struct subscription *sub, struct tx *tx,
                              const struct delivery *delivery)
{
    bool old = tx->now_ms - delivery->published_at_ms > WAITING_AGE_MS_MAX;
    enum err err = OK;

    if (delivery->verdict == VERDICT_RETRY) return OK;
    if (delivery->verdict == VERDICT_EARLY && !old) return OK;
    TRY(take_from_waiting(sub, tx, delivery));
    if (delivery->verdict == VERDICT_DEAD) TRY(bury(sub, tx, delivery, delivery->reason));
    if (delivery->verdict == VERDICT_EARLY)
        TRY(bury(sub, tx, delivery, STR("an earlier version never came")));
done:
    return err;
}

static enum err settle_one(struct subscription *sub, struct tx *tx, const struct delivery *delivery)
{
    if (delivery->waited) return settle_waited(sub, tx, delivery);
    if (delivery->verdict == VERDICT_EARLY) return set_aside(sub, tx, delivery);
    if (delivery->verdict == VERDICT_DEAD) return bury(sub, tx, delivery, delivery->reason);
    return OK;
}

static enum err move_position(struct tx *tx, struct feed *feed)
{
    if (feed->settling == feed->position) return OK;
    return tx_exec(tx, NULL,
                   "INSERT INTO bus_positions (source, seq) VALUES ($1, $2) "
                   "ON CONFLICT (source) DO UPDATE SET seq = excluded.seq",
                   sql_text(str_of(feed->source->service)), sql_int(feed->settling));
}

enum err subscription_settle(struct subscription *sub, struct tx *tx, size_t count)
{
    bool applied = false, retry = false, waited_retry = false;
    enum err err = OK;

    for (size_t i = 0; i < sub->feed_count; i++)
        sub->feeds[i].settling = sub->feeds[i].fetched;
    for (size_t i = 0; i < count; i++) {
        const struct delivery *delivery = &sub->deliveries[i];

        if (delivery->verdict == VERDICT_RETRY) {
            struct feed *feed = delivery->waited ? NULL : feed_of(sub, delivery->source);

            if (feed && feed->settling >= delivery->sequence)
                feed->settling = delivery->sequence - 1;
            retry = true;
            waited_retry |= delivery->waited;
            continue;
        }
        TRY(settle_one(sub, tx, delivery));
        applied |= delivery->verdict == VERDICT_APPLIED;
    }
    for (size_t i = 0; i < sub->feed_count; i++)
        TRY(move_position(tx, &sub->feeds[i]));
    if (retry) sub->retry_at_ms = tx->now_ms + RETRY_PAUSE_MS;
    if ((applied || waited_retry) && sub->waiting > 0) { /* it may be what they waited for */
        if (sub->look_waiting)
            sub->look_again = true;
        else
            begin_round(sub);
        sub->waiting_pause_ms = WAITING_PAUSE_MS;
        sub->waiting_at_ms = tx->now_ms + sub->waiting_pause_ms;
    }
done:
    return err;
}

void subscription_settled(struct subscription *sub, bool committed)
{
    for (size_t i = 0; i < sub->feed_count; i++) {
        struct feed *feed = &sub->feeds[i];

        if (committed && feed->settling != feed->fetched) atomic_store(&feed->news, true);
        if (committed) atomic_store(&feed->position, feed->settling);
        if (!committed) atomic_store(&feed->news, true);
    }
    if (committed) return;
    sub->stale = true;
    begin_round(sub); /* a page of it may have been lost */
    if (!sub->retry_at_ms) sub->retry_at_ms = sub->now_ms + RETRY_PAUSE_MS;
}
