/* bus/jetstream_client.c: see bus/jetstream_client.h. What comes in runs in a thread of the NATS
 * library, the rest in the client's own (jetstream_thread.h).
 *
 * One consumer a service, for all its subjects: one a subject would deliver an entity's events out
 * of order. A server before 2.10 has no filter for several of them; what it then delivers and the
 * service does not listen to is acknowledged as it comes.
 *
 * The library's own natsMsg_Ack and its like take messages of its js_PullSubscribe alone, whose
 * natsSubscription_Fetch blocks its thread, and this one relays, too. So requests for messages and
 * acknowledgements are published as JetStream's wire API has them. */
#include "bus/jetstream_client.h"

#include "base/wait.h"
#include "bus/jetstream_thread.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS        200
#define NS_PER_MS      INT64_C(1000000)
#define FAILURES_MAX   3   /* in a row; then the connection is opened anew */
#define OPEN_PAUSE_MS  250 /* doubling up to … */
#define OPEN_PAUSE_MAX 2000
#define COMMANDS_MAX   256 /* carried out at a time */

/* Under the lock. */
static void client_signal(struct jetstream_client *client)
{
    if (!client->woken) pthread_cond_signal(&client->wake);
    client->woken = true;
}

void jetstream_client_wake(struct jetstream_client *client)
{
    pthread_mutex_lock(&client->lock);
    client_signal(client);
    pthread_mutex_unlock(&client->lock);
}

static struct mono_ms client_now(const struct jetstream_client *client)
{
    return clock_mono(client->sub->bus->clock);
}

static void notify_writer(void *context)
{
    const struct subscription *sub = ((struct jetstream_client *)context)->sub;

    sub->who.notify(sub->who.context);
}

/* --- what comes in; the library's thread --------------------------------------------------- */

/* INBOX.p.N: the request for messages number N is over. */
static void on_status(struct jetstream_client *client, const char *number, natsMsg *message)
{
    const char *text = "";
    int64_t pull, status;

    (void)natsMsgHeader_Get(message, "Status", &text);
    if (!str_to_int64(str_of(number), &pull) || !str_to_int64(str_of(text), &status) ||
        status == 100)
        return;
    pthread_mutex_lock(&client->lock);
    consumer_status(&client->consumer, pull, (int)status);
    client_signal(client);
    pthread_mutex_unlock(&client->lock);
}

/* False: it is no message of a consumer. */
static bool read_metadata(natsMsg *message, struct consumer_message *out, int64_t *pending)
{
    jsMsgMetaData *metadata = NULL;

    if (natsMsg_GetMetaData(&metadata, message) != NATS_OK) return false;
    *out = (struct consumer_message){.handle = message,
                                     .stream_sequence = (int64_t)metadata->Sequence.Stream,
                                     .delivered = (int64_t)metadata->NumDelivered,
                                     .published_at = {metadata->Timestamp / NS_PER_MS}};
    *pending = (int64_t)metadata->NumPending;
    jsMsgMetaData_Destroy(metadata);
    return true;
}

static void on_event(struct jetstream_client *client, natsConnection *nats, natsMsg *message)
{
    struct consumer_message event;
    bool kept, wake_writer, listened;
    int64_t pending;

    if (!read_metadata(message, &event, &pending)) {
        natsMsg_Destroy(message);
        return;
    }
    listened = bus_listed(client->sub->who.subjects, str_of(natsMsg_GetSubject(message)));
    pthread_mutex_lock(&client->lock);
    wake_writer = listened && client->consumer.buffer_count == 0;
    kept = consumer_message(&client->consumer, &event, pending, listened);
    /* The acknowledgement of what nobody listens to can wait for company. */
    if (!client->consumer.pull_wanted) client_signal(client);
    pthread_mutex_unlock(&client->lock);
    if (kept && wake_writer) notify_writer(client);
    if (kept) return;
    (void)natsConnection_PublishString(nats, natsMsg_GetReply(message), "-NAK");
    natsMsg_Destroy(message);
}

