/* bus/relay_publisher.c: see bus/relay_publisher.h. */
#include "bus/relay_publisher.h"

#include "telemetry/log.h"

#include <stdio.h>

#define LEASE_MS 200 /* between attempts to get the lease */

void relay_publisher_init(struct relay_publisher *publisher, const struct bus_source *source,
                          const char *const *subjects, void (*notify)(void *context), void *context)
{
    publisher->source = source;
    publisher->subjects = subjects;
    publisher->notify = notify;
    publisher->context = context;
    pthread_mutex_init(&publisher->lock, NULL);
    relay_init(&publisher->relay, db_dsn_is_postgres(source->path));
}

void relay_publisher_free(struct relay_publisher *publisher)
{
    db_close(publisher->reader);
    publisher->reader = NULL;
    pthread_mutex_destroy(&publisher->lock);
}

/* --- publishing ---------------------------------------------------------------------------- */

static bool publish_event(struct relay_publisher *publisher, struct nats_connection *connection,
                          int64_t sequence, struct rows *rows)
{
    char subject[128], reply[INBOX_BYTES + 32], id[64];
    struct str payload = rows_text(rows, 2), trace = rows_text(rows, 3);
    char traceparent[TRACE_TEXT_LEN + 1];
    natsMsg *message = NULL;
    natsStatus s;

    snprintf(traceparent, sizeof traceparent, "%.*s", (int)trace.len, trace.at);
    snprintf(subject, sizeof subject, "%.*s", (int)rows_text(rows, 1).len, rows_text(rows, 1).at);
    snprintf(reply, sizeof reply, "%s.a.%lld", connection->inbox, (long long)sequence);
    snprintf(id, sizeof id, "%s:%lld", publisher->source->service, (long long)sequence);
    s = natsMsg_Create(&message, subject, reply, payload.at, (int)payload.len);
    if (s == NATS_OK) s = natsMsgHeader_Set(message, "Nats-Msg-Id", id);
    if (s == NATS_OK && trace.len) s = natsMsgHeader_Set(message, "traceparent", traceparent);
    if (s == NATS_OK) s = natsConnection_PublishMsg(connection->nats, message);
    natsMsg_Destroy(message);
    return s == NATS_OK;
}

/* One row. There is nobody to wait for when the stream takes none of its subject. */
static bool publish_row(struct relay_publisher *publisher, struct nats_connection *connection,
                        struct rows *rows, struct mono_ms now)
{
    int64_t sequence = rows_int(rows, 0);
    bool fresh, notify = false, ours = bus_listed(publisher->subjects, rows_text(rows, 1));

    pthread_mutex_lock(&publisher->lock);
    fresh = relay_publish(&publisher->relay, sequence, now);
    if (fresh && !ours) notify = relay_acknowledged(&publisher->relay, sequence, now);
    pthread_mutex_unlock(&publisher->lock);
    if (notify) publisher->notify(publisher->context);
    return !fresh || !ours || publish_event(publisher, connection, sequence, rows);
}

/* The sequences alone, without their rows, for most of what is unrelayed is on its way. */
static enum err read_unrelayed(struct relay_publisher *publisher, const struct relay_read *read,
                               size_t *fresh_count)
{
    struct rows rows;
    size_t found = 0;

    tx_query(tx_read(publisher->reader, WALL_NONE), &rows,
             "SELECT seq FROM outbox_unrelayed WHERE seq > $1 ORDER BY seq LIMIT $2",
             sql_int(read->after), sql_int((int64_t)read->max));
    while (found < read->max && rows_next(&rows))
        publisher->found[found++] = rows_int(&rows, 0);
    pthread_mutex_lock(&publisher->lock);
    *fresh_count = relay_found(&publisher->relay, read, publisher->found, found, publisher->fresh);
    pthread_mutex_unlock(&publisher->lock);
    return rows_end(&rows);
}

/* Publishes what is fresh, in order. What was committed since the read is left to the next one: in
 * this one it could come before what precedes it. */
