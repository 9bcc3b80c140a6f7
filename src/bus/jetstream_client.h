/* bus/jetstream_client.h: a service's thread at the broker, with a connection of its own. It makes
 * stream and consumer, and carries out what the service's relay and consumer (relay.h, consumer.h)
 * want sent. The service's writer never waits for the network. */
#ifndef BUS_JETSTREAM_CLIENT_H
#define BUS_JETSTREAM_CLIENT_H

#include "bus/consumer.h"
#include "bus/driver.h"
#include "bus/nats_connection.h"
#include "bus/relay_publisher.h"

struct jetstream_client {
    const struct subscription *sub;
    pthread_t thread;
    bool thread_runs;
    struct relay_publisher publisher;

    /* the thread's own */
    struct nats_connection connection;
    char consumer_name[INBOX_BYTES]; /* "": none yet */
    bool set_up;
    int64_t opened_last;   /* the end of the outbox at the start */
    bool agreed, outdated; /* it is as long as what was published of it; it never was */
    int failures;
    struct mono_ms open_at;
    int64_t open_pause_ms;

    pthread_mutex_t lock; /* guards what is below */
    pthread_cond_t wake;
    bool stopping, woken;
    struct consumer consumer;
    char stream[NAME_BYTES_MAX + 1]; /* for events of nobody's outbox: tells streams apart */

    _Atomic bool ready, connected; /* ever, and now */
};

/* Starts it; source: the service's own outbox, which ends with event `last`. The subscription
 * outlives it. NULL: no memory. */
struct jetstream_client *jetstream_client_open(const struct subscription *sub,
                                               const struct bus_source *source, int64_t last);
/* Ends the thread soon. Any thread. */
void jetstream_client_stop(struct jetstream_client *client);
/* Sends its last acknowledgements first. */
void jetstream_client_close(struct jetstream_client *client);
/* There is something to relay. Any thread. */
void jetstream_client_wake(struct jetstream_client *client);

/* --- its thread (jetstream_thread.h) ------------------------------------------------------- */

/* Connects when it is time to, sends what is to be sent. Returns how long to wait for the next turn
 * when nothing wakes the client before: milliseconds, 0: not at all. */
int64_t jetstream_client_turn(struct jetstream_client *client);
/* The last turn: hands back what nobody will take, and closes the connection. */
void jetstream_client_finish(struct jetstream_client *client);

/* --- the writer ---------------------------------------------------------------------------- */

/* At most max messages, whose handles are natsMsg. Each has to be acknowledged once, in one of the
 * three ways, and belongs to the client again then. */
size_t jetstream_client_take(struct jetstream_client *client, struct consumer_message *out,
                             size_t max);
void jetstream_client_acknowledge(struct jetstream_client *client,
                                  const struct consumer_message *message,
                                  enum consumer_action action);      /* ACK, NAK or TERM */
bool jetstream_client_has_messages(struct jetstream_client *client); /* to take */
/* It is given messages, and as far as it knows there is none that was not taken. */
bool jetstream_client_caught_up(struct jetstream_client *client);
/* Any thread. How many messages of the stream have not been taken, and its newest sequence. */
void jetstream_client_lag(struct jetstream_client *client, int64_t *lag, int64_t *last);

#endif
