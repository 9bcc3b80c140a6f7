/* http/loop.h: what server.c, loop.c, socket.c and listen.c share: libuv's side of a lane. */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include "http/internal.h"

#include <pthread.h>
#include <uv.h>

#define ACCEPT_BATCH  64 /* connections taken in one go */
#define LISTENERS_MAX 2  /* TCP, and the control socket on the first loop */

struct listener {
    uv_poll_t poll;
    struct loop *loop;
    int fd; /* -1: unused */
    bool control;
};

struct loop {
    struct lane lane; /* first: lane_unref frees the whole */
    struct http_server *server;
    uv_loop_t uv;
    uv_async_t async;
    uv_check_t check;
    uv_timer_t timer;        /* deadlines; runs only while there are any */
    uv_timer_t accept_timer; /* runs only while accepting is paused */
    int64_t timer_due_ms;    /* -1: not running */
    int64_t cut_at_ms;       /* end of the grace time; -1: not stopping */
    int64_t let_go_at_ms;    /* until then proxies may still send; -1: over, or not stopping */
    struct listener listeners[LISTENERS_MAX];
    int reserve_fd; /* given up for a moment when there are no more descriptors */
    int sockets;    /* open ones */
    int refused;    /* of those, that came when there were too many */
    bool finished;
    bool threaded;
    pthread_t thread;
    char input[READ_SIZE]; /* one read at a time, whoever it belongs to */
};

struct http_server {
    struct http_config config;
    struct router *router;
    struct proxies proxies;
    struct crowd *crowd; /* NULL: addresses are not counted */
    int port;
    char *control_path;
    atomic_int sockets; /* of all loops */
    atomic_bool stopping;
    int64_t grace_ms;
    int loop_count;
    struct loop *loops[];
};

/* --- loop.c -------------------------------------------------------------------------------- */

/* NULL when memory or descriptors ran out. Takes fds (-1: none) over only on success. */
struct loop *loop_new(struct http_server *server, int index, int tcp_fd, int control_fd);
/* Runs until the server stops; the thread's body. */
void loop_run(struct loop *loop);
/* Called in the loop's thread (or before there is one): begins the end. */
void loop_wind_down(struct loop *loop);
/* A socket was closed. */
void loop_socket_closed(struct loop *loop);

/* --- socket.c ------------------------------------------------------------------------------ */

/* Takes an accepted descriptor over. peer: NULL for the control socket. network: it is counted
 * with, or NULL. refusal: OK, or what everything but health is answered. */
void socket_open(struct loop *loop, int fd, const struct address *peer, struct network *network,
                 enum err refusal);
void socket_settle(struct connection *connection);
size_t socket_unsent(const struct connection *connection);

/* --- listen.c ------------------------------------------------------------------------------ */

/* A listening descriptor, or -1 and *why. *port: 0 picks one and tells. share: several loops
 * (SO_REUSEPORT). */
int listen_tcp(const char *host, int *port, bool share, const char **why);
/* Nobody listens there yet. SO_REUSEPORT alone would quietly share the port with another process of
 * the same user. */
bool listen_port_free(const char *host, int port, const char **why);
/* Replaces a stale socket; refuses to take one from a living process. */
int listen_control(const char *path, const char **why);
void listen_control_remove(const char *path);

#endif
