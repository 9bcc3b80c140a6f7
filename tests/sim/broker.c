/* tests/sim/broker.c: the server of NATS, with JetStream, on the other side of connections that
 * take time, break and fall silent. It stands in the place of bus/nats_connection.c and of the
 * thread (bus/jetstream_thread.c), and answers what the bus asks of libnats; relay, consumer, inbox
 * and what carries their commands out are the program's own.
 *
 * The stream outlives every crash of the program: it is on other machines. What it has acknowledged
 * it keeps. It goes by the monotonic clock, which is everybody's. */
#include "broker.h"

#include "bus/jetstream_client.h"
#include "bus/jetstream_thread.h"

#define SUBJECTS_MAX   64
#define PACKETS_MAX    32768
#define PING_LOST_MS   15000 /* a peer that says nothing is given up */
#define AWAY_MS_MAX    60000
#define NEAR           8 /* messages that may overtake each other */
#define ACKNOWLEDGMENT "$JS.ACK."

enum packet_kind { PACKET_EVENT, PACKET_PULL, PACKET_ACKNOWLEDGMENT, PACKET_TO_CLIENT };

struct packet {
    enum packet_kind kind;
    natsMsg *message; /* of events, and of all that goes to a client */
    char reply[160], text[48];
    int64_t count, length_ms; /* PACKET_PULL */
    int64_t due;
};

struct queue {
    struct packet *packets;
    size_t first, count;
};

/* A service's connection, and the service's end of it. */
struct link {
    struct jetstream_client *client; /* NULL: the service does not run */
    int64_t turn_at;
    struct nats_connection *connection; /* NULL: there is none */
    natsMsgHandler on_message;
    void *context;
    bool broken;
    int64_t silent_since, silent_until; /* nothing comes through, either way; 0: it does */
    struct queue up, down;              /* to the server, and back */
    char pull_reply[160];               /* the latest request for messages … */
    int64_t pull_wanted, pull_until;    /* … how many more, until when */
};

struct unacknowledged {
    int64_t sequence, delivered;
    int64_t due; /* when it is delivered again */
};

struct durable {
    char name[INBOX_BYTES]; /* "": it is not there */
    const char *subjects[SUBJECTS_MAX];
    int64_t next; /* none before it in the stream is left to be delivered for the first time … */
    int64_t unseen; /* … and so many of all */
    struct unacknowledged *out;
    size_t out_count, out_max;
};

static struct {
    natsMsg **stream;
    size_t count, max;
    int64_t created_ms, away_until;
    struct link links[SIM_SERVICES];
    struct durable durables[SIM_SERVICES];
    int inboxes;
    bool *given[SIM_SERVICES]; /* by the sequence in the service's outbox */
    bool taken;                /* of see_inbox: it is there */
    int64_t given_max[SIM_SERVICES], given_last[SIM_SERVICES];
} broker;

static int64_t mono(void)
{
    return sim_mono().ms;
}

/* --- what is on its way ---------------------------------------------------------------------- */

static struct packet *queue_head(struct queue *queue)
{
    return queue->count ? &queue->packets[queue->first] : NULL;
}

/* In the order it was sent, as a stream of bytes brings it. */
static void queue_put(struct queue *queue, struct packet packet)
{
    int64_t last = mono();

    ASSERT(queue->count < PACKETS_MAX);
    if (!queue->count) queue->first = 0; /* little of it is ever touched */
    if (!queue->packets) queue->packets = calloc(PACKETS_MAX, sizeof *queue->packets);
    ASSERT(queue->packets);
    if (queue->count) last = queue->packets[(queue->first + queue->count - 1) % PACKETS_MAX].due;
    if (last < mono()) last = mono();
    packet.due = last + (chance_hit(&sim.order, 0.9) ? 0 : chance_below(&sim.order, 20));
    queue->packets[(queue->first + queue->count++) % PACKETS_MAX] = packet;
}

static struct packet queue_take(struct queue *queue)
{
    struct packet packet = queue->packets[queue->first];

    queue->first = (queue->first + 1) % PACKETS_MAX;
    queue->count--;
    return packet;
}

static void queue_clear(struct queue *queue)
{
    while (queue->count)
        natsMsg_Destroy(queue_take(queue).message);
}

