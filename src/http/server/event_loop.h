/* http/server/event_loop.h: what one event loop is, without libuv and without connections: its
 * pools, its clock, its deadlines, and the inbox for what other threads give back.
 *
 * All of it is the loop thread's, except where said. */
#ifndef HTTP_SERVER_EVENT_LOOP_H
#define HTTP_SERVER_EVENT_LOOP_H

#include "http/ip_address.h"
#include "http/compression.h"
#include "http/router.h"
#include "http/config.h"
#include "http/sizes.h"
#include "telemetry/metric.h"

#include <stdatomic.h>

#define READ_SIZE  32768        /* the shared read buffer of a loop */
#define OUT_HIGH   (128 * 1024) /* past this, pipelined requests wait for the socket */
#define OUT_KEEP   (256 * 1024) /* a larger output buffer is given back after use */
#define OUT_MAX    (2 * HTTP_ARENA_MAX)
#define SPARE_MAX  64 /* pooled exchanges */
#define WORK_SLOTS 256

struct connection;
struct event_loop;
struct exchange;

/* --- the inbox ----------------------------------------------------------------------------- */

/* What another thread gives back: part of what is given. */
struct loop_message {
    struct loop_message *next;
    void (*deliver)(struct loop_message *message); /* in the loop thread */
    void (*discard)(struct loop_message *message); /* the loop is closed: any thread */
};

/* --- deadlines ----------------------------------------------------------------------------- */

/* Each is in exactly one list of its loop, ordered by due time because everything in a list waits
 * equally long. */
enum wait {
    WAIT_FRESH,
    WAIT_IDLE,
    WAIT_REQUEST,
    WAIT_REFUSED,
    WAIT_WRITE,
    WAIT_LINGER,
    WAIT_FOREVER,
    WAIT_COUNT
};

struct deadline {
    struct deadline *prev, *next;
    struct mono_ms due;
    uint8_t wait;
    bool listed;
};

struct deadline_list {
    struct deadline *first, *last;
};

/* --- counting ------------------------------------------------------------------------------ */

/* Of one route; number 0: of what matched none. */
struct route_metrics {
    struct histogram duration;
    _Atomic uint64_t statuses[5]; /* 1xx … 5xx */
};

struct connection_counters {
    _Atomic uint64_t requests, deadline_cuts, bad_requests, connections, refused;
    _Atomic uint64_t refused_address, evicted, forwarded_untrusted, unread_cuts;
};

/* --- the loop ------------------------------------------------------------------------------ */

/* fair_share.c: what addresses used of this round, and who waits for the next one. */
struct fair_share {
    int64_t work_us[WORK_SLOTS];
    uint64_t key[2];
    bool used, overspent; /* somebody used some of it; … all of a share */
    struct exchange *deferred, *deferred_last;
};

struct event_loop {
    const struct http_config *config;
    const struct router *router;
    const struct proxies *proxies;
    int index;
    struct buf out; /* what the connection at work wants to send */
    struct arena *constants;
    const struct json *empty_object;
    struct exchange *spare; /* exchange.c */
    unsigned spare_count;
    struct request *dispatching; /* inside dispatch now and not answered yet */
    bool dispatched;             /* since the last loop_end */
    bool in_batch;               /* own thread will look at the inbox before it sleeps */
    bool stopping, proxies_may;  /* see connection_wind_down */
    int away;                    /* requests out for handling */
    struct fair_share share;
    char id_prefix[8]; /* of request ids, and … */
    uint64_t id_next;  /* … the number behind it */
    struct trace_source traces;
    int64_t sampling_s; /* the second … */
    int sampled;        /* … and how many traces that are recorded came in it */
    struct deadline_list waiting[WAIT_COUNT];
    struct compressor *compressor; /* NULL until an answer is compressed */
    struct connection_counters counters;
    struct route_metrics *routes; /* by number, from 0 */
    int64_t clock_us;             /* monotonic, of this round of the loop; 0: read it */
    /* What owns it: */
    void (*flush)(struct connection *connection);          /* send what is in out, obey the flags */
    size_t (*unsent)(const struct connection *connection); /* this and the next three: NULL without
                                                              sockets */
    void (*wake)(struct event_loop *loop);                 /* any thread */
    struct mono_ms (*now)(const struct event_loop *loop);
    void (*due)(struct event_loop *loop, struct mono_ms at); /* look at the waiting lists then */
    void (*free_pools)(struct event_loop *loop);             /* of the layers above; any thread */
    /* Shared with other threads. */
    _Atomic(struct loop_message *) inbox;
    atomic_int senders;
    atomic_int refs; /* the owner's, one a stream, and after close one a request away */
};

/* The one this thread runs. */
extern _Thread_local struct event_loop *event_loop_current;

/* False when memory ran out (then close is not needed). */
bool event_loop_init(struct event_loop *loop, const struct http_config *config,
                     const struct router *router, const struct proxies *proxies, int index);
/* No message is taken after this; what waits is discarded. Then event_loop_unref(loop). */
void event_loop_close(struct event_loop *loop);
void event_loop_ref(struct event_loop *loop); /* any thread */
/* The last one frees the loop (it must come from malloc). Any thread. */
void event_loop_unref(struct event_loop *loop);

/* Posts a chain. False: the loop is closed and the chain is still the caller's. Any thread. */
bool event_loop_post(struct event_loop *loop, struct loop_message *first,
                     struct loop_message *last);
/* Wakes it without a message, unless it is closed by now. Any thread that knows the loop to be
 * there. */
void event_loop_wake(struct event_loop *loop);
/* Delivers what waits in the inbox. */
void event_loop_deliver(struct event_loop *loop);

/* Hands rq to dispatch or resume. True: it is answered; false: it is away. */
bool event_loop_hand_over(struct event_loop *loop, struct request *rq,
                          void (*to)(void *context, int loop, struct request *rq));
/* The end of a batch: loop_end and the answers it brought, until nothing is left. */
void event_loop_batch_end(struct event_loop *loop);

/* Puts it at the end of a list, due `after_ms` from now (< 0: never). */
void event_loop_wait(struct event_loop *loop, struct deadline *deadline, enum wait wait,
                     int64_t after_ms);
void event_loop_unwait(struct event_loop *loop, struct deadline *deadline);
/* Calls expired for each that is due, which has to give it another list or time, or end it. Returns
 * the next due time or MONO_NEVER. */
struct mono_ms event_loop_expire(struct event_loop *loop,
                                 void (*expired)(struct deadline *deadline));

/* Monotonic microseconds, read once a round of the loop and after every answer: what comes in
 * between is what the loop was busy with. */
static inline int64_t event_loop_clock_us(struct event_loop *loop)
{
    if (!loop->clock_us && OBSERVED) loop->clock_us = clock_monotonic_us();
    return loop->clock_us;
}

#endif
