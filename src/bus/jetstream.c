/* bus/jetstream.c: the bus over NATS JetStream. Here is what the writer does with the messages that
 * the service's client brought (jetstream_client.h). What took effect is in the inbox by the commit
 * that made it so; only then is it acknowledged. A repeat is known by the inbox, or by the
 * positions from the days of an embedded bus. */
#include "bus/inbox.h"
#include "bus/jetstream_client.h"

#include <stdio.h>
#include <stdlib.h>

struct position {
    const char *source;
    int64_t sequence;
};

struct jetstream_state {
    struct jetstream_client *client;
    struct consumer_message taken[DELIVERIES_MAX]; /* belong to deliveries[taken_from …] */
    size_t taken_count, taken_from;
    struct position positions[SOURCES_MAX];
    size_t position_count;
    struct mono_ms prune_at;
    _Atomic int64_t uncommitted;
};

static struct jetstream_client *client_of(const struct subscription *sub)
{
    return ((struct jetstream_state *)sub->state)->client;
}

/* --- opening and closing ------------------------------------------------------------------- */

static const struct bus_source *own_source(const struct subscription *sub, size_t *index)
{
    size_t i = 0;

    while (i < sub->bus->source_count &&
           strcmp(sub->bus->sources[i].service, sub->who.service) != 0)
        i++;
    *index = i;
    return i < sub->bus->source_count ? &sub->bus->sources[i] : NULL;
}

static enum err read_own_last(const struct subscription *sub, const struct bus_source *source,
                              size_t index)
{
    struct db *reader;
    enum err err = db_open(source->path, DB_READER, &reader, NULL);

    if (err) return err;
    err = bus_read_last(sub->bus, index, reader);
    db_close(reader);
    return err;
}

static enum err jetstream_open(struct subscription *sub)
{
    const struct bus_source *source;
    struct jetstream_state *state = calloc(1, sizeof *state);
    enum err err = OK;
    size_t index;

    if (!state) return ERR_MEMORY;
    sub->state = state;
    source = own_source(sub, &index);
    ASSERT(source);
    TRY(read_own_last(sub, source, index));
    state->client =
        jetstream_client_open(sub, source, bus_last_sequence(sub->bus, source->service));
    if (!state->client) err = ERR_MEMORY;
done:
    return err;
}

static void jetstream_stopping(struct subscription *sub)
{
    jetstream_client_stop(client_of(sub));
}

static void jetstream_close(struct subscription *sub)
{
    struct jetstream_state *state = sub->state;

    if (!state) return;
    if (state->client) jetstream_client_close(state->client);
    for (size_t i = 0; i < state->taken_count; i++)
        natsMsg_Destroy(state->taken[i].handle);
    free(state);
}

/* How far the embedded bus had come, when there was one before. */
static enum err jetstream_load(struct subscription *sub, struct tx *own)
{
    struct jetstream_state *state = sub->state;
    struct rows rows;

    state->position_count = 0;
    tx_query(own, &rows, "SELECT source, seq FROM bus_positions");
    while (state->position_count < SOURCES_MAX && rows_next(&rows)) {
        struct position *position = &state->positions[state->position_count];

        *position =
            (struct position){subscription_name(sub, rows_text(&rows, 0)), rows_int(&rows, 1)};
        if (position->source) state->position_count++;
    }
    return rows_end(&rows);
}

static void jetstream_notify(struct subscription *sub, const char *service)
{
    if (strcmp(sub->who.service, service) == 0) jetstream_client_wake(client_of(sub));
}

/* --- fetching ------------------------------------------------------------------------------ */

/* "orders:41" of a relay; whatever else there is, or nothing, the stream's own numbers. */
static void name_event(struct subscription *sub, const struct consumer_message *message,
                       struct delivery *delivery)
{
    struct jetstream_client *client = client_of(sub);
    const char *id = NULL, *colon = NULL;
    size_t length = 0;

    if (natsMsgHeader_Get(message->handle, "Nats-Msg-Id", &id) == NATS_OK) {
        length = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-");
        colon = id[length] == ':' ? id + length : NULL;
    }
    delivery->source = NULL;
    if (colon && length && str_to_int64(str_of(colon + 1), &delivery->sequence))
        delivery->source = subscription_name(sub, (struct str){id, length});
    if (delivery->source) return;
    delivery->source = subscription_name(sub, str_of(client->stream));
    if (!delivery->source) delivery->source = STREAM_NAME;
    delivery->sequence = message->stream_sequence;
}

static struct str message_payload(natsMsg *message)
{
    return (struct str){natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)};
}

static struct delivery delivery_of(struct subscription *sub, const struct consumer_message *message)
{
    struct delivery delivery = {.subject = str_of(natsMsg_GetSubject(message->handle)),
                                .payload = message_payload(message->handle),
                                .published_at = message->published_at};
    const char *trace = NULL;

    if (natsMsgHeader_Get(message->handle, "traceparent", &trace) == NATS_OK &&
        strlen(trace) == TRACE_TEXT_LEN)
        delivery.trace = str_of(trace);
    if (!str_is_utf8(delivery.payload) || memchr(delivery.payload.at, 0, delivery.payload.len))
        delivery.payload = STR("\"not UTF-8\""); /* no database would keep it */
    name_event(sub, message, &delivery);
    return delivery;
}

static bool known_by_position(const struct jetstream_state *state, const struct delivery *delivery)
{
    for (size_t i = 0; i < state->position_count; i++)
        if (state->positions[i].source == delivery->source)
            return delivery->sequence <= state->positions[i].sequence;
    return false;
}

