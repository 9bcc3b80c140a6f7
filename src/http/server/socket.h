/* http/server/socket.h: carries a connection's bytes over a libuv stream. Loop thread. */
#ifndef HTTP_SERVER_SOCKET_H
#define HTTP_SERVER_SOCKET_H

#include "http/server/client_connection.h"
#include "http/server/net_loop.h"

/* Takes an accepted descriptor over. peer: not for LISTENER_CONTROL. slot: it is counted with, or
 * NULL. refusal: OK, or what everything but health is answered. */
void socket_open(struct net_loop *net, int fd, enum listener_kind kind, const struct address *peer,
                 struct limiter_slot *slot, enum err refusal);
/* Sends what is in the loop's out, and obeys the connection's flags. */
void socket_flush(struct connection *connection);
/* Bytes of its answers that the client has not taken. */
size_t socket_unsent(const struct connection *connection);

#endif
