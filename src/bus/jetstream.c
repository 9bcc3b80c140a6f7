/* bus/jetstream.c: the bus over NATS JetStream. A courier carries; here is what the writer does
 * with what it brought. What took effect is in the inbox by the commit that made it so; only then
 * is it acknowledged. A repeat is known by the inbox, or by the positions from the days of an
 * embedded bus. */
#include "bus/courier.h"
#include "bus/inbox.h"

#include <stdio.h>
#include <stdlib.h>

struct position {
    const char *source;
    int64_t sequence;
};

struct end {
    struct courier *courier;
    struct parcel taken[DELIVERIES_MAX]; /* belong to deliveries[taken_from …] */
    size_t taken_count, taken_from;
    struct position positions[SOURCES_MAX];
    size_t position_count;
    int64_t prune_at_ms;
    _Atomic int64_t unsettled;
};

static struct courier *courier_of(const struct subscription *sub)
{
    return ((struct end *)sub->end)->courier;
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

static enum err open_end(struct subscription *sub)
{
    const struct bus_source *source;
    struct end *end = calloc(1, sizeof *end);
    enum err err = OK;
    size_t index;

    if (!end) return ERR_MEMORY;
    sub->end = end;
    source = own_source(sub, &index);
    ASSERT(source);
    TRY(read_own_last(sub, source, index));
    end->courier = courier_open(sub, source);
    if (!end->courier) err = ERR_MEMORY;
done:
    return err;
}

static void close_end(struct subscription *sub)
{
    struct end *end = sub->end;

    if (!end) return;
    if (end->courier) courier_close(end->courier);
    for (size_t i = 0; i < end->taken_count; i++)
        natsMsg_Destroy(end->taken[i].message);
    free(end);
}

/* What the embedded bus settled, when there was one before. */
static enum err load(struct subscription *sub, struct tx *own)
{
    struct end *end = sub->end;
    struct rows rows;

    end->position_count = 0;
    tx_query(own, &rows, "SELECT source, seq FROM bus_positions");
    while (end->position_count < SOURCES_MAX && rows_next(&rows)) {
        struct position *position = &end->positions[end->position_count];

        *position =
            (struct position){subscription_name(sub, rows_text(&rows, 0)), rows_int(&rows, 1)};
        if (position->source) end->position_count++;
    }
    return rows_end(&rows);
}

static void notify(struct subscription *sub, const char *service)
{
    if (strcmp(sub->who.service, service) == 0) courier_poke(courier_of(sub));
}

/* --- fetching ------------------------------------------------------------------------------ */

/* "orders:41" of a relay; whatever else there is, or nothing, the stream's own numbers. */
static void name_event(struct subscription *sub, const struct parcel *parcel,
                       struct delivery *delivery)
{
    struct courier *courier = courier_of(sub);
    const char *id = NULL, *colon = NULL;
    size_t length = 0;

    if (natsMsgHeader_Get(parcel->message, "Nats-Msg-Id", &id) == NATS_OK) {
        length = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-");
        colon = id[length] == ':' ? id + length : NULL;
    }
    delivery->source = NULL;
    if (colon && length && str_to_int64(str_of(colon + 1), &delivery->sequence))
        delivery->source = subscription_name(sub, (struct str){id, length});
    if (delivery->source) return;
    delivery->source = subscription_name(sub, str_of(courier->stream));
    if (!delivery->source) delivery->source = STREAM_NAME;
    delivery->sequence = parcel->stream_sequence;
}

static struct delivery unwrap(struct subscription *sub, const struct parcel *parcel)
{
    struct delivery delivery = {.subject = str_of(natsMsg_GetSubject(parcel->message)),
                                .payload = parcel_text(parcel),
                                .published_at_ms = parcel->published_at_ms};
    const char *trace = NULL;