static struct link *link_of(natsConnection *nats)
{
    return (struct link *)(void *)nats;
}

static natsStatus send_up(natsConnection *nats, struct packet packet)
{
    struct link *link = link_of(nats);

    if (link->broken || link->up.count == PACKETS_MAX) {
        natsMsg_Destroy(packet.message);
        return NATS_CONNECTION_CLOSED;
    }
    queue_put(&link->up, packet);
    return NATS_OK;
}

natsStatus natsConnection_PublishMsg(natsConnection *nats, natsMsg *message)
{
    return send_up(nats, (struct packet){.kind = PACKET_EVENT, .message = message_copy(message)});
}

natsStatus natsConnection_PublishString(natsConnection *nats, const char *subject, const char *text)
{
    struct packet packet = {.kind = PACKET_ACKNOWLEDGMENT};

    snprintf(packet.reply, sizeof packet.reply, "%s", subject);
    snprintf(packet.text, sizeof packet.text, "%s", text);
    return send_up(nats, packet);
}

natsStatus natsConnection_PublishRequestString(natsConnection *nats, const char *subject,
                                               const char *reply, const char *text)
{
    struct packet packet = {.kind = PACKET_PULL};
    long long count, length_ns;

    (void)subject; /* a connection has one consumer */
    ASSERT(sscanf(text, "{\"batch\":%lld,\"expires\":%lld}", &count, &length_ns) == 2);
    snprintf(packet.reply, sizeof packet.reply, "%s", reply);
    packet.count = count;
    packet.length_ms = length_ns / 1000000;
    return send_up(nats, packet);
}

natsStatus natsConnection_FlushTimeout(natsConnection *nats, int64_t most_ms)
{
    (void)nats;
    (void)most_ms;
    return NATS_OK;
}

static void send_down(struct link *link, natsMsg *message)
{
    if (link->broken || !link->connection || link->down.count == PACKETS_MAX)
        natsMsg_Destroy(message);
    else
        queue_put(&link->down, (struct packet){.kind = PACKET_TO_CLIENT, .message = message});
}

/* --- the stream and its consumers ------------------------------------------------------------ */

static bool durable_wants(const struct durable *durable, const natsMsg *message)
{
    return bus_listed(durable->subjects, str_of(message->subject));
}

/* Within the time for which it knows ids. */
static bool stream_knows(const char *id)
{
    for (size_t i = broker.count; i-- > 0;) {
        if (mono() - broker.stream[i]->stored_at > DUPLICATES_MS) return false;
        if (strcmp(broker.stream[i]->id, id) == 0) return true;
    }
    return false;
}

static int service_of(const char *name, size_t length)
{
    for (int i = 0; i < SIM_SERVICES; i++)
        if (strlen(service_names[i]) == length && strncmp(service_names[i], name, length) == 0)
            return i;
    return -1;
}

static void note_given(const char *id)
{
    size_t length = strcspn(id, ":");
    int service = service_of(id, length);
    int64_t sequence;

    ASSERT(service >= 0 && id[length] && str_to_int64(str_of(id + length + 1), &sequence));
    if (sequence >= broker.given_max[service]) {
        int64_t max = sequence * 2 + 256;

        broker.given[service] = realloc(broker.given[service], (size_t)max);
        ASSERT(broker.given[service]);
        memset(broker.given[service] + broker.given_max[service], 0,
               (size_t)(max - broker.given_max[service]));
        broker.given_max[service] = max;
    }
    broker.given[service][sequence] = true;
    if (sequence > broker.given_last[service]) broker.given_last[service] = sequence;
}

static void stream_add(natsMsg *message)
{
    if (broker.count == broker.max) {
        broker.max = broker.max ? broker.max * 2 : 1024;
        broker.stream = realloc(broker.stream, broker.max * sizeof(natsMsg *));
        ASSERT(broker.stream);
    }
    broker.stream[broker.count++] = message;
    message->stream_sequence = (int64_t)broker.count;
    message->published_ms = sim.now_ms;
    message->stored_at = mono();
    note_given(message->id);
    for (int i = 0; i < SIM_SERVICES; i++)
        if (*broker.durables[i].name && durable_wants(&broker.durables[i], message))
            broker.durables[i].unseen++;
    trace("broker.stored", NULL, message->stream_sequence, 0);
}

