/* tests/sim/broker.h: the messages of the simulator's NATS (broker.c); nats_library.c has what
 * libnats has for them. */
#ifndef SIM_BROKER_H
#define SIM_BROKER_H

#include "sim.h"

#include <nats/nats.h>

struct __natsMsg {
    char subject[128], reply[160], id[64], trace[64], status[8];
    char *data;
    size_t length;
    int64_t stream_sequence, delivered, pending;
    int64_t published_ms; /* wall */
    /* in the stream: */
    int64_t stored_at;
    bool passed[SIM_SERVICES]; /* delivered, once or more */
};

/* reply: may be NULL. The caller's to give on or to destroy, as the next. */
natsMsg *message_new(const char *subject, const char *reply, const char *data, size_t length);
natsMsg *message_copy(const natsMsg *of);

#endif