static enum err jetstream_known(struct subscription *sub, struct tx *own,
                                const struct delivery *delivery, bool *known)
{
    *known = known_by_position(sub->state, delivery);
    if (*known || sub->who.broadcast) return OK;
    return inbox_knows(own, delivery, known);
}

static enum err mark_known(struct subscription *sub, struct tx *own,
                           const struct delivery *deliveries, size_t count, bool *known)
{
    for (size_t i = 0; i < count; i++)
        known[i] = known_by_position(sub->state, &deliveries[i]);
    return sub->who.broadcast ? OK : inbox_mark_known(own, deliveries, count, known);
}

/* It was delivered again while it waited here: the first of the two is the one to apply, and until
 * that has committed neither may be acknowledged. */
static bool is_repeated(const struct delivery *deliveries, size_t count,
                        const struct delivery *delivery)
{
    for (size_t i = 0; i < count; i++)
        if (deliveries[i].source == delivery->source &&
            deliveries[i].sequence == delivery->sequence)
            return true;
    return false;
}

static size_t jetstream_fetch(struct subscription *sub, struct tx *own, size_t count)
{
    struct jetstream_state *state = sub->state;
    struct delivery *deliveries = sub->deliveries + count;
    size_t came = jetstream_client_take(state->client, state->taken, DELIVERIES_MAX - count),
           kept = 0;
    bool known[DELIVERIES_MAX];
    enum err err;

    for (size_t i = 0; i < came; i++)
        deliveries[i] = delivery_of(sub, &state->taken[i]);
    err = mark_known(sub, own, deliveries, came, known);
    for (size_t i = 0; i < came; i++) {
        if (!err && known[i]) {
            jetstream_client_acknowledge(state->client, &state->taken[i], CONSUMER_ACK);
        } else if (err || is_repeated(deliveries, kept, &deliveries[i])) {
            jetstream_client_acknowledge(state->client, &state->taken[i], CONSUMER_NAK);
        } else {
            state->taken[kept] = state->taken[i];
            deliveries[kept++] = deliveries[i];
        }
    }
    state->taken_from = count;
    state->taken_count = kept;
    atomic_store(&state->uncommitted, (int64_t)kept);
    return count + kept;
}

static bool jetstream_news(const struct subscription *sub)
{
    return jetstream_client_has_messages(client_of(sub));
}

static bool jetstream_caught_up(const struct subscription *sub)
{
    return jetstream_client_caught_up(client_of(sub));
}

/* --- committing ---------------------------------------------------------------------------- */

static enum err jetstream_flush(struct subscription *sub, struct tx *tx, size_t count)
{
    struct jetstream_state *state = sub->state;
    const struct delivery *noted[DELIVERIES_MAX];
    size_t noted_count = 0;
    enum err err = OK;

    TRY(relay_publisher_mark(&state->client->publisher, tx));
    if (sub->who.broadcast) return OK;
    for (size_t i = state->taken_from; i < count; i++) {
        const struct delivery *delivery = &sub->deliveries[i];

        if (delivery->verdict != VERDICT_RETRY && !delivery->known) noted[noted_count++] = delivery;
    }
    TRY(inbox_put(tx, noted, noted_count));
    if (count) TRY(inbox_prune(tx, sub->now, &state->prune_at));
done:
    return err;
}

static void jetstream_again(struct subscription *sub)
{
    relay_publisher_marked(&client_of(sub)->publisher, false);
}

static void jetstream_ack(struct subscription *sub, bool committed)
{
    struct jetstream_state *state = sub->state;

    relay_publisher_marked(&state->client->publisher, committed);
    for (size_t i = 0; i < state->taken_count; i++) {
        enum verdict verdict = sub->deliveries[state->taken_from + i].verdict;

        if (!committed || verdict == VERDICT_RETRY)
            jetstream_client_acknowledge(state->client, &state->taken[i], CONSUMER_NAK);
        else
            jetstream_client_acknowledge(state->client, &state->taken[i],
                                         verdict == VERDICT_DEAD ? CONSUMER_TERM : CONSUMER_ACK);
    }
    state->taken_count = 0;
    atomic_store(&state->uncommitted, 0);
}

static struct mono_ms jetstream_due(const struct subscription *sub)
{
    return relay_publisher_due(&client_of(sub)->publisher);
}

static bool jetstream_ready(const struct subscription *sub)
{
    return atomic_load(&client_of(sub)->ready);
}

static bool jetstream_connected(const struct subscription *sub)
{
    return atomic_load(&client_of(sub)->connected);
}

static size_t jetstream_metrics(const struct subscription *sub, struct subscription_metrics *out,
                                size_t max, size_t count)
{
    struct jetstream_state *state = sub->state;
    int64_t lag, last;

    if (!*sub->who.subjects) return count;
    jetstream_client_lag(state->client, &lag, &last);
    lag += atomic_load(&state->uncommitted);
    if (count < max)
        out[count] = (struct subscription_metrics){sub->who.service, STREAM_NAME, last - lag, last};
    return count + 1;
}

const struct bus_driver bus_jetstream = {
    .open = jetstream_open,
    .close = jetstream_close,
    .stopping = jetstream_stopping,
    .load = jetstream_load,
    .notify = jetstream_notify,
    .fetch = jetstream_fetch,
    .flush = jetstream_flush,
    .known = jetstream_known,
    .again = jetstream_again,
    .ack = jetstream_ack,
    .news = jetstream_news,
    .caught_up = jetstream_caught_up,
    .due = jetstream_due,
    .ready = jetstream_ready,
    .connected = jetstream_connected,
    .metrics = jetstream_metrics,
};
