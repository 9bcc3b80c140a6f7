/* http/loop.c: an event loop: accepting, wake-ups, deadlines, and its orderly end. */
#include "http/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPT_PAUSE_MS 100
/* Connections a loop that came when there were too many. More than are accepted in one go, so that
 * a question for health is read before its connection makes way for the next. */
#define REFUSED_MAX (2 * ACCEPT_BATCH)
_Static_assert(REFUSED_MAX + 32 <= HTTP_RESERVE_DESCRIPTORS, "there are descriptors for them");
/* How long a proxy may still send into its idle connections after the program was told to stop: a
 * little longer than it keeps them (deploy/k8s/base/nginx.conf), so that it never sends a request
 * into one that is just being closed, which it might not be allowed to send again. */
#define LET_GO_MS     3000
#define COARSE_MS_MAX 250 /* deadlines are looked at this often at most */

/* --- accepting ----------------------------------------------------------------------------- */

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void accept_resume(uv_timer_t *timer)
{
    struct loop *loop = timer->data;

    if (loop->reserve_fd < 0) loop->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (loop->listeners[i].fd >= 0)
            uv_poll_start(&loop->listeners[i].poll, UV_READABLE, on_acceptable);
}

static void accept_pause(struct loop *loop)
{
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (loop->listeners[i].fd >= 0) uv_poll_stop(&loop->listeners[i].poll);
    uv_timer_start(&loop->accept_timer, accept_resume, ACCEPT_PAUSE_MS, 0);
}

/* Out of descriptors: takes the connection with the reserved one, only to close it, so that the
 * client knows and the listening socket does not stay ready for ever. */
static bool accept_and_drop(struct loop *loop, int listener)
{
    int fd;

    if (loop->reserve_fd < 0) return false;
    close(loop->reserve_fd);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    loop->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    counter_add(&loop->lane.counters.refused);
    return fd >= 0 && loop->reserve_fd >= 0;
}

static void evict(struct connection *connection)
{
    connection->cut = true;
    socket_settle(connection);
}

/* There are too many: one that says nothing makes way, the longest silent first. */
static bool make_way(struct loop *loop)
{
    struct lane *lane = &loop->lane;
    struct connection *silent = lane->waiting[WAIT_FRESH].first;

    if (!silent) silent = lane->waiting[WAIT_IDLE].first;
    if (!silent) return false;
    evict(silent);
    counter_add(&lane->counters.evicted);
    return true;
}

/* The few descriptors kept for questions about health: whoever holds one longest makes way. */
static bool make_way_among_refused(struct loop *loop)
{
    struct connection *oldest = loop->lane.waiting[WAIT_REFUSED].first;

    if (loop->refused < REFUSED_MAX) return true;
    if (!oldest) oldest = loop->lane.waiting[WAIT_LINGER].first; /* it has its answer */
    if (oldest) evict(oldest);
    return oldest != NULL;
}

/* OK, or why it is one too many. */
static enum err admit(struct loop *loop, const struct address *peer, bool full,
                      struct network **network)
{
    struct http_server *server = loop->server;

    *network = NULL;
    if (!proxies_trust(&server->proxies, peer) && !crowd_enter(server->crowd, peer, network)) {
        counter_add(&loop->lane.counters.refused_address);
        return ERR_BUSY;
    }
    if (!full || make_way(loop)) return OK;
    crowd_leave(server->crowd, *network);
    *network = NULL;
    counter_add(&loop->lane.counters.refused);
    return ERR_QUEUE_FULL;
}

