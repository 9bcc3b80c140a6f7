/* http/server/net_loop.h: an event loop on libuv, and the server they are part of. */
#ifndef HTTP_SERVER_NET_LOOP_H
#define HTTP_SERVER_NET_LOOP_H

#include "http/server/connection_limiter.h"
#include "http/server/event_loop.h"

#include <pthread.h>
#include <uv.h>

#define ACCEPT_BATCH  64 /* connections taken in one go */
#define LISTENERS_MAX 3  /* TCP; on the first loop the control socket and monitoring, too */
#define MONITORS_MAX  32 /* open connections of monitoring */

enum listener_kind { LISTENER_PUBLIC, LISTENER_CONTROL, LISTENER_MONITORING };

struct listener {
    uv_poll_t poll;
    struct net_loop *net;
    int fd; /* -1: unused */
    enum listener_kind kind;
};

struct net_loop {
    struct event_loop loop; /* first: event_loop_unref frees the whole */
    struct http_server *server;
    uv_loop_t uv;
    uv_async_t async;
    uv_check_t check;
    uv_timer_t timer;         /* deadlines; runs only while there are any */
    uv_timer_t accept_timer;  /* runs only while accepting is paused */
    struct mono_ms timer_due; /* MONO_NEVER: not running */
    struct mono_ms cut_at;    /* end of the grace time; MONO_NEVER: not stopping */
    struct mono_ms let_go_at; /* until then proxies may still send; MONO_NEVER: over, or not
                               * stopping */
    struct listener listeners[LISTENERS_MAX];
    int reserve_fd; /* given up for a moment when there are no more descriptors */
    int sockets;    /* open ones */
    int refused;    /* of those, that came when there were too many */
    int monitors;   /* and those of monitoring */
    bool finished;
    bool threaded;
    pthread_t thread;
    char input[READ_SIZE]; /* one read at a time, whoever it belongs to */
};

struct http_server {
    struct http_config config;
    struct router *router;
    struct proxies proxies;
    struct connection_limiter *limiter; /* NULL: addresses are not counted */
    int port, monitoring_port;
    char *control_path;
    atomic_int sockets; /* of all loops */
    _Atomic int64_t unread;
    atomic_bool stopping;
    int64_t grace_ms;
    int loop_count;
    struct net_loop *loops[];
};

/* --- net_loop.c ---------------------------------------------------------------------------- */

/* NULL when memory or descriptors ran out. Takes fds (by enum listener_kind; -1: none) over only on
 * success. */
struct net_loop *net_loop_new(struct http_server *server, int index, const int fds[LISTENERS_MAX]);
/* Runs until the server stops; the thread's body. */
void net_loop_run(struct net_loop *net);
/* Called in the loop's thread (or before there is one): begins the end. */
void net_loop_wind_down(struct net_loop *net);
/* A socket was closed. */
void net_loop_socket_closed(struct net_loop *net);

#endif
