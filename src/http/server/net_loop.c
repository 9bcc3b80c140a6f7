/* http/server/net_loop.c: an event loop: accepting, wake-ups, deadlines, and its orderly end. */
#include "http/server/net_loop.h"

#include "http/server/answering.h"
#include "http/server/fair_share.h"
#include "http/server/server.h"
#include "http/server/socket.h"

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

static void net_accept_resume(uv_timer_t *timer)
{
    struct net_loop *net = timer->data;

    if (net->reserve_fd < 0) net->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (net->listeners[i].fd >= 0)
            uv_poll_start(&net->listeners[i].poll, UV_READABLE, on_acceptable);
}

static void net_accept_pause(struct net_loop *net)
{
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (net->listeners[i].fd >= 0) uv_poll_stop(&net->listeners[i].poll);
    uv_timer_start(&net->accept_timer, net_accept_resume, ACCEPT_PAUSE_MS, 0);
}

/* Out of descriptors: takes the connection with the reserved one, only to close it, so that the
 * client knows and the listening socket does not stay ready for ever. */
static bool net_accept_and_drop(struct net_loop *net, int listener)
{
    int fd;

    if (net->reserve_fd < 0) return false;
    close(net->reserve_fd);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    net->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    counter_add(&net->loop.counters.refused, 1);
    return fd >= 0 && net->reserve_fd >= 0;
}

static void connection_evict(struct connection *connection)
{
    connection->cut = connection->reset = true;
    socket_flush(connection);
}

/* There are too many: one that says nothing makes way, the longest silent first. */
static bool net_make_room(struct net_loop *net)
{
    struct event_loop *loop = &net->loop;
    struct deadline *silent = loop->waiting[WAIT_FRESH].first;

    if (!silent) silent = loop->waiting[WAIT_IDLE].first;
    if (!silent) return false;
    connection_evict(connection_of_deadline(silent));
    counter_add(&loop->counters.evicted, 1);
    return true;
}

/* The few descriptors kept for questions about health: whoever holds one longest makes way. */
static bool net_make_room_among_refused(struct net_loop *net)
{
    struct deadline *oldest = net->loop.waiting[WAIT_REFUSED].first;

    if (net->refused < REFUSED_MAX) return true;
    if (!oldest) oldest = net->loop.waiting[WAIT_LINGER].first; /* it has its answer */
    if (oldest) connection_evict(connection_of_deadline(oldest));
    return oldest != NULL;
}

/* OK, or why it is one too many. */
static enum err net_admit(struct net_loop *net, const struct address *peer, bool full,
                          struct limiter_slot **slot)
{
    struct http_server *server = net->server;

    *slot = NULL;
    if (!proxies_trust(&server->proxies, peer) &&
        !connection_limiter_enter(server->limiter, peer, slot)) {
        counter_add(&net->loop.counters.refused_address, 1);
        return ERR_BUSY;
    }
    if (!full || net_make_room(net)) return OK;
    connection_limiter_leave(server->limiter, *slot);
    *slot = NULL;
    counter_add(&net->loop.counters.refused, 1);
    return ERR_QUEUE_FULL;
}

/* Metrics are to be had also when the public is too many; whoever asks for them is bounded apart.
 */
static void net_take_monitor(struct net_loop *net, int fd, const struct address *peer)
{
    if (net->monitors < MONITORS_MAX) {
        socket_open(net, fd, LISTENER_MONITORING, peer, NULL, OK);
        return;
    }
    atomic_fetch_sub(&net->server->sockets, 1);
    close(fd);
}

static void net_take(struct net_loop *net, const struct listener *listener, int fd,
                     const struct sockaddr *from)
{
    struct http_server *server = net->server;
    bool full = atomic_fetch_add(&server->sockets, 1) >= server->config.connections_max;
    struct limiter_slot *slot = NULL;
    enum err refusal = OK;
    struct address peer;

    if (listener->kind == LISTENER_CONTROL || !address_from_socket(from, &peer)) {
        socket_open(net, fd, LISTENER_CONTROL, NULL, NULL, OK); /* the operator gets in */
        return;
    }
    if (listener->kind == LISTENER_MONITORING) {
        net_take_monitor(net, fd, &peer);
        return;
    }
    refusal = net_admit(net, &peer, full, &slot);
    if (refusal && !net_make_room_among_refused(net)) {
        atomic_fetch_sub(&server->sockets, 1);
        close(fd);
        return;
    }
    socket_open(net, fd, LISTENER_PUBLIC, &peer, slot, refusal);
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    struct net_loop *net = listener->net;

    (void)events;
    if (status < 0) {
        net_accept_pause(net);
        return;
    }
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            net_take(net, listener, fd, (const struct sockaddr *)&peer);
        } else if (errno == EMFILE || errno == ENFILE) {
            if (net_accept_and_drop(net, listener->fd)) continue;
            net_accept_pause(net);
            return;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno == ENOMEM || errno == ENOBUFS) {
            net_accept_pause(net);
            return;
        } /* anything else is one client's trouble */
    }
}

