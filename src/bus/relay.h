/* bus/relay.h: from a service's outbox to the stream, in order and pipelined, as a state machine.
 * An event stays noted as unrelayed (outbox_unrelayed) until the broker has acknowledged it and the
 * writer has committed that; whatever is lost on the way is published again under the same message
 * id.
 *
 * Sequences may be committed out of order (PostgreSQL, several writers and replicas), so events are
 * marked one by one, and the relay reads all that is unrelayed: whoever changes an entity has
 * locked its row, so of one entity's events a read that sees the later one sees the earlier one,
 * too, and what one read found goes in the order of the sequences.
 *
 * It knows no database, no network, no thread and no clock: its owner (relay_publisher.h) guards
 * it, reads and publishes for it, and says what time it is. */
#ifndef BUS_RELAY_H
#define BUS_RELAY_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_PENDING_MAX 8192
#define RELAY_ROWS        256 /* published after one read */
#define RELAY_FOUND_MAX   (RELAY_PENDING_MAX + RELAY_ROWS)
#define RELAY_MARKS_MAX   2048 /* of one transaction */

enum relay_event_state { RELAY_SENT, RELAY_ACKNOWLEDGED, RELAY_MARKING };

struct relay_event {
    int64_t sequence;
    struct mono_ms sent_at;
    enum relay_event_state state;
};

struct relay {
    bool shared;     /* several processes may write to this outbox */
    int64_t poll_ms; /* between reads from the beginning */
    struct mono_ms poll_at;
    int64_t cursor; /* read up to here; where several write, each read begins at the beginning */
    bool more;      /* there may be more to publish at once */
    struct relay_event pending[RELAY_PENDING_MAX]; /* by sequence */
    size_t pending_count;
    size_t acknowledged;
    struct mono_ms acknowledged_at; /* the first of them */
    int64_t refused;                /* by the broker, since the last poll */
};

/* Of zeroed memory. */
void relay_init(struct relay *relay, bool shared);

/* --- publishing ---------------------------------------------------------------------------- */

/* What is to be done now. */
enum relay_command {
    RELAY_WAIT, /* nothing; enough is on its way */
    RELAY_READ, /* read at most `max` unrelayed sequences after `after`, in order; relay_found */
    RELAY_UNCERTAIN /* events were refused, or never acknowledged: the stream has to be looked for
                     */
};
struct relay_read {
    int64_t after;
    size_t max; /* <= RELAY_FOUND_MAX */
};
enum relay_command relay_tick(struct relay *relay, struct mono_ms now, struct relay_read *read);
/* What was read. Fills `fresh` (RELAY_ROWS) with the first of them that are not on their way yet:
 * to be published in that order, each with relay_publish before. Returns how many. */
size_t relay_found(struct relay *relay, const struct relay_read *read, const int64_t *sequences,
                   size_t count, int64_t *fresh);
/* One of them is about to be published: false: not any more. */
bool relay_publish(struct relay *relay, int64_t sequence, struct mono_ms now);
/* The outbox could not be read, or is another process's to relay: the next read is from the
 * beginning. */
void relay_restart(struct relay *relay);
/* The connection is gone: what was not acknowledged is published again. */
void relay_lost(struct relay *relay);

/* --- what the broker says; true: the writer has to be told that marks are due ------------------
 */

/* It has the event; or the stream takes none of its subject, and there is nobody to wait for. */
bool relay_acknowledged(struct relay *relay, int64_t sequence, struct mono_ms now);
/* It does not take it: published again, after a pause. True: it is the first one lately. */
bool relay_refused(struct relay *relay, int64_t sequence);

/* --- the writer's side: which events are unrelayed no more ----------------------------------- */

/* When marks are due; MONO_NEVER: there are none. */
struct mono_ms relay_due(const struct relay *relay);
/* Acknowledged ones, in order, at most RELAY_MARKS_MAX, for a transaction that is about to commit;
 * then relay_marked. */
size_t relay_marks(struct relay *relay, int64_t *marks);
void relay_marked(struct relay *relay, bool committed);

#endif
