/* http/server/connection_limiter.h: how many connections each network has open. */
#ifndef HTTP_SERVER_CONNECTION_LIMITER_H
#define HTTP_SERVER_CONNECTION_LIMITER_H

#include "http/ip_address.h"

struct connection_limiter;
struct limiter_slot; /* one network */

/* each_max: connections of one network (an IPv4 address or an IPv6 /64). total_max: how many
 * networks can be told apart. NULL when memory ran out. Threads: any, but new and free. */
struct connection_limiter *connection_limiter_new(int each_max, int total_max);
void connection_limiter_free(struct connection_limiter *limiter);
/* One connection more from there. False: it has as many as it may. limiter NULL: nobody counts. */
bool connection_limiter_enter(struct connection_limiter *limiter, const struct address *address,
                              struct limiter_slot **out);
/* Adds to the bytes its connections have waiting; what there are then. Any thread. */
int64_t connection_limiter_unread(struct limiter_slot *slot, int64_t more);
/* One that was let in is gone. slot may be NULL. */
void connection_limiter_leave(struct connection_limiter *limiter, struct limiter_slot *slot);

#endif
