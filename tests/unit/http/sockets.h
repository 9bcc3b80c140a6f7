/* A client on a real socket, and a thread that answers what the loops hand over. */
#ifndef TEST_HTTP_SOCKETS_H
#define TEST_HTTP_SOCKETS_H

#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* --- the other thread ---------------------------------------------------------------------- */

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct request *queue;
    struct request *held; /* requests the worker keeps while hold is set */
    int waiting;          /* how many it keeps */
    bool hold, quit;
};

static struct worker worker = {.lock = PTHREAD_MUTEX_INITIALIZER,
                               .changed = PTHREAD_COND_INITIALIZER};
static _Thread_local struct request *gathered;

static inline void *worker_main(void *argument)
{
    pthread_mutex_lock(&worker.lock);
    for (;;) {
        struct request *list;

        while (!worker.quit && (!worker.queue || worker.hold))
            pthread_cond_wait(&worker.changed, &worker.lock);
        if (worker.quit && !worker.queue) break;
        list = worker.queue;
        worker.queue = NULL;
        worker.waiting = 0;
        pthread_mutex_unlock(&worker.lock);
        for (struct request *rq = list; rq; rq = rq->link)
            run_route(rq);
        http_answer_all(list);
        pthread_mutex_lock(&worker.lock);
    }
    pthread_mutex_unlock(&worker.lock);
    return NULL;
}

static inline void worker_start(void)
{
    worker.quit = worker.hold = false;
    assert_int_equal(pthread_create(&worker.thread, NULL, worker_main, NULL), 0);
}

static inline void worker_set(bool hold, bool quit)
{
    pthread_mutex_lock(&worker.lock);
    worker.hold = hold;
    worker.quit = quit;
    pthread_cond_broadcast(&worker.changed);
    pthread_mutex_unlock(&worker.lock);
}

static inline void worker_stop(void)
{
    worker_set(false, true);
    pthread_join(worker.thread, NULL);
}

/* Until that many requests wait for the holding worker. */
static inline void worker_await(int count)
{
    pthread_mutex_lock(&worker.lock);
    while (worker.waiting < count)
        pthread_cond_wait(&worker.changed, &worker.lock);
    pthread_mutex_unlock(&worker.lock);
}

static inline void dispatch_away(void *context, int loop, struct request *rq)
{
    if (!rq->route->away) {
        dispatch_here(context, loop, rq);
        return;
    }
    rq->link = gathered;
    gathered = rq;
}

static inline void hand_over(void *context, int loop)
{
    pthread_mutex_lock(&worker.lock);
    while (gathered) {
        struct request *rq = gathered;

        gathered = rq->link;
        rq->link = worker.queue;
        worker.queue = rq;
        worker.waiting++;
    }
    pthread_cond_broadcast(&worker.changed);
    pthread_mutex_unlock(&worker.lock);
}

/* --- the server ---------------------------------------------------------------------------- */

static inline struct http_server *start(const struct http_config *config)
{
    struct http_server *server = NULL;
    const char *why = NULL;

    signal(SIGPIPE, SIG_IGN);
    if (http_server_start(config, &server, &why) != OK) fail_msg("%s", why);
    return server;
}

/* --- the client ---------------------------------------------------------------------------- */

static inline void set_timeout(int fd)
{
    struct timeval limit = {.tv_sec = 20};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* io_uring's work interrupts what waits: the connection is made all the same. */
static inline void await_connected(int fd)
{
    struct pollfd waits = {.fd = fd, .events = POLLOUT};
    int error = 0, ready;
    socklen_t size = sizeof error;

    do
        ready = poll(&waits, 1, 20000);
    while (ready < 0 && errno == EINTR);
    assert_int_equal(ready, 1);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    if (error) fail_msg("connect: %s", strerror(error));
}

/* Connects, or fails the test. to: a socket address of any family. */
static inline void connect_to(int fd, const void *to, socklen_t size)
{
    if (connect(fd, to, size) == 0) return;
    if (errno != EINTR) fail_msg("connect: %s", strerror(errno));
    await_connected(fd);
}

static inline int dial(const struct http_server *server)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    set_timeout(fd);
    connect_to(fd, &to, sizeof to);
    return fd;
}

static inline void say(int fd, const char *bytes)
{
    size_t len = strlen(bytes);
    ssize_t sent;

    do
        sent = send(fd, bytes, len, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    assert_int_equal(sent, (ssize_t)len);
}

/* Reads until `end` has come `times` times, or (NULL) until the server closes; heap text. */
static inline char *hear_times(int fd, const char *end, size_t times)
{
    struct buf in;

    buf_init(&in, NULL, 64 * 1024 * 1024);
    for (;;) {
        char piece[65536];
        ssize_t count;

        if (end && in.len && count_of(in.at, end) >= times) return in.at;
        do
            count = recv(fd, piece, sizeof piece, 0); /* io_uring's work interrupts it */
        while (count < 0 && errno == EINTR);
        if (count < 0) fail_msg("recv: %s after %zu bytes", strerror(errno), in.len);
        if (count == 0 && end) fail_msg("closed after: %s", in.at ? in.at : "");
        buf_append(&in, (struct str){piece, (size_t)count});
        buf_char(&in, 0);
        in.len--;
        if (count == 0) return in.at;
    }
}

static inline char *hear(int fd, const char *end)
{
    return hear_times(fd, end, 1);
}

#endif
