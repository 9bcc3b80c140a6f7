/* cli/events/acks.h: acknowledgements of a listener, gathered and sent over a connection of their
 * own. */
#ifndef CLI_ACKS_H
#define CLI_ACKS_H

#include "base/str.h"

#define ACKS_MAX           1000 /* of one request; the server takes no more */
#define SUBSCRIPTION_BYTES 64

struct acks {
    const char *data; /* the server's folder */
    char subscription[SUBSCRIPTION_BYTES];
    struct http_stream *control; /* NULL until something is acknowledged */
    bool lost;                   /* the server did not answer: it is gone, as the stream will be */
    size_t count;
    int64_t sequences[ACKS_MAX];
};

/* Room first: acks_send when acks->count is ACKS_MAX. */
void acks_add(struct acks *acks, int64_t sequence);
/* Sends what was gathered. -1: go on; else the exit code, and it was said why; acks->lost tells a
 * server that is gone from one that refused. */
int acks_send(struct acks *acks);
void acks_close(struct acks *acks);

#endif
