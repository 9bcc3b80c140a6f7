/* bus/jetstream.c: the bus over NATS JetStream. Each service has a courier: a thread with a
 * connection of its own, which relays the service's outbox to the stream and keeps a bounded buffer
 * filled with what the service's durable consumer has for it.
 *
 * The writer takes from that buffer and never waits for the network. What took effect is in the
 * inbox by the commit that made it so; only then is it acknowledged. A repeat is known by the
 * inbox, or by the positions from the days of an embedded bus.
 *
 * One consumer a service, for all subjects: a consumer has one filter at most (server 2.9), and one
 * a subject would deliver an entity's events out of order. What the service does not listen to is
 * acknowledged as it comes. */
#include "bus/driver.h"
#include "bus/nats.h"
#include "bus/relay.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS        200
#define PULL_MAX       512  /* events asked for at once */
#define BUFFER_MAX     1024 /* a late answer may come on top of a new one */
#define ANSWERS_MAX    2048
#define PULL_EXPIRES_S 2
#define PULL_LOST_MS   3500 /* no word of a request after that time: it is lost */
#define FAILURES_MAX   3    /* in a row; then the connection is opened anew */
#define OPEN_PAUSE_MS  250  /* doubling up to … */
#define OPEN_PAUSE_MAX 2000
#define NAK_MS         200 /* doubling with each delivery up to … */
#define NAK_MS_MAX     5000
#define PROGRESS_MS    1000 /* between words to the broker that buffered events are in hand */
#define INBOX_AGE_MS   (STREAM_AGE_MS_MAX + 24 * 3600 * INT64_C(1000))
#define INBOX_SPAN     4096 /* of sequences asked for at once */
#define INBOX_ROWS     8    /* of one statement */
#define PRUNE_ROWS     1024
#define PRUNE_MS       60000

/* A delivered message. */
struct parcel {
    natsMsg *message;
    int64_t stream_sequence, delivered, published_at_ms;
};

struct answer {
    natsMsg *message;
    char text[48];
};

struct position {
    const char *source;
    int64_t sequence;
};

struct courier {
    struct subscription *sub;
    pthread_t thread;
    bool thread_runs;
    struct relay relay;
    char consumer[INBOX_BYTES]; /* "": none yet */

    /* the thread's own */
    struct link link;
    bool set_up;
    int failures;
    int64_t open_at_ms, open_pause_ms;
    int64_t progress_at_ms;

    pthread_mutex_t lock; /* guards what is below */
    pthread_cond_t wake;
    bool stopping, poked;
    struct parcel buffer[BUFFER_MAX]; /* a ring */
    size_t buffer_first, buffer_count;
    struct answer answers[ANSWERS_MAX];
    size_t answer_count;
    int64_t pull;       /* number of the request that is out … */
    size_t pull_wanted; /* … and how many it may still bring; 0: none is out */
    int64_t pull_ms;
    bool look_at_setup;              /* a status said that stream or consumer may be gone */
    int64_t last_sequence;           /* the newest of the stream that came */
    int64_t pending;                 /* in the stream, not delivered yet */
    char stream[NAME_BYTES_MAX + 1]; /* for events of nobody's outbox: tells streams apart */

    /* the writer's own */
    struct parcel taken[DELIVERIES_MAX]; /* belong to deliveries[taken_from …] */
    size_t taken_count, taken_from;
    struct position positions[SOURCES_MAX];
    size_t position_count;
    int64_t prune_at_ms;
    bool pruning; /* there was something to prune */

    _Atomic bool ready;
    _Atomic int64_t unsettled;
};

static void poke(void *context)
{
    struct courier *courier = context;

    pthread_mutex_lock(&courier->lock);
    if (!courier->poked) pthread_cond_signal(&courier->wake);
    courier->poked = true;
    pthread_mutex_unlock(&courier->lock);
}

static void poke_writer(void *context)
{
    const struct subscription *sub = ((struct courier *)context)->sub;

    sub->who.poke(sub->who.context);
}

/* --- what comes in; the library's thread --------------------------------------------------- */

static struct str text_of(natsMsg *message)
{
    return (struct str){natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)};
}

/* The numbers at the end of an acknowledgement subject (JetStream wire API):
 * …STREAM.CONSUMER.delivered.stream_seq.consumer_seq.nanoseconds.pending, and with a domain one
 * more token behind them. */
