/* bus/bus.h: events that survive: outbox, inbox, durable subscriptions.
 *
 * An event is committed with the change it reports (outbox_append in the same transaction), is
 * delivered at least once to every subscriber, and takes effect there exactly once, because the
 * subscriber's position moves in the transaction that applies the event (Idea 2 of the
 * architecture).
 *
 * Every service database holds the bus's tables (bus_schema). There are two drivers. Embedded, the
 * outboxes themselves are the log: a subscriber reads the publisher's outbox through a read-only
 * connection. With a broker (NATS JetStream) each service's outbox is relayed to a stream, and
 * subscribers fetch from durable consumers; what took effect is noted in an inbox in the same
 * transaction and acknowledged after it. */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include "base/clock.h"
#include "base/random.h"
#include "sql/sql.h"

extern const struct migration bus_schema[];
extern const struct retention bus_retention[]; /* of its tables; ends with a NULL table */

/* --- publishing ---------------------------------------------------------------------------- */

#define EVENT_PAYLOAD_MAX 65536

/* payload: one JSON object, at most EVENT_PAYLOAD_MAX bytes. In the transaction of the change it
 * reports; keeps tx->trace with it. */
enum err outbox_append(struct tx *tx, struct str subject, struct str payload);
/* Before the commit of a transaction with tx->published > 0. last: the newest sequence of the
 * outbox. The channels are not counted in each: whoever reads them counts what is not yet. Where
 * nobody else writes, each OUTBOX_FOLD_EVENTSth event counts those before it, so that readers have
 * fewer than that to count. */
#define OUTBOX_FOLD_EVENTS 256
enum err outbox_flush(struct tx *tx, int64_t *last);
/* Where others write too, events are committed in any order, and the counts would be the one row
 * everybody waits for. There this counts what is older than any transaction can be, now and then.
 */
#define OUTBOX_FOLD_MS 60000
enum err outbox_fold(struct tx *tx);

/* From now on what is appended is noted for the relay, too (outbox_unrelayed). One bus a process:
 * bus_open calls it. */
void outbox_relay(bool on);
/* Hands up to max events from the sequence `from` on to the relay again, for a stream that was
 * lost; consumers know by their inboxes what they had. *next: where to go on; 0: that was all. */
enum err outbox_refill(struct tx *tx, int64_t from, int64_t max, int64_t *next);

/* The sequence of the event this transaction appended last. */
enum err outbox_last(struct tx *tx, int64_t *sequence);
/* When it was appended, UTC ms; 0: there is none. */
enum err outbox_last_time(struct tx *tx, struct wall_ms *time);

/* When the oldest that is kept was appended, UTC ms, but for the newest; 0: there is none. */
enum err outbox_oldest_time(struct tx *tx, struct wall_ms *time);
/* Up to which sequence events are no longer kept; 0: none was removed, or the database is of a
 * program that kept all. */
enum err outbox_removed(struct tx *tx, int64_t *up_to);
/* Removes the oldest events, at most max: those up to a sequence, which whoever reads the outbox is
 * beyond (the caller knows them), that were published before `before`. What no broker has
 * acknowledged yet stays, and the newest event does, whatever its age: the next sequence is one
 * higher than the last, also when all others are gone. The channels are counted before, and follow.
 * In the service's first writer; of several processes one does it at a time. */
enum err outbox_prune(struct tx *tx, int64_t up_to, struct wall_ms before, int64_t max,
                      int64_t *removed);

/* --- reading the books (any connection to a service's database) ------------------------------ */

struct channel {
    struct str subject;  /* in the arena */
    int64_t first, last; /* sequences of the outbox, first >= 1: none before it, or none any more */
    int64_t count;       /* of those kept */
    int64_t bytes;       /* of the payloads */
    int64_t removed;     /* the newest that is no longer kept; 0: all are */
};
/* One of them; without any event all but the subject is 0. */
enum err outbox_channel(struct tx *tx, struct str subject, struct channel *out);
/* Up to max channels of this outbox, by subject. */
enum err outbox_channels(struct tx *tx, struct arena *arena, struct channel *out, size_t max,
                         size_t *count);

struct outbox_event {
    int64_t sequence;
    struct wall_ms published_at;
    struct str subject, payload, trace; /* trace: empty when there is none */
};
/* The event of that sequence, or at most max of a subject in (after, until], for outbox_next; then
 * rows_end. */
