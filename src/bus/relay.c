/* bus/relay.c: from the outbox to the stream; see bus/relay.h. */
#include "bus/relay.h"

#include "base/log.h"

#include <stdio.h>

#define LOOK_MS          200 /* between looks for what has to be sent again … */
#define LOOK_OTHERS_MS   25 /* … or was committed by other replicas, which only PostgreSQL knows */
#define LEASE_MS         200   /* between attempts to get the lease */
#define REFUSED_MS       1000  /* after the broker refused something */
#define ANSWER_MS        10000 /* an acknowledgement that takes longer is lost */
#define LOOK_PENDING_MAX 1024  /* no look while more than that is on its way */
#define MARK_MS          100   /* marks wait so long for a transaction that is made anyway … */
#define MARKS_ENOUGH     1024  /* … unless there are so many */

void relay_init(struct relay *relay, const struct bus_source *source, const char *const *subjects,
                void (*poke)(void *context), void *context)
{
    relay->source = source;
    relay->shared = db_place_is_postgres(source->path);
    relay->look_ms = relay->shared ? LOOK_OTHERS_MS : LOOK_MS;
    relay->subjects = subjects;
    relay->poke = poke;
    relay->context = context;
    pthread_mutex_init(&relay->lock, NULL);
}

void relay_free(struct relay *relay)
{
    db_close(relay->reader);
    relay->reader = NULL;
    pthread_mutex_destroy(&relay->lock);
}

/* --- what is on its way; under the lock ---------------------------------------------------- */

/* Where the sequence is, or would be. */
static size_t place_of(const struct relay *relay, int64_t sequence)
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

static struct sent *find(struct relay *relay, int64_t sequence)
{
    size_t at = place_of(relay, sequence);

    if (at == relay->pending_count || relay->pending[at].sequence != sequence) return NULL;
    return &relay->pending[at];
}

/* False: it is on its way already, or there is no room. */
static bool note(struct relay *relay, int64_t sequence, int64_t now_ms)
{
    size_t at = place_of(relay, sequence);

    if (at < relay->pending_count && relay->pending[at].sequence == sequence) return false;
    if (relay->pending_count == RELAY_PENDING_MAX) return false;
    memmove(&relay->pending[at + 1], &relay->pending[at],
            (relay->pending_count - at) * sizeof *relay->pending);
    relay->pending[at] = (struct sent){sequence, now_ms, RELAY_SENT};
    relay->pending_count++;
    return true;
}

/* Forgets what is in that state and was sent before; the outbox still has it. */
static size_t forget(struct relay *relay, enum relayed state, int64_t before_ms)
{
    size_t kept = 0, count = relay->pending_count;

    for (size_t i = 0; i < count; i++) {
        const struct sent *sent = &relay->pending[i];

        if (sent->state != state || sent->sent_ms >= before_ms)
            relay->pending[kept++] = relay->pending[i];
    }
    relay->pending_count = kept;
    return count - kept;
}

static void acknowledge(struct relay *relay, struct sent *sent, int64_t now_ms)
{
    if (sent->state != RELAY_SENT) return;
    sent->state = RELAY_ACKNOWLEDGED;
    if (relay->acknowledged++ == 0) relay->acknowledged_ms = now_ms;
}

/* --- publishing ---------------------------------------------------------------------------- */

static bool publish(struct relay *relay, struct link *link, int64_t sequence, struct rows *rows)
{
    char subject[128], reply[INBOX_BYTES + 32], id[64];
    struct str payload = rows_text(rows, 2), trace = rows_text(rows, 3);
    char traceparent[TRACE_TEXT_LEN + 1];
    natsMsg *message = NULL;
    natsStatus s;

    snprintf(traceparent, sizeof traceparent, "%.*s", (int)trace.len, trace.at);
    snprintf(subject, sizeof subject, "%.*s", (int)rows_text(rows, 1).len, rows_text(rows, 1).at);
    snprintf(reply, sizeof reply, "%s.a.%lld", link->inbox, (long long)sequence);
    snprintf(id, sizeof id, "%s:%lld", relay->source->service, (long long)sequence);
    s = natsMsg_Create(&message, subject, reply, payload.at, (int)payload.len);
    if (s == NATS_OK) s = natsMsgHeader_Set(message, "Nats-Msg-Id", id);
    if (s == NATS_OK && trace.len) s = natsMsgHeader_Set(message, "traceparent", traceparent);
    if (s == NATS_OK) s = natsConnection_PublishMsg(link->connection, message);
    natsMsg_Destroy(message);
    return s == NATS_OK;
}