static void take(struct loop *loop, const struct listener *listener, int fd,
                 const struct sockaddr *from)
{
    struct http_server *server = loop->server;
    bool full = atomic_fetch_add(&server->sockets, 1) >= server->config.connections_max;
    struct network *network = NULL;
    enum err refusal = OK;
    struct address peer;

    if (listener->control || !address_from_socket(from, &peer)) { /* the operator gets in */
        socket_open(loop, fd, NULL, NULL, OK);
        return;
    }
    refusal = admit(loop, &peer, full, &network);
    if (refusal && !make_way_among_refused(loop)) {
        atomic_fetch_sub(&server->sockets, 1);
        close(fd);
        return;
    }
    socket_open(loop, fd, &peer, network, refusal);
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    struct loop *loop = listener->loop;

    (void)events;
    if (status < 0) {
        accept_pause(loop);
        return;
    }
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            take(loop, listener, fd, (const struct sockaddr *)&peer);
        } else if (errno == EMFILE || errno == ENFILE) {
            if (accept_and_drop(loop, listener->fd)) continue;
            accept_pause(loop);
            return;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno == ENOMEM || errno == ENOBUFS) {
            accept_pause(loop);
            return;
        } /* anything else is one client's trouble */
    }
}

/* --- deadlines ----------------------------------------------------------------------------- */

static int64_t now_ms(const struct lane *lane)
{
    return (int64_t)uv_now(&((const struct loop *)(const void *)lane)->uv);
}

static void for_each_connection(struct loop *loop, void (*act)(struct connection *connection))
{
    for (int wait = 0; wait < WAIT_COUNT; wait++) {
        struct connection *connection = loop->lane.waiting[wait].first;

        while (connection) {
            struct connection *next = connection->wait_next;

            act(connection);
            socket_settle(connection);
            connection = next;
        }
    }
}

static void cut(struct connection *connection)
{
    connection->cut = true;
}

static void on_timer(uv_timer_t *timer);

static void timer_start(struct loop *loop, int64_t due_ms)
{
    int64_t after_ms = due_ms - now_ms(&loop->lane);

    loop->timer_due_ms = due_ms;
    uv_timer_start(&loop->timer, on_timer, after_ms > 0 ? (uint64_t)after_ms : 0, 0);
}

static void due(struct lane *lane, int64_t due_ms)
{
    struct loop *loop = (struct loop *)(void *)lane;

    if (loop->timer_due_ms < 0 || due_ms < loop->timer_due_ms) timer_start(loop, due_ms);
}

/* What proxies have not closed by now is closed. */
static void let_go(struct loop *loop)
{
    loop->let_go_at_ms = -1;
    loop->lane.proxies_may = false;
    for_each_connection(loop, connection_wind_down);
}

/* Deadlines are seldom exact: those that fall close together share one wake-up. */
static void on_timer(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    const struct http_config *config = loop->lane.config;
    int64_t coarse_ms =
        (config->deadline_ms < config->idle_ms ? config->deadline_ms : config->idle_ms) / 20;
    int64_t now = now_ms(&loop->lane), next;

    loop->timer_due_ms = 0; /* so that nothing below starts it */
    if (loop->let_go_at_ms >= 0 && now >= loop->let_go_at_ms) let_go(loop);
    if (loop->finished) return;
    if (loop->cut_at_ms >= 0 && now >= loop->cut_at_ms) for_each_connection(loop, cut);
    next = lane_expire(&loop->lane);
    if (loop->finished) return;
    if (coarse_ms > COARSE_MS_MAX) coarse_ms = COARSE_MS_MAX;
    if (next >= 0 && next < now + coarse_ms) next = now + coarse_ms;
    if (loop->cut_at_ms > now && (next < 0 || next > loop->cut_at_ms)) next = loop->cut_at_ms;
    if (loop->let_go_at_ms > now && (next < 0 || next > loop->let_go_at_ms))
        next = loop->let_go_at_ms;
    loop->timer_due_ms = -1;
    if (next >= 0) timer_start(loop, next);
    loop->lane.clock_us = 0;
}

/* --- wake-ups and batches ------------------------------------------------------------------- */

static void wake(struct lane *lane)
{
    uv_async_send(&((struct loop *)(void *)lane)->async);
}

static void on_async(uv_async_t *async)
{
    struct loop *loop = async->data;

    if (atomic_load(&loop->server->stopping) && loop->cut_at_ms < 0) loop_wind_down(loop);
    if (!loop->finished) lane_deliver(&loop->lane);
}