static void stream_store(struct link *link, natsMsg *message)
{
    char answer[96];
    bool refused = fault_now(FAULT_BROKER_REFUSE);

    snprintf(answer, sizeof answer, "{\"error\":{\"code\":503,\"description\":\"no leader\"}}");
    if (!refused)
        snprintf(answer, sizeof answer, "{\"stream\":\"" STREAM_NAME "\",\"seq\":%zu}",
                 broker.count + 1);
    if (!fault_now(FAULT_BROKER_MUTE))
        send_down(link, message_new(message->reply, "", answer, strlen(answer)));
    if (refused || stream_knows(message->id))
        natsMsg_Destroy(message);
    else
        stream_add(message);
}

static struct unacknowledged *durable_find(struct durable *durable, int64_t sequence)
{
    for (size_t i = 0; i < durable->out_count; i++)
        if (durable->out[i].sequence == sequence) return &durable->out[i];
    return NULL;
}

static void durable_forget(struct durable *durable, struct unacknowledged *out)
{
    size_t rest = durable->out_count - 1 - (size_t)(out - durable->out);

    memmove(out, out + 1, rest * sizeof *out);
    durable->out_count--;
}

static struct unacknowledged *durable_note(struct durable *durable, int64_t sequence)
{
    if (durable->out_count == durable->out_max) {
        durable->out_max = durable->out_max ? durable->out_max * 2 : 64;
        durable->out = realloc(durable->out, durable->out_max * sizeof *durable->out);
        ASSERT(durable->out);
    }
    durable->out[durable->out_count] = (struct unacknowledged){.sequence = sequence};
    return &durable->out[durable->out_count++];
}

static void durable_answered(const struct packet *packet)
{
    int service;
    long long sequence, delay_ns = 0;
    struct durable *durable;
    struct unacknowledged *out;

    ASSERT(sscanf(packet->reply, ACKNOWLEDGMENT "%d.%lld", &service, &sequence) == 2);
    durable = &broker.durables[service];
    out = durable_find(durable, sequence);
    trace("broker.answered", NULL, sequence, packet->text[1]);
    if (!out || fault_now(FAULT_BROKER_MUTE)) return;
    if (strcmp(packet->text, "+WPI") == 0) {
        out->due = mono() + ACK_WAIT_MS;
    } else if (strncmp(packet->text, "-NAK", 4) == 0) {
        (void)sscanf(packet->text, "-NAK {\"delay\":%lld}", &delay_ns);
        out->due = mono() + delay_ns / 1000000;
    } else {
        durable_forget(durable, out);
    }
}

/* The next one that was not delivered yet; near each other they may overtake. 0: there is none. */
static int64_t durable_next(struct durable *durable)
{
    int64_t near[NEAR];
    size_t count = 0;
    bool reorder = fault_now(FAULT_EVENT_REORDER);

    for (int64_t i = durable->next; i <= (int64_t)broker.count && count < NEAR; i++) {
        const natsMsg *message = broker.stream[i - 1];

        if (!message->passed[durable - broker.durables] && durable_wants(durable, message))
            near[count++] = i;
        else if (i == durable->next)
            durable->next++;
        if (count && !reorder) break;
    }
    if (!count) return 0;
    return near[reorder ? chance_below(fault_chance(FAULT_EVENT_REORDER), (int64_t)count) : 0];
}

static struct unacknowledged *durable_again(struct durable *durable)
{
    for (size_t i = 0; i < durable->out_count; i++)
        if (durable->out[i].due <= mono()) return &durable->out[i];
    return NULL;
}

static void deliver(int service, struct unacknowledged *out)
{
    struct durable *durable = &broker.durables[service];
    natsMsg *message = message_copy(broker.stream[out->sequence - 1]);

    out->due = mono() + ACK_WAIT_MS;
    message->delivered = ++out->delivered;
    message->pending = durable->unseen;
    snprintf(message->reply, sizeof message->reply, ACKNOWLEDGMENT "%d.%lld", service,
             (long long)out->sequence);
    trace("broker.delivers", NULL, out->sequence, out->delivered);
    if (fault_now(FAULT_EVENT_REPEAT)) send_down(&broker.links[service], message_copy(message));
    send_down(&broker.links[service], message);
}