void outbox_event_at(struct tx *tx, struct rows *rows, int64_t sequence);
void outbox_events_of(struct tx *tx, struct rows *rows, struct str subject, int64_t after,
                      int64_t until, int64_t max);
/* The next of them; its texts live as long as the row. False: no more. */
bool outbox_next(struct rows *rows, struct outbox_event *out);
/* How many of the subject there are in (after, until]. */
enum err outbox_count(struct tx *tx, struct str subject, int64_t after, int64_t until,
                      int64_t *count);
/* Events whose payload has `word` (letters and digits) as a whole text, oldest first; texts in the
 * arena. Reads the whole outbox: for an operator's question, not for a service's work. */
enum err outbox_find(struct tx *tx, struct arena *arena, struct str word, struct outbox_event *out,
                     size_t max, size_t *count);

#define DEAD_PAYLOAD_MAX 2048
struct dead_letter {
    int64_t id;                         /* of the table */
    struct str source, subject, reason; /* in the arena, as is … */
    struct str payload;                 /* … its first DEAD_PAYLOAD_MAX characters */
    struct str trace;                   /* the event's traceparent; empty: none */
    int64_t sequence;
    struct wall_ms dead_at;
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
 * same rules as the first time. In a writer of the subscriber; then subscription_poll. */
enum err dead_letter_retry(struct tx *tx, const struct dead_letter *letter);
/* Forgets those that nobody has looked at for a year, at most max (struct retention). */
#define DEAD_LETTER_MS (365 * 24 * 3600 * INT64_C(1000))
enum err dead_letters_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten);
/* ERR_NOT_FOUND: there is none of this id. */
enum err dead_letter_drop(struct tx *tx, int64_t id);
/* What became of an event that was delivered or put back: it waits, is dead (then which letter),
 * or neither: it took effect. */
enum event_delivery_status { DELIVERY_APPLIED, DELIVERY_WAITING, DELIVERY_DEAD };
enum err event_delivery_status(struct tx *tx, struct str source, int64_t sequence,
                               enum event_delivery_status *status, int64_t *letter_id);
/* How far this service has taken over the outbox of each other one, at most max; source in the
 * arena. */
struct bus_position {
    struct str source;
    int64_t sequence;
};
enum err bus_positions(struct tx *tx, struct arena *arena, struct bus_position *out, size_t max,
                       size_t *count);
/* How far this service has taken over the outbox of that one; 0: not at all, or the database has no
 * tables yet. */
enum err bus_position(struct tx *tx, const char *source, int64_t *sequence);
/* How many events wait for an earlier version. */
enum err waiting_count(struct tx *tx, int64_t *count);
/* Since when the oldest of them does, UTC ms; INT64_MAX: none waits. */
enum err waiting_since(struct tx *tx, struct wall_ms *since);
enum err dead_count(struct tx *tx, int64_t *count); /* dead letters */
/* Rows of the outbox that no broker has acknowledged yet, UNRELAYED_MAX at most. */
#define UNRELAYED_MAX 100000
enum err unrelayed_count(struct tx *tx, int64_t *count);
/* Keeps an event that can never be applied, with its reason and whole payload. id and dead_at
 * are given to it. */
enum err dead_letter_put(struct tx *tx, const struct dead_letter *letter);

/* --- databases that belong together --------------------------------------------------------- */

#define BUS_IDENTITY_LEN 32
struct bus_mark {
    char identity[BUS_IDENTITY_LEN + 1]; /* hex digits, made once a database; empty: none yet */
    int64_t generation;                  /* grows with each start and stop */
};
/* One of the embedded databases of a data folder. */
struct bus_member {
    const char *service;
    struct tx *tx; /* a read view; NULL: the file is not there */
    struct bus_mark mark;
};
/* Reads a database's own mark, or makes a new identity, which bus_mark_write keeps. */
enum err bus_mark_read(struct bus_member *member, struct random *random);
/* In a transaction of the database members[own]: one generation more for it, and the others as they
 * are now (a mark without an identity: not known). After the commit the caller counts the
 * generation in members, too: what another database remembers was committed before. */