/* --- deadlines ----------------------------------------------------------------------------- */

static struct mono_ms net_now(const struct event_loop *loop)
{
    return (struct mono_ms){(int64_t)uv_now(&((const struct net_loop *)(const void *)loop)->uv)};
}

static bool is_stopping(const struct net_loop *net)
{
    return mono_before(net->cut_at, MONO_NEVER);
}

static void net_each_connection(struct net_loop *net, void (*act)(struct connection *connection))
{
    for (int wait = 0; wait < WAIT_COUNT; wait++) {
        struct deadline *deadline = net->loop.waiting[wait].first;

        while (deadline) {
            struct connection *connection = connection_of_deadline(deadline);

            deadline = deadline->next;
            act(connection);
            socket_flush(connection);
        }
    }
}

static void connection_cut(struct connection *connection)
{
    connection->cut = true;
}

static void on_timer(uv_timer_t *timer);

static void net_timer_start(struct net_loop *net, struct mono_ms due)
{
    int64_t after_ms = mono_since(due, net_now(&net->loop));

    net->timer_due = due;
    uv_timer_start(&net->timer, on_timer, after_ms > 0 ? (uint64_t)after_ms : 0, 0);
}

static void net_due(struct event_loop *loop, struct mono_ms at)
{
    struct net_loop *net = (struct net_loop *)(void *)loop;

    if (mono_before(at, net->timer_due)) net_timer_start(net, at);
}

static void net_expire(struct deadline *deadline)
{
    struct connection *connection = connection_of_deadline(deadline);

    connection_expire(connection);
    socket_flush(connection);
}

/* What proxies have not closed by now is closed. */
static void net_let_go(struct net_loop *net)
{
    net->let_go_at = MONO_NEVER;
    net->loop.proxies_may = false;
    net_each_connection(net, connection_wind_down);
}

/* Deadlines are seldom exact: those that fall close together share one wake-up. */
static void on_timer(uv_timer_t *timer)
{
    struct net_loop *net = timer->data;
    const struct http_config *config = net->loop.config;
    int64_t coarse_ms =
        (config->deadline_ms < config->idle_ms ? config->deadline_ms : config->idle_ms) / 20;
    struct mono_ms now = net_now(&net->loop), next;

    net->timer_due = (struct mono_ms){0}; /* so that nothing below starts it */
    if (mono_reached(now, net->let_go_at)) net_let_go(net);
    if (net->finished) return;
    if (mono_reached(now, net->cut_at)) net_each_connection(net, connection_cut);
    next = event_loop_expire(&net->loop, net_expire);
    if (net->finished) return;
    if (coarse_ms > COARSE_MS_MAX) coarse_ms = COARSE_MS_MAX;
    if (mono_before(next, mono_after(now, coarse_ms))) next = mono_after(now, coarse_ms);
    if (!mono_reached(now, net->cut_at)) next = mono_earlier(next, net->cut_at);
    if (!mono_reached(now, net->let_go_at)) next = mono_earlier(next, net->let_go_at);
    net->timer_due = MONO_NEVER;
    if (mono_before(next, MONO_NEVER)) net_timer_start(net, next);
    net->loop.clock_us = 0;
}

/* --- wake-ups and batches ------------------------------------------------------------------- */

static void net_wake(struct event_loop *loop)
{
    uv_async_send(&((struct net_loop *)(void *)loop)->async);
}

static void on_async(uv_async_t *async)
{
    struct net_loop *net = async->data;

    if (atomic_load(&net->server->stopping) && !is_stopping(net)) net_loop_wind_down(net);
    if (!net->finished) event_loop_deliver(&net->loop);
}