static struct unacknowledged *durable_first(struct durable *durable)
{
    int64_t sequence = durable_next(durable);

    if (!sequence) return NULL;
    broker.stream[sequence - 1]->passed[durable - broker.durables] = true;
    durable->unseen--;
    return durable_note(durable, sequence);
}

static void see_inbox(void *row)
{
    (void)row;
    broker.taken = true;
}

/* The stream does not keep it any more, and the service has taken it. What it has not taken in all
 * that time is kept here: an operator would have the outbox hand it over again. */
static bool is_over(int service, const natsMsg *message)
{
    size_t length = strcspn(message->id, ":");
    char sql[160];

    if (mono() - message->stored_at <= STREAM_AGE_MS_MAX) return false;
    snprintf(sql, sizeof sql, "SELECT 1 FROM bus_inbox WHERE source = '%.*s' AND seq = %s",
             (int)length, message->id, message->id + length + 1);
    broker.taken = false;
    watch_rows(service, sql, see_inbox);
    return broker.taken;
}

/* What the service asked for, as far as it is there. */
static void serve_pull(int service)
{
    struct durable *durable = &broker.durables[service];
    struct link *link = &broker.links[service];

    while (link->pull_wanted > 0 && durable->out_count < ACK_PENDING_MAX) {
        struct unacknowledged *out = durable_again(durable);

        if (!out) out = durable_first(durable);
        if (!out) return;
        if (is_over(service, broker.stream[out->sequence - 1])) {
            durable_forget(durable, out);
            continue;
        }
        if (fault_now(FAULT_EVENT_DELAY)) {
            out->due = mono() + 1 + chance_below(fault_chance(FAULT_EVENT_DELAY), 4000);
            continue;
        }
        link->pull_wanted--;
        deliver(service, out);
    }
}

static void send_status(struct link *link, const char *status)
{
    natsMsg *message = message_new(link->pull_reply, "", "", 0);

    snprintf(message->status, sizeof message->status, "%s", status);
    link->pull_wanted = 0;
    send_down(link, message);
}

/* --- connections ----------------------------------------------------------------------------- */

static bool server_away(void)
{
    return mono() < broker.away_until;
}

/* Something of what was sent last may still arrive. */
static void link_break(int service)
{
    struct link *link = &broker.links[service];
    int64_t arrives = chance_below(&sim.order, (int64_t)link->up.count + 1);

    link->broken = true;
    link->pull_wanted = 0;
    link->silent_since = link->silent_until = 0;
    queue_clear(&link->down);
    while (!server_away() && arrives-- > 0) {
        struct packet packet = queue_take(&link->up);

        if (packet.kind == PACKET_EVENT)
            stream_store(link, packet.message);
        else if (packet.kind == PACKET_ACKNOWLEDGMENT)
            durable_answered(&packet);
    }
    queue_clear(&link->up);
    if (link->client) link->turn_at = mono();
}

void nats_connection_init(struct nats_connection *connection)
{
    memset(connection, 0, sizeof *connection);
}

void nats_connection_free(struct nats_connection *connection)
{
    ASSERT(!connection->nats);
}

static enum err unreachable(struct nats_connection *connection)
{
    snprintf(connection->why, sizeof connection->why, "connect: no server is there");
    return ERR_UNAVAILABLE;
}

static struct link *link_of_client(const void *client)
{
    for (int i = 0; client && i < SIM_SERVICES; i++)
        if (broker.links[i].client == client) return &broker.links[i];
    return NULL;
}

/* context: the service's client; NULL: of a start that only looks. */
enum err nats_connection_open(struct nats_connection *connection, const struct bus_broker *settings,
                              const char *name, natsMsgHandler on_message, void *context)
{
    struct link *link = link_of_client(context);

    (void)settings;
    (void)name;
    if (server_away()) return unreachable(connection);
    if (!link) return OK;
    link->connection = connection;
    link->on_message = on_message;
    link->context = context;
    link->broken = false;
    snprintf(connection->inbox, sizeof connection->inbox, "_INBOX.%d", ++broker.inboxes);
    connection->nats = (natsConnection *)(void *)link;
    trace("broker.connect", NULL, link - broker.links, 0);
    return OK;
}