static bool read_metadata(const char *reply, int64_t numbers[5])
{
    struct str tokens[12];
    size_t count = 0;

    for (const char *at = reply; at && count < 12; count++) {
        const char *dot = strchr(at, '.');

        tokens[count] = (struct str){at, dot ? (size_t)(dot - at) : strlen(at)};
        at = dot ? dot + 1 : NULL;
    }
    if (count != 9 && count < 11) return false;
    for (size_t i = 0; i < 5; i++)
        if (!str_to_int64(tokens[(count == 9 ? 4 : 6) + i], &numbers[i])) return false;
    return true;
}

/* Under the lock. Answers of an event that finds no room are lost: it comes again, and is known. */
static void answer(struct courier *courier, natsMsg *message, const char *text)
{
    struct answer *slot = &courier->answers[courier->answer_count];

    if (courier->answer_count == ANSWERS_MAX) {
        natsMsg_Destroy(message);
        return;
    }
    courier->answer_count++;
    slot->message = message;
    snprintf(slot->text, sizeof slot->text, "%s", text);
    if (!courier->poked) pthread_cond_signal(&courier->wake);
    courier->poked = true;
}

/* INBOX.p.N: the request N is over. */
static void on_status(struct courier *courier, const char *subject, natsMsg *message)
{
    const char *status = "";
    int64_t pull;

    (void)natsMsgHeader_Get(message, "Status", &status);
    if (!str_to_int64(str_of(subject), &pull) || strcmp(status, "100") == 0) return;
    pthread_mutex_lock(&courier->lock);
    if (pull == courier->pull) courier->pull_wanted = 0;
    /* It expired unfilled: nothing is left. What was left with the last event, another replica
     * took. */
    if (pull == courier->pull && strcmp(status, "408") == 0) courier->pending = 0;
    if (strcmp(status, "409") == 0 || strcmp(status, "503") == 0 || strcmp(status, "404") == 0)
        courier->look_at_setup = true;
    if (!courier->poked) pthread_cond_signal(&courier->wake);
    courier->poked = true;
    pthread_mutex_unlock(&courier->lock);
}

static void on_event(struct courier *courier, natsConnection *connection, natsMsg *message)
{
    const char *reply = natsMsg_GetReply(message);
    bool heard, wake_writer = false;
    int64_t numbers[5];

    if (!read_metadata(reply, numbers)) {
        natsMsg_Destroy(message);
        return;
    }
    heard = bus_listed(courier->sub->who.subjects, str_of(natsMsg_GetSubject(message)));
    pthread_mutex_lock(&courier->lock);
    if (numbers[1] > courier->last_sequence) courier->last_sequence = numbers[1];
    courier->pending = numbers[4];
    if (courier->pull_wanted && --courier->pull_wanted == 0) {
        if (!courier->poked) pthread_cond_signal(&courier->wake);
        courier->poked = true;
    }
    if (heard && courier->buffer_count < BUFFER_MAX) {
        size_t at = (courier->buffer_first + courier->buffer_count++) % BUFFER_MAX;

        wake_writer = courier->buffer_count == 1;
        courier->buffer[at] =
            (struct parcel){message, numbers[1], numbers[0], numbers[3] / 1000000};
        message = NULL;
    }
    pthread_mutex_unlock(&courier->lock);
    if (wake_writer) poke_writer(courier);
    if (!message) return;
    (void)natsConnection_PublishString(connection, reply, heard ? "-NAK" : "+ACK");
    natsMsg_Destroy(message);
}

static void on_message(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                       void *context)
{
    struct courier *courier = context;
    const char *subject = natsMsg_GetSubject(message);
    size_t inbox = strlen(courier->link.inbox);
    int64_t sequence;

    (void)subscription;
    if (strncmp(subject, courier->link.inbox, inbox) != 0) {
        on_event(courier, connection, message);
        return;
    }
    subject += inbox;
    if (strncmp(subject, ".a.", 3) == 0 && str_to_int64(str_of(subject + 3), &sequence))
        relay_acknowledged(&courier->relay, sequence, text_of(message),
                           clock_now_ms(&clock_system));
    else if (strncmp(subject, ".p.", 3) == 0)
        on_status(courier, subject + 3, message);
    natsMsg_Destroy(message);
}