static void on_message(natsConnection *nats, natsSubscription *subscription, natsMsg *message,
                       void *context)
{
    struct jetstream_client *client = context;
    const char *subject = natsMsg_GetSubject(message);
    size_t inbox = strlen(client->connection.inbox);
    int64_t sequence;

    (void)subscription;
    if (strncmp(subject, client->connection.inbox, inbox) != 0) {
        on_event(client, nats, message);
        return;
    }
    subject += inbox;
    if (strncmp(subject, ".a.", 3) == 0 && str_to_int64(str_of(subject + 3), &sequence))
        relay_publisher_answered(
            &client->publisher, sequence,
            (struct str){natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)},
            client_now(client));
    else if (strncmp(subject, ".p.", 3) == 0)
        on_status(client, subject + 3, message);
    natsMsg_Destroy(message);
}

/* --- the client's thread ------------------------------------------------------------------- */

static void client_away(struct jetstream_client *client)
{
    atomic_store(&client->connected, false);
    bus_broker_is(client->sub->bus, client->connection.why);
}

static void client_disconnect(struct jetstream_client *client)
{
    nats_connection_close(&client->connection);
    client_away(client);
    relay_publisher_lost(&client->publisher);
    client->set_up = false;
    client->failures = 0;
    pthread_mutex_lock(&client->lock);
    consumer_lost(&client->consumer);
    pthread_mutex_unlock(&client->lock);
}

static bool client_connect(struct jetstream_client *client, struct mono_ms now)
{
    char name[128], host[64] = "";

    if (client->connection.nats &&
        (nats_connection_broken(&client->connection) || client->failures > FAILURES_MAX))
        client_disconnect(client);
    if (client->connection.nats) return true;
    if (!mono_reached(now, client->open_at)) return false;
    /* The broker's own list of connections shows which machine, or pod, each is of. */
    (void)gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "boxoffice-%s@%s", client->sub->who.service, host);
    if (nats_connection_open(&client->connection, &client->sub->bus->broker, name, on_message,
                             client) == OK) {
        client->open_pause_ms = OPEN_PAUSE_MS;
        return true;
    }
    client_away(client);
    client->open_at = mono_after(client_now(client), client->open_pause_ms);
    client->open_pause_ms *= 2;
    if (client->open_pause_ms > OPEN_PAUSE_MAX) client->open_pause_ms = OPEN_PAUSE_MAX;
    return false;
}

static enum err make_consumer(struct jetstream_client *client, bool same_stream)
{
    const struct subscriber *who = &client->sub->who;

    if (!*who->subjects) return OK;
    if (!who->broadcast) {
        snprintf(client->consumer_name, sizeof client->consumer_name, "%s", who->service);
        return nats_connection_consumer(&client->connection, who->service, who->subjects);
    }
    return nats_connection_own_consumer(&client->connection, who->subjects,
                                        same_stream ? client->consumer.last_sequence : 0,
                                        client->consumer_name);
}

/* Not asked again: an outbox that is too short grows. Where others write to it too, it may have
 * grown since it was opened. */
static enum err check_outbox(struct jetstream_client *client)
{
    const struct bus_source *source = client->publisher.source;
    bool now = client->agreed || db_dsn_is_postgres(source->path);
    enum err err;

    if (client->outdated) return ERR_CONFLICT;
    err = nats_connection_agrees(&client->connection, &client->sub->bus->broker, source,
                                 now ? -1 : client->opened_last);
    client->agreed |= err == OK;
    client->outdated = err == ERR_CONFLICT;
    return err;
}

/* Stream and consumer are there, and the outbox is not older than the stream. */
static bool client_set_up(struct jetstream_client *client)
{
    const struct subscriber *who = &client->sub->who;
    char stream[NAME_BYTES_MAX + 1];
    int64_t created_ms = 0;
    bool same;
    enum err err = OK;

    if (client->set_up) return true;
    TRY(nats_connection_stream(&client->connection, &client->sub->bus->broker, &created_ms));
    snprintf(stream, sizeof stream, "%s@%lld", STREAM_NAME, (long long)created_ms);
    pthread_mutex_lock(&client->lock);
    same = strcmp(client->stream, stream) == 0;
    memcpy(client->stream, stream, sizeof stream);
    consumer_set_up(&client->consumer, same);
    pthread_mutex_unlock(&client->lock);
    TRY(check_outbox(client));
    TRY(make_consumer(client, same));
    log_event(LOG_INFO, who->service, "nats.ready",
              log_text("consumer", str_of(client->consumer_name)));
    client->set_up = true;
    client->failures = 0;
    atomic_store(&client->ready, true);
    atomic_store(&client->connected, true);
    bus_broker_is(client->sub->bus, NULL);
done:
    if (err) client->failures++;
    if (err) client_away(client);
    return err == OK;
}