void nats_connection_quiet(struct nats_connection *connection, int64_t most_ms)
{
    (void)connection;
    (void)most_ms;
}

void nats_connection_close(struct nats_connection *connection)
{
    if (connection->nats) {
        struct link *link = link_of(connection->nats);

        if (!link->broken) link_break((int)(link - broker.links));
        link->connection = NULL;
    }
    connection->nats = NULL;
}

bool nats_connection_broken(struct nats_connection *connection)
{
    if (!link_of(connection->nats)->broken) return false;
    snprintf(connection->why, sizeof connection->why, BUS_LOST ": cut");
    return true;
}

/* A request that is answered at once, unless there is nobody. */
static enum err asked(struct nats_connection *connection)
{
    struct link *link = connection->nats ? link_of(connection->nats) : NULL;

    return server_away() || (link && (link->broken || link->silent_until)) ? unreachable(connection)
                                                                           : OK;
}

enum err nats_connection_stream(struct nats_connection *connection,
                                const struct bus_broker *settings, int64_t *created_ms)
{
    (void)settings;
    *created_ms = broker.created_ms;
    return asked(connection);
}

static enum err end_of_outbox(const char *dsn, int64_t *last)
{
    struct db *reader;
    enum err err = db_open(dsn, DB_READER, &reader, NULL);

    if (err) return err;
    err = outbox_last(tx_read(reader, WALL_NONE), last);
    db_close(reader);
    return err;
}

enum err nats_connection_agrees(struct nats_connection *connection,
                                const struct bus_broker *settings, const struct bus_source *source,
                                int64_t last)
{
    int service;

    (void)settings;
    if (asked(connection) != OK) return ERR_UNAVAILABLE;
    if (last < 0 && end_of_outbox(source->path, &last) != OK) return OK;
    service = service_of(source->service, strlen(source->service));
    CHECK(10, NULL, broker.given_last[service] <= last,
          "the broker was given event %lld of %s, whose outbox ends with %lld",
          (long long)broker.given_last[service], source->service, (long long)last);
    return OK;
}

enum err bus_broker_agrees(const struct bus_broker *settings, const struct bus_source *sources,
                           size_t count, struct buf *why)
{
    struct nats_connection connection = {.nats = NULL};

    (void)why;
    for (size_t i = 0; i < count; i++)
        (void)nats_connection_agrees(&connection, settings, &sources[i], -1);
    return OK;
}

enum err nats_connection_consumer(struct nats_connection *connection, const char *service,
                                  const char *const *subjects)
{
    struct durable *durable = &broker.durables[link_of(connection->nats) - broker.links];
    enum err err;

    TRY(asked(connection));
    if (*durable->name) return OK;
    snprintf(durable->name, sizeof durable->name, "%s", service);
    for (size_t i = 0; subjects[i]; i++) {
        ASSERT(i < SUBJECTS_MAX - 1);
        durable->subjects[i] = subjects[i];
    }
    durable->next = 1;
    for (size_t i = 0; i < broker.count; i++)
        durable->unseen += durable_wants(durable, broker.stream[i]);
done:
    return err;
}

enum err nats_connection_own_consumer(struct nats_connection *connection,
                                      const char *const *subjects, int64_t after, char *name)
{
    (void)connection;
    (void)subjects;
    (void)after;
    (void)name;
    ASSERT(false); /* no service of the simulator broadcasts */
    return ERR_INTERNAL;
}

/* --- the thread's turns ---------------------------------------------------------------------- */

bool jetstream_thread_start(struct jetstream_client *client)
{
    const char *name = client->sub->who.service;
    int service = service_of(name, strlen(name));

    broker.links[service].client = client;
    broker.links[service].turn_at = mono();
    return true;
}

/* The process, or the service, is gone: nothing is handed back. */
void jetstream_thread_join(struct jetstream_client *client)
{
    struct link *link = link_of_client(client);

    ASSERT(link);
    nats_connection_close(&client->connection);
    link->client = NULL;
}

static void take_turn(struct link *link)
{
    link->client->woken = false;
    link->turn_at = mono() + jetstream_client_turn(link->client);
    trace("broker.turn", NULL, link - broker.links, 0);
}