static enum err publish_fresh(struct relay_publisher *publisher, struct nats_connection *connection,
                              size_t fresh_count, struct mono_ms now, bool *sent)
{
    struct rows rows;
    size_t at = 0;

    if (fresh_count == 0) return OK;
    tx_query(tx_read(publisher->reader, WALL_NONE), &rows,
             "SELECT o.seq, o.subject, o.payload, o.trace FROM outbox_unrelayed u JOIN outbox o "
             "ON o.seq = u.seq WHERE u.seq BETWEEN $1 AND $2 AND o.seq BETWEEN $1 AND $2 "
             "ORDER BY u.seq",
             sql_int(publisher->fresh[0]), sql_int(publisher->fresh[fresh_count - 1]));
    while (*sent && rows_next(&rows)) {
        while (at < fresh_count && publisher->fresh[at] < rows_int(&rows, 0))
            at++;
        if (at < fresh_count && publisher->fresh[at] == rows_int(&rows, 0))
            *sent = publish_row(publisher, connection, &rows, now);
    }
    return rows_end(&rows);
}

static bool take_lease(struct relay_publisher *publisher, struct mono_ms now)
{
    if (!publisher->reader &&
        db_open(publisher->source->path, DB_READER, &publisher->reader, NULL) != OK)
        return false;
    if (!publisher->leased && mono_reached(now, publisher->lease_at)) {
        publisher->leased = db_lease(publisher->reader, "relay");
        publisher->lease_at = mono_after(now, LEASE_MS);
    }
    return publisher->leased;
}

/* With the reader goes the lease, where there is one. */
static void drop_reader(struct relay_publisher *publisher)
{
    db_close(publisher->reader);
    publisher->reader = NULL;
    publisher->leased = false;
    pthread_mutex_lock(&publisher->lock);
    relay_restart(&publisher->relay);
    pthread_mutex_unlock(&publisher->lock);
}

bool relay_publisher_run(struct relay_publisher *publisher, struct nats_connection *connection,
                         struct mono_ms now)
{
    enum relay_command command;
    struct relay_read read;
    size_t fresh_count;
    bool good = true;
    enum err err;

    if (!take_lease(publisher, now)) return true;
    pthread_mutex_lock(&publisher->lock);
    command = relay_tick(&publisher->relay, now, &read);
    pthread_mutex_unlock(&publisher->lock);
    if (command != RELAY_READ) return command == RELAY_WAIT;
    err = read_unrelayed(publisher, &read, &fresh_count);
    if (err == OK) err = publish_fresh(publisher, connection, fresh_count, now, &good);
    if (err) drop_reader(publisher);
    return good;
}

void relay_publisher_lost(struct relay_publisher *publisher)
{
    pthread_mutex_lock(&publisher->lock);
    relay_lost(&publisher->relay);
    pthread_mutex_unlock(&publisher->lock);
}

bool relay_publisher_has_more(struct relay_publisher *publisher)
{
    bool more;

    pthread_mutex_lock(&publisher->lock);
    more = publisher->relay.more && publisher->leased;
    pthread_mutex_unlock(&publisher->lock);
    return more;
}

void relay_publisher_answered(struct relay_publisher *publisher, int64_t sequence,
                              struct str answer, struct mono_ms now)
{
    bool taken = memmem(answer.at, answer.len, "\"seq\"", 5) != NULL;
    bool notify = false, refused = false;

    pthread_mutex_lock(&publisher->lock);
    if (taken)
        notify = relay_acknowledged(&publisher->relay, sequence, now);
    else
        refused = relay_refused(&publisher->relay, sequence);
    pthread_mutex_unlock(&publisher->lock);
    if (refused)
        log_event(LOG_WARN, publisher->source->service, "relay.refused",
                  log_int("sequence", sequence), log_text("answer", answer));
    if (notify) publisher->notify(publisher->context);
}

/* --- the writer ---------------------------------------------------------------------------- */

struct mono_ms relay_publisher_due(struct relay_publisher *publisher)
{
    struct mono_ms due;

    pthread_mutex_lock(&publisher->lock);
    due = relay_due(&publisher->relay);
    pthread_mutex_unlock(&publisher->lock);
    return due;
}

/* Neighbours go with one statement; what lies between two that are not may be unrelayed still. */
static enum err delete_unrelayed(struct tx *tx, const int64_t *marks, size_t count)
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

enum err relay_publisher_mark(struct relay_publisher *publisher, struct tx *tx)
{
    int64_t marks[RELAY_MARKS_MAX];
    size_t count;

    pthread_mutex_lock(&publisher->lock);
    count = relay_marks(&publisher->relay, marks);
    pthread_mutex_unlock(&publisher->lock);
    return delete_unrelayed(tx, marks, count);
}

void relay_publisher_marked(struct relay_publisher *publisher, bool committed)
{
    pthread_mutex_lock(&publisher->lock);
    relay_marked(&publisher->relay, committed);
    pthread_mutex_unlock(&publisher->lock);
}