/* By hand: libnats fetches by waiting (natsSubscription_Fetch), which this thread cannot, for it
 * relays, too; and natsMsg_Ack and its like read the JetStream half of the message's subscription
 * (_ackMsg in libnats' js.c), which those that are called back with what comes do not have before
 * libnats 3.9 (js_PullSubscribeAsync). Debian 12 has 3.4. */
static void request_messages(struct jetstream_client *client,
                             const struct consumer_command *command)
{
    char subject[128], reply[INBOX_BYTES + 32], body[96];

    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", STREAM_NAME,
             client->consumer_name);
    snprintf(reply, sizeof reply, "%s.p.%lld", client->connection.inbox, (long long)command->pull);
    snprintf(body, sizeof body, "{\"batch\":%zu,\"expires\":%lld}", command->count,
             (long long)(CONSUMER_PULL_MS * NS_PER_MS));
    (void)natsConnection_PublishRequestString(client->connection.nats, subject, reply, body);
}

static void carry_out(struct jetstream_client *client, const struct consumer_command *command)
{
    natsMsg *message = command->handle;
    char text[48] = "+ACK";

    if (command->action == CONSUMER_PULL) {
        request_messages(client, command);
        return;
    }
    if (command->action == CONSUMER_PROGRESS) snprintf(text, sizeof text, "+WPI");
    if (command->action == CONSUMER_TERM) snprintf(text, sizeof text, "+TERM");
    if (command->action == CONSUMER_NAK) snprintf(text, sizeof text, "-NAK");
    if (command->action == CONSUMER_NAK && command->delay_ms)
        snprintf(text, sizeof text, "-NAK {\"delay\":%lld}",
                 (long long)(command->delay_ms * NS_PER_MS));
    (void)natsConnection_PublishString(client->connection.nats, natsMsg_GetReply(message), text);
    if (command->action != CONSUMER_PROGRESS) natsMsg_Destroy(message);
}

static size_t next_commands(struct jetstream_client *client, struct consumer_command *out)
{
    size_t count;

    pthread_mutex_lock(&client->lock);
    count = consumer_commands(&client->consumer, out, COMMANDS_MAX);
    pthread_mutex_unlock(&client->lock);
    return count;
}

static void carry_out_commands(struct jetstream_client *client)
{
    struct consumer_command commands[COMMANDS_MAX];
    size_t count;

    while ((count = next_commands(client, commands)))
        for (size_t i = 0; i < count; i++)
            carry_out(client, &commands[i]);
}

/* Of a service's replicas the one that relays takes the events, too: the broker gives each of two
 * that ask every other event, and an entity's events would overtake each other on the way. The
 * others stand by; what this one had in hand when it fell is delivered again. */
static bool takes_events(const struct jetstream_client *client)
{
    return client->sub->who.broadcast || client->publisher.leased;
}

static void run_consumer(struct jetstream_client *client, struct mono_ms now)
{
    bool able = *client->consumer_name && client->set_up;
    enum consumer_state state;

    pthread_mutex_lock(&client->lock);
    state = consumer_tick(&client->consumer, now, takes_events(client), able);
    pthread_mutex_unlock(&client->lock);
    if (state != CONSUMER_GOOD) client->set_up = false;
    if (state == CONSUMER_SILENT) {
        client->failures++;
        snprintf(client->connection.why, sizeof client->connection.why,
                 BUS_LOST ": the server is silent");
    }
    carry_out_commands(client);
}

/* The last acknowledgements are sent before what nobody will take is handed back, and nothing comes
 * in any more in between: else what is handed back came here again. */
void jetstream_client_finish(struct jetstream_client *client)
{
    if (!client->connection.nats) return;
    carry_out_commands(client);
    nats_connection_quiet(&client->connection, TICK_MS);
    pthread_mutex_lock(&client->lock);
    consumer_hand_back(&client->consumer);
    pthread_mutex_unlock(&client->lock);
    carry_out_commands(client);
    (void)natsConnection_FlushTimeout(client->connection.nats, TICK_MS);
    nats_connection_close(&client->connection);
}

/* Without a connection, or set up in vain, a notice changes nothing: a tick is waited for in full.
 */