/* Connected, with nothing to send, and a request for messages that is open. */
static bool is_idle(const struct link *link)
{
    const struct jetstream_client *client = link->client;

    return link->connection && !link->broken && !link->silent_until && client->set_up &&
           client->publisher.leased && !client->woken && !link->up.count && !link->down.count &&
           client->publisher.relay.pending_count == 0 && !client->publisher.relay.more &&
           client->consumer.buffer_count == 0 && client->consumer.command_count == 0 &&
           (link->pull_wanted > 0 || !*client->sub->who.subjects);
}

void broker_pass_time(void)
{
    if (!sim.broker) return;
    for (int i = 0; i < SIM_SERVICES; i++) {
        struct link *link = &broker.links[i];

        if (!link->client || !is_idle(link)) continue;
        link->turn_at = mono() + 1;
        link->pull_until = mono() + CONSUMER_PULL_MS;
        link->client->consumer.pulled_at = sim_mono();
    }
}

/* --- what may happen next -------------------------------------------------------------------- */

static bool link_flows(const struct link *link)
{
    return link->connection && !link->broken && !link->silent_until;
}

static bool head_due(struct queue *queue)
{
    return queue->count && queue_head(queue)->due <= mono();
}

static bool redelivery_due(int service)
{
    const struct link *link = &broker.links[service];
    struct durable *durable = &broker.durables[service];

    return link_flows(link) && link->pull_wanted > 0 && durable->out_count < ACK_PENDING_MAX &&
           (durable->unseen > 0 || durable_again(durable));
}

/* What can happen to this link now, by number; act: does it. */
static size_t link_acts(int service, size_t act)
{
    struct link *link = &broker.links[service];
    size_t count = 0;

    if (link->silent_until && mono() >= link->silent_until && ++count == act) {
        link->silent_until = 0;
        if (mono() - link->silent_since >= PING_LOST_MS) link_break(service);
        link->silent_since = 0;
    }
    if (link_flows(link) && head_due(&link->up) && ++count == act) {
        struct packet packet = queue_take(&link->up);

        if (packet.kind == PACKET_EVENT) {
            stream_store(link, packet.message);
        } else if (packet.kind == PACKET_ACKNOWLEDGMENT) {
            durable_answered(&packet);
        } else {
            memcpy(link->pull_reply, packet.reply, sizeof packet.reply);
            link->pull_wanted = packet.count;
            link->pull_until = mono() + packet.length_ms;
        }
    }
    if (link_flows(link) && head_due(&link->down) && ++count == act)
        link->on_message(link->connection->nats, NULL, queue_take(&link->down).message,
                         link->context);
    if (redelivery_due(service) && ++count == act) serve_pull(service);
    if (link_flows(link) && link->pull_wanted > 0 && mono() >= link->pull_until && ++count == act)
        send_status(link, "408");
    if (link->client && (link->client->woken || mono() >= link->turn_at) &&
        (link->client->woken || !is_idle(link)) && ++count == act)
        take_turn(link);
    return count;
}

size_t broker_due(void)
{
    size_t count = 0;

    for (int i = 0; sim.broker && i < SIM_SERVICES; i++)
        count += link_acts(i, 0);
    return count;
}

void broker_run(size_t index)
{
    for (int i = 0; i < SIM_SERVICES; i++) {
        size_t count = link_acts(i, 0);

        if (index < count) {
            (void)link_acts(i, index + 1);
            return;
        }
        index -= count;
    }
}

static void earlier(int64_t *next, int64_t at)
{
    if (at < *next) *next = at;
}

int64_t broker_next_ms(void)
{
    int64_t next = INT64_MAX;

    for (int i = 0; sim.broker && i < SIM_SERVICES; i++) {
        struct link *link = &broker.links[i];
        struct durable *durable = &broker.durables[i];

        if (link->silent_until) earlier(&next, link->silent_until);
        if (link->client && !is_idle(link)) earlier(&next, link->turn_at);
        if (!link_flows(link)) continue;
        if (link->up.count) earlier(&next, queue_head(&link->up)->due);
        if (link->down.count) earlier(&next, queue_head(&link->down)->due);
        for (size_t j = 0; link->pull_wanted > 0 && j < durable->out_count; j++)
            earlier(&next, durable->out[j].due);
        if (link->pull_wanted > 0 && !is_idle(link)) earlier(&next, link->pull_until);
    }
    if (next == INT64_MAX) return next;
    return next <= mono() ? sim.now_ms : sim.now_ms + next - mono();
}

