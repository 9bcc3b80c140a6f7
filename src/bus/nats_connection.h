/* bus/nats_connection.h: one connection to NATS with JetStream, the stream all events go through,
 * and the durable consumers on it. Inside the JetStream driver only.
 *
 * A connection that broke is not mended: its owner closes it and opens another one, so that there
 * is one way back from every trouble, also from a server that was cut off from its cluster.
 *
 * Requests and answers are those of JetStream's wire API (docs.nats.io, "JetStream API"): one
 * subscription on an inbox of the connection's own takes delivered events, acknowledgements of
 * published ones and the status of fetch requests. */
#ifndef BUS_NATS_CONNECTION_H
#define BUS_NATS_CONNECTION_H

#include "bus/driver.h"

#include <nats/nats.h>

#define STREAM_NAME       "BOXOFFICE"
#define STREAM_AGE_MS_MAX (7 * 24 * 3600 * INT64_C(1000)) /* what is older is in the outboxes */
#define DUPLICATES_MS     (120 * INT64_C(1000)) /* the broker knows a message's id for so long */
#define MESSAGE_BYTES_MAX (EVENT_PAYLOAD_MAX + 1024)
#define ACK_WAIT_MS                                                                                \
    (4 * INT64_C(1000))           /* what a killed instance had in hand comes again after it */
#define ACK_PENDING_MAX      4096 /* events out without an acknowledgement, of all instances */
#define INBOX_BYTES          64
#define CONNECTION_WHY_BYTES 192

struct nats_connection {
    natsConnection *nats; /* NULL: none */
    jsCtx *js;
    natsSubscription *subscription;
    char inbox[INBOX_BYTES]; /* answers come to INBOX.anything */
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool busy;                      /* on_message may still be called */
    char why[CONNECTION_WHY_BYTES]; /* after a failure: what could not be done, and the cause */
    bool stream_reported, consumer_reported; /* as being otherwise than wanted */
};

void nats_connection_init(struct nats_connection *connection);
void nats_connection_free(struct nats_connection *connection); /* of a closed one */

/* Tries each server once. on_message(connection, subscription, message, context) runs in a thread
 * of the library, one message at a time, and owns the message. */
enum err nats_connection_open(struct nats_connection *connection, const struct bus_broker *broker,
                              const char *name, natsMsgHandler on_message, void *context);
/* Nothing more is to come in; what has come is handed to on_message first. Waits for at most that
 * long. Sending goes on. */
void nats_connection_quiet(struct nats_connection *connection, int64_t most_ms);
/* on_message does not run any more after it. Also of one that is closed already. */
void nats_connection_close(struct nats_connection *connection);
/* It is of no more use; connection->why says what happened to it. */
bool nats_connection_broken(struct nats_connection *connection);

/* Makes the stream when there is none. One that is there with other settings is left as it is, with
 * a line in the log. created_ms: tells one stream of that name from another. */
enum err nats_connection_stream(struct nats_connection *connection, const struct bus_broker *broker,
                                int64_t *created_ms);
/* The greatest sequence of the service's outbox among the newest messages of each subject; 0: none
 * is of it. subjects: NULL for all there are. Where the user may not ask, 0 too. */
enum err nats_connection_published(struct nats_connection *connection,
                                   const struct bus_broker *broker, const char *service,
                                   const char *const *subjects, int64_t *last);
/* Whether the outbox was at least as long as what was published of it when it ended with event
 * `last`; -1: as it ends now. ERR_CONFLICT: it was not, so its database is an older copy;
 * connection->why says so. */
enum err nats_connection_agrees(struct nats_connection *connection, const struct bus_broker *broker,
                                const struct bus_source *source, int64_t last);
/* Makes the service's durable consumer when there is none; the same about other settings. Where
 * library (3.7) and server (2.10) can, only the subjects are delivered, NULL-terminated and at
 * least one; elsewhere all there are. */
enum err nats_connection_consumer(struct nats_connection *connection, const char *service,
                                  const char *const *subjects);
/* A consumer of this instance alone, that the broker forgets some minutes after it went away.
 * after: stream sequence; 0: begins with what comes now. name: INBOX_BYTES. */
enum err nats_connection_own_consumer(struct nats_connection *connection,
                                      const char *const *subjects, int64_t after, char *name);

#endif