enum err bus_mark_write(struct tx *tx, const struct bus_member *members, size_t count, size_t own);
/* Whether they were used beside each other, and none is older than what another one knows of it:
 * not lost, not replaced, not an earlier copy. Databases without tables agree with everything.
 * ERR_CONFLICT: why says, without a remedy, which does not. */
enum err bus_members_agree(const struct bus_member *members, size_t count, struct buf *why);

/* --- the bus ------------------------------------------------------------------------------- */

struct bus;
struct subscription;

/* A database whose outbox others may read. */
struct bus_source {
    const char *service;
    const char *path;            /* of the database, which exists */
    const char *const *subjects; /* what is published there, NULL-terminated; NULL: anything */
};

#define BROKERS_MAX 8
/* A NATS server, or a cluster of them, with JetStream. Texts live as long as the bus. */
struct bus_broker {
    const char *servers[BROKERS_MAX]; /* "nats://host:port", or "tls://host:port" */
    size_t server_count;
    bool tls;                    /* each server proves by a certificate that it is the host named */
    const char *ca;              /* PEM, of the authorities believed; NULL: the system's */
    const char *user, *password; /* NULL: none; a user without a password is a token */
    const char *seed; /* of the user's nkey, "SU…"; NULL: none. user is its public key … */
    const char *jwt;  /* … or the account's word for the user is this; NULL: none */
    int replicas;     /* of a stream that has to be made */
    const char *const *subjects; /* of all events there are, NULL-terminated */
};

/* Fills servers, tls, user and password by nats://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…], or
 * tls://, or TOKEN@; user, password and token percent-decoded. False: it is none. Texts are kept as
 * long as the program runs: one a process. */
bool bus_broker_parse(const char *text, struct bus_broker *broker);
/* Fills jwt and seed by what a credentials file (.creds) says. text is changed and kept. False: it
 * is none. */
bool bus_broker_credentials(char *text, struct bus_broker *broker);
/* Whether it is a user's nkey: public is its name (U…), else its seed (SU…). */
bool bus_nkey_valid(const char *text, bool public);
/* broker: NULL for the embedded bus. A broker need not be there yet. clock: what pauses and time
 * limits at the broker go by; lives as long as the bus. */
enum err bus_open(const struct bus_source *sources, size_t count, const struct bus_broker *broker,
                  const struct clock *clock, struct bus **out);
/* Looks at a broker, without changing anything, for monitoring by hand. ERR_UNAVAILABLE: no server
 * takes the connection, or it has no JetStream; ERR_NOT_FOUND: there is no stream yet;
 * ERR_CONFLICT: it is there, and *setting (a constant) is not as the program would have made it.
 * events: how many the stream holds. Blocks for some seconds at most. */
enum err bus_broker_check(const struct bus_broker *broker, int64_t *events, const char **setting);
/* Whether the outboxes are at least as long as what the broker's stream has had of them. New events
 * of one that is not would go under numbers that its subscribers have seen, and be passed over.
 * ERR_CONFLICT: why says which, and what to do. OK also while the broker, the stream or a database
 * is not to be reached: a service looks again when it connects. Blocks for some seconds at most. */
enum err bus_broker_agrees(const struct bus_broker *broker, const struct bus_source *sources,
                           size_t count, struct buf *why);
void bus_close(struct bus *bus); /* after every subscription is closed */

/* The outbox of this service has rows up to `last` (after their commit): notifies every subscriber
 * of that source. Any thread. */
void bus_notify(struct bus *bus, const char *service, int64_t last);

/* notify(context) is called with every bus_notify, in its thread; it must not block. For who reads
 * outboxes without a subscription: at most one. NULL: no more; notify does not run after that. */
void bus_watch(struct bus *bus, void (*notify)(void *context), void *context);

/* --- one subscriber ------------------------------------------------------------------------ */

struct subscriber {
    const char *service;         /* durable name and queue group */
    const char *const *subjects; /* NULL-terminated: what it listens to */
    /* Every instance hears every event from its start on, and nothing is remembered; else instances
     * of the service share them. The embedded bus knows one instance. */
    bool broadcast;
    /* So long after some events came no more are fetched, unless they are many already: nobody
     * waits for what it makes of them, and one commit does for all that gather. 0: none may wait.
     */
    int64_t gather_ms;
    void (*notify)(void *context); /* there may be something to fetch; any thread; must not block */
    void *context;
};