/* One row. An event the stream does not take was settled when it was published. */
static bool relay_row(struct relay *relay, struct link *link, struct rows *rows, int64_t now_ms)
{
    int64_t sequence = rows_int(rows, 0);
    bool fresh, ours = bus_listed(relay->subjects, rows_text(rows, 1));
    struct sent *sent;

    pthread_mutex_lock(&relay->lock);
    fresh = note(relay, sequence, now_ms);
    sent = find(relay, sequence);
    if (fresh && !ours) acknowledge(relay, sent, now_ms);
    pthread_mutex_unlock(&relay->lock);
    if (fresh && !ours) relay->poke(relay->context);
    return !fresh || !ours || publish(relay, link, sequence, rows);
}

static size_t pending_now(struct relay *relay)
{
    size_t count;

    pthread_mutex_lock(&relay->lock);
    count = relay->pending_count;
    pthread_mutex_unlock(&relay->lock);
    return count;
}

/* What is unrelayed after the cursor and not on its way, by one look: at most RELAY_ROWS sequences,
 * without their rows, for most of what is unrelayed is on its way. The cursor moves behind them. */
static enum err find_fresh(struct relay *relay, int64_t now_ms)
{
    /* From the beginning, all that is on its way may come first. */
    size_t max = RELAY_ROWS + (relay->cursor ? 0 : pending_now(relay)), seen = 0;
    struct rows rows;

    tx_query(tx_read(relay->reader, now_ms), &rows,
             "SELECT seq FROM outbox_unrelayed WHERE seq > $1 ORDER BY seq LIMIT $2",
             sql_int(relay->cursor), sql_int((int64_t)max));
    while (seen < max && rows_next(&rows))
        relay->seen[seen++] = rows_int(&rows, 0);
    relay->more = seen == max;
    relay->fresh_count = 0;
    pthread_mutex_lock(&relay->lock);
    for (size_t i = 0; i < seen && relay->fresh_count < RELAY_ROWS; i++) {
        relay->cursor = relay->seen[i];
        if (!find(relay, relay->cursor)) relay->fresh[relay->fresh_count++] = relay->cursor;
    }
    pthread_mutex_unlock(&relay->lock);
    return rows_end(&rows);
}

/* Publishes what is fresh, in order. What was committed since the look is left to the next one: in
 * this one it could come before what precedes it. */
static enum err relay_fresh(struct relay *relay, struct link *link, int64_t now_ms, bool *sent)
{
    struct rows rows;
    size_t at = 0;

    *sent = true;
    if (relay->fresh_count == 0) return OK;
    tx_query(tx_read(relay->reader, now_ms), &rows,
             "SELECT o.seq, o.subject, o.payload, o.trace FROM outbox_unrelayed u JOIN outbox o "
             "ON o.seq = u.seq WHERE u.seq BETWEEN $1 AND $2 AND o.seq BETWEEN $1 AND $2 "
             "ORDER BY u.seq",
             sql_int(relay->fresh[0]), sql_int(relay->fresh[relay->fresh_count - 1]));
    while (*sent && rows_next(&rows)) {
        while (at < relay->fresh_count && relay->fresh[at] < rows_int(&rows, 0))
            at++;
        if (at < relay->fresh_count && relay->fresh[at] == rows_int(&rows, 0))
            *sent = relay_row(relay, link, &rows, now_ms);
    }
    return rows_end(&rows);
}

static bool able(struct relay *relay, int64_t now_ms)
{
    if (!relay->reader) {
        if (db_open(relay->source->path, DB_READER, &relay->reader, NULL) != OK) return false;
        relay->look_at_ms = now_ms;
    }
    if (!relay->leased && now_ms >= relay->lease_at_ms) {
        relay->leased = db_lease(relay->reader, "relay");
        relay->lease_at_ms = now_ms + LEASE_MS;
    }
    return relay->leased;
}

/* What has to be sent again is looked for from the beginning. */
static bool look_back(struct relay *relay, int64_t now_ms)
{
    int64_t refused;
    size_t lost;

    pthread_mutex_lock(&relay->lock);
    lost = forget(relay, RELAY_SENT, now_ms - ANSWER_MS);
    refused = relay->refused;
    relay->refused = 0;
    pthread_mutex_unlock(&relay->lock);
    relay->look_at_ms = now_ms + (refused ? REFUSED_MS : relay->look_ms);
    if (pending_now(relay) <= LOOK_PENDING_MAX) relay->cursor = 0;
    return !refused && !lost;
}