static void on_check(uv_check_t *check)
{
    struct net_loop *net = check->data;

    answering_round_end(&net->loop);
}

/* --- the end ------------------------------------------------------------------------------- */

/* Nothing is left to do: no more message, no more handles, and uv_run returns. */
static void net_finish(struct net_loop *net)
{
    net->finished = true;
    fair_share_close(&net->loop);
    event_loop_close(&net->loop);
    uv_close((uv_handle_t *)&net->async, NULL);
    uv_close((uv_handle_t *)&net->check, NULL);
    uv_close((uv_handle_t *)&net->timer, NULL);
    uv_close((uv_handle_t *)&net->accept_timer, NULL);
    if (net->reserve_fd >= 0) close(net->reserve_fd);
}

void net_loop_socket_closed(struct net_loop *net)
{
    atomic_fetch_sub(&net->server->sockets, 1);
    net->sockets--;
    if (is_stopping(net) && net->sockets == 0 && !net->finished) net_finish(net);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    close(listener->fd);
    listener->fd = -1;
}

/* Who has been let in by the kernel already is not turned away. */
static void net_accept_the_rest(struct net_loop *net)
{
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (net->listeners[i].fd >= 0) on_acceptable(&net->listeners[i].poll, 0, UV_READABLE);
}

void net_loop_wind_down(struct net_loop *net)
{
    net_accept_the_rest(net);
    net->cut_at = mono_after(net_now(&net->loop), net->server->grace_ms);
    net->loop.stopping = true;
    if (net->server->grace_ms > LET_GO_MS) {
        net->loop.proxies_may = true;
        net->let_go_at = mono_after(net_now(&net->loop), LET_GO_MS);
        net_due(&net->loop, net->let_go_at);
    }
    uv_timer_stop(&net->accept_timer);
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (net->listeners[i].fd >= 0)
            uv_close((uv_handle_t *)&net->listeners[i].poll, on_listener_closed);
    net_each_connection(net, connection_wind_down);
    net_due(&net->loop, net->cut_at);
    if (net->sockets == 0) net_finish(net);
}

void net_loop_run(struct net_loop *net)
{
    event_loop_current = &net->loop;
    uv_run(&net->uv, UV_RUN_DEFAULT);
    ASSERT(net->finished);
    ASSERT(uv_loop_close(&net->uv) == 0);
    event_loop_current = NULL;
}

/* --- the beginning ------------------------------------------------------------------------- */

static void net_listener_add(struct net_loop *net, enum listener_kind kind, int fd)
{
    struct listener *listener = &net->listeners[kind];

    listener->fd = -1;
    if (fd < 0) return;
    listener->fd = fd;
    listener->net = net;
    listener->kind = kind;
    ASSERT(uv_poll_init(&net->uv, &listener->poll, fd) == 0);
    listener->poll.data = listener;
    uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
}

struct net_loop *net_loop_new(struct http_server *server, int index, const int fds[LISTENERS_MAX])
{
    struct net_loop *net = calloc(1, sizeof *net);

    if (!net) return NULL;
    if (uv_loop_init(&net->uv) != 0) {
        free(net);
        return NULL;
    }
    if (!event_loop_init(&net->loop, &server->config, server->router, &server->proxies, index)) {
        uv_loop_close(&net->uv);
        free(net);
        return NULL;
    }
    net->server = server;
    net->timer_due = net->cut_at = net->let_go_at = MONO_NEVER;
    net->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    net->loop.flush = socket_flush;
    net->loop.free_pools = exchange_free_pool;
    net->loop.unsent = socket_unsent;
    net->loop.wake = net_wake;
    net->loop.now = net_now;
    net->loop.due = net_due;
    if (uv_async_init(&net->uv, &net->async, on_async) != 0) {
        if (net->reserve_fd >= 0) close(net->reserve_fd);
        uv_loop_close(&net->uv);
        event_loop_unref(&net->loop);
        return NULL;
    }
    uv_check_init(&net->uv, &net->check);
    uv_timer_init(&net->uv, &net->timer);
    uv_timer_init(&net->uv, &net->accept_timer);
    net->async.data = net->check.data = net->timer.data = net->accept_timer.data = net;
    uv_check_start(&net->check, on_check);
    for (enum listener_kind kind = 0; kind < LISTENERS_MAX; kind++)
        net_listener_add(net, kind, fds[kind]);
    return net;
}
