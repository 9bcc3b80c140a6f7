/* bus/bus.h: events that survive: outbox, inbox, durable subscriptions.
 *
 * An event is committed with the change it reports (outbox_append in the same transaction), is
 * delivered at least once to every subscriber, and takes effect there exactly once, because the
 * subscriber's position moves in the transaction that applies the event (Idea 2 of the
 * architecture).
 *
 * Every service database holds the bus's tables (bus_schema): outbox, positions, waiting events and
 * dead letters. Embedded, the outboxes themselves are the log: a subscriber reads the publisher's
 * outbox through a read-only connection. */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include "sql/sql.h"

extern const struct migration bus_schema[];

/* --- publishing ---------------------------------------------------------------------------- */

#define EVENT_PAYLOAD_MAX 65536

/* payload: one JSON object, at most EVENT_PAYLOAD_MAX bytes. In the transaction of the change it
 * reports. */
enum err outbox_append(struct tx *tx, struct str subject, struct str payload);
/* Before the commit of a transaction with tx->published > 0: brings the channel figures up to
 * date. last: the newest sequence of the outbox. */
enum err outbox_flush(struct tx *tx, int64_t *last);

/* The sequence of the event this transaction appended last. */
enum err outbox_last(struct tx *tx, int64_t *sequence);
/* When it was appended, UTC ms; 0: there is none. */
enum err outbox_last_time(struct tx *tx, int64_t *time_ms);

/* --- reading the books (any connection to a service's database) ------------------------------ */

struct channel {
    struct str subject;         /* in the arena */
    int64_t first, last, count; /* sequences of the outbox, first >= 1 */
};
/* Up to max channels of this outbox, by subject. */
enum err outbox_channels(struct tx *tx, struct arena *arena, struct channel *out, size_t max,
                         size_t *count);

#define DEAD_PAYLOAD_MAX 2048
struct dead_letter {
    int64_t id;                         /* of the table */
    struct str source, subject, reason; /* in the arena, as is … */
    struct str payload;                 /* … its first DEAD_PAYLOAD_MAX characters */
    int64_t sequence, dead_at_ms;
};
/* The newest dead letters of a subscriber, at most max; total: all there are. */
enum err dead_letters(struct tx *tx, struct arena *arena, struct dead_letter *out, size_t max,
                      size_t *count, int64_t *total);
/* The next older ones: those with an id below `before` (INT64_MAX: the newest). */
enum err dead_letters_before(struct tx *tx, struct arena *arena, int64_t before,
                             struct dead_letter *out, size_t max, size_t *count);
/* One of them, its payload whole; ERR_NOT_FOUND. */
enum err dead_letter_get(struct tx *tx, struct arena *arena, int64_t id, struct dead_letter *out);
/* Moves it among the events that wait, from where its subscription delivers it once more, by the
 * same rules as the first time. In the subscriber's writer; then subscription_look. */
enum err dead_letter_retry(struct tx *tx, const struct dead_letter *letter);
/* ERR_NOT_FOUND: there is none of this id. */
enum err dead_letter_drop(struct tx *tx, int64_t id);
/* What became of an event that was delivered or put back: it waits, is dead (then which letter),
 * or neither: it took effect. */
enum event_fate { FATE_SETTLED, FATE_WAITING, FATE_DEAD };
enum err event_fate(struct tx *tx, struct str source, int64_t sequence, enum event_fate *fate,
                    int64_t *letter_id);
/* How far this service has taken over the outbox of each other one, at most max; source in the
 * arena. */
struct position {
    struct str source;
    int64_t sequence;
};
enum err bus_positions(struct tx *tx, struct arena *arena, struct position *out, size_t max,
                       size_t *count);
/* How many events wait for an earlier version. */
enum err waiting_count(struct tx *tx, int64_t *count);
/* Since when the oldest of them does, UTC ms; INT64_MAX: none waits. */
enum err waiting_since(struct tx *tx, int64_t *since_ms);
/* Keeps an event that can never be applied, with its reason. */
enum err dead_letter_put(struct tx *tx, struct str source, int64_t sequence, struct str subject,
                         struct str payload, struct str reason);

/* --- the bus ------------------------------------------------------------------------------- */

struct bus;
struct subscription;

/* A database whose outbox others may read. */
struct bus_source {
    const char *service;
    const char *path;            /* of the database, which exists */
    const char *const *subjects; /* what is published there, NULL-terminated; NULL: anything */
};

enum err bus_open(const struct bus_source *sources, size_t count, struct bus **out);
void bus_close(struct bus *bus); /* after every subscription is closed */

/* The outbox of this service has rows up to `last` (after their commit): pokes every subscriber
 * of that source. Any thread. */
void bus_notify(struct bus *bus, const char *service, int64_t last);

/* poke(context) is called with every bus_notify, in its thread; it must not block. For who reads
 * outboxes without a subscription: at most one. NULL: no more; poke does not run after that. */
void bus_watch(struct bus *bus, void (*poke)(void *context), void *context);

/* --- one subscriber ------------------------------------------------------------------------ */

struct subscriber {
    const char *service;         /* durable name and queue group */
    const char *const *subjects; /* NULL-terminated: what it listens to */
    void (*poke)(void *context); /* there may be something to fetch; any thread; must not block */
    void *context;
};

/* One delivered event. Its text lives until the next fetch. */
struct delivery {
    const char *source; /* publishing service */
    int64_t sequence;   /* in that source's outbox */
    struct str subject;
    struct str payload;
    int64_t published_at_ms;
    bool waited;          /* was set aside earlier, waiting for an earlier version */
    enum verdict verdict; /* filled by the subscriber */
    struct str reason;    /* with VERDICT_DEAD: why, for people; a constant or arena text */
};

/* Reads its positions through tx (the subscriber's own database). Belongs to the subscriber's
 * writer thread, as do all calls below. */
enum err subscription_open(struct bus *bus, const struct subscriber *who, struct tx *tx,
                           struct subscription **out);
void subscription_close(struct subscription *sub);

#define DELIVERIES_MAX 256

/* Up to DELIVERIES_MAX events, outside any transaction. Events set aside earlier come again, in
 * order, when `now_ms` reached their next time or something was applied since; own: the
 * subscriber's database, where those are kept. Returns the count; 0: nothing now. */
size_t subscription_fetch(struct subscription *sub, struct tx *own, int64_t now_ms,
                          struct delivery **out);
/* In the transaction that applied them: moves positions, sets VERDICT_EARLY events aside, writes
 * dead letters. Deliveries from the first VERDICT_RETRY of a source on stay undelivered. */
enum err subscription_settle(struct subscription *sub, struct tx *tx, size_t count);
/* After the commit (committed) or its failure: remember or forget what settle did. */
void subscription_settled(struct subscription *sub, bool committed);
/* Events were put among those that wait, in the transaction of this writer: look at them after it. */
void subscription_look(struct subscription *sub);
/* When to fetch again without a poke, UTC ms; INT64_MAX: never. */
int64_t subscription_next_ms(const struct subscription *sub);

/* --- monitoring (any thread) --------------------------------------------------------------- */

struct subscription_figures {
    const char *service, *source;
    int64_t position; /* last sequence settled */
    int64_t last;     /* last sequence of the source */
};
/* Fills at most max rows, returns how many there are. */
size_t bus_figures(struct bus *bus, struct subscription_figures *out, size_t max);
int64_t bus_last_sequence(struct bus *bus, const char *service);

#endif