/* --- what goes wrong ------------------------------------------------------------------------- */

static int some_service(enum fault fault)
{
    return (int)chance_below(fault_chance(fault), SIM_SERVICES);
}

/* Another server of the cluster leads: what was asked for and not answered is forgotten. */
static void change_leader(void)
{
    for (int i = 0; i < SIM_SERVICES; i++) {
        struct link *link = &broker.links[i];

        if (!link_flows(link) || link->pull_wanted <= 0) continue;
        if (chance_hit(fault_chance(FAULT_BROKER_LEADER), 0.5))
            send_status(link, "409");
        else
            link->pull_wanted = 0;
    }
}

void broker_disturb(void)
{
    int service;

    if (!sim.broker) return;
    if (fault_now(FAULT_BROKER_CUT)) {
        service = some_service(FAULT_BROKER_CUT);
        if (broker.links[service].connection) link_break(service);
        sim_disturb(sim.now_ms + 20000);
    }
    if (fault_now(FAULT_BROKER_SILENT)) {
        struct link *link = &broker.links[some_service(FAULT_BROKER_SILENT)];

        if (link_flows(link)) {
            link->silent_since = mono();
            link->silent_until =
                mono() + 1 + chance_below(fault_chance(FAULT_BROKER_SILENT), PING_LOST_MS + 5000);
            sim_disturb(sim.now_ms + 60000);
        }
    }
    if (fault_now(FAULT_BROKER_AWAY)) {
        broker.away_until = mono() + chance_below(fault_chance(FAULT_BROKER_AWAY), AWAY_MS_MAX);
        for (int i = 0; i < SIM_SERVICES; i++)
            if (broker.links[i].connection) link_break(i);
        sim_disturb(sim.now_ms + AWAY_MS_MAX + 20000);
    }
    if (fault_now(FAULT_BROKER_LEADER)) {
        change_leader();
        sim_disturb(sim.now_ms + 20000);
    }
    if (fault_possible(FAULT_BROKER_MUTE) || fault_possible(FAULT_BROKER_REFUSE))
        sim_disturb(sim.now_ms + 60000);
}

void broker_heal(void)
{
    broker.away_until = 0;
    for (int i = 0; i < SIM_SERVICES; i++)
        if (broker.links[i].silent_until) broker.links[i].silent_until = mono();
}

/* --- what must be true ----------------------------------------------------------------------- */

bool broker_had(int service, int64_t sequence)
{
    return sequence < broker.given_max[service] && broker.given[service][sequence];
}

bool broker_outslept(void)
{
    return sim.broker && sim.slept_ms > STREAM_AGE_MS_MAX / 2;
}

void broker_quiet(int service)
{
    const struct durable *durable = &broker.durables[service];

    CHECK(6, NULL, watch_count(service, "SELECT COUNT(*) FROM outbox_unrelayed") == 0,
          "%s has events that the broker was never given", service_names[service]);
    CHECK(6, NULL, !*durable->name || (durable->unseen == 0 && durable->out_count == 0),
          "%s has not taken %lld events, and not acknowledged %zu", service_names[service],
          (long long)durable->unseen, durable->out_count);
}

void broker_begin(void)
{
    for (int i = 0; i < SIM_SERVICES; i++) {
        struct link *link = &broker.links[i];
        struct durable *durable = &broker.durables[i];
        struct queue up = link->up, down = link->down;
        struct unacknowledged *out = durable->out;
        size_t out_max = durable->out_max;

        queue_clear(&up);
        queue_clear(&down);
        *link = (struct link){.up = up, .down = down};
        *durable = (struct durable){.out = out, .out_max = out_max};
        broker.given_max[i] = broker.given_last[i] = 0;
    }
    for (size_t i = 0; i < broker.count; i++)
        natsMsg_Destroy(broker.stream[i]);
    broker.count = 0;
    broker.created_ms = sim.now_ms;
    broker.away_until = 0;
    broker.inboxes = 0;
}
