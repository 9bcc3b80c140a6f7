/* bus/driver.h: what the bus and a driver of it share; nobody outside this folder includes it.
 *
 * A driver (embedded.c, jetstream.c) brings events to a subscription and remembers which of them
 * are settled. What both have in common, registration, waiting events and dead letters, is in bus.c
 * and subscription.c. */
#ifndef BUS_DRIVER_H
#define BUS_DRIVER_H

#include "bus/bus.h"

#include <pthread.h>
#include <stdatomic.h>

#define SOURCES_MAX       16
#define SUBSCRIPTIONS_MAX 16
#define NAMES_MAX         64
#define NAME_BYTES_MAX    64
#define RETRY_PAUSE_MS    200

struct bus_driver {
    /* Makes sub->end. Afterwards it may be poked. */
    enum err (*open)(struct subscription *sub);
    void (*close)(struct subscription *sub); /* also after a failed open */
    /* Reads from the subscriber's own database what is settled there. At start, and after a commit
     * of unknown outcome. */
    enum err (*load)(struct subscription *sub, struct tx *own);
    /* A source has committed events. Any thread; the bus is locked. */
    void (*notify)(struct subscription *sub, const char *service);
    /* Adds deliveries after the `count` there are, returns how many there are now. */
    size_t (*fetch)(struct subscription *sub, struct tx *own, size_t count);
    enum err (*settle)(struct subscription *sub, struct tx *tx, size_t count);
    /* See subscription_known. NULL: nobody else settles what this subscription was given. */
    enum err (*known)(struct subscription *sub, struct tx *tx, const struct delivery *delivery,
                      bool *known);
    void (*again)(struct subscription *sub);
    void (*settled)(struct subscription *sub, bool committed);
    bool (*news)(const struct subscription *sub);      /* fetch may find something */
    int64_t (*due_ms)(const struct subscription *sub); /* see subscription_due */
    bool (*ready)(const struct subscription *sub);
    /* Adds its rows after the `count` there are, at most to max; returns how many there would be.
     */
    size_t (*figures)(const struct subscription *sub, struct subscription_figures *out, size_t max,
                      size_t count);
};

extern const struct bus_driver bus_embedded, bus_jetstream;

struct bus {
    const struct bus_driver *driver;
    struct bus_source sources[SOURCES_MAX];
    _Atomic int64_t last[SOURCES_MAX];
    size_t source_count;
    struct bus_broker broker; /* of bus_jetstream */
    pthread_mutex_t lock;     /* guards what is below; subscriptions come at start and go at stop */
    struct subscription *subscriptions[SUBSCRIPTIONS_MAX];
    void (*watch)(void *context); /* may be NULL */
    void *watch_context;
};

struct subscription {
    struct bus *bus;
    struct subscriber who;
    void *end;           /* the driver's own */
    struct arena *arena; /* the deliveries' texts */
    struct delivery deliveries[DELIVERIES_MAX];
    char names[NAMES_MAX][NAME_BYTES_MAX + 1]; /* of sources, as deliveries show them */
    size_t name_count;
    bool stale;                           /* a commit failed: what is settled must be read again */
    int64_t retry_at_ms;                  /* no fetch before */
    int64_t waiting;                      /* rows of bus_waiting */
    int64_t waiting_before;               /* … before settle */
    bool look_waiting;                    /* a round over the waiting events is going on … */
    bool look_again;                      /* … and something was applied since it began */
    _Atomic bool look_asked;              /* by subscription_look: begin one */
    char look_source[NAME_BYTES_MAX + 1]; /* how far the round has come */
    int64_t look_seq;
    int64_t waiting_at_ms; /* when the next round begins by itself */
    int64_t waiting_pause_ms;
    int64_t now_ms;
};

/* The name as deliveries show it: as long as the subscription lives, one address a name. NULL: it
 * is too long, or there are too many. Writer only. */
const char *subscription_name(struct subscription *sub, struct str name);
bool bus_listed(const char *const *list, struct str subject);
/* Brings bus->last of a source up to what its outbox holds. */
enum err bus_read_last(struct bus *bus, size_t source, struct db *reader);

#endif
