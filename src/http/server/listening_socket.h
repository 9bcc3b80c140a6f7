/* http/server/listening_socket.h: the sockets that connections come to. */
#ifndef HTTP_SERVER_LISTENING_SOCKET_H
#define HTTP_SERVER_LISTENING_SOCKET_H

#include <stdbool.h>

/* What the kernel keeps at most of what a client has not read, headers of its own included; and how
 * long it does so for one that reads nothing at all, whatever this program has done meanwhile. */
#define SOCKET_SEND_BYTES (128 * 1024)
#define SOCKET_UNREAD_MS  30000
/* A listening descriptor, or -1 and *why. *port: 0 picks one and tells. share: several loops
 * (SO_REUSEPORT). */
int listening_tcp(const char *host, int *port, bool share, const char **why);
/* False; *why then names the setting that says where it should have listened. */
bool listening_busy(const char *setting, const char **why);
/* Nobody listens there yet. SO_REUSEPORT alone would quietly share the port with another process of
 * the same user. */
bool listening_port_free(const char *host, int port, const char **why);
/* Replaces a stale socket; refuses to take one from a living process. */
int listening_control(const char *path, const char **why);
void listening_control_remove(const char *path);

#endif
