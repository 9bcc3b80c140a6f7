/* bus/relay.c: see bus/relay.h. */
#include "bus/relay.h"

#include <string.h>

#define POLL_MS          200 /* between reads for what has to be published again … */
#define POLL_OTHERS_MS   25 /* … or was committed by other replicas, which only PostgreSQL knows */
#define REFUSED_MS       1000  /* after the broker refused something */
#define ACK_LOST_MS      10000 /* an acknowledgement that takes longer is lost */
#define POLL_PENDING_MAX 1024  /* no read from the beginning while more than that is on its way */
#define MARK_MS          100   /* marks wait so long for a transaction that is made anyway … */
#define MARKS_ENOUGH     1024  /* … unless there are so many */

void relay_init(struct relay *relay, bool shared)
{
    relay->shared = shared;
    relay->poll_ms = shared ? POLL_OTHERS_MS : POLL_MS;
}

/* --- what is on its way -------------------------------------------------------------------- */

/* Where the sequence is, or would be. */
static size_t relay_index(const struct relay *relay, int64_t sequence)
{
    size_t low = 0, high = relay->pending_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (relay->pending[middle].sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct relay_event *relay_find(struct relay *relay, int64_t sequence)
{
    size_t at = relay_index(relay, sequence);

    if (at == relay->pending_count || relay->pending[at].sequence != sequence) return NULL;
    return &relay->pending[at];
}

/* Forgets what is in that state and was sent before; the outbox still has it. */
static size_t relay_forget(struct relay *relay, enum relay_event_state state, struct mono_ms before)
{
    size_t kept = 0, count = relay->pending_count;

    for (size_t i = 0; i < count; i++) {
        const struct relay_event *event = &relay->pending[i];

        if (event->state != state || mono_reached(event->sent_at, before))
            relay->pending[kept++] = relay->pending[i];
    }
    relay->pending_count = kept;
    return count - kept;
}

/* --- publishing ---------------------------------------------------------------------------- */

/* What has to be published again is read from the beginning. False: something was refused, or its
 * acknowledgement never came. */
static bool relay_poll(struct relay *relay, struct mono_ms now)
{
    size_t lost = relay_forget(relay, RELAY_SENT, mono_after(now, -ACK_LOST_MS));
    int64_t refused = relay->refused;

    relay->refused = 0;
    relay->poll_at = mono_after(now, refused ? REFUSED_MS : relay->poll_ms);
    if (relay->pending_count <= POLL_PENDING_MAX) relay->cursor = 0;
    return !refused && !lost;
}

enum relay_command relay_tick(struct relay *relay, struct mono_ms now, struct relay_read *read)
{
    relay->more = false;
    if (mono_reached(now, relay->poll_at) && !relay_poll(relay, now)) return RELAY_UNCERTAIN;
    if (relay->pending_count + RELAY_ROWS > RELAY_PENDING_MAX) return RELAY_WAIT;
    if (relay->shared) relay->cursor = 0;
    read->after = relay->cursor;
    /* From the beginning, all that is on its way may come first. */
    read->max = RELAY_ROWS + (relay->cursor ? 0 : relay->pending_count);
    return RELAY_READ;
}

size_t relay_found(struct relay *relay, const struct relay_read *read, const int64_t *sequences,
                   size_t count, int64_t *fresh)
{
    size_t fresh_count = 0;

    relay->more = count == read->max;
    for (size_t i = 0; i < count && fresh_count < RELAY_ROWS; i++) {
        relay->cursor = sequences[i];
        if (!relay_find(relay, sequences[i])) fresh[fresh_count++] = sequences[i];
    }
    return fresh_count;
}

bool relay_publish(struct relay *relay, int64_t sequence, struct mono_ms now)
{
    size_t at = relay_index(relay, sequence);

    if (at < relay->pending_count && relay->pending[at].sequence == sequence) return false;
    if (relay->pending_count == RELAY_PENDING_MAX) return false;
    memmove(&relay->pending[at + 1], &relay->pending[at],
            (relay->pending_count - at) * sizeof *relay->pending);
    relay->pending[at] = (struct relay_event){sequence, now, RELAY_SENT};
    relay->pending_count++;
    return true;
}

void relay_restart(struct relay *relay)
{
    relay->cursor = 0;
    relay->more = false;
    relay->poll_at = (struct mono_ms){0};
}

void relay_lost(struct relay *relay)
{
    (void)relay_forget(relay, RELAY_SENT, MONO_NEVER);
    relay->cursor = 0;
}

/* --- what the broker says ------------------------------------------------------------------ */

bool relay_acknowledged(struct relay *relay, int64_t sequence, struct mono_ms now)
{
    struct relay_event *event = relay_find(relay, sequence);

    if (!event || event->state != RELAY_SENT) return false;
    event->state = RELAY_ACKNOWLEDGED;
    if (relay->acknowledged++ == 0) relay->acknowledged_at = now;
    return relay->acknowledged == 1 || relay->acknowledged == MARKS_ENOUGH;
}

bool relay_refused(struct relay *relay, int64_t sequence)
{
    struct relay_event *event = relay_find(relay, sequence);
    size_t at;

    if (!event || event->state != RELAY_SENT) return false;
    at = (size_t)(event - relay->pending);
    memmove(event, event + 1, (relay->pending_count - at - 1) * sizeof *event);
    relay->pending_count--;
    return relay->refused++ == 0;
}

/* --- the writer's side --------------------------------------------------------------------- */

struct mono_ms relay_due(const struct relay *relay)
{
    if (relay->acknowledged >= MARKS_ENOUGH) return (struct mono_ms){0};
    return relay->acknowledged ? mono_after(relay->acknowledged_at, MARK_MS) : MONO_NEVER;
}

size_t relay_marks(struct relay *relay, int64_t *marks)
{
    size_t count = 0;

    for (size_t i = 0; i < relay->pending_count && count < RELAY_MARKS_MAX && relay->acknowledged;
         i++) {
        if (relay->pending[i].state != RELAY_ACKNOWLEDGED) continue;
        relay->pending[i].state = RELAY_MARKING;
        relay->acknowledged--;
        marks[count++] = relay->pending[i].sequence;
    }
    return count;
}

void relay_marked(struct relay *relay, bool committed)
{
    if (committed) (void)relay_forget(relay, RELAY_MARKING, MONO_NEVER);
    for (size_t i = 0; !committed && i < relay->pending_count; i++) {
        if (relay->pending[i].state != RELAY_MARKING) continue;
        relay->pending[i].state = RELAY_ACKNOWLEDGED;
        relay->acknowledged++;
    }
}