    if (natsMsgHeader_Get(parcel->message, "traceparent", &trace) == NATS_OK &&
        strlen(trace) == TRACE_TEXT_LEN)
        delivery.trace = str_of(trace);
    if (!str_is_utf8(delivery.payload) || memchr(delivery.payload.at, 0, delivery.payload.len))
        delivery.payload = STR("\"not UTF-8\""); /* no database would keep it */
    name_event(sub, parcel, &delivery);
    return delivery;
}

static bool settled_embedded(const struct end *end, const struct delivery *delivery)
{
    for (size_t i = 0; i < end->position_count; i++)
        if (end->positions[i].source == delivery->source)
            return delivery->sequence <= end->positions[i].sequence;
    return false;
}

static enum err is_known(struct subscription *sub, struct tx *own, const struct delivery *delivery,
                         bool *known)
{
    *known = settled_embedded(sub->end, delivery);
    if (*known || sub->who.every_instance) return OK;
    return inbox_knows(own, delivery, known);
}

static enum err mark_known(struct subscription *sub, struct tx *own,
                           const struct delivery *deliveries, size_t count, bool *known)
{
    for (size_t i = 0; i < count; i++)
        known[i] = settled_embedded(sub->end, &deliveries[i]);
    return sub->who.every_instance ? OK : inbox_mark_known(own, deliveries, count, known);
}

static size_t fetch(struct subscription *sub, struct tx *own, size_t count)
{
    struct end *end = sub->end;
    struct delivery *deliveries = sub->deliveries + count;
    size_t came = courier_take(end->courier, end->taken, DELIVERIES_MAX - count), kept = 0;
    bool known[DELIVERIES_MAX];
    enum err err;

    for (size_t i = 0; i < came; i++)
        deliveries[i] = unwrap(sub, &end->taken[i]);
    err = mark_known(sub, own, deliveries, came, known);
    for (size_t i = 0; i < came; i++) {
        if (err) {
            courier_answer_later(end->courier, &end->taken[i]);
        } else if (known[i]) {
            courier_answer(end->courier, &end->taken[i], "+ACK");
        } else {
            end->taken[kept] = end->taken[i];
            deliveries[kept++] = deliveries[i];
        }
    }
    end->taken_from = count;
    end->taken_count = kept;
    atomic_store(&end->unsettled, (int64_t)kept);
    return count + kept;
}

static bool news(const struct subscription *sub)
{
    return courier_has(courier_of(sub));
}

/* --- settling ------------------------------------------------------------------------------ */

static enum err settle(struct subscription *sub, struct tx *tx, size_t count)
{
    struct end *end = sub->end;
    const struct delivery *settled[DELIVERIES_MAX];
    size_t settled_count = 0;
    enum err err = OK;

    TRY(relay_mark(&end->courier->relay, tx));
    if (sub->who.every_instance) return OK;
    for (size_t i = end->taken_from; i < count; i++) {
        const struct delivery *delivery = &sub->deliveries[i];

        if (delivery->verdict != VERDICT_RETRY && !delivery->known)
            settled[settled_count++] = delivery;
    }
    TRY(inbox_put(tx, settled, settled_count));
    if (count) TRY(inbox_prune(tx, &end->prune_at_ms));
done:
    return err;
}

static void again(struct subscription *sub)
{
    relay_marked(&courier_of(sub)->relay, false);
}

static void settled(struct subscription *sub, bool committed)
{
    struct end *end = sub->end;

    relay_marked(&end->courier->relay, committed);
    for (size_t i = 0; i < end->taken_count; i++) {
        enum verdict verdict = sub->deliveries[end->taken_from + i].verdict;

        if (!committed || verdict == VERDICT_RETRY)
            courier_answer_later(end->courier, &end->taken[i]);
        else
            courier_answer(end->courier, &end->taken[i],
                           verdict == VERDICT_DEAD ? "+TERM" : "+ACK");
    }
    end->taken_count = 0;
    atomic_store(&end->unsettled, 0);
}

static int64_t due_ms(const struct subscription *sub)
{
    return relay_due_ms(&courier_of(sub)->relay);
}

static bool ready(const struct subscription *sub)
{
    return atomic_load(&courier_of(sub)->ready);
}

static size_t figures(const struct subscription *sub, struct subscription_figures *out, size_t max,
                      size_t count)
{
    struct end *end = sub->end;
    int64_t lag, last;

    if (!*sub->who.subjects) return count;
    courier_lag(end->courier, &lag, &last);
    lag += atomic_load(&end->unsettled);
    if (count < max)
        out[count] = (struct subscription_figures){sub->who.service, STREAM_NAME, last - lag, last};
    return count + 1;
}

const struct bus_driver bus_jetstream = {
    .open = open_end,
    .close = close_end,
    .load = load,
    .notify = notify,
    .fetch = fetch,
    .settle = settle,
    .known = is_known,
    .again = again,
    .settled = settled,
    .news = news,
    .due_ms = due_ms,
    .ready = ready,
    .figures = figures,
};