/* --- the courier's thread ------------------------------------------------------------------ */

static void disconnect(struct courier *courier)
{
    if (courier->link.connection) {
        link_close(&courier->link);
        log_event(LOG_WARN, courier->sub->who.service, "nats.disconnected",
                  log_int("failures", courier->failures));
    }
    relay_lost(&courier->relay);
    courier->set_up = false;
    courier->failures = 0;
    pthread_mutex_lock(&courier->lock);
    courier->pull_wanted = 0;
    pthread_mutex_unlock(&courier->lock);
}

static bool connected(struct courier *courier, int64_t now_ms)
{
    char name[128], host[64] = "";

    if (courier->link.connection &&
        (link_broken(&courier->link) || courier->failures > FAILURES_MAX))
        disconnect(courier);
    if (courier->link.connection) return true;
    if (now_ms < courier->open_at_ms) return false;
    /* Told apart in the broker's own figures: a pod's host name is the pod's. */
    (void)gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "boxoffice-%s@%s", courier->sub->who.service, host);
    if (link_open(&courier->link, &courier->sub->bus->broker, name, on_message, courier) == OK) {
        courier->open_pause_ms = OPEN_PAUSE_MS;
        return true;
    }
    courier->open_at_ms = clock_now_ms(&clock_system) + courier->open_pause_ms;
    courier->open_pause_ms *= 2;
    if (courier->open_pause_ms > OPEN_PAUSE_MAX) courier->open_pause_ms = OPEN_PAUSE_MAX;
    return false;
}

static enum err make_consumer(struct courier *courier, bool same_stream)
{
    const struct subscriber *who = &courier->sub->who;

    if (!*who->subjects) return OK;
    if (!who->every_instance) {
        snprintf(courier->consumer, sizeof courier->consumer, "%s", who->service);
        return link_consumer(&courier->link, who->service);
    }
    return link_own_consumer(&courier->link, same_stream ? courier->last_sequence : 0,
                             courier->consumer);
}

/* Stream and consumer are there. */
static bool set_up(struct courier *courier)
{
    const struct subscriber *who = &courier->sub->who;
    char stream[NAME_BYTES_MAX + 1];
    int64_t created_ms = 0;
    bool same;
    enum err err = OK;

    if (courier->set_up) return true;
    TRY(link_stream(&courier->link, &courier->sub->bus->broker, &created_ms));
    snprintf(stream, sizeof stream, "%s@%lld", STREAM_NAME, (long long)created_ms);
    pthread_mutex_lock(&courier->lock);
    same = strcmp(courier->stream, stream) == 0;
    if (!same) courier->last_sequence = courier->pending = 0;
    memcpy(courier->stream, stream, sizeof stream);
    courier->look_at_setup = false;
    pthread_mutex_unlock(&courier->lock);
    TRY(make_consumer(courier, same));
    log_event(LOG_INFO, who->service, "nats.ready",
              log_text("consumer", str_of(courier->consumer)));
    courier->link.complained = false;
    courier->set_up = true;
    courier->failures = 0;
    atomic_store(&courier->ready, true);
done:
    if (err) courier->failures++;
    return err == OK;
}

static void send_answers(struct courier *courier)
{
    static const size_t at_once = 256;
    struct answer answers[256];
    size_t count;

    do {
        pthread_mutex_lock(&courier->lock);
        count = courier->answer_count < at_once ? courier->answer_count : at_once;
        courier->answer_count -= count;
        memcpy(answers, courier->answers, count * sizeof *answers);
        memmove(courier->answers, courier->answers + count,
                courier->answer_count * sizeof *answers);
        pthread_mutex_unlock(&courier->lock);
        for (size_t i = 0; i < count; i++) {
            (void)natsConnection_PublishString(
                courier->link.connection, natsMsg_GetReply(answers[i].message), answers[i].text);
            natsMsg_Destroy(answers[i].message);
        }
    } while (count);
}

/* What waits in the buffer for long is not delivered again meanwhile. */
static void say_progress(struct courier *courier, int64_t now_ms)
{
    if (now_ms < courier->progress_at_ms) return;
    courier->progress_at_ms = now_ms + PROGRESS_MS;
    pthread_mutex_lock(&courier->lock);
    for (size_t i = 0; i < courier->buffer_count; i++) {
        natsMsg *message = courier->buffer[(courier->buffer_first + i) % BUFFER_MAX].message;

        (void)natsConnection_PublishString(courier->link.connection, natsMsg_GetReply(message),
                                           "+WPI");
    }
    pthread_mutex_unlock(&courier->lock);
}

