/* bus/relay.h: carries a service's outbox to the stream, in order, pipelined. An event stays noted
 * as unrelayed (outbox_unrelayed) until the broker has acknowledged it and the writer has committed
 * that; whatever is lost on the way is published again under the same message id.
 *
 * Sequences may be committed out of order (PostgreSQL, several lanes and replicas), so events are
 * marked one by one, and the relay looks at all that is unrelayed: whoever changes an entity has
 * locked its row, so of one entity's events a look that sees the later one sees the earlier one,
 * too, and in one look they go in the order of their sequences. */
#ifndef BUS_RELAY_H
#define BUS_RELAY_H

#include "bus/nats.h"

#define RELAY_PENDING_MAX 8192
#define RELAY_ROWS        256  /* sent by one look */
#define MARKS_MAX         2048 /* of one transaction */

enum relayed { RELAY_SENT, RELAY_ACKNOWLEDGED, RELAY_MARKING };

struct sent {
    int64_t sequence, sent_ms;
    enum relayed state;
};

struct relay {
    const struct bus_source *source;
    const char *const *subjects; /* of the stream */
    void (*poke)(void *context); /* there is something to mark */
    void *context;
    struct db *reader;
    bool shared;         /* several processes may write to this outbox … */
    bool leased;         /* … and of those this one relays */
    int64_t lease_at_ms; /* when to ask for the lease again */
    int64_t look_ms;     /* between looks from the beginning */
    int64_t look_at_ms;
    int64_t cursor; /* sent up to here; where several write, each look begins at the beginning */
    int64_t seen[RELAY_PENDING_MAX + RELAY_ROWS];
    int64_t fresh[RELAY_ROWS];
    size_t fresh_count;
    bool more; /* there may be more to send at once */

    pthread_mutex_t lock;                   /* guards what is below */
    struct sent pending[RELAY_PENDING_MAX]; /* by sequence */
    size_t pending_count;
    size_t acknowledged;
    int64_t acknowledged_ms; /* the first of them */
    int64_t refused;         /* by the broker, since the relay last looked */
};

void relay_init(struct relay *relay, const struct bus_source *source, const char *const *subjects,
                void (*poke)(void *context), void *context);
void relay_free(struct relay *relay);

/* The thread that owns the link. Publishes what there is and fits; false: the connection is not
 * good for it. */
bool relay_run(struct relay *relay, struct link *link, int64_t now_ms);
/* The connection is gone: what was not acknowledged is sent again. */
void relay_lost(struct relay *relay);
/* on_message: an acknowledgement for a sequence, or a refusal. */
void relay_acknowledged(struct relay *relay, int64_t sequence, struct str answer, int64_t now_ms);

/* The writer. When marks are due, UTC ms; INT64_MAX: there are none. */
int64_t relay_due_ms(struct relay *relay);
enum err relay_mark(struct relay *relay, struct tx *tx);
void relay_marked(struct relay *relay, bool committed);

#endif