static int64_t pause_a_tick(struct jetstream_client *client)
{
    pthread_mutex_lock(&client->lock);
    client->woken = false;
    pthread_mutex_unlock(&client->lock);
    return TICK_MS;
}

int64_t jetstream_client_turn(struct jetstream_client *client)
{
    struct mono_ms now = client_now(client);

    if (!client_connect(client, now) || !client_set_up(client)) return pause_a_tick(client);
    carry_out_commands(client);
    if (!relay_publisher_run(&client->publisher, &client->connection, now)) client->set_up = false;
    run_consumer(client, now);
    if (relay_publisher_has_more(&client->publisher)) return 0;
    return client->publisher.leased ? client->publisher.relay.poll_ms : TICK_MS;
}

/* --- opening and closing ------------------------------------------------------------------- */

struct jetstream_client *jetstream_client_open(const struct subscription *sub,
                                               const struct bus_source *source, int64_t last)
{
    struct jetstream_client *client = calloc(1, sizeof *client);

    if (!client) return NULL;
    client->sub = sub;
    client->opened_last = last;
    client->open_pause_ms = OPEN_PAUSE_MS;
    nats_connection_init(&client->connection);
    pthread_mutex_init(&client->lock, NULL);
    wait_init(&client->wake);
    consumer_init(&client->consumer);
    relay_publisher_init(&client->publisher, source, sub->bus->broker.subjects, notify_writer,
                         client);
    client->thread_runs = jetstream_thread_start(client);
    if (client->thread_runs) return client;
    jetstream_client_close(client);
    return NULL;
}

void jetstream_client_stop(struct jetstream_client *client)
{
    pthread_mutex_lock(&client->lock);
    client->stopping = true;
    pthread_cond_signal(&client->wake);
    pthread_mutex_unlock(&client->lock);
}

/* What no connection was there for: the broker delivers it again. */
static void destroy_messages(struct jetstream_client *client)
{
    struct consumer_command commands[COMMANDS_MAX];
    size_t count;

    consumer_hand_back(&client->consumer);
    while ((count = next_commands(client, commands)))
        for (size_t i = 0; i < count; i++)
            if (commands[i].action != CONSUMER_PROGRESS && commands[i].handle)
                natsMsg_Destroy(commands[i].handle);
}

void jetstream_client_close(struct jetstream_client *client)
{
    jetstream_client_stop(client);
    if (client->thread_runs) jetstream_thread_join(client);
    destroy_messages(client);
    relay_publisher_free(&client->publisher);
    nats_connection_free(&client->connection);
    pthread_cond_destroy(&client->wake);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

/* --- the writer ---------------------------------------------------------------------------- */

size_t jetstream_client_take(struct jetstream_client *client, struct consumer_message *out,
                             size_t max)
{
    size_t count;

    pthread_mutex_lock(&client->lock);
    count = consumer_take(&client->consumer, out, max);
    if (count && consumer_has_room(&client->consumer)) client_signal(client);
    pthread_mutex_unlock(&client->lock);
    return count;
}

void jetstream_client_acknowledge(struct jetstream_client *client,
                                  const struct consumer_message *message,
                                  enum consumer_action action)
{
    pthread_mutex_lock(&client->lock);
    if (action == CONSUMER_ACK) consumer_ack(&client->consumer, message);
    if (action == CONSUMER_NAK) consumer_nak(&client->consumer, message);
    if (action == CONSUMER_TERM) consumer_term(&client->consumer, message);
    client_signal(client);
    pthread_mutex_unlock(&client->lock);
}

bool jetstream_client_has_messages(struct jetstream_client *client)
{
    bool any;

    pthread_mutex_lock(&client->lock);
    any = client->consumer.buffer_count > 0;
    pthread_mutex_unlock(&client->lock);
    return any;
}

bool jetstream_client_caught_up(struct jetstream_client *client)
{
    bool so;

    pthread_mutex_lock(&client->lock);
    so = atomic_load(&client->connected) && consumer_caught_up(&client->consumer);
    pthread_mutex_unlock(&client->lock);
    return so;
}

void jetstream_client_lag(struct jetstream_client *client, int64_t *lag, int64_t *last)
{
    pthread_mutex_lock(&client->lock);
    consumer_lag(&client->consumer, lag, last);
    pthread_mutex_unlock(&client->lock);
}