/* Of a service's replicas the one that relays takes the events, too: the broker gives each of two
 * that ask every other event, and an entity's events would overtake each other on the way. The
 * others stand by; what this one had in hand when it fell is delivered again. */
static bool takes_events(const struct courier *courier)
{
    return courier->sub->who.every_instance || courier->relay.leased;
}

/* How many to ask for now; 0: enough is on its way. */
static size_t pull_size(struct courier *courier, int64_t now_ms)
{
    size_t room = 0;

    pthread_mutex_lock(&courier->lock);
    if (!takes_events(courier)) courier->pending = 0; /* not this one's to tell */
    if (courier->pull_wanted && now_ms - courier->pull_ms > PULL_LOST_MS) {
        courier->pull_wanted = 0;
        courier->failures++;
        courier->set_up = false;
    }
    if (courier->look_at_setup) courier->set_up = false;
    if (!courier->pull_wanted && courier->buffer_count <= PULL_MAX / 2)
        room = PULL_MAX - courier->buffer_count;
    if (!*courier->consumer || !courier->set_up || !takes_events(courier)) room = 0;
    if (room) {
        courier->pull++;
        courier->pull_wanted = room;
        courier->pull_ms = now_ms;
    }
    pthread_mutex_unlock(&courier->lock);
    return room;
}

static void pull(struct courier *courier, int64_t now_ms)
{
    size_t size = pull_size(courier, now_ms);
    char subject[128], reply[INBOX_BYTES + 32], body[96];

    if (!size) return;
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", STREAM_NAME,
             courier->consumer);
    snprintf(reply, sizeof reply, "%s.p.%lld", courier->link.inbox, (long long)courier->pull);
    snprintf(body, sizeof body, "{\"batch\":%zu,\"expires\":%d000000000}", size, PULL_EXPIRES_S);
    (void)natsConnection_PublishRequestString(courier->link.connection, subject, reply, body);
}

/* Until poked, or until that time has passed. False: stop. */
static bool wait_for_poke(struct courier *courier, int64_t most_ms)
{
    struct timespec until;
    int code = 0;
    bool go_on;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += most_ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&courier->lock);
    while (!courier->poked && !courier->stopping && !courier->relay.more && code == 0)
        code = pthread_cond_timedwait(&courier->wake, &courier->lock, &until);
    courier->poked = false;
    go_on = !courier->stopping;
    pthread_mutex_unlock(&courier->lock);
    return go_on;
}

/* Without a connection, or set up in vain, a poke changes nothing: a tick is waited for in full. */
static bool pause_a_tick(struct courier *courier)
{
    courier->relay.more = false;
    pthread_mutex_lock(&courier->lock);
    courier->poked = false;
    pthread_mutex_unlock(&courier->lock);
    return wait_for_poke(courier, TICK_MS);
}

