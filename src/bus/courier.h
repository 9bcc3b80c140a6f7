/* bus/courier.h: a service's thread at the broker, with a connection of its own. It relays the
 * service's outbox to the stream, keeps a bounded buffer filled with what the service's durable
 * consumer has for it, and carries the answers back. Its writer never waits for the network. */
#ifndef BUS_COURIER_H
#define BUS_COURIER_H

#include "bus/driver.h"
#include "bus/nats.h"
#include "bus/relay.h"

/* A delivered message. */
struct parcel {
    natsMsg *message;
    int64_t stream_sequence, delivered, published_at_ms;
};

struct answer {
    natsMsg *message;
    char text[48];
};

#define BUFFER_MAX  1024
#define ANSWERS_MAX 2048

struct courier {
    const struct subscription *sub;
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

    _Atomic bool ready;
};

/* Starts it; source: the service's own outbox. The subscription outlives it. NULL: no memory. */
struct courier *courier_open(const struct subscription *sub, const struct bus_source *source);
void courier_close(struct courier *courier); /* says its last answers first */
void courier_poke(struct courier *courier);  /* any thread: there is something to relay */

/* The writer. What it takes it must answer, each once; the message goes with the answer. */
size_t courier_take(struct courier *courier, struct parcel *out, size_t max);
void courier_answer(struct courier *courier, const struct parcel *parcel, const char *text);
void courier_answer_later(struct courier *courier, const struct parcel *parcel); /* deliver again */
bool courier_has(struct courier *courier); /* something to take */
/* Any thread. How many events of the stream have not been taken, and its newest sequence. */
void courier_lag(struct courier *courier, int64_t *lag, int64_t *last);

struct str parcel_text(const struct parcel *parcel); /* as long as the message */

#endif
