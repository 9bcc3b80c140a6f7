/* bus/relay_publisher.h: reads and publishes for a service's relay (relay.h): over a reader of its
 * database, and the connection of the service's thread at the broker. */
#ifndef BUS_RELAY_PUBLISHER_H
#define BUS_RELAY_PUBLISHER_H

#include "bus/nats_connection.h"
#include "bus/relay.h"

struct relay_publisher {
    const struct bus_source *source;
    const char *const *subjects;   /* of the stream */
    void (*notify)(void *context); /* there is something to mark */
    void *context;
    struct db *reader;
    bool leased;             /* of the processes that may write to this outbox this one relays */
    struct mono_ms lease_at; /* when to ask for the lease again */
    int64_t found[RELAY_FOUND_MAX];
    int64_t fresh[RELAY_ROWS];
    pthread_mutex_t lock; /* guards what is below */
    struct relay relay;
};

/* Of zeroed memory. notify is called from any thread. */
void relay_publisher_init(struct relay_publisher *publisher, const struct bus_source *source,
                          const char *const *subjects, void (*notify)(void *context),
                          void *context);
void relay_publisher_free(struct relay_publisher *publisher);

/* --- the thread that owns the connection --------------------------------------------------- */

/* Publishes what there is and fits; false: the stream has to be looked for. */
bool relay_publisher_run(struct relay_publisher *publisher, struct nats_connection *connection,
                         struct mono_ms now);
void relay_publisher_lost(struct relay_publisher *publisher);     /* the connection is gone */
bool relay_publisher_has_more(struct relay_publisher *publisher); /* to publish at once */
/* The broker's answer about a sequence: an acknowledgement, or a refusal. Any thread. */
void relay_publisher_answered(struct relay_publisher *publisher, int64_t sequence,
                              struct str answer, struct mono_ms now);

/* --- the writer ---------------------------------------------------------------------------- */

/* When marks are due; MONO_NEVER: there are none. */
struct mono_ms relay_publisher_due(struct relay_publisher *publisher);
enum err relay_publisher_mark(struct relay_publisher *publisher, struct tx *tx);
void relay_publisher_marked(struct relay_publisher *publisher, bool committed);

#endif