static void on_check(uv_check_t *check)
{
    struct loop *loop = check->data;

    lane_batch_end(&loop->lane);
}

/* --- the end ------------------------------------------------------------------------------- */

/* Nothing is left to do: no more mail, no more handles, and uv_run returns. */
static void finish(struct loop *loop)
{
    loop->finished = true;
    lane_close(&loop->lane);
    uv_close((uv_handle_t *)&loop->async, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->accept_timer, NULL);
    if (loop->reserve_fd >= 0) close(loop->reserve_fd);
}

void loop_socket_closed(struct loop *loop)
{
    atomic_fetch_sub(&loop->server->sockets, 1);
    loop->sockets--;
    if (loop->cut_at_ms >= 0 && loop->sockets == 0 && !loop->finished) finish(loop);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    close(listener->fd);
    listener->fd = -1;
}

/* Who has been let in by the kernel already is not turned away. */
static void accept_the_rest(struct loop *loop)
{
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (loop->listeners[i].fd >= 0) on_acceptable(&loop->listeners[i].poll, 0, UV_READABLE);
}

void loop_wind_down(struct loop *loop)
{
    accept_the_rest(loop);
    loop->cut_at_ms = now_ms(&loop->lane) + loop->server->grace_ms;
    loop->lane.stopping = true;
    if (loop->server->grace_ms > LET_GO_MS) {
        loop->lane.proxies_may = true;
        loop->let_go_at_ms = now_ms(&loop->lane) + LET_GO_MS;
        due(&loop->lane, loop->let_go_at_ms);
    }
    uv_timer_stop(&loop->accept_timer);
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (loop->listeners[i].fd >= 0)
            uv_close((uv_handle_t *)&loop->listeners[i].poll, on_listener_closed);
    for_each_connection(loop, connection_wind_down);
    due(&loop->lane, loop->cut_at_ms);
    if (loop->sockets == 0) finish(loop);
}

void loop_run(struct loop *loop)
{
    lane_current = &loop->lane;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    ASSERT(loop->finished);
    ASSERT(uv_loop_close(&loop->uv) == 0);
    lane_current = NULL;
}

/* --- the beginning ------------------------------------------------------------------------- */

static void listener_add(struct loop *loop, size_t slot, int fd, bool control)
{
    struct listener *listener = &loop->listeners[slot];

    listener->fd = -1;
    if (fd < 0) return;
    listener->fd = fd;
    listener->loop = loop;
    listener->control = control;
    ASSERT(uv_poll_init(&loop->uv, &listener->poll, fd) == 0);
    listener->poll.data = listener;
    uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
}

struct loop *loop_new(struct http_server *server, int index, int tcp_fd, int control_fd)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (!loop) return NULL;
    if (uv_loop_init(&loop->uv) != 0) {
        free(loop);
        return NULL;
    }
    if (!lane_init(&loop->lane, &server->config, server->router, &server->proxies, index)) {
        uv_loop_close(&loop->uv);
        free(loop);
        return NULL;
    }
    loop->server = server;
    loop->timer_due_ms = -1;
    loop->cut_at_ms = loop->let_go_at_ms = -1;
    loop->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    loop->lane.settle = socket_settle;
    loop->lane.unsent = socket_unsent;
    loop->lane.wake = wake;
    loop->lane.now_ms = now_ms;
    loop->lane.due = due;
    if (uv_async_init(&loop->uv, &loop->async, on_async) != 0) {
        if (loop->reserve_fd >= 0) close(loop->reserve_fd);
        uv_loop_close(&loop->uv);
        lane_unref(&loop->lane);
        return NULL;
    }
    uv_check_init(&loop->uv, &loop->check);
    uv_timer_init(&loop->uv, &loop->timer);
    uv_timer_init(&loop->uv, &loop->accept_timer);
    loop->async.data = loop->check.data = loop->timer.data = loop->accept_timer.data = loop;
    uv_check_start(&loop->check, on_check);
    listener_add(loop, 0, tcp_fd, false);
    listener_add(loop, 1, control_fd, true);
    return loop;
}
