/* bus/driver.h: what the bus and a driver of it share; nobody outside this folder includes it.
 *
 * A driver (embedded.c, jetstream.c) brings events to a subscription and remembers which of them
 * are done with. What both have in common, registration, waiting events and dead letters, is in
 * bus.c and subscription.c. */
#ifndef BUS_DRIVER_H
#define BUS_DRIVER_H

#include "bus/bus.h"

#include <pthread.h>
#include <stdatomic.h>

#define SOURCES_MAX       16
#define SUBSCRIPTIONS_MAX 16
#define BUS_NAMES_MAX     64
#define NAME_BYTES_MAX    64
#define RETRY_PAUSE_MS    200
#define BUS_WHY_BYTES     192
#define BUS_LOST          "connection" /* how the cause begins when one that was there broke */

struct bus_driver {
    /* Makes sub->state. Afterwards it may be notified. */
    enum err (*open)(struct subscription *sub);
    void (*close)(struct subscription *sub); /* also after a failed open */
    /* It will be closed: nothing new is begun. NULL: that takes no time anyway. */
    void (*stopping)(struct subscription *sub);
    /* Reads from the subscriber's own database how far it has come. At start, and after a commit
     * of unknown outcome. */
    enum err (*load)(struct subscription *sub, struct tx *own);
    /* A source has committed events. Any thread; the bus is locked. */
    void (*notify)(struct subscription *sub, const char *service);
    /* Adds deliveries after the `count` there are, returns how many there are now. */
    size_t (*fetch)(struct subscription *sub, struct tx *own, size_t count);
    enum err (*flush)(struct subscription *sub, struct tx *tx, size_t count);
    /* See subscription_known. NULL: nobody else applies what this subscription was given. */
    enum err (*known)(struct subscription *sub, struct tx *tx, const struct delivery *delivery,
                      bool *known);
    void (*again)(struct subscription *sub);
    void (*ack)(struct subscription *sub, bool committed);
    bool (*news)(const struct subscription *sub); /* fetch may find something */
    /* As far as it knows nothing is left that fetch has not brought. NULL: when there is no news.
     */
    bool (*caught_up)(const struct subscription *sub);
    struct mono_ms (*due)(const struct subscription *sub); /* see subscription_due */
    bool (*ready)(const struct subscription *sub);
    bool (*connected)(const struct subscription *sub); /* NULL: always */
    /* Adds its rows after the `count` there are, at most to max; returns how many there would be.
     */
    size_t (*metrics)(const struct subscription *sub, struct subscription_metrics *out, size_t max,
                      size_t count);
};

extern const struct bus_driver bus_embedded, bus_jetstream;

struct bus {
    const struct bus_driver *driver;
    struct bus_source sources[SOURCES_MAX];
    _Atomic int64_t last[SOURCES_MAX];
    size_t source_count;
    struct bus_broker broker; /* of bus_jetstream */
    const struct clock *clock;
    pthread_mutex_t lock; /* guards what is below; subscriptions come at start and go at stop */
    struct subscription *subscriptions[SUBSCRIPTIONS_MAX];
    void (*watch)(void *context); /* may be NULL */
    void *watch_context;
    char away[BUS_WHY_BYTES]; /* why the broker is of no use; empty: it is, or nobody knows yet */
};

struct subscription {
    struct bus *bus;
    struct subscriber who;
    void *state;         /* the driver's own */
    struct arena *arena; /* the deliveries' texts */
    struct delivery deliveries[DELIVERIES_MAX];
    char names[BUS_NAMES_MAX][NAME_BYTES_MAX + 1]; /* of sources, as deliveries show them */
    size_t name_count;
    bool stale;                           /* a commit failed: how far it came must be read again */
    struct mono_ms fetch_at;              /* no fetch before; {0}: at any time */
    int64_t waiting;                      /* rows of bus_waiting */
    int64_t waiting_before;               /* … before flush */
    bool polling;                         /* a round over the waiting events is going on … */
    bool poll_again;                      /* … and something was applied since it began */
    _Atomic bool poll_asked;              /* by subscription_poll: begin one */
    char poll_source[NAME_BYTES_MAX + 1]; /* how far the round has come */
    int64_t poll_seq;
    struct mono_ms waiting_at; /* when the next round begins by itself */
    int64_t waiting_pause_ms;
    struct wall_ms caught_up;    /* when nothing was left to fetch, the last time … */
    struct wall_ms steady_since; /* … and since when that was so every few minutes */
    struct mono_ms now;          /* of the latest fetch */
};

/* The name as deliveries show it: as long as the subscription lives, one address a name. NULL: it
 * is too long, or there are too many. Writer only. */
const char *subscription_name(struct subscription *sub, struct str name);
bool bus_listed(const char *const *list, struct str subject);
/* The broker cannot be used, with the cause, or it can again (NULL): one line in the log for each
 * change, whichever service notices it first. Any thread. */
void bus_broker_is(struct bus *bus, const char *away);
/* Brings bus->last of a source up to what its outbox holds. */
enum err bus_read_last(struct bus *bus, size_t source, struct db *reader);

#endif