bool relay_run(struct relay *relay, struct link *link, int64_t now_ms)
{
    bool good = true;
    enum err err;

    relay->more = false;
    if (!able(relay, now_ms)) return true;
    if (now_ms >= relay->look_at_ms) good = look_back(relay, now_ms);
    if (!good || pending_now(relay) + RELAY_ROWS > RELAY_PENDING_MAX) return good;
    if (relay->shared) relay->cursor = 0;
    err = find_fresh(relay, now_ms);
    if (err == OK) err = relay_fresh(relay, link, now_ms, &good);
    if (err) { /* with the reader goes the lease, where there is one */
        db_close(relay->reader);
        relay->reader = NULL;
        relay->leased = relay->more = false;
        relay->cursor = 0;
    }
    return good;
}

void relay_lost(struct relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    (void)forget(relay, RELAY_SENT, INT64_MAX);
    pthread_mutex_unlock(&relay->lock);
    relay->cursor = 0;
}

void relay_acknowledged(struct relay *relay, int64_t sequence, struct str answer, int64_t now_ms)
{
    bool taken = memmem(answer.at, answer.len, "\"seq\"", 5) != NULL;
    bool poke = false;
    struct sent *sent;

    pthread_mutex_lock(&relay->lock);
    sent = find(relay, sequence);
    if (sent && taken) {
        acknowledge(relay, sent, now_ms);
        poke = relay->acknowledged == 1 || relay->acknowledged == MARKS_ENOUGH;
    }
    if (sent && !taken && sent->state == RELAY_SENT) {
        size_t at = (size_t)(sent - relay->pending);

        memmove(sent, sent + 1, (relay->pending_count - at - 1) * sizeof *sent);
        relay->pending_count--;
        if (relay->refused++ == 0)
            log_event(LOG_WARN, relay->source->service, "relay.refused",
                      log_int("sequence", sequence), log_text("answer", answer));
    }
    pthread_mutex_unlock(&relay->lock);
    if (poke) relay->poke(relay->context);
}

/* --- marking ------------------------------------------------------------------------------- */

int64_t relay_due_ms(struct relay *relay)
{
    int64_t due_ms = INT64_MAX;

    pthread_mutex_lock(&relay->lock);
    if (relay->acknowledged >= MARKS_ENOUGH)
        due_ms = 0;
    else if (relay->acknowledged)
        due_ms = relay->acknowledged_ms + MARK_MS;
    pthread_mutex_unlock(&relay->lock);
    return due_ms;
}

/* Neighbours go with one statement; what lies between two that are not may be unrelayed still. */
static enum err unnote(struct tx *tx, const int64_t *marks, size_t count)
{
    enum err err = OK;

    for (size_t first = 0, next; first < count && err == OK; first = next) {
        next = first + 1;
        while (next < count && marks[next] == marks[next - 1] + 1)
            next++;
        err = tx_exec(tx, NULL, "DELETE FROM outbox_unrelayed WHERE seq BETWEEN $1 AND $2",
                      sql_int(marks[first]), sql_int(marks[next - 1]));
    }
    return err;
}

enum err relay_mark(struct relay *relay, struct tx *tx)
{
    int64_t marks[MARKS_MAX];
    size_t count = 0;

    pthread_mutex_lock(&relay->lock);
    for (size_t i = 0; i < relay->pending_count && count < MARKS_MAX && relay->acknowledged; i++) {
        if (relay->pending[i].state != RELAY_ACKNOWLEDGED) continue;
        relay->pending[i].state = RELAY_MARKING;
        relay->acknowledged--;
        marks[count++] = relay->pending[i].sequence;
    }
    pthread_mutex_unlock(&relay->lock);
    return unnote(tx, marks, count);
}

void relay_marked(struct relay *relay, bool committed)
{
    pthread_mutex_lock(&relay->lock);
    if (committed) (void)forget(relay, RELAY_MARKING, INT64_MAX);
    for (size_t i = 0; !committed && i < relay->pending_count; i++) {
        if (relay->pending[i].state != RELAY_MARKING) continue;
        relay->pending[i].state = RELAY_ACKNOWLEDGED;
        relay->acknowledged++;
    }
    pthread_mutex_unlock(&relay->lock);
}