static void *courier_main(void *context)
{
    struct courier *courier = context;
    bool go_on = true;

    while (go_on) {
        int64_t now_ms = clock_now_ms(&clock_system);

        if (!connected(courier, now_ms) || !set_up(courier)) {
            go_on = pause_a_tick(courier);
            continue;
        }
        send_answers(courier);
        if (!relay_run(&courier->relay, &courier->link, now_ms)) courier->set_up = false;
        pull(courier, now_ms);
        say_progress(courier, now_ms);
        go_on = wait_for_poke(courier, courier->relay.leased ? courier->relay.look_ms : TICK_MS);
    }
    if (courier->link.connection) {
        send_answers(courier);
        (void)natsConnection_FlushTimeout(courier->link.connection, TICK_MS);
        link_close(&courier->link);
    }
    return NULL;
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

static enum err open_courier(struct subscription *sub)
{
    struct courier *courier = calloc(1, sizeof *courier);
    const struct bus_source *source;
    pthread_condattr_t monotonic;
    enum err err = OK;
    size_t index;

    if (!courier) return ERR_MEMORY;
    sub->end = courier;
    courier->sub = sub;
    courier->open_pause_ms = OPEN_PAUSE_MS;
    source = own_source(sub, &index);
    ASSERT(source);
    link_init(&courier->link);
    pthread_mutex_init(&courier->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&courier->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    relay_init(&courier->relay, source, sub->bus->broker.subjects, poke_writer, courier);
    TRY(read_own_last(sub, source, index));
    courier->thread_runs = pthread_create(&courier->thread, NULL, courier_main, courier) == 0;
    if (!courier->thread_runs) err = ERR_MEMORY;
done:
    return err;
}

static void close_courier(struct subscription *sub)
{
    struct courier *courier = sub->end;

    if (!courier) return;
    pthread_mutex_lock(&courier->lock);
    courier->stopping = true;
    pthread_cond_signal(&courier->wake);
    pthread_mutex_unlock(&courier->lock);
    if (courier->thread_runs) pthread_join(courier->thread, NULL);
    for (size_t i = 0; i < courier->buffer_count; i++)
        natsMsg_Destroy(courier->buffer[(courier->buffer_first + i) % BUFFER_MAX].message);
    for (size_t i = 0; i < courier->answer_count; i++)
        natsMsg_Destroy(courier->answers[i].message);
    for (size_t i = 0; i < courier->taken_count; i++)
        natsMsg_Destroy(courier->taken[i].message);
    relay_free(&courier->relay);
    link_free(&courier->link);
    pthread_cond_destroy(&courier->wake);
    pthread_mutex_destroy(&courier->lock);
    free(courier);
}

/* What the embedded bus settled, when there was one before. */
static enum err load(struct subscription *sub, struct tx *own)
{
    struct courier *courier = sub->end;
    struct rows rows;

    courier->position_count = 0;
    tx_query(own, &rows, "SELECT source, seq FROM bus_positions");
    while (courier->position_count < SOURCES_MAX && rows_next(&rows)) {
        struct position *position = &courier->positions[courier->position_count];

        *position =
            (struct position){subscription_name(sub, rows_text(&rows, 0)), rows_int(&rows, 1)};
        if (position->source) courier->position_count++;
    }
    return rows_end(&rows);
}

static void notify(struct subscription *sub, const char *service)
{
    if (strcmp(sub->who.service, service) == 0) poke(sub->end);
}

/* --- fetching ------------------------------------------------------------------------------ */

/* "orders:41" of a relay; whatever else there is, or nothing, the stream's own numbers. */
static void name_event(struct subscription *sub, const struct parcel *parcel,
                       struct delivery *delivery)
{
    struct courier *courier = sub->end;
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

static bool settled_embedded(const struct courier *courier, const struct delivery *delivery)
{
    for (size_t i = 0; i < courier->position_count; i++)
        if (courier->positions[i].source == delivery->source)
            return delivery->sequence <= courier->positions[i].sequence;
    return false;
}

static enum err is_known(struct subscription *sub, struct tx *own, const struct delivery *delivery,
                         bool *known)
{
    const struct courier *courier = sub->end;
    struct rows rows;

    *known = settled_embedded(courier, delivery);
    if (*known || sub->who.every_instance) return OK;
    tx_query(own, &rows, "SELECT 1 FROM bus_inbox WHERE source = $1 AND seq = $2",
             sql_text(str_of(delivery->source)), sql_int(delivery->sequence));
    *known = rows_next(&rows);
    return rows_end(&rows);
}

/* Those of a source's deliveries whose sequences are near each other: one question for all. asked
 * and known are of the same deliveries. */
static enum err ask_inbox(struct tx *own, const struct delivery *deliveries, size_t first,
                          size_t count, bool *asked, bool *known)
{
    const char *source = deliveries[first].source;
    int64_t low = deliveries[first].sequence, high = low;
    struct rows rows;

    for (size_t i = first; i < count; i++) {
        int64_t sequence = deliveries[i].sequence;

        if (deliveries[i].source != source || sequence <= high - INBOX_SPAN ||
            sequence >= low + INBOX_SPAN)
            continue;
        asked[i] = true;
        if (sequence < low) low = sequence;
        if (sequence > high) high = sequence;
    }
    tx_query(own, &rows, "SELECT seq FROM bus_inbox WHERE source = $1 AND seq BETWEEN $2 AND $3",
             sql_text(str_of(source)), sql_int(low), sql_int(high));
    while (rows_next(&rows))
        for (size_t i = first; i < count; i++)
            if (deliveries[i].source == source && deliveries[i].sequence == rows_int(&rows, 0))
                known[i] = true;
    return rows_end(&rows);
}

static enum err find_known(struct subscription *sub, struct tx *own,
                           const struct delivery *deliveries, size_t count, bool *known)
{
    bool asked[DELIVERIES_MAX] = {false};
    enum err err = OK;

    for (size_t i = 0; i < count; i++) {
        known[i] = settled_embedded(sub->end, &deliveries[i]);
        asked[i] = known[i] || sub->who.every_instance;
    }
    for (size_t i = 0; i < count; i++)
        if (!asked[i]) TRY(ask_inbox(own, deliveries, i, count, asked, known));
done:
    return err;
}

static size_t take(struct courier *courier, size_t max)
{
    size_t count;

    pthread_mutex_lock(&courier->lock);
    count = courier->buffer_count < max ? courier->buffer_count : max;
    for (size_t i = 0; i < count; i++)
        courier->taken[i] = courier->buffer[(courier->buffer_first + i) % BUFFER_MAX];
    courier->buffer_first = (courier->buffer_first + count) % BUFFER_MAX;
    courier->buffer_count -= count;
    /* There is room again. */
    if (count && !courier->pull_wanted && courier->buffer_count <= PULL_MAX / 2) {
        if (!courier->poked) pthread_cond_signal(&courier->wake);
        courier->poked = true;
    }
    pthread_mutex_unlock(&courier->lock);
    return count;
}

static void answer_one(struct courier *courier, natsMsg *message, const char *text)
{
    pthread_mutex_lock(&courier->lock);
    answer(courier, message, text);
    pthread_mutex_unlock(&courier->lock);
}

static const char *nak(const struct parcel *parcel, char text[48])
{
    int64_t delay_ms = NAK_MS;

    for (int64_t i = 1; i < parcel->delivered && delay_ms < NAK_MS_MAX; i++)
        delay_ms *= 2;
    if (delay_ms > NAK_MS_MAX) delay_ms = NAK_MS_MAX;
    snprintf(text, 48, "-NAK {\"delay\":%lld000000}", (long long)delay_ms);
    return text;
}

static struct delivery unwrap(struct subscription *sub, const struct parcel *parcel)
{
    struct delivery delivery = {.subject = str_of(natsMsg_GetSubject(parcel->message)),
                                .payload = text_of(parcel->message),
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

static size_t fetch(struct subscription *sub, struct tx *own, size_t count)
{
    struct courier *courier = sub->end;
    struct delivery *deliveries = sub->deliveries + count;
    size_t came = take(courier, DELIVERIES_MAX - count), kept = 0;
    bool known[DELIVERIES_MAX];
    char text[48];
    enum err err;

    for (size_t i = 0; i < came; i++)
        deliveries[i] = unwrap(sub, &courier->taken[i]);
    err = find_known(sub, own, deliveries, came, known);
    for (size_t i = 0; i < came; i++) {
        struct parcel parcel = courier->taken[i];

        if (err) {
            answer_one(courier, parcel.message, nak(&parcel, text));
        } else if (known[i]) {
            answer_one(courier, parcel.message, "+ACK");
        } else {
            courier->taken[kept] = parcel;
            deliveries[kept++] = deliveries[i];
        }
    }
    courier->taken_from = count;
    courier->taken_count = kept;
    atomic_store(&courier->unsettled, (int64_t)kept);
    return count + kept;
}

static bool news(const struct subscription *sub)
{
    struct courier *courier = sub->end;
    bool any;

    pthread_mutex_lock(&courier->lock);
    any = courier->buffer_count > 0;
    pthread_mutex_unlock(&courier->lock);
    return any;
}

/* --- settling ------------------------------------------------------------------------------ */

/* The oldest rows of the inbox, when the broker has forgotten what they stand for. */
static enum err prune(struct courier *courier, struct tx *tx)
{
    int64_t changes = 0;
    enum err err;

    if (tx->now_ms < courier->prune_at_ms) return OK;
    err = tx_exec(tx, &changes,
                  "DELETE FROM bus_inbox WHERE id < (SELECT MIN(id) FROM bus_inbox) + $1 "
                  "AND taken_at_ms < $2",
                  sql_int(PRUNE_ROWS), sql_int(tx->now_ms - INBOX_AGE_MS));
    courier->prune_at_ms = tx->now_ms + (changes ? 0 : PRUNE_MS);
    return err;
}

/* Unique: of two replicas that were given the same event one commits, the other learns of it here,
 * at the latest with its COMMIT, and applies its batch again. Most of them go INBOX_ROWS at a time:
 * where statements are dear, so many cost little more than one. */
static enum err put_into_inbox(struct tx *tx, const struct delivery *const *settled, size_t count)
{
    size_t i = 0;
    enum err err = OK;

    for (; i + INBOX_ROWS <= count; i += INBOX_ROWS) {
        struct sql_value values[1 + 2 * INBOX_ROWS] = {sql_int(tx->now_ms)};

        for (size_t j = 0; j < INBOX_ROWS; j++) {
            values[1 + 2 * j] = sql_text(str_of(settled[i + j]->source));
            values[2 + 2 * j] = sql_int(settled[i + j]->sequence);
        }
        TRY(tx_exec_values(tx, NULL,
                           "INSERT INTO bus_inbox (source, seq, taken_at_ms) VALUES ($2, $3, $1), "
                           "($4, $5, $1), ($6, $7, $1), ($8, $9, $1), ($10, $11, $1), "
                           "($12, $13, $1), ($14, $15, $1), ($16, $17, $1)",
                           values, sizeof values / sizeof *values));
    }
    for (; i < count; i++)
        TRY(tx_exec(tx, NULL,
                    "INSERT INTO bus_inbox (source, seq, taken_at_ms) VALUES ($2, $3, $1)",
                    sql_int(tx->now_ms), sql_text(str_of(settled[i]->source)),
                    sql_int(settled[i]->sequence)));
done:
    return err;
}

static enum err settle(struct subscription *sub, struct tx *tx, size_t count)
{
    struct courier *courier = sub->end;
    const struct delivery *settled[DELIVERIES_MAX];
    size_t settled_count = 0;
    enum err err = OK;

    TRY(relay_mark(&courier->relay, tx));
    if (sub->who.every_instance) return OK;
    for (size_t i = courier->taken_from; i < count; i++) {
        const struct delivery *delivery = &sub->deliveries[i];

        if (delivery->verdict != VERDICT_RETRY && !delivery->known)
            settled[settled_count++] = delivery;
    }
    TRY(put_into_inbox(tx, settled, settled_count));
    if (count) TRY(prune(courier, tx));
done:
    return err;
}

static void again(struct subscription *sub)
{
    relay_marked(&((struct courier *)sub->end)->relay, false);
}

static void settled(struct subscription *sub, bool committed)
{
    struct courier *courier = sub->end;
    char text[48];

    relay_marked(&courier->relay, committed);
    pthread_mutex_lock(&courier->lock);
    for (size_t i = 0; i < courier->taken_count; i++) {
        const struct parcel *parcel = &courier->taken[i];
        enum verdict verdict = sub->deliveries[courier->taken_from + i].verdict;

        if (!committed || verdict == VERDICT_RETRY)
            answer(courier, parcel->message, nak(parcel, text));
        else
            answer(courier, parcel->message, verdict == VERDICT_DEAD ? "+TERM" : "+ACK");
    }
    pthread_mutex_unlock(&courier->lock);
    courier->taken_count = 0;
    atomic_store(&courier->unsettled, 0);
}

static int64_t due_ms(const struct subscription *sub)
{
    return relay_due_ms(&((struct courier *)sub->end)->relay);
}

static bool ready(const struct subscription *sub)
{
    return atomic_load(&((struct courier *)sub->end)->ready);
}

static size_t figures(const struct subscription *sub, struct subscription_figures *out, size_t max,
                      size_t count)
{
    struct courier *courier = sub->end;
    int64_t lag, last;

    if (!*sub->who.subjects) return count;
    pthread_mutex_lock(&courier->lock);
    last = courier->last_sequence + courier->pending;
    lag = courier->pending + (int64_t)courier->buffer_count + atomic_load(&courier->unsettled);
    pthread_mutex_unlock(&courier->lock);
    if (count < max)
        out[count] = (struct subscription_figures){sub->who.service, STREAM_NAME, last - lag, last};
    return count + 1;
}

const struct bus_driver bus_jetstream = {
    .open = open_courier,
    .close = close_courier,
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