/* One delivered event. Its text lives until the next fetch. */
struct delivery {
    const char *source; /* publishing service; a stream's own name when it was none of ours */
    int64_t sequence;   /* in that source's outbox, or in that stream */
    struct str subject;
    struct str payload;
    struct str trace; /* its traceparent: of the piece of work that published it; empty: none */
    struct wall_ms published_at;
    bool waited;          /* was set aside earlier, waiting for an earlier version … */
    struct wall_ms since; /* … since then */
    bool known;           /* another replica applied it: subscription_known */
    enum verdict verdict; /* filled by the subscriber */
    struct str reason;    /* with VERDICT_DEAD: why, for people; a constant or arena text */
};

/* A service's end of the bus; with a broker its outbox is relayed as long as it is open, so a
 * service that only publishes opens one, too. Reads how far it has come through tx (the
 * subscriber's own database). Belongs to the subscriber's writer thread, as do all calls below but
 * subscription_ready. */
enum err subscription_open(struct bus *bus, const struct subscriber *who, struct tx *tx,
                           struct subscription **out);
void subscription_close(struct subscription *sub);

#define DELIVERIES_MAX 256

/* Up to DELIVERIES_MAX events, outside any transaction. Events set aside earlier come again, in
 * order, when `now` reached their next time or something was applied since; own: the subscriber's
 * database, where those are kept. Returns the count; 0: nothing now. */
size_t subscription_fetch(struct subscription *sub, struct tx *own, struct mono_ms now,
                          struct delivery **out);
/* In the transaction that is to apply it, before it does: false when it waited and another replica
 * of the service has dealt with it meanwhile; it is then VERDICT_SEEN. Until the end of the
 * transaction no other replica claims it. */
enum err subscription_claim(struct tx *tx, const struct delivery *delivery, bool *ours);
/* Other replicas may have set events aside, or taken some of those that wait: the next fetch counts
 * them anew. */
void subscription_count(struct subscription *sub);
/* In the transaction that applied them: notes what is acknowledged after it, sets VERDICT_EARLY
 * events aside, writes dead letters. What got VERDICT_RETRY comes again; embedded, with all that
 * came after it from its source. After a fetch; count may be 0 when subscription_due is not
 * MONO_NEVER. */
enum err subscription_flush(struct subscription *sub, struct tx *tx, size_t count);
/* What flush wrote was rolled back, and the same deliveries are applied and flushed again. */
void subscription_again(struct subscription *sub);
/* Then, before each of them is applied: whether another replica has applied it meanwhile, which is
 * one reason why the first attempt failed. Sets delivery->known; such a one is VERDICT_SEEN. */
enum err subscription_known(struct subscription *sub, struct tx *tx, struct delivery *delivery);
/* After the commit (committed) or its failure: remember or forget what flush did, acknowledge. */
void subscription_ack(struct subscription *sub, bool committed);
/* Events were put among those that wait, in a transaction of this service that is about to commit:
 * look at them. Any writer of the service; what another one commits later than that is found when
 * the events are next counted. */
void subscription_poll(struct subscription *sub);
/* When to fetch again without being notified; MONO_NEVER: never. */
struct mono_ms subscription_next(const struct subscription *sub);
/* When flush has something to write although nothing was fetched; a transaction that is made for
 * other reasons may take it along earlier. MONO_NEVER: there is nothing. */
struct mono_ms subscription_due(const struct subscription *sub);
/* It has been connected: events can come. Any thread. */
bool subscription_ready(const struct subscription *sub);
/* … and is connected now. Any thread. */
bool subscription_connected(const struct subscription *sub);
/* Before all of them are closed, one after the other: what takes its time ends at once for all. */
void bus_stopping(struct bus *bus);

/* --- monitoring (any thread) --------------------------------------------------------------- */

struct subscription_metrics {
    const char *service, *source; /* source: a service, or with a broker the stream's name */
    int64_t position;             /* last sequence acknowledged */
    int64_t last;                 /* last sequence of the source */
};
/* Fills at most max rows, returns how many there are. */
size_t bus_metrics(struct bus *bus, struct subscription_metrics *out, size_t max);
int64_t bus_last_sequence(struct bus *bus, const char *service);

#endif
