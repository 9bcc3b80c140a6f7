/* bus/nats.h: one connection to NATS with JetStream, the stream all events go through, and the
 * durable consumers on it. Inside the JetStream driver only.
 *
 * A connection that broke is not mended: its owner closes it and opens another one, so that there
 * is one way back from every trouble, also from a server that was cut off from its cluster.
 *
 * Requests and answers are those of JetStream's wire API (docs.nats.io, "JetStream API"): one
 * subscription on an inbox of the connection's own takes delivered events, acknowledgements of
 * published ones and the status of fetch requests. */
#ifndef BUS_NATS_H
#define BUS_NATS_H

#include "bus/driver.h"

#include <nats/nats.h>

#define STREAM_NAME       "BOXOFFICE"
#define STREAM_AGE_MS_MAX (7 * 24 * 3600 * INT64_C(1000)) /* what is older is in the outboxes */
#define DUPLICATES_MS     (120 * INT64_C(1000)) /* the broker knows a message's id for so long */
#define MESSAGE_BYTES_MAX (EVENT_PAYLOAD_MAX + 1024)
#define ACK_WAIT_MS                                                                                \
    (4 * INT64_C(1000))      /* what a killed instance had in hand comes again after it */
#define ACK_PENDING_MAX 4096 /* events out without an acknowledgement, of all instances */
#define INBOX_BYTES     64

struct link {
    natsConnection *connection; /* NULL: none */
    jsCtx *js;
    natsSubscription *subscription;
    char inbox[INBOX_BYTES]; /* answers come to INBOX.anything */
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool busy;       /* on_message may still be called */
    bool complained; /* stream or consumer could not be looked at; the owner says when that is over
                      */
    bool stream_reported, consumer_reported; /* as being otherwise than wanted */
};

void link_init(struct link *link);
void link_free(struct link *link); /* of a closed one */

/* Tries each server once. on_message(connection, subscription, message, context) runs in a thread
 * of the library, one message at a time, and owns the message. */
enum err link_open(struct link *link, const struct bus_broker *broker, const char *name,
                   natsMsgHandler on_message, void *context);
/* Nothing more is to come in; what has come is handed to on_message first. Waits for at most that
 * long. Sending goes on. */
void link_quiet(struct link *link, int64_t most_ms);
/* on_message does not run any more after it. Also of one that is closed already. */
void link_close(struct link *link);
bool link_broken(const struct link *link);

/* Makes the stream when there is none. One that is there with other settings is left as it is, with
 * a line in the log. created_ms: tells one stream of that name from another. */
enum err link_stream(struct link *link, const struct bus_broker *broker, int64_t *created_ms);
/* Makes the service's durable consumer when there is none; the same about other settings. */
enum err link_consumer(struct link *link, const char *service);
/* A consumer of this instance alone, that the broker forgets some minutes after it went away.
 * after: stream sequence; 0: begins with what comes now. name: INBOX_BYTES. */
enum err link_own_consumer(struct link *link, int64_t after, char *name);

#endif
